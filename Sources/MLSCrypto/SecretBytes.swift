import COpenSSL

/// Bytes that nobody else may see: not copied by accident, erased when they end.
@safe public struct SecretBytes: ~Copyable {
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

    deinit {
        unsafe OPENSSL_cleanse(buffer.baseAddress, buffer.count)
        unsafe buffer.deallocate()
    }

    public var byteCount: Int { unsafe buffer.count }

    /// The bytes, in place.
    public var bytes: RawSpan {
        @_lifetime(borrow self)
        get {
            let bytes = unsafe RawSpan(_unsafeBytes: buffer)
            return unsafe _overrideLifetime(bytes, borrowing: self)
        }
    }

    /// Calls `body` with the bytes, to be filled in.
    mutating func withUnsafeMutableBytes<Result, Failure: Error>(
        _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(buffer)
    }
}
