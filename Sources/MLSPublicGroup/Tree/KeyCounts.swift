import HashTreeCollections
import TLSPresentation

/// How often each key stands in a tree, to see at once whether one does so twice. A value whose copies share what they
/// have in common.
///
/// Invariant: no count is 0, and `duplicateCount` is how many are above 1.
struct KeyCounts: Equatable, Sendable {
    /// A key's name in the table: 16 bytes for keys of all sizes. It comes from the standard library's hash function,
    /// which each process begins with another secret: nobody can look for two keys of the same name.
    private struct Name: Hashable, Sendable {
        let high: Int
        let low: Int

        init(_ key: RawSpan) {
            (high, low) = unsafe key.withUnsafeBytes { unsafe (Self.hash($0, 0), Self.hash($0, 1)) }
        }

        private static func hash(_ key: UnsafeRawBufferPointer, _ half: UInt8) -> Int {
            var hasher = Hasher()
            hasher.combine(half)
            unsafe hasher.combine(bytes: key)
            return hasher.finalize()
        }
    }

    private var counts: TreeDictionary<Name, Int> = [:]
    private var duplicateCount = 0

    var areUnique: Bool { duplicateCount == 0 }

    func contains(_ key: RawSpan) -> Bool { counts[Name(key)] != nil }

    /// Removes one key, if there is one, and inserts another.
    mutating func replace(_ key: [UInt8]?, with other: [UInt8]?) {
        if key == other { return }
        if let key { remove(key.rawSpan) }
        if let other { insert(other.rawSpan) }
    }

    mutating func insert(_ key: RawSpan) {
        let name = Name(key)
        let count = counts[name] ?? 0
        counts[name] = count + 1
        if count == 1 { duplicateCount += 1 }
    }

    /// - Precondition: the key was inserted more often than it was removed.
    mutating func remove(_ key: RawSpan) {
        let name = Name(key)
        guard let count = counts[name] else { preconditionFailure("a key that was inserted") }
        counts[name] = count > 1 ? count - 1 : nil
        if count == 2 { duplicateCount -= 1 }
    }
}
