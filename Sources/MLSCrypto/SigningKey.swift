import COpenSSL
import Synchronization
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
    /// What the last signature was made with, for the next one; nil while a thread has it. To make one ready is a tenth of
    /// a signature, and half of its allocations.
    private let spare = Mutex<SigningContext?>(nil)

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
        if let context = spare.withLock({ $0.take() }) {
            if let signature = context.sign(message) {
                spare.withLock { $0 = context }
                return signature
            }
            // Not every OpenSSL lets an EdDSA context sign twice.
            OpenSSL.drainErrors()
        }
        let context = unsafe try SigningContext(key, algorithm)
        guard let signature = context.sign(message) else { throw OpenSSL.failure(of: "EVP_DigestSign") }
        spare.withLock { $0 = context }
        return signature
    }
}

/// OpenSSL contexts that are ready to sign with a key.
///
/// Unchecked, because the compiler does not know that one thread at a time has it: `SigningKey.spare` gives it away.
@safe private final class SigningContext: @unchecked Sendable {
    private let algorithm: SignatureAlgorithm
    private let maxByteCount: Int
    /// ECDSA: signs the hash of a message.
    private let ecdsa: OpaquePointer?
    /// EdDSA: signs the message itself.
    private let eddsa: OpaquePointer?

    deinit {
        unsafe EVP_PKEY_CTX_free(ecdsa)
        unsafe EVP_MD_CTX_free(eddsa)
    }

    init(_ key: borrowing EVPKey, _ algorithm: SignatureAlgorithm) throws(CryptoError) {
        self.algorithm = algorithm
        maxByteCount = unsafe Int(EVP_PKEY_get_size(key.pointer))
        if algorithm.hashAlgorithm == nil {
            unsafe (ecdsa, eddsa) = (nil, OpenSSL.require(EVP_MD_CTX_new(), "EVP_MD_CTX_new"))
            unsafe try OpenSSL.check(
                EVP_DigestSignInit_ex(eddsa, nil, nil, nil, nil, key.pointer, nil), "EVP_DigestSignInit_ex")
        } else {
            let context = unsafe try OpenSSL.check(
                EVP_PKEY_CTX_new_from_pkey(nil, key.pointer, nil), "EVP_PKEY_CTX_new_from_pkey")
            unsafe (ecdsa, eddsa) = (context, nil)
            unsafe try OpenSSL.check(EVP_PKEY_sign_init(context), "EVP_PKEY_sign_init")
        }
    }

    /// Nil where OpenSSL makes none; its error queue says why.
    func sign(_ message: RawSpan) -> [UInt8]? {
        var isSigned = false
        let signature = unsafe [UInt8](unsafeUninitializedCapacity: maxByteCount) { signature, count in
            count = maxByteCount
            isSigned = unsafe message.withUnsafeBytes { message in
                guard let hash = algorithm.hashAlgorithm else {
                    let first = unsafe message.bindMemory(to: UInt8.self).baseAddress
                    return unsafe EVP_DigestSign(eddsa, signature.baseAddress, &count, first, message.count) == 1
                }
                return unsafe withUnsafeTemporaryAllocation(byteCount: hash.byteCount, alignment: 16) { digest in
                    unsafe hash.digest(message, into: digest)
                    let first = unsafe digest.bindMemory(to: UInt8.self).baseAddress
                    return unsafe EVP_PKEY_sign(ecdsa, signature.baseAddress, &count, first, digest.count) == 1
                }
            }
            if !isSigned { count = 0 }
        }
        return isSigned ? signature : nil
    }
}

extension SigningKey: CustomStringConvertible {
    public var description: String { "<redacted> of \(publicKey)" }
}
