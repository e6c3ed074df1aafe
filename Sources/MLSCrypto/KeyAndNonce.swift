import COpenSSL

/// Four bytes that nobody can foretell, over the beginning of a nonce: should a generation be used twice, its nonce is not.
/// RFC 9420 section 6.3.1.
public func randomReuseGuard() -> UInt32 {
    var reuseGuard: UInt32 = 0
    unsafe withUnsafeMutableBytes(of: &reuseGuard) { bytes in
        unsafe OpenSSL.require(RAND_bytes(bytes.bindMemory(to: UInt8.self).baseAddress, 4), "RAND_bytes")
    }
    return reuseGuard
}

/// What one message is encrypted with: an AEAD's key and nonce. They are erased when all copies have ended.
public struct KeyAndNonce: Sendable {
    /// The key and behind it the nonce: one piece of memory is less work than two.
    private let secret: SharedSecret
    private let keyByteCount: Int

    init(_ secret: SharedSecret, keyByteCount: Int) {
        self.secret = secret
        self.keyByteCount = keyByteCount
    }

    /// A copy of a key and a nonce, such as from where they were saved.
    public init(copying key: RawSpan, nonce: RawSpan) {
        let keyCount = key.byteCount
        keyByteCount = keyCount
        secret = unsafe SharedSecret(byteCount: keyCount + nonce.byteCount) { secret in
            unsafe key.withUnsafeBytes { unsafe secret.copyMemory(from: $0) }
            unsafe nonce.withUnsafeBytes {
                unsafe UnsafeMutableRawBufferPointer(rebasing: secret[keyCount...]).copyMemory(from: $0)
            }
        }
    }

    public var key: RawSpan {
        @_lifetime(borrow self)
        get { secret.bytes.extracting(first: keyByteCount) }
    }

    public var nonce: RawSpan {
        @_lifetime(borrow self)
        get { secret.bytes.extracting(droppingFirst: keyByteCount) }
    }

    /// The nonce with `reuseGuard` over its first four bytes. RFC 9420 section 6.3.1.
    public func nonce(guardedBy reuseGuard: UInt32) -> SecretBytes {
        var nonce = SecretBytes(copying: nonce)
        unsafe nonce.withUnsafeMutableBytes { nonce in
            for index in 0..<4 { unsafe nonce[index] ^= UInt8(truncatingIfNeeded: reuseGuard >> (24 - 8 * index)) }
        }
        return nonce
    }
}
