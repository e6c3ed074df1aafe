/// Appends values of the TLS presentation language (RFC 8446 section 3, RFC 9420 section 2.1) to bytes that it owns.
public struct Writer: Sendable {
    @usableFromInline var storage: [UInt8]

    /// What was written so far.
    @inlinable
    public var bytes: [UInt8] { storage }

    /// How many bytes were written so far.
    @inlinable
    public var byteCount: Int { storage.count }

    /// What was written so far, given away: the writer is empty then, and changing the bytes does not copy them.
    public mutating func take() -> [UInt8] {
        let bytes = storage
        storage = []
        return bytes
    }

    @inlinable
    public init() { self.init([]) }

    /// A writer that goes on behind `bytes`, in their storage where nobody else holds it.
    @inlinable
    public init(_ bytes: consuming [UInt8]) { storage = bytes }

    /// The largest byte count that a vector's length can say: 2^30 - 1. RFC 9420 section 2.1.2.
    public static let maxVectorByteCount = 1 << 30 - 1

    /// How many bytes the variable-size integer `value` takes: 1, 2 or 4. RFC 9420 section 2.1.2.
    @inlinable
    public static func varintByteCount(_ value: Int) -> Int { value < 1 << 6 ? 1 : value < 1 << 14 ? 2 : 4 }

    public mutating func reserve(_ byteCount: Int) { storage.reserveCapacity(storage.count + byteCount) }

    // MARK: Integers

    @inlinable
    public mutating func integer<T: FixedWidthInteger & BitwiseCopyable>(_ value: T) {
        unsafe withUnsafeBytes(of: value.bigEndian) { unsafe storage.append(contentsOf: $0) }
    }

    /// A variable-size integer in its shortest form. RFC 9420 section 2.1.2.
    /// - Precondition: `value` is at most `maxVectorByteCount`.
    public mutating func varint(_ value: Int) {
        precondition(value >= 0 && value <= Self.maxVectorByteCount, "a length of at most 2^30 - 1")
        switch Self.varintByteCount(value) {
        case 1: integer(UInt8(value))
        case 2: integer(UInt16(value) | 0x4000)
        default: integer(UInt32(value) | 0x8000_0000)
        }
    }

    public mutating func isPresent(_ value: Bool) { integer(value ? 1 as UInt8 : 0) }

    // MARK: Bytes

    /// The bytes alone, without a length.
    @inlinable
    public mutating func raw(_ value: some Sequence<UInt8>) { storage.append(contentsOf: value) }

    /// The bytes alone, without a length.
    public mutating func raw(_ value: RawSpan) {
        unsafe value.withUnsafeBytes { unsafe storage.append(contentsOf: $0) }
    }

    /// An `opaque x<V>`.
    @inlinable
    public mutating func opaque(_ value: some Collection<UInt8>) {
        varint(value.count)
        raw(value)
    }

    /// An `opaque x<V>`.
    public mutating func opaque(_ value: RawSpan) {
        varint(value.byteCount)
        raw(value)
    }

    // MARK: Vectors of values

    /// A `T x<V>` whose content `body` writes; the length is put before it afterwards.
    @inlinable
    public mutating func vector(_ body: (inout Writer) -> Void) {
        let start = storage.count
        // One byte is enough for most; room for a longer length is made afterwards.
        storage.append(0)
        body(&self)
        setLength(at: start)
    }

    /// Writes the length of a vector over the byte at `start`, behind which all is its content.
    @usableFromInline
    mutating func setLength(at start: Int) {
        let byteCount = storage.count - start - 1
        precondition(byteCount <= Self.maxVectorByteCount, "a length of at most 2^30 - 1")
        let lengthByteCount = Self.varintByteCount(byteCount)
        if lengthByteCount > 1 {
            storage.insert(contentsOf: repeatElement(0, count: lengthByteCount - 1), at: start)
        }
        for index in 0..<lengthByteCount {
            storage[start + index] = UInt8(truncatingIfNeeded: byteCount >> (8 * (lengthByteCount - 1 - index)))
        }
        // The first two bits tell of 1, 2 or 4 bytes.
        storage[start] |= UInt8(lengthByteCount.trailingZeroBitCount) << 6
    }

    /// A `T x<V>`.
    @inlinable
    public mutating func vector(_ elements: some Sequence<some TLSEncodable>) {
        vector { writer in for element in elements { element.encode(into: &writer) } }
    }

    /// An `optional<T>`. RFC 9420 section 2.1.1.
    @inlinable
    public mutating func optional(_ value: (some TLSEncodable)?) {
        isPresent(value != nil)
        value?.encode(into: &self)
    }
}
