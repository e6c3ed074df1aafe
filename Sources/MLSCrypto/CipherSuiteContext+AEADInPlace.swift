/// Encryption inside of a message that is being written, which needs no other memory. RFC 9420 section 5.1, RFC 5116.
extension CipherSuiteContext {
    /// Puts the ciphertext where the plaintext was, and behind it the tag.
    /// - Parameters:
    ///   - plaintext: where it stands in `bytes`; there is room for a tag behind it.
    ///   - data: what is authenticated, where it stands in `bytes`.
    /// - Precondition: key and nonce have the algorithm's lengths. A nonce goes with a key once.
    public mutating func seal(
        in bytes: inout [UInt8], plaintext: Range<Int>, key: RawSpan, nonce: RawSpan, authenticating data: Range<Int>
    ) {
        let room = plaintext.lowerBound..<plaintext.upperBound + aeadAlgorithm.tagByteCount
        precondition(!room.overlaps(data), "what is authenticated is not changed")
        unsafe bytes.withUnsafeMutableBytes { bytes in
            let readable = UnsafeRawBufferPointer(bytes)
            unsafe aead.seal(
                UnsafeRawBufferPointer(rebasing: readable[plaintext]).bytes, key: key, nonce: nonce,
                authenticating: UnsafeRawBufferPointer(rebasing: readable[data]).bytes,
                into: UnsafeMutableRawBufferPointer(rebasing: bytes[room]))
        }
    }
}
