import TLSPresentation

/// A public key that secrets are encrypted to, ready for use. RFC 9180 section 4.1, RFC 9420 section 5.1.1.
///
/// Any number of threads may encrypt to one at a time.
public final class HPKEPublicKey: Sendable {
    public let kem: KEM
    /// `SerializePublicKey`: X25519 and X448 raw, a NIST curve's an uncompressed point.
    public let bytes: [UInt8]
    // OpenSSL lets threads share a key that nobody changes, and nobody does after `init`.
    nonisolated(unsafe) let key: KEMPublicKey

    /// `DeserializePublicKey`: the key that `bytes` encode.
    ///
    /// Of a NIST curve only uncompressed points on it are keys, which is all that RFC 9180 section 7.1.4 asks for. Points of
    /// small order are none: nothing could be encrypted to them.
    /// - Throws: `invalidKey`.
    public init(_ bytes: RawSpan, kem: KEM) throws(CryptoError) {
        self.kem = kem
        self.bytes = unsafe bytes.withUnsafeBytes { unsafe [UInt8]($0) }
        unsafe key = try KEMPublicKey(bytes, of: kem)
        guard !kem.isOfSmallOrder(self.bytes) else { throw .invalidKey }
    }
}

extension KEM {
    /// Whether `bytes` are what `HPKEPublicKey` takes. On the curves of RFC 7748 every string of the right length is but
    /// for a few, so that it costs nothing to ask.
    public func isPublicKey(_ bytes: RawSpan) -> Bool {
        guard let curve = keyFormat.curve else {
            return bytes.byteCount == publicKeyByteCount && !isOfSmallOrder([UInt8](bytes))
        }
        do throws(CryptoError) {
            _ = try CurvePoint(bytes, on: curve)
            return true
        } catch {
            return false
        }
    }
}

extension HPKEPublicKey: CustomStringConvertible {
    public var description: String { "\(kem) \(bytes.hex)" }
}
