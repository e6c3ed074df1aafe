import COpenSSL

/// HKDF on the kept context. RFC 5869.
extension HMACContext {
    /// `HKDF-Extract(salt, IKM)`; the salt is the key of the HMAC.
    mutating func extract(salt: RawSpan, inputKeyMaterial: RawSpan) -> SecretBytes {
        begin(key: salt)
        update(inputKeyMaterial)
        return finalizeSecret()
    }

    /// The HMAC of what was given since it was begun, as a secret.
    mutating func finalizeSecret() -> SecretBytes {
        var secret = SecretBytes(byteCount: algorithm.byteCount)
        unsafe secret.withUnsafeMutableBytes { unsafe finalize(into: $0) }
        return secret
    }

    /// Fills `output` with `HKDF-Expand(PRK, head || info, output.count)`.
    /// - Precondition: at most 255 hashes are asked for.
    mutating func expand(
        _ pseudorandomKey: RawSpan, head: UnsafeRawBufferPointer, info: RawSpan,
        into output: UnsafeMutableRawBufferPointer
    ) {
        precondition(output.count <= 255 * algorithm.byteCount, "HKDF gives at most 255 hashes")
        var start = 0
        var counter: UInt8 = 0
        while start < output.count {
            counter += 1
            if counter == 1 {
                begin(key: pseudorandomKey)
            } else {
                beginAgain()
                unsafe update(UnsafeRawBufferPointer(rebasing: output[start - algorithm.byteCount..<start]))
            }
            unsafe update(head)
            update(info)
            unsafe withUnsafeBytes(of: counter) { unsafe update($0) }
            let end = min(start + algorithm.byteCount, output.count)
            unsafe finalize(prefixInto: UnsafeMutableRawBufferPointer(rebasing: output[start..<end]))
            start = end
        }
    }

    /// Writes as much of the HMAC as `prefix` has room for.
    mutating func finalize(prefixInto prefix: UnsafeMutableRawBufferPointer) {
        if prefix.count == algorithm.byteCount { return unsafe finalize(into: prefix) }
        unsafe withUnsafeTemporaryAllocation(byteCount: algorithm.byteCount, alignment: 16) { block in
            unsafe finalize(into: block)
            unsafe prefix.copyMemory(from: UnsafeRawBufferPointer(rebasing: block[..<prefix.count]))
            unsafe OPENSSL_cleanse(block.baseAddress, block.count)
        }
    }
}
