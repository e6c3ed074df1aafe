import MLSCrypto
import RelayWire

/// The `RecentPayloads` of many logs. Those that are used stay; the others go when the room is needed.
///
/// Two halves: a log that is used moves to the first; when that is full, it becomes the second, which is given up.
struct RecentWindows {
    private var used: [LogNumber: RecentPayloads] = [:]
    private var unused: [LogNumber: RecentPayloads] = [:]
    /// What `used` takes, in entries.
    private var usedCost = 0

    /// What a window takes beside its entries, in entries.
    private static let windowCost = 4

    /// Whether the window of a log is here; it counts as used then.
    mutating func holds(_ log: LogNumber) -> Bool {
        if used[log] != nil { return true }
        guard let window = unused.removeValue(forKey: log) else { return false }
        insert(window, for: log)
        return true
    }

    mutating func insert(_ window: RecentPayloads, for log: LogNumber) {
        used[log] = window
        usedCost += window.count + Self.windowCost
    }

    /// Where a payload stands in a log whose window is here.
    func find(_ payloadHash: SHA256Digest, in log: LogNumber) -> SequenceNumber? { used[log]?[payloadHash] }

    /// Adds the next entry of a log, if its window is here; if it is not, reading it later finds the entry.
    mutating func append(_ payloadHash: SHA256Digest, to log: LogNumber, limit: Int) {
        guard holds(log) else { return }
        let before = used[log]?.count ?? 0
        used[log]?.append(payloadHash, limit: limit)
        usedCost += (used[log]?.count ?? 0) - before
    }

    /// Keeps the whole within `limit` entries, about.
    mutating func trim(to limit: Int) {
        guard usedCost > limit / 2 else { return }
        unused = used
        used = [:]
        usedCost = 0
    }

    mutating func removeAll() {
        used.removeAll(keepingCapacity: true)
        unused.removeAll()
        usedCost = 0
    }
}
