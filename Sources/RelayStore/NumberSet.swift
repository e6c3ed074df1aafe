/// A set of numbers that are mostly dense: ranges, ascending, that do not touch.
struct NumberSet {
    private(set) var ranges: [ClosedRange<UInt64>] = []

    func contains(_ number: UInt64) -> Bool {
        let index = indexOfRange(endingAtOrAfter: number)
        return index < ranges.count && ranges[index].contains(number)
    }

    /// Constant time for a number at or next to the end, else linear in the number of ranges.
    mutating func insert(_ number: UInt64) {
        let index = indexOfRange(endingAtOrAfter: number)
        if index < ranges.count, ranges[index].contains(number) { return }
        var lower = number
        var upper = number
        var replaced = index..<index
        if index > 0, ranges[index - 1].upperBound == number - 1 {
            lower = ranges[index - 1].lowerBound
            replaced = index - 1..<index
        }
        if index < ranges.count, ranges[index].lowerBound - 1 == number {
            upper = ranges[index].upperBound
            replaced = replaced.lowerBound..<index + 1
        }
        ranges.replaceSubrange(replaced, with: CollectionOfOne(lower...upper))
    }

    /// The first range that ends at `number` or behind it.
    private func indexOfRange(endingAtOrAfter number: UInt64) -> Int {
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound < number { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension NumberSet: Sequence {
    func makeIterator() -> some IteratorProtocol<UInt64> { ranges.lazy.flatMap { $0 }.makeIterator() }
}
