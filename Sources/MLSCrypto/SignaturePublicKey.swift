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
        let context = unsafe OpenSSL.require(EVP_MD_CTX_new(), "EVP_MD_CTX_new")
        defer { unsafe EVP_MD_CTX_free(context) }
        var isValid =
            unsafe EVP_DigestVerifyInit_ex(
                context, nil, algorithm.digest, nil, nil, key.pointer, nil) == 1
        if isValid {
            // Negative for what is not DER: only 1 is yes.
            isValid = unsafe signature.withUnsafeBytes { signature in
                unsafe message.withUnsafeBytes { message in
                    unsafe EVP_DigestVerify(
                        context, signature.bindMemory(to: UInt8.self).baseAddress, signature.count,
                        message.bindMemory(to: UInt8.self).baseAddress, message.count) == 1
                }
            }
        }
        if !isValid { OpenSSL.drainErrors() }
        return isValid
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
