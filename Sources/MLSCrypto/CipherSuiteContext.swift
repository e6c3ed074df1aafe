public import MLSCodec
import TLSPresentation

/// The algorithms of a cipher suite, ready for use: OpenSSL contexts that are kept and re-keyed, which is half of the
/// cost of making them. Whoever derives, encrypts or decrypts more than once keeps one. One thread at a time.
///
/// The contexts hold the last keys that they were used with: `forget` is for whoever promised to delete those.
public struct CipherSuiteContext: ~Copyable {
    public let suite: CipherSuite
    public let hashAlgorithm: HashAlgorithm
    public let aeadAlgorithm: AEADAlgorithm
    public let kem: KEM
    /// What `randomSecret`, `generateKeyPair` and encryption to a public key draw from.
    public let randomSource: RandomSource
    var hmac: HMACContext
    var aead: AEADContext
    /// For the curves of RFC 7748.
    var keyGenerator: KeyGenerator
    /// HPKE's `psk_id_hash` without a PSK, the same for all of a suite. RFC 9180 section 5.1.
    var emptyPSKIDHash: [UInt8] = []

    /// - Throws: `unsupportedCipherSuite`.
    public init(_ suite: CipherSuite, randomSource: RandomSource = .system) throws(CryptoError) {
        let (hash, aead, kem) = (try suite.hashAlgorithm, try suite.aeadAlgorithm, try suite.kem)
        self.init(suite, hash, aead, kem, randomSource)
    }

    private init(
        _ suite: CipherSuite, _ hashAlgorithm: HashAlgorithm, _ aeadAlgorithm: AEADAlgorithm, _ kem: KEM,
        _ randomSource: RandomSource
    ) {
        self.suite = suite
        self.randomSource = randomSource
        self.hashAlgorithm = hashAlgorithm
        self.aeadAlgorithm = aeadAlgorithm
        self.kem = kem
        hmac = HMACContext(hashAlgorithm)
        aead = AEADContext(aeadAlgorithm)
        keyGenerator = KeyGenerator(kem.keyFormat)
    }

    /// `Nh`, the byte count of hashes and secrets.
    public var hashByteCount: Int { hashAlgorithm.byteCount }

    /// Overwrites the keys that the contexts were last used with. RFC 9420 section 9.2.
    public mutating func forget() {
        hmac.forget()
        aead.forget()
    }
}
