/// The keys of messages, which all are derived with the labels "key" and "nonce". RFC 9420 sections 6.3.2, 9.1 and
/// 12.4.3.1.
///
/// What is derived from the same secret is derived with one keying of the HMAC, which is half of the cost.
extension CipherSuiteContext {
    /// `ExpandWithLabel(Secret, "key", Context, AEAD.Nk)` and `ExpandWithLabel(Secret, "nonce", Context, AEAD.Nn)`
    public mutating func keyAndNonce(_ secret: RawSpan, context: RawSpan) -> KeyAndNonce {
        hmac.begin(key: secret)
        return keyAndNonce(context: context)
    }

    /// A step of a ratchet. RFC 9420 section 9.1.
    /// ```
    /// ratchet_key_[N]_[j] = DeriveTreeSecret(ratchet_secret_[N]_[j], "key", j, AEAD.Nk)
    /// ratchet_nonce_[N]_[j] = DeriveTreeSecret(ratchet_secret_[N]_[j], "nonce", j, AEAD.Nn)
    /// ratchet_secret_[N]_[j+1] = DeriveTreeSecret(ratchet_secret_[N]_[j], "secret", j, KDF.Nh)
    /// ```
    public mutating func ratchetStep(
        _ secret: RawSpan, generation: UInt32
    ) -> (keyAndNonce: KeyAndNonce, nextSecret: SharedSecret) {
        let context = bigEndianBytes(generation)
        hmac.begin(key: secret)
        let keyAndNonce = unsafe keyAndNonce(context: context.span.bytes)
        hmac.beginAgain()
        return (keyAndNonce, unsafe nextSecret(context: context.span.bytes))
    }

    /// `ratchetStep` without a key, for a generation that nobody will ask for.
    public mutating func ratchetSkip(_ secret: RawSpan, generation: UInt32) -> SharedSecret {
        let context = bigEndianBytes(generation)
        hmac.begin(key: secret)
        return unsafe nextSecret(context: context.span.bytes)
    }

    private func bigEndianBytes(_ generation: UInt32) -> [4 of UInt8] {
        [
            UInt8(truncatingIfNeeded: generation >> 24), UInt8(truncatingIfNeeded: generation >> 16),
            UInt8(truncatingIfNeeded: generation >> 8), UInt8(truncatingIfNeeded: generation),
        ]
    }

    /// Both, of the secret that the HMAC was begun with.
    private mutating func keyAndNonce(context: RawSpan) -> KeyAndNonce {
        let keyByteCount = aeadAlgorithm.keyByteCount
        let secret = unsafe SharedSecret(byteCount: keyByteCount + aeadAlgorithm.nonceByteCount) { output in
            unsafe expandBlock(
                "key", context: context, into: UnsafeMutableRawBufferPointer(rebasing: output[..<keyByteCount]))
            hmac.beginAgain()
            unsafe expandBlock(
                "nonce", context: context, into: UnsafeMutableRawBufferPointer(rebasing: output[keyByteCount...]))
        }
        return KeyAndNonce(secret, keyByteCount: keyByteCount)
    }

    private mutating func nextSecret(context: RawSpan) -> SharedSecret {
        unsafe SharedSecret(byteCount: hashByteCount) { unsafe expandBlock("secret", context: context, into: $0) }
    }

    /// Fills `output` with `ExpandWithLabel` of the secret that the HMAC was begun with: a single block of HKDF-Expand.
    /// - Precondition: at most one hash is asked for.
    private mutating func expandBlock(
        _ label: StaticString, context: RawSpan, into output: UnsafeMutableRawBufferPointer
    ) {
        let byteCount = output.count
        unsafe withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { buffer in
            var head = unsafe HeadWriter(buffer)
            head.integer(UInt16(byteCount))
            unsafe head.mlsLabel(UnsafeRawBufferPointer(start: label.utf8Start, count: label.utf8CodeUnitCount))
            head.varint(context.byteCount)
            unsafe hmac.update(head.bytes)
        }
        hmac.update(context)
        unsafe withUnsafeBytes(of: 1 as UInt8) { unsafe hmac.update($0) }
        unsafe hmac.finalize(prefixInto: output)
    }
}
