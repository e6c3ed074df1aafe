import MLSCrypto
import RelayWire
import TLSPresentation
import TestSupport
import Testing

@testable import RelayClient

@Suite("ReceiptTracker")
struct ReceiptTrackerTests {
    typealias Event = ReceiptTracker.Event

    let bob = ClientNumber(rawValue: 2)
    let carol = ClientNumber(rawValue: 3)

    private func id(_ entry: UInt64) -> MessageID { MessageID(Array(SHA256.hash(entry.encoded).bytes.prefix(16))) }

    private func number(_ entry: UInt64) -> SequenceNumber { SequenceNumber(rawValue: entry) }

    /// A tracker with messages, of a group that Bob and Carol joined at the entry 5.
    private func tracker(_ messages: [UInt64]) -> ReceiptTracker {
        var tracker = ReceiptTracker()
        #expect(tracker.join(bob, at: number(5)) == [])
        #expect(tracker.join(carol, at: number(5)) == [])
        for message in messages { #expect(tracker.add(id(message), at: number(message)) == []) }
        return tracker
    }

    /// What is told of receipts: of clients how far each is, and of all.
    private func receive(
        _ positions: [(ClientNumber, UInt64, UInt64)], all: (UInt64, UInt64) = (0, 0), _ tracker: inout ReceiptTracker
    ) throws -> [Event] {
        // As it is stored and read again, each time.
        let stored = tracker.encoded
        tracker = try ReceiptTracker(decoding: stored)
        #expect(tracker.encoded == stored)
        return tracker.receive(
            Receipts(
                log: LogNumber(rawValue: 1),
                positions: positions.map {
                    MemberPosition(client: $0, delivered: number($1), acknowledged: number($2))
                }, deliveredByAll: number(all.0), acknowledgedByAll: number(all.1)))
    }

    @Test("S4-6: delivered and acknowledged are told once, of each member and of all")
    func once() throws {
        var tracker = tracker([10])
        #expect(try receive([(bob, 9, 9)], all: (9, 9), &tracker) == [])
        #expect(try receive([(bob, 10, 9)], all: (9, 9), &tracker) == [.delivered(id(10), to: bob)])
        #expect(try receive([(bob, 10, 9)], all: (9, 9), &tracker) == [])
        #expect(
            try receive([(carol, 10, 10)], all: (10, 9), &tracker)
                == [.delivered(id(10), to: carol), .acknowledged(id(10), by: carol), .delivered(id(10), to: nil)])
        #expect(
            try receive([(bob, 12, 12)], all: (12, 12), &tracker)
                == [.acknowledged(id(10), by: bob), .acknowledged(id(10), by: nil)])
        #expect(tracker.messages.isEmpty)
        #expect(try receive([(bob, 12, 12), (carol, 12, 12)], all: (12, 12), &tracker) == [])
    }

    @Test("of several messages the last is told")
    func several() throws {
        var tracker = tracker([10, 12, 14])
        #expect(
            try receive([(bob, 13, 11)], &tracker) == [.delivered(id(12), to: bob), .acknowledged(id(10), by: bob)])
        #expect(
            try receive([(bob, 20, 20)], all: (13, 11), &tracker)
                == [
                    .delivered(id(14), to: bob), .acknowledged(id(14), by: bob), .delivered(id(12), to: nil),
                    .acknowledged(id(10), by: nil),
                ])
        #expect(tracker.messages.map(\.id) == [id(12), id(14)])
    }

    @Test("what was told is not taken back, and positions that go back tell nothing again")
    func back() throws {
        var tracker = tracker([10, 12])
        #expect(try receive([(bob, 11, 11)], all: (11, 0), &tracker).count == 3)
        #expect(try receive([(bob, 0, 0)], all: (0, 0), &tracker) == [])
        #expect(try receive([(bob, 11, 11)], all: (11, 0), &tracker) == [])
        #expect(try receive([(bob, 12, 11)], all: (11, 0), &tracker) == [.delivered(id(12), to: bob)])
    }

    @Test("receipts that come before the place of a message is known are told with it")
    func early() throws {
        var tracker = tracker([])
        #expect(try receive([(bob, 10, 10), (carol, 10, 0)], all: (10, 0), &tracker) == [])
        #expect(
            tracker.add(id(10), at: number(10))
                == [
                    .delivered(id(10), to: bob), .acknowledged(id(10), by: bob), .delivered(id(10), to: carol),
                    .delivered(id(10), to: nil),
                ])
        #expect(tracker.add(id(10), at: number(10)) == [])
        // One that comes late, before another that was told already.
        #expect(tracker.add(id(9), at: number(9)) == [])
        #expect(tracker.messages.map(\.id) == [id(9), id(10)])
        #expect(
            try receive([(carol, 10, 9)], all: (10, 9), &tracker)
                == [.acknowledged(id(9), by: carol), .acknowledged(id(9), by: nil)])
    }

    @Test("a message that all have when its place is learned is told, and not kept")
    func finished() throws {
        var tracker = tracker([])
        #expect(try receive([], all: (10, 10), &tracker) == [])
        #expect(tracker.add(id(10), at: number(10)) == [.delivered(id(10), to: nil), .acknowledged(id(10), by: nil)])
        #expect(tracker.messages.isEmpty)
    }

    @Test("nothing is told of a member about what was said before it joined, whatever comes first")
    func joining() throws {
        let dave = ClientNumber(rawValue: 4)
        var tracker = tracker([10, 20])
        #expect(try receive([(dave, 21, 21)], &tracker) == [])
        #expect(tracker.join(dave, at: number(15)) == [.delivered(id(20), to: dave), .acknowledged(id(20), by: dave)])
        #expect(tracker.join(dave, at: number(15)) == [])
        // Joined again: what was told is not told again, and what was sent meanwhile did not reach it.
        #expect(tracker.join(dave, at: number(18)) == [])
        let erin = ClientNumber(rawValue: 5)
        #expect(tracker.join(erin, at: number(25)) == [])
        #expect(try receive([(erin, 30, 30)], &tracker) == [])
        #expect(tracker.add(id(24), at: number(24)) == [])
        #expect(tracker.add(id(26), at: number(26)) == [.delivered(id(26), to: erin), .acknowledged(id(26), by: erin)])
    }

    @Test("a member that left and comes again is told of what is said since")
    func leaving() throws {
        var tracker = tracker([10])
        tracker.leave(bob)
        #expect(try receive([(bob, 10, 10)], &tracker) == [])
        tracker.leave(bob)
        #expect(tracker.join(bob, at: number(12)) == [])
        #expect(tracker.add(id(14), at: number(14)) == [])
        #expect(try receive([(bob, 14, 13)], &tracker) == [.delivered(id(14), to: bob)])
    }

    @Test("the record stays small, and the newest messages are kept")
    func bounded() throws {
        var tracker = ReceiptTracker()
        for message in UInt64(1)...2000 { _ = tracker.add(id(message), at: number(message)) }
        #expect(tracker.messages.count == 1024)
        #expect(tracker.messages.last?.id == id(2000))
        let clients = (UInt64(1)...3000).map { ClientNumber(rawValue: $0) }
        _ = try receive(clients.map { ($0, 1, 1) }, &tracker)
        for client in clients { #expect(tracker.join(client, at: number(1)) == []) }
        #expect(tracker.encoded.count < 1024 * (24 + 33) + 100)
        #expect(try ReceiptTracker(decoding: tracker.encoded) == tracker)
    }

    @Test("every truncated prefix of the record is refused, and so is what is not in order")
    func record() throws {
        var tracker = tracker([10, 12])
        _ = try receive([(bob, 11, 3), (ClientNumber(rawValue: 9), 1, 1)], all: (4, 4), &tracker)
        let bytes = tracker.encoded
        for count in bytes.indices {
            #expect(throws: DecodingError.self) { try ReceiptTracker(decoding: Array(bytes[..<count])) }
        }
        let messages = [SentMessage(entry: number(2), id: id(2)), SentMessage(entry: number(1), id: id(1))]
        let members = [TrackedMember(client: carol), TrackedMember(client: bob)]
        for (messages, members) in [(messages, []), ([], members), ([], [members[0], members[0]])] {
            var writer = Writer()
            writer.vector(messages)
            writer.vector(members)
            Positions().encode(into: &writer)
            let bytes = writer.bytes
            #expect(throws: DecodingError.self) { try ReceiptTracker(decoding: bytes) }
        }
    }

    @Test("over random runs each message is told at most once of everybody, in order, and in the end of all")
    func randomRuns() throws {
        for seed in UInt64(1)...20 {
            var generator = SeededGenerator(seed: seed)
            var tracker = tracker([])
            var told: [String: [SequenceNumber]] = [:]
            var entries: [MessageID: SequenceNumber] = [:]
            func note(_ events: [Event]) {
                for event in events {
                    guard let entry = entries[event.id] else {
                        Issue.record("an unknown message was told of")
                        continue
                    }
                    switch event {
                    case .delivered(_, let client):
                        told["delivered \(client?.description ?? "all")", default: []].append(entry)
                    case .acknowledged(_, let client):
                        told["acknowledged \(client?.description ?? "all")", default: []].append(entry)
                    }
                }
            }
            var last: UInt64 = 5
            for _ in 0..<100 {
                last += UInt64.random(in: 1...3, using: &generator)
                entries[id(last)] = number(last)
                note(tracker.add(id(last), at: number(last)))
                let positions = [bob, carol].map { client in
                    let delivered = UInt64.random(in: 0...last, using: &generator)
                    return (client, delivered, UInt64.random(in: 0...delivered, using: &generator))
                }
                let all = (positions.map(\.1).min() ?? 0, positions.map(\.2).min() ?? 0)
                note(try receive(positions, all: all, &tracker))
            }
            note(try receive([(bob, last, last), (carol, last, last)], all: (last, last), &tracker))
            #expect(told.count == 6, "seed \(seed)")
            for entries in told.values {
                #expect(zip(entries, entries.dropFirst()).allSatisfy { $0 < $1 }, "seed \(seed)")
                #expect(entries.last == number(last), "seed \(seed)")
            }
        }
    }
}
