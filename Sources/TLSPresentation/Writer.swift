/// Appends values of the TLS presentation language (RFC 8446 section 3, RFC 9420 section 2.1) to bytes that it owns.
public struct Writer: Sendable {
    /// What was written so far.
    public private(set) var bytes: [UInt8]

    @inlinable
    public init() { self.init([]) }

    /// A writer that goes on behind `bytes`, in their storage where nobody else holds it.
    public init(_ bytes: consuming [UInt8]) { self.bytes = bytes }

    /// The largest byte count that a vector's length can say: 2^30 - 1. RFC 9420 section 2.1.2.
    public static let maxVectorByteCount = 1 << 30 - 1

    /// How many bytes the variable-size integer `value` takes: 1, 2 or 4. RFC 9420 section 2.1.2.
    @inlinable
    public static func varintByteCount(_ value: Int) -> Int { value < 1 << 6 ? 1 : value < 1 << 14 ? 2 : 4 }

    public mutating func reserve(_ byteCount: Int) { bytes.reserveCapacity(bytes.count + byteCount) }

    // MARK: Integers

    public mutating func integer<T: FixedWidthInteger>(_ value: T) {
        var shift = T.bitWidth
        while shift > 0 {
            shift -= 8
            bytes.append(UInt8(truncatingIfNeeded: value >> T(shift)))
        }
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
    public mutating func raw(_ value: some Sequence<UInt8>) { bytes.append(contentsOf: value) }

    /// The bytes alone, without a length.
    public mutating func raw(_ value: RawSpan) {
        unsafe value.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    }

    /// An `opaque x<V>`.
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
    public mutating func vector(_ body: (inout Writer) -> Void) {
        let start = bytes.count
        body(&self)
        var length = Writer()
        length.varint(bytes.count - start)
        bytes.insert(contentsOf: length.bytes, at: start)
    }

    /// A `T x<V>`.
    public mutating func vector(_ elements: some Sequence<some TLSEncodable>) {
        vector { writer in for element in elements { element.encode(into: &writer) } }
    }

    /// An `optional<T>`. RFC 9420 section 2.1.1.
    public mutating func optional(_ value: (some TLSEncodable)?) {
        isPresent(value != nil)
        value?.encode(into: &self)
    }
}
