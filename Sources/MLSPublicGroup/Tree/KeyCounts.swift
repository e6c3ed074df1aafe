import HashTreeCollections
import MLSCrypto
import TLSPresentation

/// How often each key stands in a tree, to see at once whether one does so twice. A value whose copies share what they
/// have in common.
///
/// Invariant: no count is 0, and `duplicateCount` is how many are above 1.
struct KeyCounts: Equatable, Sendable {
    /// A key's name in the table: the first half of its SHA-256, so that keys of all sizes take 16 bytes. Two keys of the
    /// same name would cost 2^64 hashes to find.
    private struct Name: Hashable, Sendable {
        let high: UInt64
        let low: UInt64

        init(_ key: RawSpan) {
            var hash = SHA256()
            let words = hash.hash(key).words
            (high, low) = (words.0, words.1)
        }
    }

    private var counts: TreeDictionary<Name, Int> = [:]
    private var duplicateCount = 0

    var areUnique: Bool { duplicateCount == 0 }

    func contains(_ key: RawSpan) -> Bool { counts[Name(key)] != nil }

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
