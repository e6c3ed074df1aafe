import MLSCrypto
import RelayTestSupport
import RelayWire
import TestSupport
import Testing

@testable import RelayStore

@Suite("RecentPayloads and RecentWindows")
struct RecentPayloadsTests {
    private func hash(_ value: Int) -> SHA256Digest { SHA256.hash([UInt8(value)]) }

    @Test("the last entries are found, those beyond the limit are not, of equal ones the later")
    func window() {
        var window = RecentPayloads(first: SequenceNumber(rawValue: 11))
        for value in [1, 2, 1, 3] { window.append(hash(value), limit: 3) }
        #expect(window.count == 3)
        #expect([1, 2, 3, 4].map { window[hash($0)]?.rawValue } == [13, 12, 14, nil])
        window.append(hash(4), limit: 3)
        window.append(hash(5), limit: 3)
        #expect([1, 2, 3, 4, 5].map { window[hash($0)]?.rawValue } == [nil, nil, 14, 15, 16])
    }

    @Test(
        "it agrees with a slow and obvious model through growth, repetition and forgetting",
        arguments: [0, 1, 2, 15, 16, 17, 100])
    func model(limit: Int) {
        var generator = SeededGenerator(seed: UInt64(limit))
        var window = RecentPayloads(first: SequenceNumber(rawValue: 1000))
        var model: [(number: UInt64, value: Int)] = []
        for number in 1000..<2000 as Range<UInt64> {
            // Few values, so that many repeat; not all, so that many go for good.
            let value = Int.random(in: 0..<max(2, limit), using: &generator)
            window.append(hash(value), limit: limit)
            model.append((number, value))
            if model.count > limit { model.removeFirst() }
            #expect(window.count == model.count)
            let probe = Int.random(in: 0..<max(2, limit) + 1, using: &generator)
            #expect(window[hash(probe)]?.rawValue == model.last { $0.value == probe }?.number)
        }
    }

    @Test("windows in use stay, the others go when the room is needed")
    func windows() {
        var windows = RecentWindows()
        let logs = (1...6).map { LogNumber(rawValue: $0) }
        for log in logs {
            windows.insert(RecentPayloads(first: SequenceNumber(rawValue: 1)), for: log)
            for value in 0..<6 { windows.append(hash(value), to: log, limit: 100) }
            // Room for four windows of six entries; the first log is always in use.
            windows.trim(to: 40)
            let isHeld = windows.holds(logs[0])
            #expect(isHeld)
        }
        #expect(windows.find(hash(5), in: logs[0])?.rawValue == 6)
        let held = logs.map { windows.holds($0) }
        #expect(held[0] && held[5])
        #expect(held.contains(false))
    }
}
