import COpenSSL
import TLSPresentation

/// A public key that verifies signatures, ready for use: whoever verifies more than once with it keeps it.
///
/// Any number of threads may verify with one at a time.
public final class SignaturePublicKey: Sendable {
    public let scheme: SignatureScheme
    /// The key as RFC 9420's `SignaturePublicKey` has it: EdDSA raw, ECDSA an uncompressed point. Section 5.1.1.
    public let bytes: [UInt8]
    private let algorithm: SignatureAlgorithm
    // OpenSSL lets threads share a key that nobody changes, and nobody does after `init`.
    private nonisolated(unsafe) let key: EVPKey

    /// The key that `bytes` encode.
    ///
    /// An Ed25519 or Ed448 key that is no point of its curve is only found out when it verifies nothing.
    /// - Throws: `unsupportedSignatureScheme`, `invalidKey`.
    public init(_ bytes: RawSpan, scheme: SignatureScheme) throws(CryptoError) {
        self.scheme = scheme
        self.bytes = [UInt8](bytes)
        algorithm = try SignatureAlgorithm(scheme)
        unsafe key = try EVPKey(publicKey: bytes, of: algorithm.keyFormat)
    }

    /// Whether `signature` is one over `message` by the private half of this key.
    public func verify(signature: RawSpan, message: RawSpan) -> Bool {
        let isValid = unsafe signature.withUnsafeBytes { signature in
            unsafe message.withUnsafeBytes { message in
                if let hash = algorithm.hashAlgorithm {
                    unsafe verifyHashed(signature, message, hash)
                } else {
                    unsafe verifyWhole(signature, message)
                }
            }
        }
        if !isValid { OpenSSL.drainErrors() }
        return isValid
    }

    /// ECDSA: the hash of the message is signed. To hash it here spares OpenSSL a context for that.
    private func verifyHashed(
        _ signature: UnsafeRawBufferPointer, _ message: UnsafeRawBufferPointer, _ algorithm: HashAlgorithm
    ) -> Bool {
        guard let context = unsafe EVP_PKEY_CTX_new_from_pkey(nil, key.pointer, nil) else { return false }
        defer { unsafe EVP_PKEY_CTX_free(context) }
        return unsafe withUnsafeTemporaryAllocation(byteCount: algorithm.byteCount, alignment: 16) { hash in
            unsafe algorithm.digest(message, into: hash)
            // Negative for what is not DER: only 1 is yes.
            return unsafe EVP_PKEY_verify_init(context) == 1
                && EVP_PKEY_verify(
                    context, signature.bindMemory(to: UInt8.self).baseAddress, signature.count,
                    hash.bindMemory(to: UInt8.self).baseAddress, hash.count) == 1
        }
    }

    /// EdDSA: the message itself is signed.
    private func verifyWhole(_ signature: UnsafeRawBufferPointer, _ message: UnsafeRawBufferPointer) -> Bool {
        let context = unsafe OpenSSL.require(EVP_MD_CTX_new(), "EVP_MD_CTX_new")
        defer { unsafe EVP_MD_CTX_free(context) }
        return unsafe EVP_DigestVerifyInit_ex(context, nil, nil, nil, nil, key.pointer, nil) == 1
            && EVP_DigestVerify(
                context, signature.bindMemory(to: UInt8.self).baseAddress, signature.count,
                message.bindMemory(to: UInt8.self).baseAddress, message.count) == 1
    }
}

extension SignaturePublicKey: CustomStringConvertible {
    public var description: String { "\(scheme) \(bytes.hex)" }
}

/// Whether `signature` is one over `message` by the private half of `publicKey`; false also where that is no key.
public func verify(signature: RawSpan, message: RawSpan, publicKey: RawSpan, scheme: SignatureScheme) -> Bool {
    // What is wrong with a key does not matter to whoever asks whether a signature holds.
    guard let key = try? SignaturePublicKey(publicKey, scheme: scheme) else { return false }
    return key.verify(signature: signature, message: message)
}
