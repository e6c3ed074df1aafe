import COpenSSL

/// An HMAC being computed: two hashes, by one context that is used again and again, at two fifths of the cost of
/// OpenSSL's own. RFC 2104. One thread at a time.
///
/// Invariant: `pads` is of the last key, or of none. An HMAC that is begun is finished before the next.
@safe struct HMACContext: ~Copyable {
    let algorithm: HashAlgorithm
    private var hash: HashContext
    /// What is hashed before the message and, behind it in memory, what is hashed before the hash of that: the key,
    /// filled up with zeros to a block, XOR `ipad` and XOR `opad`.
    private var pads: SecretBytes

    init(_ algorithm: HashAlgorithm) {
        self.algorithm = algorithm
        hash = HashContext(algorithm)
        pads = SecretBytes(byteCount: 2 * algorithm.blockByteCount)
    }

    /// Begins an HMAC with `key`.
    mutating func begin(key: RawSpan) {
        let blockByteCount = algorithm.blockByteCount
        let algorithm = algorithm
        unsafe pads.withUnsafeMutableBytes { pads in
            unsafe key.withUnsafeBytes { key in
                unsafe OPENSSL_cleanse(pads.baseAddress, blockByteCount)
                if key.count <= blockByteCount {
                    unsafe pads.copyMemory(from: key)
                } else {
                    let hash = unsafe UnsafeMutableRawBufferPointer(rebasing: pads[..<algorithm.byteCount])
                    unsafe algorithm.digest(key, into: hash)
                }
            }
            for offset in stride(from: 0, to: blockByteCount, by: 8) {
                let word = unsafe pads.load(fromByteOffset: offset, as: UInt64.self)
                unsafe pads.storeBytes(of: word ^ 0x3636_3636_3636_3636, toByteOffset: offset, as: UInt64.self)
                unsafe pads.storeBytes(
                    of: word ^ 0x5c5c_5c5c_5c5c_5c5c, toByteOffset: blockByteCount + offset, as: UInt64.self)
            }
        }
        beginAgain()
    }

    /// Begins another HMAC with the same key.
    mutating func beginAgain() { Self.update(&hash, pads, at: 0) }

    mutating func update(_ bytes: RawSpan) { hash.update(bytes) }

    mutating func update(_ literal: StaticString) {
        unsafe update(UnsafeRawBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
    }

    mutating func update(_ bytes: UnsafeRawBufferPointer) { unsafe hash.update(bytes.bytes) }

    /// Writes the HMAC of what was given since it was begun, `algorithm.byteCount` bytes.
    mutating func finalize(into tag: UnsafeMutableRawBufferPointer) {
        precondition(tag.count == algorithm.byteCount, "room for an HMAC")
        guard let first = unsafe tag.bindMemory(to: UInt8.self).baseAddress else {
            preconditionFailure("a hash has bytes")
        }
        unsafe hash.finalize(into: first)
        Self.update(&hash, pads, at: algorithm.blockByteCount)
        unsafe update(UnsafeRawBufferPointer(tag))
        unsafe hash.finalize(into: first)
    }

    /// Hashes one of the pads.
    private static func update(_ hash: inout HashContext, _ pads: borrowing SecretBytes, at offset: Int) {
        let pads = pads.bytes
        hash.update(pads.extracting(offset..<offset + hash.algorithm.blockByteCount))
    }

    /// Overwrites the last key.
    mutating func forget() {
        // Nothing is left in the hash context, which was begun anew.
        unsafe pads.withUnsafeMutableBytes { unsafe OPENSSL_cleanse($0.baseAddress, $0.count) }
    }
}

extension HashAlgorithm {
    /// Writes the hash of `bytes`, `byteCount` bytes.
    func digest(_ bytes: UnsafeRawBufferPointer, into hash: UnsafeMutableRawBufferPointer) {
        precondition(hash.count == byteCount, "room for a hash")
        let first = unsafe hash.bindMemory(to: UInt8.self).baseAddress
        unsafe OpenSSL.require(
            EVP_Digest(bytes.baseAddress, bytes.count, first, nil, implementation, nil), "EVP_Digest")
    }
}
