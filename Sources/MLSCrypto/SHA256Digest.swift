public import TLSPresentation

/// A SHA-256 hash: 32 bytes, held in place.
/// ```
/// opaque SHA256Digest[32];
/// ```
@safe public struct SHA256Digest: Hashable, Sendable {
    public static let byteCount = 32
    /// 32 bytes of zero.
    public static let zero = SHA256Digest(words: 0, 0, 0, 0)

    // In the memory order of the bytes, so that the digest's memory is the bytes.
    private var storage: (UInt64, UInt64, UInt64, UInt64)

    /// The digest whose bytes are these words', each with its most significant byte first.
    public init(words w0: UInt64, _ w1: UInt64, _ w2: UInt64, _ w3: UInt64) {
        storage = (w0.bigEndian, w1.bigEndian, w2.bigEndian, w3.bigEndian)
    }

    /// A copy of the bytes of `span`.
    /// - Precondition: `span` has 32 bytes.
    public init(_ span: RawSpan) {
        precondition(span.byteCount == Self.byteCount, "a SHA-256 hash has 32 bytes")
        // The precondition: [0, 32) lies inside the span.
        unsafe storage = (
            span.unsafeLoadUnaligned(fromUncheckedByteOffset: 0, as: UInt64.self),
            span.unsafeLoadUnaligned(fromUncheckedByteOffset: 8, as: UInt64.self),
            span.unsafeLoadUnaligned(fromUncheckedByteOffset: 16, as: UInt64.self),
            span.unsafeLoadUnaligned(fromUncheckedByteOffset: 24, as: UInt64.self)
        )
    }

    /// The digest as four words, each with its most significant byte first.
    public var words: (UInt64, UInt64, UInt64, UInt64) {
        (storage.0.bigEndian, storage.1.bigEndian, storage.2.bigEndian, storage.3.bigEndian)
    }

    /// A copy of the bytes.
    public var bytes: [UInt8] { unsafe withUnsafeBytes { unsafe [UInt8]($0) } }

    /// Calls `body` with the 32 bytes, which are valid for the call.
    public func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe Swift.withUnsafeBytes(of: storage) { (bytes) throws(Failure) in try unsafe body(bytes) }
    }

    /// Writes the 32 bytes to `destination`, which needs no alignment.
    public func copyBytes(to destination: UnsafeMutableRawPointer) {
        let target = unsafe UnsafeMutableRawBufferPointer(start: destination, count: Self.byteCount)
        unsafe withUnsafeBytes { unsafe target.copyMemory(from: $0) }
    }

    public static func == (lhs: SHA256Digest, rhs: SHA256Digest) -> Bool { lhs.storage == rhs.storage }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(storage.0)
        hasher.combine(storage.1)
        hasher.combine(storage.2)
        hasher.combine(storage.3)
    }
}

extension SHA256Digest: TLSCodable {
    public init(from reader: inout Reader) throws(DecodingError) {
        self.init(try reader.span(byteCount: Self.byteCount))
    }

    public func encode(into writer: inout Writer) {
        writer.integer(words.0)
        writer.integer(words.1)
        writer.integer(words.2)
        writer.integer(words.3)
    }
}

extension SHA256Digest: CustomStringConvertible {
    /// 64 hexadecimal digits.
    public var description: String { bytes.hex }
}
