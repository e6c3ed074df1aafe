import TLSPresentation

/// HMAC as the MAC of tags. RFC 9420 section 5.1.
extension CipherSuiteContext {
    /// `MAC(key, data)`, `hashByteCount` bytes.
    public mutating func mac(key: RawSpan, data: RawSpan) -> [UInt8] {
        hmac.begin(key: key)
        hmac.update(data)
        return unsafe [UInt8](unsafeUninitializedCapacity: hashByteCount) { tag, count in
            count = hashByteCount
            unsafe hmac.finalize(into: UnsafeMutableRawBufferPointer(start: tag.baseAddress, count: count))
        }
    }

    /// Whether `tag` is `MAC(key, data)`, in a time that does not tell where they differ.
    public mutating func verifyMAC(_ tag: RawSpan, key: RawSpan, data: RawSpan) -> Bool {
        isEqualInConstantTime(mac(key: key, data: data).rawSpan, tag)
    }
}
