package import MLSCodec
package import MLSCrypto
import TLSPresentation

/// The psk_secret of a Commit: its pre-shared keys, chained in the order of the Commit. RFC 9420 section 8.4.
/// ```
/// psk_extracted_[i] = KDF.Extract(0, psk_[i])
/// psk_input_[i] = ExpandWithLabel(psk_extracted_[i], "derived psk", PSKLabel, KDF.Nh)
/// psk_secret_[0] = 0
/// psk_secret_[i] = KDF.Extract(psk_input_[i-1], psk_secret_[i-1])
/// ```
/// Invariant: `secret` is psk_secret_[index].
package struct PSKSecret: ~Copyable, Sendable {
    private var secret: SecretBytes
    private var index: UInt16 = 0
    private let count: UInt16

    /// Begins with psk_secret_[0], which already is the one of a Commit without pre-shared keys.
    /// - Parameter count: how many keys there will be.
    /// - Throws: `tooManyPSKs`.
    package init(count: Int, crypto: borrowing CipherSuiteContext) throws(KeyScheduleError) {
        guard let count = UInt16(exactly: count) else { throw .tooManyPSKs(count) }
        self.count = count
        secret = .zero(byteCount: crypto.hashByteCount)
    }

    /// Adds the next key.
    /// - Precondition: no more are added than were announced.
    package mutating func add(_ psk: RawSpan, id: PreSharedKeyID, crypto: inout CipherSuiteContext) {
        precondition(index < count, "as many pre-shared keys as were announced")
        let zero = SecretBytes.zero(byteCount: crypto.hashByteCount)
        let extracted = crypto.extract(salt: zero.bytes, inputKeyMaterial: psk)
        let label = PSKLabel(id: id, index: index, count: count).encoded
        let input = crypto.expandWithLabel(
            extracted.bytes, label: "derived psk", context: label.rawSpan, byteCount: crypto.hashByteCount)
        secret = crypto.extract(salt: input.bytes, inputKeyMaterial: secret.bytes)
        index += 1
    }

    /// `psk_secret`.
    /// - Precondition: all keys that were announced are added.
    package consuming func finish() -> SecretBytes {
        precondition(index == count, "as many pre-shared keys as were announced")
        return secret
    }
}

/// What makes each use of a pre-shared key another. RFC 9420 section 8.4.
/// ```
/// struct { PreSharedKeyID id; uint16 index; uint16 count; } PSKLabel;
/// ```
struct PSKLabel: TLSEncodable {
    let id: PreSharedKeyID
    let index: UInt16
    let count: UInt16

    func encode(into writer: inout Writer) {
        id.encode(into: &writer)
        writer.integer(index)
        writer.integer(count)
    }
}
