import Glibc
import RelayWire

/// What was counted of deliveries.
struct DeliveryCounts: Equatable {
    var delivered: UInt64 = 0
    /// Missing: a later one came, or the log ended without it.
    var lost: UInt64 = 0
    /// Delivered again, or stored twice.
    var duplicated: UInt64 = 0
    /// Came after a later one.
    var outOfOrder: UInt64 = 0
    /// Not the bytes that were published, or not what others were told.
    var corrupted: UInt64 = 0

    var areFaultless: Bool { lost == 0 && duplicated == 0 && outOfOrder == 0 && corrupted == 0 }
}

/// A subscriber's place in a group's log: which entry comes next, byte for byte.
///
/// Sequence numbers must be dense, and so must be the counters of each publisher. An entry is counted once: by its
/// sequence number, and by its counter only while no sequence number was amiss.
struct LogCursor {
    let group: UnsafeMutablePointer<GroupState>
    /// The sequence number of the entry that comes next.
    private(set) var next: UInt64 = 1
    /// The counter that comes next of each publisher.
    private let counters: UnsafeMutablePointer<UInt64>
    private var time: UInt64 = 0
    /// What is missing; made when something is.
    private var faults: Faults?

    private final class Faults {
        var sequenceNumbers: Set<UInt64> = []
        var messages: Set<Message> = []
        /// A sequence number was amiss: counters then say nothing that is not counted already.
        var hasLostCount = false

        struct Message: Hashable {
            let publisher: Int
            let counter: UInt64
        }
    }

    init(_ group: UnsafeMutablePointer<GroupState>) {
        self.group = group
        counters = .allocate(capacity: group.pointee.publisherCount)
        counters.initialize(repeating: 0, count: group.pointee.publisherCount)
    }

    func deallocate() { counters.deallocate() }

    /// Compares the body of an Entry frame of this log with what comes next.
    /// - Returns: the message, where it is one that was sent; nil where it is not, or was delivered before.
    @inline(__always)
    mutating func take(
        _ body: UnsafeRawPointer, byteCount: Int, _ counts: UnsafeMutablePointer<DeliveryCounts>
    ) -> (publisher: UnsafeMutablePointer<PublisherState>, counter: UInt64)? {
        counts.pointee.delivered += 1
        let sequenceNumber = byteCount > EntryLayout.payload ? load64(body, EntryLayout.sequenceNumber) : 0
        guard sequenceNumber == next, let stamp = stamp(of: body, byteCount),
            stamp.counter == counters[stamp.publisher],
            isSaidToAll(body, sequenceNumber)
        else { return judge(body, byteCount: byteCount, sequenceNumber, counts) }
        next += 1
        counters[stamp.publisher] += 1
        return (group.pointee.publishers.advanced(by: stamp.publisher), stamp.counter)
    }

    /// Whose message it is, if it is byte for byte one that was sent, from who sent it.
    @inline(__always)
    private func stamp(of body: UnsafeRawPointer, _ byteCount: Int) -> (publisher: Int, counter: UInt64)? {
        let group = group
        let stampStart = group.pointee.stampStart
        let head = stampStart - EntryLayout.payload
        let rest = head + MessageTemplate.stampByteCount
        guard byteCount == group.pointee.bodyByteCount, load32(body, EntryLayout.requestID) == 0,
            body.load(fromByteOffset: EntryLayout.kind, as: UInt8.self) == EntryKind.message.rawValue,
            memcmp(body + EntryLayout.payload, group.pointee.tail, head) == 0,
            memcmp(
                body + EntryLayout.payload + rest, group.pointee.tail + rest, byteCount - EntryLayout.payload - rest)
                == 0
        else { return nil }
        let publisher = Int(load32(body, stampStart))
        let counter = load64(body, stampStart + 4)
        guard publisher < group.pointee.publisherCount, counter < group.pointee.publishers[publisher].sentCount,
            load64(body, EntryLayout.sender) == group.pointee.publishers[publisher].client
        else { return nil }
        return (publisher, counter)
    }

    /// Whether the relay says the same of this entry to everybody, and time does not go back.
    @inline(__always)
    private mutating func isSaidToAll(_ body: UnsafeRawPointer, _ sequenceNumber: UInt64) -> Bool {
        let time = load64(body, EntryLayout.time)
        guard sequenceNumber > 0, sequenceNumber <= group.pointee.sentCount, time >= self.time else { return false }
        self.time = time
        return group.pointee.agrees(
            EntryLayout.digest(time: time, chain: load64(body, EntryLayout.chain)), at: sequenceNumber)
    }

    /// Says what is wrong with an entry, and goes on behind it.
    private mutating func judge(
        _ body: UnsafeRawPointer, byteCount: Int, _ sequenceNumber: UInt64,
        _ counts: UnsafeMutablePointer<DeliveryCounts>
    ) -> (publisher: UnsafeMutablePointer<PublisherState>, counter: UInt64)? {
        let faults = self.faults ?? Faults()
        self.faults = faults
        let isInPlace = sequenceNumber == next
        // A number that nobody can have got says nothing about the others.
        guard sequenceNumber > 0, sequenceNumber <= group.pointee.sentCount else {
            counts.pointee.corrupted += 1
            return nil
        }
        if sequenceNumber > next {
            faults.sequenceNumbers.formUnion(next..<sequenceNumber)
            counts.pointee.lost += sequenceNumber - next
        } else if sequenceNumber < next {
            guard faults.sequenceNumbers.remove(sequenceNumber) != nil else {
                counts.pointee.duplicated += 1
                return nil
            }
            counts.pointee.lost -= 1
            counts.pointee.outOfOrder += 1
        }
        if !isInPlace { faults.hasLostCount = true }
        let isLate = sequenceNumber < next
        next = max(next, sequenceNumber + 1)
        if isLate { time = 0 }
        guard let stamp = stamp(of: body, byteCount), isSaidToAll(body, sequenceNumber) else {
            counts.pointee.corrupted += 1
            faults.hasLostCount = true
            return nil
        }
        let isNew = faults.hasLostCount || judge(stamp, faults, counts)
        counters[stamp.publisher] = max(counters[stamp.publisher], stamp.counter + 1)
        return isNew ? (group.pointee.publishers.advanced(by: stamp.publisher), stamp.counter) : nil
    }

    /// The sequence number is right: the relay has lost, repeated or exchanged messages before it numbered them.
    /// - Returns: whether the message was not delivered before.
    private func judge(
        _ stamp: (publisher: Int, counter: UInt64), _ faults: Faults, _ counts: UnsafeMutablePointer<DeliveryCounts>
    ) -> Bool {
        let expected = counters[stamp.publisher]
        if stamp.counter >= expected {
            for counter in expected..<stamp.counter {
                faults.messages.insert(Faults.Message(publisher: stamp.publisher, counter: counter))
            }
            counts.pointee.lost += stamp.counter - expected
            return true
        }
        let message = Faults.Message(publisher: stamp.publisher, counter: stamp.counter)
        guard faults.messages.remove(message) != nil else {
            counts.pointee.duplicated += 1
            return false
        }
        counts.pointee.lost -= 1
        counts.pointee.outOfOrder += 1
        return true
    }

    /// The log ends at `last`: what was not delivered until now is lost.
    func end(at last: UInt64, _ counts: UnsafeMutablePointer<DeliveryCounts>) {
        if next <= last { counts.pointee.lost += last - next + 1 }
    }
}
