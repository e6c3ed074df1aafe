import MLSCrypto
import RelayWire

/// The payloads of a log's last entries, to find one that is published again.
///
/// A ring of half hashes, 16 bytes each, and an open-addressed table of places in it, 4 bytes each, at most half full: a
/// look-up and an append touch two cache lines and allocate nothing.
///
/// Invariant: the ring has the entries `oldest ... oldest + count - 1`, entry `n` at `n & (ring.count - 1)`; the table has
/// the place of each key in it, of two with equal keys the later.
struct RecentPayloads {
    /// The first half of a payload's hash: the caller compares the whole hash with the stored one.
    private struct Key: Equatable {
        var first: UInt64
        var second: UInt64
        init(_ hash: SHA256Digest) { (first, second) = (hash.words.0, hash.words.1) }
    }

    private var ring: [Key] = []
    /// Places in `ring` and 1; 0 where there is none.
    private var table: [UInt32] = []
    private var oldest: UInt64
    private(set) var count = 0

    /// Whoever publishes chooses the payloads and so, with patience, bits of their hashes: what it cannot know decides
    /// where they go.
    private static let secret = UInt64.random(in: .min ... .max)
    private static let minRingCount = 16

    /// Nothing yet; the next entry is `first`.
    init(first: SequenceNumber) { oldest = first.rawValue }

    /// Where the last entry with this payload stands.
    subscript(_ hash: SHA256Digest) -> SequenceNumber? {
        guard let slot = slot(of: Key(hash)) else { return nil }
        let place = UInt64(table[slot] - 1)
        return SequenceNumber(rawValue: oldest + (place &- oldest) & UInt64(ring.count - 1))
    }

    /// Adds the next entry, and forgets the oldest where there are more than `limit`.
    mutating func append(_ hash: SHA256Digest, limit: Int) {
        guard limit > 0 else {
            oldest += 1
            return
        }
        if count == limit { forgetOldest() }
        if count == ring.count { grow() }
        let place = Int(truncatingIfNeeded: oldest + UInt64(count)) & (ring.count - 1)
        ring[place] = Key(hash)
        count += 1
        enter(place)
    }

    // MARK: The table

    private func home(_ key: Key) -> Int {
        // The high bits of the product depend on all bits of the key.
        let mixed = (key.first ^ Self.secret) &* 0x9e37_79b9_7f4a_7c15
        return Int(truncatingIfNeeded: mixed >> 32) & (table.count - 1)
    }

    /// The table's slot that has the place of `key`.
    private func slot(of key: Key) -> Int? {
        guard !table.isEmpty else { return nil }
        var slot = home(key)
        while table[slot] != 0 {
            if ring[Int(table[slot] - 1)] == key { return slot }
            slot = (slot + 1) & (table.count - 1)
        }
        return nil
    }

    /// Notes the place of the key that stands there, instead of an earlier one's.
    private mutating func enter(_ place: Int) {
        var slot = home(ring[place])
        while table[slot] != 0, ring[Int(table[slot] - 1)] != ring[place] { slot = (slot + 1) & (table.count - 1) }
        table[slot] = UInt32(place + 1)
    }

    private mutating func forgetOldest() {
        let place = Int(truncatingIfNeeded: oldest) & (ring.count - 1)
        oldest += 1
        count -= 1
        // A later entry with the same key has taken the slot over.
        guard let slot = slot(of: ring[place]), table[slot] == UInt32(place + 1) else { return }
        close(slot)
    }

    /// Empties a slot, and moves up those behind it that could not stand nearer to their home.
    private mutating func close(_ emptied: Int) {
        let mask = table.count - 1
        var hole = emptied
        var next = (hole + 1) & mask
        while table[next] != 0 {
            let distance = (next - home(ring[Int(table[next] - 1)])) & mask
            if distance >= (next - hole) & mask {
                table[hole] = table[next]
                hole = next
            }
            next = (next + 1) & mask
        }
        table[hole] = 0
    }

    private mutating func grow() {
        let old = ring
        let capacity = max(Self.minRingCount, ring.count * 2)
        ring = Array(repeating: Key(.zero), count: capacity)
        table = Array(repeating: 0, count: capacity * 2)
        for number in oldest..<oldest + UInt64(count) {
            let place = Int(truncatingIfNeeded: number) & (capacity - 1)
            ring[place] = old[Int(truncatingIfNeeded: number) & (old.count - 1)]
            enter(place)
        }
    }
}
