import COpenSSL

/// `count` bytes that nobody can foretell, from OpenSSL's generator.
///
/// There is no going on without randomness: a generator that fails ends the process.
public func randomBytes(_ count: Int) -> [UInt8] {
    guard let byteCount = Int32(exactly: count), byteCount >= 0 else {
        preconditionFailure("a number of bytes that fits 31 bits")
    }
    return unsafe [UInt8](unsafeUninitializedCapacity: count) { bytes, initializedCount in
        unsafe OpenSSL.require(RAND_bytes(bytes.baseAddress, byteCount), "RAND_bytes")
        initializedCount = count
    }
}
