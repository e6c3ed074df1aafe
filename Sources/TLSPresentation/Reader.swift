/// Reads values of the TLS presentation language (RFC 8446 section 3, RFC 9420 section 2.1) from bytes it does not own.
///
/// A reader is a span and an offset. Nothing is copied until a caller asks for an owned value, and every
/// length is compared with what is left before a byte behind it is touched. After a throw the offset is
/// unspecified: a caller that throws gives up the whole input.
public struct Reader: ~Escapable {
    @usableFromInline let span: RawSpan
    /// The next byte to read, from the beginning of `span`.
    @usableFromInline var position: Int
    /// Where `span` begins in the outermost input, so that errors and ranges name bytes of that.
    @usableFromInline let base: Int

    /// A reader at the first byte of `span`; `base` is where that byte stands in the outermost input.
    @inlinable
    @_lifetime(copy span)
    public init(_ span: RawSpan, base: Int = 0) {
        self.span = span
        self.position = 0
        self.base = base
    }

    /// Bytes from the beginning of the outermost input to the next byte.
    @inlinable
    public var byteOffset: Int { base + position }

    /// How many bytes are left.
    @inlinable
    public var remainingByteCount: Int { span.byteCount - position }

    @inlinable
    public var isAtEnd: Bool { position == span.byteCount }

    /// Throws `trailingBytes` unless everything was read.
    @inlinable
    public func expectEnd() throws(DecodingError) {
        if !isAtEnd { throw DecodingError(.trailingBytes, at: byteOffset) }
    }

    /// An error about the byte that was last arrived at.
    @inlinable
    public func error(_ reason: DecodingError.Reason) -> DecodingError { DecodingError(reason, at: byteOffset) }

    // MARK: Integers

    @inlinable
    @_lifetime(self: copy self)
    public mutating func integer<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type = T.self) throws(DecodingError)
        -> T
    {
        let byteCount = MemoryLayout<T>.size
        guard remainingByteCount >= byteCount else { throw error(.truncated) }
        // Checked above: [position, position + byteCount) lies inside the span.
        let value = unsafe span.unsafeLoadUnaligned(fromUncheckedByteOffset: position, as: T.self)
        position += byteCount
        return T(bigEndian: value)
    }

    @inlinable
    @_lifetime(self: copy self)
    public mutating func uint8() throws(DecodingError) -> UInt8 { try integer() }
    @inlinable
    @_lifetime(self: copy self)
    public mutating func uint16() throws(DecodingError) -> UInt16 { try integer() }
    @inlinable
    @_lifetime(self: copy self)
    public mutating func uint32() throws(DecodingError) -> UInt32 { try integer() }
    @inlinable
    @_lifetime(self: copy self)
    public mutating func uint64() throws(DecodingError) -> UInt64 { try integer() }

    /// A variable-size integer of 1, 2 or 4 bytes in its shortest form. RFC 9420 section 2.1.2.
    @inlinable
    @_lifetime(self: copy self)
    public mutating func varint() throws(DecodingError) -> Int {
        let start = byteOffset
        let first = try uint8()
        let prefix = first >> 6
        guard prefix != 3 else { throw DecodingError(.invalidVarintPrefix, at: start) }
        var value = Int(first & 0x3f)
        for _ in 1..<(1 << Int(prefix)) { value = value << 8 | Int(try uint8()) }
        guard prefix == 0 || value >= 1 << (8 * (1 << (Int(prefix) - 1)) - 2) else {
            throw DecodingError(.nonMinimalVarint, at: start)
        }
        return value
    }

    /// `optional<T>`'s presence octet. RFC 9420 section 2.1.1.
    @inlinable
    @_lifetime(self: copy self)
    public mutating func isPresent() throws(DecodingError) -> Bool {
        let start = byteOffset
        switch try uint8() {
        case 0: return false
        case 1: return true
        default: throw DecodingError(.invalidPresence, at: start)
        }
    }

    // MARK: Bytes

    /// The next `byteCount` bytes, in place.
    @inlinable
    @_lifetime(copy self)
    public mutating func span(byteCount: Int) throws(DecodingError) -> RawSpan {
        guard remainingByteCount >= byteCount else { throw error(.truncated) }
        let start = position
        position += byteCount
        return span.extracting(start..<start + byteCount)
    }

    /// The content of an `opaque x<V>`, in place.
    @inlinable
    @_lifetime(copy self)
    public mutating func opaqueSpan() throws(DecodingError) -> RawSpan { try span(byteCount: varint()) }

    /// Where the content of an `opaque x<V>` stands in the outermost input; the bytes are passed over.
    @inlinable
    @_lifetime(self: copy self)
    public mutating func opaqueRange() throws(DecodingError) -> Range<Int> {
        let byteCount = try varint()
        guard remainingByteCount >= byteCount else { throw error(.truncated) }
        position += byteCount
        return byteOffset - byteCount..<byteOffset
    }

    /// The content of an `opaque x<V>`, copied.
    @inlinable
    @_lifetime(self: copy self)
    public mutating func opaque() throws(DecodingError) -> [UInt8] { [UInt8](try opaqueSpan()) }

    /// The next `byteCount` bytes, copied.
    @inlinable
    @_lifetime(self: copy self)
    public mutating func bytes(count byteCount: Int) throws(DecodingError) -> [UInt8] {
        [UInt8](try span(byteCount: byteCount))
    }

    // MARK: Vectors of values

    /// A reader over the content of a `T x<V>`; this one goes on behind it.
    @inlinable
    @_lifetime(copy self)
    public mutating func vectorReader() throws(DecodingError) -> Reader {
        let byteCount = try varint()
        let contentBase = byteOffset
        return Reader(try span(byteCount: byteCount), base: contentBase)
    }

    /// The elements of a `T x<V>`.
    @inlinable
    @_lifetime(self: copy self)
    public mutating func vector<T: TLSDecodable>(of type: T.Type = T.self) throws(DecodingError) -> [T] {
        var content = try vectorReader()
        var elements: [T] = []
        while !content.isAtEnd { elements.append(try T(from: &content)) }
        return elements
    }

    /// An `optional<T>`. RFC 9420 section 2.1.1.
    @inlinable
    @_lifetime(self: copy self)
    public mutating func optional<T: TLSDecodable>(_ type: T.Type = T.self) throws(DecodingError) -> T? {
        try isPresent() ? try T(from: &self) : nil
    }
}

extension Array where Element == UInt8 {
    /// A copy of the bytes of `span`.
    @inlinable
    public init(_ span: RawSpan) {
        self = unsafe span.withUnsafeBytes { unsafe Array($0) }
    }

    /// The bytes, in place.
    @inlinable
    public var rawSpan: RawSpan {
        @_lifetime(borrow self)
        get {
            // `Span.bytes` is unsafe for element types with padding; a byte has none.
            unsafe span.bytes
        }
    }
}
