import MLSCrypto
import RelayWire
import TLSPresentation
import Testing

@testable import mlsrelay_load

/// A log as a relay could deliver it, rightly or wrongly.
private final class Delivery {
    let group: GroupFeed
    private var cursor: LogCursor
    private let counts: UnsafeMutablePointer<DeliveryCounts>

    /// - Parameter sent: how many messages each publisher has sent.
    init(sent: [Int]) {
        group = GroupFeed(publisherCount: sent.count, ciphertextByteCount: 64)
        group.log = LogNumber(rawValue: 7)
        for (index, count) in sent.enumerated() {
            group.state.pointee.publishers[index].client = UInt64(100 + index)
            group.state.pointee.note(sending: count, by: index, at: 1)
        }
        cursor = LogCursor(group.state)
        counts = .allocate(capacity: 1)
        counts.initialize(to: DeliveryCounts())
    }

    deinit {
        cursor.deallocate()
        counts.deallocate()
    }

    func entry(_ number: UInt64, publisher: UInt32 = 0, counter: UInt64) -> Entry {
        Entry(
            header: EntryHeader(
                log: group.log, sequenceNumber: SequenceNumber(rawValue: number),
                time: Timestamp(rawValue: 1000 + number),
                sender: ClientNumber(rawValue: 100 + UInt64(publisher)), kind: .message),
            chain: SHA256.hash([UInt8(truncatingIfNeeded: number)]),
            payload: group.template.message(publisher: publisher, counter: counter))
    }

    /// Delivers the entries with these numbers, whose messages are right.
    func deliver(_ numbers: UInt64...) { for number in numbers { deliver(entry(number, counter: number - 1)) } }

    @discardableResult
    func deliver(_ entry: Entry) -> Bool {
        var writer = Writer()
        FrameHeader(type: .entry, requestID: .none).write(into: &writer)
        entry.encode(into: &writer)
        return writer.bytes.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return false }
            return cursor.take(base, byteCount: bytes.count, counts) != nil
        }
    }

    /// What was counted, at the end of the log.
    func end(at last: UInt64) -> DeliveryCounts {
        cursor.end(at: last, counts)
        return counts.pointee
    }
}

extension FrameHeader {
    fileprivate func write(into writer: inout Writer) {
        writer.integer(type)
        requestID.encode(into: &writer)
    }
}

@Suite("What a subscriber counts")
struct LogCursorTests {
    @Test("everything in order is nothing but delivered")
    func inOrder() {
        let delivery = Delivery(sent: [3])
        delivery.deliver(1, 2, 3)
        #expect(delivery.end(at: 3) == DeliveryCounts(delivered: 3))
    }

    @Test("an entry that is left out is lost, wherever it is", arguments: [[1, 2, 4], [2, 3, 4], [1, 2, 3]])
    func missing(numbers: [UInt64]) {
        let delivery = Delivery(sent: [4])
        for number in numbers { delivery.deliver(number) }
        #expect(delivery.end(at: 4) == DeliveryCounts(delivered: 3, lost: 1))
    }

    @Test("an entry that comes twice is duplicated")
    func repeated() {
        let delivery = Delivery(sent: [3])
        delivery.deliver(1, 2, 2, 1, 3)
        #expect(delivery.end(at: 3) == DeliveryCounts(delivered: 5, duplicated: 2))
    }

    @Test("an entry that comes after a later one is out of order, and not lost")
    func late() {
        let delivery = Delivery(sent: [5])
        delivery.deliver(1, 4, 2, 3, 5)
        #expect(delivery.end(at: 5) == DeliveryCounts(delivered: 5, outOfOrder: 2))
    }

    @Test("a late entry that comes again is duplicated")
    func lateAndRepeated() {
        let delivery = Delivery(sent: [3])
        delivery.deliver(1, 3, 2, 2)
        #expect(delivery.end(at: 3) == DeliveryCounts(delivered: 4, duplicated: 1, outOfOrder: 1))
    }

