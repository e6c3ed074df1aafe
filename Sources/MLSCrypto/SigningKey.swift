import COpenSSL
import TLSPresentation

/// A key pair that signs. The private half is erased when this ends.
///
/// Any number of threads may sign with one at a time.
public final class SigningKey: Sendable {
    public let scheme: SignatureScheme
    public let publicKey: SignaturePublicKey
    private let algorithm: SignatureAlgorithm
    // OpenSSL lets threads share what nobody changes, and nobody changes these two after `init`.
    private nonisolated(unsafe) let key: EVPKey
    /// Made ready to sign, to be copied: that is a tenth of a signature quicker than to make one ready.
    private nonisolated(unsafe) let context: SigningContext

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
        unsafe context = try SigningContext(key, algorithm)
        unsafe self.key = key
    }

    /// The private key, to be saved.
    public func privateKeyBytes() throws(CryptoError) -> SecretBytes {
        unsafe try key.privateKey(of: algorithm.keyFormat)
    }

    /// A signature over `message`. ECDSA's are DER, and another one each time.
    public func sign(_ message: RawSpan) throws(CryptoError) -> [UInt8] {
        let context = unsafe try SigningContext(copying: self.context)
        var signature = unsafe [UInt8](repeating: 0, count: Int(EVP_PKEY_get_size(key.pointer)))
        var byteCount = signature.count
        let result = unsafe message.withUnsafeBytes { message in
            unsafe EVP_DigestSign(
                context.pointer, &signature, &byteCount, message.bindMemory(to: UInt8.self).baseAddress, message.count)
        }
        try OpenSSL.check(result, "EVP_DigestSign")
        signature.removeLast(signature.count - byteCount)
        return signature
    }
}

/// An OpenSSL context that is ready to sign with a key.
@safe private struct SigningContext: ~Copyable {
    let pointer: OpaquePointer

    deinit { unsafe EVP_MD_CTX_free(pointer) }

    init(_ key: borrowing EVPKey, _ algorithm: SignatureAlgorithm) throws(CryptoError) {
        let context = unsafe OpenSSL.require(EVP_MD_CTX_new(), "EVP_MD_CTX_new")
        let result = unsafe EVP_DigestSignInit_ex(context, nil, algorithm.digest, nil, nil, key.pointer, nil)
        if result != 1 { unsafe EVP_MD_CTX_free(context) }
        try OpenSSL.check(result, "EVP_DigestSignInit_ex")
        unsafe pointer = context
    }

    init(copying other: borrowing SigningContext) throws(CryptoError) {
        let context = unsafe OpenSSL.require(EVP_MD_CTX_new(), "EVP_MD_CTX_new")
        let result = unsafe EVP_MD_CTX_copy_ex(context, other.pointer)
        if result != 1 { unsafe EVP_MD_CTX_free(context) }
        try OpenSSL.check(result, "EVP_MD_CTX_copy_ex")
        unsafe pointer = context
    }
}

extension SigningKey: CustomStringConvertible {
    public var description: String { "<redacted> of \(publicKey)" }
}
