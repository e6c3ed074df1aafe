/// An array in chunks that copies share until one of them changes something there.
///
/// A copy costs a reference a chunk, and a change after a copy costs one chunk: what a commit needs, which changes the
/// nodes of one path and has to leave the tree before it as it was.
struct ChunkedArray<Element> {
    private static var chunkShift: Int { 5 }
    /// How many elements a chunk has.
    static var chunkCount: Int { 1 << chunkShift }

    private var chunks: [[Element]] = []
    private(set) var count = 0

    init() {}

    subscript(index: Int) -> Element {
        get {
            precondition(index < count, "an index inside the array")
            return chunks[index >> Self.chunkShift][index & (Self.chunkCount - 1)]
        }
        _modify {
            precondition(index < count, "an index inside the array")
            yield &chunks[index >> Self.chunkShift][index & (Self.chunkCount - 1)]
        }
    }

    /// Makes the array longer, with `element` in each new place, or cuts off its end.
    mutating func resize(to newCount: Int, filling element: Element) {
        while count < newCount {
            if count & (Self.chunkCount - 1) == 0 { chunks.append([]) }
            let room = min(Self.chunkCount - (count & (Self.chunkCount - 1)), newCount - count)
            chunks[count >> Self.chunkShift].append(contentsOf: repeatElement(element, count: room))
            count += room
        }
        if newCount < count {
            chunks.removeLast(chunks.count - (newCount + Self.chunkCount - 1) >> Self.chunkShift)
            let rest = newCount & (Self.chunkCount - 1)
            if rest != 0 { chunks[chunks.count - 1].removeLast(chunks[chunks.count - 1].count - rest) }
            count = newCount
        }
    }

    /// The indices at which this array may differ from `other`: all those of the chunks that the two do not share.
    func indicesNotShared(with other: ChunkedArray) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        for (position, chunk) in chunks.enumerated() {
            let isShared = position < other.chunks.count && Self.share(chunk, other.chunks[position])
            let start = position << Self.chunkShift
            if !isShared { ranges.append(start..<start + chunk.count) }
        }
        return ranges
    }

    /// Whether both are the same memory.
    private static func share(_ first: [Element], _ second: [Element]) -> Bool {
        unsafe first.withUnsafeBufferPointer { first in
            unsafe second.withUnsafeBufferPointer { second in
                unsafe first.baseAddress == second.baseAddress && first.count == second.count
            }
        }
    }
}

extension ChunkedArray: Sendable where Element: Sendable {}
