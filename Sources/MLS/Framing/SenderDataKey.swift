package import MLSCrypto

extension CipherSuiteContext {
    /// What a message's sender data is encrypted with. RFC 9420 section 6.3.2.
    /// ```
    /// ciphertext_sample = ciphertext[0..KDF.Nh-1]
    /// sender_data_key = ExpandWithLabel(sender_data_secret, "key", ciphertext_sample, AEAD.Nk)
    /// sender_data_nonce = ExpandWithLabel(sender_data_secret, "nonce", ciphertext_sample, AEAD.Nn)
    /// ```
    /// - Parameter ciphertext: of the message; a shorter one than a hash is its own sample.
    package mutating func senderDataKey(_ senderDataSecret: RawSpan, ciphertext: RawSpan) -> KeyAndNonce {
        keyAndNonce(senderDataSecret, context: ciphertext.extracting(first: min(hashByteCount, ciphertext.byteCount)))
    }
}
