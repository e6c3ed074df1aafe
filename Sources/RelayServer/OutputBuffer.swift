import RelayTransport

/// Memory that grows and is used again, turn for turn; pointers into it hold until it next grows.
struct OutputBuffer: ~Copyable {
    private(set) var start: UnsafeMutableRawPointer
    private(set) var count = 0
    private var capacity: Int

    init(capacity: Int) {
        start = .allocate(byteCount: capacity, alignment: 16)
        self.capacity = capacity
    }

    deinit { start.deallocate() }

    mutating func clear() { count = 0 }

    /// Moves on by `byteCount` bytes, whose content is whatever it is.
    mutating func skip(_ byteCount: Int) {
        reserve(byteCount)
        count += byteCount
    }

    /// Moves on by `byteCount` bytes, which the caller writes.
    mutating func extend(_ byteCount: Int) -> UnsafeMutableRawPointer {
        skip(byteCount)
        return start + count - byteCount
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress else { return }
        reserve(bytes.count)
        (start + count).copyMemory(from: source, byteCount: bytes.count)
        count += bytes.count
    }

    private mutating func reserve(_ byteCount: Int) {
        guard count + byteCount > capacity else { return }
        capacity = max(capacity * 2, count + byteCount)
        let grown = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
        grown.copyMemory(from: start, byteCount: count)
        start.deallocate()
        start = grown
    }
}
