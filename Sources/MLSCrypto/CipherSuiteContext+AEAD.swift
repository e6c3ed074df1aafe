/// Encryption with a key that both sides have. RFC 9420 section 5.1, RFC 5116.
extension CipherSuiteContext {
    /// The ciphertext and behind it the tag.
    /// - Precondition: key and nonce have the algorithm's lengths. A nonce goes with a key once.
    public mutating func seal(
        _ plaintext: RawSpan, key: RawSpan, nonce: RawSpan, authenticating data: RawSpan
    ) -> [UInt8] {
        let byteCount = plaintext.byteCount + aeadAlgorithm.tagByteCount
        return unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { ciphertext, count in
            count = byteCount
            let room = unsafe UnsafeMutableRawBufferPointer(start: ciphertext.baseAddress, count: byteCount)
            unsafe aead.seal(plaintext, key: key, nonce: nonce, authenticating: data, into: room)
        }
    }

    /// The plaintext of a ciphertext with its tag.
    /// - Precondition: key and nonce have the algorithm's lengths.
    /// - Throws: `notAuthentic`.
    public mutating func open(
        _ ciphertext: RawSpan, key: RawSpan, nonce: RawSpan, authenticating data: RawSpan
    ) throws(CryptoError) -> [UInt8] {
        let byteCount = ciphertext.byteCount - aeadAlgorithm.tagByteCount
        guard byteCount >= 0 else { throw .notAuthentic }
        var isAuthentic = false
        let plaintext = unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { plaintext, count in
            count = byteCount
            let room = unsafe UnsafeMutableRawBufferPointer(start: plaintext.baseAddress, count: byteCount)
            isAuthentic = unsafe aead.open(ciphertext, key: key, nonce: nonce, authenticating: data, into: room)
        }
        guard isAuthentic else { throw .notAuthentic }
        return plaintext
    }

    /// The plaintext of a ciphertext with its tag, where that is a secret.
    /// - Precondition: key and nonce have the algorithm's lengths.
    /// - Throws: `notAuthentic`.
    public mutating func openSecret(
        _ ciphertext: RawSpan, key: RawSpan, nonce: RawSpan, authenticating data: RawSpan
    ) throws(CryptoError) -> SecretBytes {
        let byteCount = ciphertext.byteCount - aeadAlgorithm.tagByteCount
        guard byteCount >= 0 else { throw .notAuthentic }
        var plaintext = SecretBytes(byteCount: byteCount)
        let isAuthentic = unsafe plaintext.withUnsafeMutableBytes { room in
            unsafe aead.open(ciphertext, key: key, nonce: nonce, authenticating: data, into: room)
        }
        guard isAuthentic else { throw .notAuthentic }
        return plaintext
    }
}