    @Test("each changed byte of a message is corruption, and the log goes on")
    func changedPayload() {
        let template = Delivery(sent: [1]).group.template
        for index in template.bytes.indices {
            let delivery = Delivery(sent: [3])
            delivery.deliver(1)
            var wrong = delivery.entry(2, counter: 1)
            // A message that is another's is one that was never sent here.
            wrong.payload[index] ^= 0x80
            #expect(!delivery.deliver(wrong), "byte \(index)")
            delivery.deliver(3)
            #expect(delivery.end(at: 3) == DeliveryCounts(delivered: 3, corrupted: 1), "byte \(index)")
        }
    }

    @Test("a message that is cut, too long, of another kind or by another sender is corrupted")
    func changedHeader() {
        let changes: [(inout Entry) -> Void] = [
            { $0.payload.removeLast() }, { $0.payload.append(0) }, { $0.payload = [] }, { $0.header.kind = .identity },
            { $0.header.sender = ClientNumber(rawValue: 99) }, { $0.header.time = Timestamp(rawValue: 1) },
            { $0.header.sequenceNumber = SequenceNumber(rawValue: 1000) },
            { $0.header.sequenceNumber = SequenceNumber(rawValue: 0) },
        ]
        for change in changes {
            let delivery = Delivery(sent: [2])
            delivery.deliver(1)
            var wrong = delivery.entry(2, counter: 1)
            change(&wrong)
            delivery.deliver(wrong)
            #expect(delivery.end(at: 1).corrupted == 1)
        }
    }

    @Test("an entry of which others were told another chain or time is corrupted")
    func disagreement() {
        for change in [{ $0.chain = .zero }, { $0.header.time = Timestamp(rawValue: 5000) }] as [(inout Entry) -> Void]
        {
            let delivery = Delivery(sent: [2])
            var wrong = delivery.entry(1, counter: 0)
            #expect(delivery.group.state.pointee.agrees(digest(of: wrong), at: 1))
            change(&wrong)
            delivery.deliver(wrong)
            #expect(delivery.end(at: 1) == DeliveryCounts(delivered: 1, corrupted: 1))
        }
    }

    private func digest(of entry: Entry) -> UInt64 {
        EntryLayout.digest(time: entry.header.time.rawValue, chain: entry.chain.words.0)
    }

    @Test("a message that the relay itself has lost, repeated or exchanged is seen by its counter")
    func wrongLog() {
        let lost = Delivery(sent: [3])
        lost.deliver(lost.entry(1, counter: 0))
        lost.deliver(lost.entry(2, counter: 2))
        #expect(lost.end(at: 2) == DeliveryCounts(delivered: 2, lost: 1))

        let repeated = Delivery(sent: [3])
        repeated.deliver(repeated.entry(1, counter: 0))
        repeated.deliver(repeated.entry(2, counter: 0))
        repeated.deliver(repeated.entry(3, counter: 1))
        #expect(repeated.end(at: 3) == DeliveryCounts(delivered: 3, duplicated: 1))

        let exchanged = Delivery(sent: [3])
        for (number, counter) in [(1, 0), (2, 2), (3, 1)] as [(UInt64, UInt64)] {
            exchanged.deliver(exchanged.entry(number, counter: counter))
        }
        #expect(exchanged.end(at: 3) == DeliveryCounts(delivered: 3, outOfOrder: 1))
    }

    @Test("publishers of one group each have their own order")
    func publishers() {
        let delivery = Delivery(sent: [2, 2])
        for (number, publisher, counter) in [(1, 1, 0), (2, 0, 0), (3, 0, 1), (4, 1, 1)] as [(UInt64, UInt32, UInt64)] {
            #expect(delivery.deliver(delivery.entry(number, publisher: publisher, counter: counter)))
        }
        #expect(delivery.end(at: 4) == DeliveryCounts(delivered: 4))
    }
}
