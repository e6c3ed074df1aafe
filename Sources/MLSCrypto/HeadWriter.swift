/// Writes the few bytes that go before a long value into memory that somebody else has set aside.
///
/// Invariant: the first `byteCount` bytes of `buffer` are written.
@safe struct HeadWriter {
    private let buffer: UnsafeMutableRawBufferPointer
    private var byteCount = 0

    init(_ buffer: UnsafeMutableRawBufferPointer) { unsafe self.buffer = buffer }

    /// What was written so far.
    var bytes: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(rebasing: buffer[..<byteCount]) }

    mutating func integer<T: FixedWidthInteger & BitwiseCopyable>(_ value: T) {
        unsafe withUnsafeBytes(of: value.bigEndian) { unsafe raw($0) }
    }

    /// A variable-size integer in its shortest form. RFC 9420 section 2.1.2.
    mutating func varint(_ value: Int) {
        precondition(value >= 0 && value < 1 << 30, "a length of at most 2^30 - 1")
        if value < 1 << 6 {
            integer(UInt8(value))
        } else if value < 1 << 14 {
            integer(UInt16(value) | 0x4000)
        } else {
            integer(UInt32(value) | 0x8000_0000)
        }
    }

    /// An `opaque label<V>` with what the labels of MLS begin with.
    mutating func mlsLabel(_ label: UnsafeRawBufferPointer) {
        varint(8 + label.count)
        raw("MLS 1.0 ")
        unsafe raw(label)
    }

    mutating func raw(_ literal: StaticString) {
        unsafe raw(UnsafeRawBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
    }

    mutating func raw(_ bytes: UnsafeRawBufferPointer) {
        unsafe precondition(bytes.count <= buffer.count - byteCount, "room for what is written")
        unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[byteCount...]).copyMemory(from: bytes)
        byteCount += bytes.count
    }
}
