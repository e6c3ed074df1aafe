import DequeModule
import MLSCrypto
import RelayWire

/// The payloads of a log's last entries, to find one that is published again.
///
/// Invariant: `positions` has the entries `oldest ... oldest + order.count - 1`, in `order`; of two with equal keys
/// the later.
struct RecentPayloads {
    /// The first half of a payload's hash: the caller compares the whole hash with the stored one.
    struct Key: Hashable {
        let first: UInt64
        let second: UInt64
        init(_ hash: SHA256Digest) {
            let words = hash.words
            first = words.0
            second = words.1
        }
    }

    private var positions: [Key: SequenceNumber] = [:]
    private var order: Deque<Key> = []
    private var oldest: SequenceNumber

    /// Nothing yet; the next entry is `first`.
    init(first: SequenceNumber) { oldest = first }

    var count: Int { order.count }

    subscript(_ hash: SHA256Digest) -> SequenceNumber? { positions[Key(hash)] }

    /// Adds the next entry, and forgets the oldest where there are more than `limit`.
    mutating func append(_ hash: SHA256Digest, limit: Int) {
        let key = Key(hash)
        positions[key] = SequenceNumber(rawValue: oldest.rawValue + UInt64(order.count))
        order.append(key)
        guard order.count > limit, let gone = order.popFirst() else { return }
        if positions[gone] == oldest { positions[gone] = nil }
        oldest = oldest.next
    }
}
