/// What others cannot foretell, from the context's `randomSource`.
extension CipherSuiteContext {
    /// A new secret.
    public func randomSecret(byteCount: Int) -> SecretBytes {
        guard let fill = randomSource.fill else { return SecretBytes(randomByteCount: byteCount) }
        var secret = SecretBytes(byteCount: byteCount)
        unsafe secret.withUnsafeMutableBytes { secret in
            var bytes = unsafe MutableRawSpan(_unsafeBytes: secret)
            fill(&bytes)
        }
        return secret
    }

    /// New bytes that everybody may see once they are used, such as an identifier or a reuse guard.
    public func randomBytes(_ count: Int) -> [UInt8] {
        guard let fill = randomSource.fill else { return MLSCrypto.randomBytes(count) }
        var random = [UInt8](repeating: 0, count: count)
        var span = random.mutableSpan
        var bytes = unsafe span.mutableBytes
        fill(&bytes)
        return random
    }

    /// `GenerateKeyPair()`. RFC 9180 section 4.
    ///
    /// OpenSSL generates from no other randomness than its own; from another source comes a secret of `Nsk` bytes and
    /// from that, by `DeriveKeyPair`, the key pair. RFC 9180 section 7.1.3.
    public mutating func generateKeyPair() throws(CryptoError) -> HPKEPrivateKey {
        guard randomSource.fill != nil else { return try HPKEPrivateKey.generate(kem, with: &keyGenerator) }
        let secret = randomSecret(byteCount: kem.privateKeyByteCount)
        return try deriveKeyPair(secret.bytes)
    }
}
