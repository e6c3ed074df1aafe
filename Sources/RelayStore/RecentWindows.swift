import MLSCrypto
import RelayWire

/// The `RecentPayloads` of many logs. Those that are used stay; the others go when the room is needed.
///
/// Two halves: a log that is used moves to the first; when that is full, it becomes the second, which is given up.
struct RecentWindows {
    /// An object, so that looking at it does not count the references of what it has.
    private final class Window {
        let log: LogNumber
        var payloads: RecentPayloads
        init(log: LogNumber, payloads: RecentPayloads) {
            self.log = log
            self.payloads = payloads
        }
    }

    private var used: [LogNumber: Window] = [:]
    private var unused: [LogNumber: Window] = [:]
    /// The one that was looked at last, of `used`: a message is looked for and then added.
    private var current: Window?
    /// What `used` takes, in entries.
    private var usedCost = 0

    /// What a window takes beside its entries, in entries.
    private static let windowCost = 4

    /// Whether the window of a log is here; it counts as used then.
    mutating func holds(_ log: LogNumber) -> Bool {
        if current?.log == log { return true }
        if let window = used[log] {
            current = window
            return true
        }
        guard let window = unused.removeValue(forKey: log) else { return false }
        insert(window.payloads, for: log)
        return true
    }

    mutating func insert(_ payloads: RecentPayloads, for log: LogNumber) {
        let window = Window(log: log, payloads: payloads)
        used[log] = window
        current = window
        usedCost += payloads.count + Self.windowCost
    }

    /// Where a payload stands in a log whose window is here.
    mutating func find(_ payloadHash: SHA256Digest, in log: LogNumber) -> SequenceNumber? {
        holds(log) ? current?.payloads[payloadHash] : nil
    }

    /// Adds the next entry of a log, if its window is here; if it is not, reading it later finds the entry.
    mutating func append(_ payloadHash: SHA256Digest, to log: LogNumber, limit: Int) {
        guard holds(log), let current else { return }
        let before = current.payloads.count
        current.payloads.append(payloadHash, limit: limit)
        usedCost += current.payloads.count - before
    }

    /// Keeps the whole within `limit` entries, about.
    mutating func trim(to limit: Int) {
        guard usedCost > limit / 2 else { return }
        unused = used
        used = [:]
        current = nil
        usedCost = 0
    }

    mutating func removeAll() {
        used.removeAll(keepingCapacity: true)
        unused.removeAll()
        current = nil
        usedCost = 0
    }
}
