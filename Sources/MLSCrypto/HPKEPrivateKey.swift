import TLSPresentation

/// A key pair that decrypts what was encrypted to its public half. RFC 9180 section 4.1. The private half is erased
/// when this ends.
///
/// Any number of threads may decrypt with one at a time.
public final class HPKEPrivateKey: Sendable {
    public let kem: KEM
    /// `SerializePublicKey` of the public half.
    public let publicKeyBytes: [UInt8]
    // OpenSSL lets threads share a key that nobody changes, and nobody does after `init`.
    nonisolated(unsafe) let key: KEMPrivateKey

    /// `GenerateKeyPair()`.
    public static func generate(_ kem: KEM) throws(CryptoError) -> HPKEPrivateKey {
        var generator = KeyGenerator(kem.keyFormat)
        return try generate(kem, with: &generator)
    }

    /// The same with what is kept to generate keys of `kem`.
    static func generate(_ kem: KEM, with generator: inout KeyGenerator) throws(CryptoError) -> HPKEPrivateKey {
        try HPKEPrivateKey(KEMPrivateKey(generating: kem, with: &generator), kem)
    }

    /// `DeserializePrivateKey`: the key pair of a private key that `privateKeyBytes` gave; its public half is computed.
    /// - Throws: `invalidKey`.
    public convenience init(privateKey: RawSpan, kem: KEM) throws(CryptoError) {
        try self.init(KEMPrivateKey(privateKey, of: kem), kem)
    }

    /// The key pair of both halves, at a tenth of the cost.
    ///
    /// Nobody checks that they belong together: they must have come out of one key pair of one's own.
    /// - Throws: `invalidKey`.
    public convenience init(privateKey: RawSpan, publicKey: RawSpan, kem: KEM) throws(CryptoError) {
        let key = try KEMPrivateKey(privateKey, publicKey: publicKey, of: kem)
        self.init(key, publicKeyBytes: unsafe publicKey.withUnsafeBytes { unsafe [UInt8]($0) }, kem)
    }

    private convenience init(_ key: consuming KEMPrivateKey, _ kem: KEM) throws(CryptoError) {
        let publicKeyBytes = try key.publicKeyBytes(of: kem)
        self.init(key, publicKeyBytes: publicKeyBytes, kem)
    }

    private init(_ key: consuming KEMPrivateKey, publicKeyBytes: [UInt8], _ kem: KEM) {
        self.kem = kem
        self.publicKeyBytes = publicKeyBytes
        unsafe self.key = key
    }

    /// `SerializePrivateKey`, to be saved.
    public func privateKeyBytes() throws(CryptoError) -> SecretBytes { unsafe try key.bytes(of: kem) }

    /// The public half by itself.
    public func publicKey() throws(CryptoError) -> HPKEPublicKey {
        let bytes = publicKeyBytes
        return try HPKEPublicKey(bytes.rawSpan, kem: kem)
    }
}

extension HPKEPrivateKey: CustomStringConvertible {
    public var description: String { "<redacted> of \(kem) \(publicKeyBytes.hex)" }
}
