import COpenSSL
import TLSPresentation

/// A key pair that signs. The private half is erased when this ends.
///
/// Any number of threads may sign with one at a time.
public final class SigningKey: Sendable {
    public let scheme: SignatureScheme
    public let publicKey: SignaturePublicKey
    private let algorithm: SignatureAlgorithm
    // OpenSSL lets threads share a key that nobody changes, and nobody does after `init`.
    private nonisolated(unsafe) let key: EVPKey

    /// A new key pair.
    /// - Throws: `unsupportedSignatureScheme`.
    public static func generate(_ scheme: SignatureScheme) throws(CryptoError) -> SigningKey {
        let algorithm = try SignatureAlgorithm(scheme)
        return try SigningKey(EVPKey(generating: algorithm.keyFormat), scheme, algorithm)
    }

    /// The key pair of a private key that `privateKeyBytes` gave: EdDSA raw, ECDSA the scalar with its most
    /// significant byte first.
    /// - Throws: `unsupportedSignatureScheme`, `invalidKey`.
    public convenience init(privateKey: RawSpan, scheme: SignatureScheme) throws(CryptoError) {
        let algorithm = try SignatureAlgorithm(scheme)
        try self.init(EVPKey(privateKey: privateKey, of: algorithm.keyFormat), scheme, algorithm)
    }

    private init(
        _ key: consuming EVPKey, _ scheme: SignatureScheme, _ algorithm: SignatureAlgorithm
    ) throws(CryptoError) {
        self.scheme = scheme
        self.algorithm = algorithm
        let publicKey = try key.publicKey(of: algorithm.keyFormat)
        self.publicKey = try SignaturePublicKey(publicKey.rawSpan, scheme: scheme)
        unsafe self.key = key
    }

    /// The private key, to be saved.
    public func privateKeyBytes() throws(CryptoError) -> SecretBytes {
        unsafe try key.privateKey(of: algorithm.keyFormat)
    }

    /// A signature over `message`. ECDSA's are DER, and another one each time.
    public func sign(_ message: RawSpan) throws(CryptoError) -> [UInt8] {
        let context = unsafe try OpenSSL.check(EVP_MD_CTX_new(), "EVP_MD_CTX_new")
        defer { unsafe EVP_MD_CTX_free(context) }
        unsafe try OpenSSL.check(
            EVP_DigestSignInit_ex(context, nil, algorithm.digest, nil, nil, key.pointer, nil),
            "EVP_DigestSignInit_ex")
        var signature = unsafe [UInt8](repeating: 0, count: Int(EVP_PKEY_get_size(key.pointer)))
        var byteCount = signature.count
        let result = unsafe message.withUnsafeBytes { message in
            unsafe EVP_DigestSign(
                context, &signature, &byteCount, message.bindMemory(to: UInt8.self).baseAddress, message.count)
        }
        try OpenSSL.check(result, "EVP_DigestSign")
        signature.removeLast(signature.count - byteCount)
        return signature
    }
}

extension SigningKey: CustomStringConvertible {
    public var description: String { "<redacted> of \(publicKey)" }
}
