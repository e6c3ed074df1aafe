import COpenSSL

/// Bytes that nobody else may see: not copied by accident, erased when they end.
///
/// Unchecked, because the compiler does not know that the memory has one owner, who alone can change it.
@safe public struct SecretBytes: ~Copyable, @unchecked Sendable {
    private let buffer: UnsafeMutableRawBufferPointer

    /// `byteCount` bytes of zero.
    init(byteCount: Int) {
        unsafe buffer = .allocate(byteCount: byteCount, alignment: 16)
        unsafe buffer.initializeMemory(as: UInt8.self, repeating: 0)
    }

    /// A copy of `bytes`.
    public init(copying bytes: RawSpan) {
        self.init(byteCount: bytes.byteCount)
        unsafe bytes.withUnsafeBytes { unsafe buffer.copyMemory(from: $0) }
    }

    /// `byteCount` bytes that nobody can foretell.
    public init(randomByteCount byteCount: Int) {
        self.init(byteCount: byteCount)
        guard let count = Int32(exactly: byteCount) else { preconditionFailure("a number of bytes that fits 31 bits") }
        unsafe OpenSSL.require(RAND_priv_bytes(buffer.bindMemory(to: UInt8.self).baseAddress, count), "RAND_priv_bytes")
    }

    /// `byteCount` bytes of zero: the `0` of RFC 9420 section 8.
    public static func zero(byteCount: Int) -> SecretBytes { SecretBytes(byteCount: byteCount) }

    deinit {
        unsafe OPENSSL_cleanse(buffer.baseAddress, buffer.count)
        unsafe buffer.deallocate()
    }

    public var byteCount: Int { unsafe buffer.count }

    /// Never the bytes.
    public var description: String { "<redacted>" }

    /// Whether these are the bytes of `other`, in a time that does not tell where they differ.
    public func isEqual(to other: RawSpan) -> Bool { isEqualInConstantTime(bytes, other) }

    /// The bytes, in place.
    public var bytes: RawSpan {
        @_lifetime(borrow self)
        get {
            let bytes = unsafe RawSpan(_unsafeBytes: buffer)
            return unsafe _overrideLifetime(bytes, borrowing: self)
        }
    }

    /// Calls `body` with the bytes: for where these are a class's, of which a span cannot be had otherwise.
    public func withBytes<Result: ~Copyable, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(bytes)
    }

    /// Calls `body` with the bytes, to be filled in.
    mutating func withUnsafeMutableBytes<Result, Failure: Error>(
        _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(buffer)
    }
}
