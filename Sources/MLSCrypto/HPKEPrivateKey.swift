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
    nonisolated(unsafe) let key: EVPKey

    /// `GenerateKeyPair()`.
    public static func generate(_ kem: KEM) throws(CryptoError) -> HPKEPrivateKey {
        try HPKEPrivateKey(EVPKey(generating: kem.keyFormat), kem)
    }

    /// `DeserializePrivateKey`: the key pair of a private key that `privateKeyBytes` gave; its public half is computed.
    /// - Throws: `invalidKey`.
    public convenience init(privateKey: RawSpan, kem: KEM) throws(CryptoError) {
        try self.init(EVPKey(privateKey: privateKey, of: kem.keyFormat), kem)
    }

    /// The key pair of both halves, at a tenth of the cost.
    ///
    /// Nobody checks that they belong together: they must have come out of one key pair of one's own.
    /// - Throws: `invalidKey`.
    public convenience init(privateKey: RawSpan, publicKey: RawSpan, kem: KEM) throws(CryptoError) {
        try self.init(EVPKey(privateKey: privateKey, publicKey: publicKey, of: kem.keyFormat), kem)
    }

    init(_ key: consuming EVPKey, _ kem: KEM) throws(CryptoError) {
        self.kem = kem
        publicKeyBytes = try key.publicKey(of: kem.keyFormat)
        unsafe self.key = key
    }

    /// `SerializePrivateKey`, to be saved.
    public func privateKeyBytes() throws(CryptoError) -> SecretBytes { unsafe try key.privateKey(of: kem.keyFormat) }

    /// The public half by itself.
    public func publicKey() throws(CryptoError) -> HPKEPublicKey {
        let bytes = publicKeyBytes
        return try HPKEPublicKey(bytes.rawSpan, kem: kem)
    }
}

extension HPKEPrivateKey: CustomStringConvertible {
    public var description: String { "<redacted> of \(kem) \(publicKeyBytes.hex)" }
}
