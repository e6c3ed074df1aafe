public import TLSPresentation

/// Writes an encoding that holds secrets: it is erased wherever it was, also where it had to move to grow.
///
/// Invariant: the first `byteCount` bytes of `room` are written.
public struct SecretWriter: ~Copyable {
    private var room: SecretBytes
    /// How many bytes were written so far.
    public private(set) var byteCount = 0

    /// - Parameter capacity: how many bytes can be written before they have to move.
    public init(capacity: Int) { room = SecretBytes(byteCount: capacity) }

    /// The bytes alone, without a length.
    public mutating func raw(_ bytes: RawSpan) {
        let end = byteCount + bytes.byteCount
        if end > room.byteCount { grow(to: max(end, 2 * room.byteCount)) }
        let start = byteCount
        unsafe room.withUnsafeMutableBytes { room in
            unsafe bytes.withUnsafeBytes {
                unsafe UnsafeMutableRawBufferPointer(rebasing: room[start..<end]).copyMemory(from: $0)
            }
        }
        byteCount = end
    }

    /// An `opaque x<V>`.
    public mutating func opaque(_ bytes: RawSpan) {
        var length = Writer()
        length.varint(bytes.byteCount)
        encode(length.bytes)
        raw(bytes)
    }

    /// What is no secret itself.
    public mutating func encode(_ value: some TLSEncodable) { encode(value.encoded) }

    private mutating func encode(_ bytes: [UInt8]) { raw(bytes.rawSpan) }

    private mutating func grow(to capacity: Int) {
        var larger = SecretBytes(byteCount: capacity)
        unsafe larger.withUnsafeMutableBytes { larger in
            unsafe room.bytes.withUnsafeBytes { unsafe larger.copyMemory(from: $0) }
        }
        room = larger
    }

    /// What was written.
    public consuming func finish() -> SecretBytes {
        if byteCount == room.byteCount { return room }
        return SecretBytes(copying: room.bytes.extracting(first: byteCount))
    }
}
