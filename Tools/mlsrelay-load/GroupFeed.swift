import Glibc
import MLSCrypto
import RelayWire
import TLSPresentation

/// One group under load: what the relay must deliver of it, to whom, and when it was sent.
///
/// What is looked at for every delivery is in `state`, plain memory that no reference counts and no exclusivity checks
/// stand before.
final class GroupFeed {
    let id: [UInt8]
    let template: MessageTemplate
    let state: UnsafeMutablePointer<GroupState>

    init(publisherCount: Int = 1, ciphertextByteCount: Int) {
        id = randomBytes(16)
        template = MessageTemplate(groupID: id, ciphertextByteCount: ciphertextByteCount)
        state = .allocate(capacity: 1)
        state.initialize(to: GroupState(template, publisherCount: publisherCount))
    }

    deinit {
        state.pointee.deallocate()
        state.deinitialize(count: 1)
        state.deallocate()
    }

    var name: LogName { .group(id) }

    /// Its log, once the relay has told.
    var log: LogNumber {
        get { LogNumber(rawValue: state.pointee.log) }
        set { state.pointee.log = newValue.rawValue }
    }

    /// Messages that its publishers have sent.
    var sentCount: UInt64 { state.pointee.sentCount }
    /// How many connections follow it.
    var subscriberCount: Int {
        get { Int(state.pointee.subscriberCount) }
        set { state.pointee.subscriberCount = UInt32(newValue) }
    }
}

/// A message that was sent.
struct SentMessage {
    /// When it was sent, or was to be, in nanoseconds.
    var time: UInt64 = 0
    /// To how many subscribers it was delivered.
    var deliveryCount: UInt32 = 0
}

/// What one publisher of a group has sent.
struct PublisherState {
    /// The publisher's client number, which entries have as their sender.
    var client: UInt64 = 0
    var sentCount: UInt64 = 0
    /// Messages that all subscribers have; without gaps, because each subscriber gets them in order.
    var completedCount: UInt64 = 0
    /// By counter.
    var messages: UnsafeMutablePointer<SentMessage>
    var capacity: Int
    /// Who is to hear of completed messages, and whether that was said already.
    var publisher: Unmanaged<Publisher>?
    var isMarked = false
}

/// The part of a group that every delivery is compared with.
struct GroupState {
    var log: UInt64 = 0
    var subscriberCount: UInt32 = 0
    /// Bytes of the body of every Entry frame of the group.
    let bodyByteCount: Int
    /// Where the stamp begins in such a body.
    let stampStart: Int
    /// What such a body must be from the payload's length on, but for the stamp.
    let tail: UnsafeMutablePointer<UInt8>
    let publisherCount: Int
    let publishers: UnsafeMutablePointer<PublisherState>
    var sentCount: UInt64 = 0
    /// Messages that the relay has stored: the last sequence number of the log, where nothing is unanswered.
    var acknowledgedCount: UInt64 = 0
    /// By sequence number less 1: a digest of time and chain as they were first seen, 0 before that. The relay must say
    /// the same to everybody.
    var digests: UnsafeMutablePointer<UInt64>
    var digestCapacity: Int

    private static let firstCapacity = 256

    init(_ template: MessageTemplate, publisherCount: Int) {
        var writer = Writer()
        writer.opaque(template.bytes)
        let payload = writer.bytes
        bodyByteCount = EntryLayout.payload + payload.count
        stampStart = EntryLayout.payload + payload.count - template.bytes.count + template.stampOffset
        tail = .allocate(capacity: payload.count)
        tail.initialize(from: payload, count: payload.count)
        self.publisherCount = publisherCount
        publishers = .allocate(capacity: publisherCount)
        for index in 0..<publisherCount {
            publishers.advanced(by: index).initialize(
                to: PublisherState(messages: Self.zeroed(Self.firstCapacity), capacity: Self.firstCapacity))
        }
        digests = Self.zeroed(Self.firstCapacity)
        digestCapacity = Self.firstCapacity
    }

    mutating func deallocate() {
        for index in 0..<publisherCount { free(publishers[index].messages) }
        publishers.deallocate()
        tail.deallocate()
        free(digests)
    }

    /// Notes that the publisher `index` sends `count` further messages at `time`.
    mutating func note(sending count: Int, by index: Int, at time: UInt64) {
        let first = Int(publishers[index].sentCount)
        publishers[index].capacity = Self.grow(
            &publishers[index].messages, from: publishers[index].capacity, to: first + count)
        for counter in first..<first + count { publishers[index].messages[counter].time = time }
        publishers[index].sentCount += UInt64(count)
        sentCount += UInt64(count)
        digestCapacity = Self.grow(&digests, from: digestCapacity, to: Int(sentCount))
    }

    /// Whether time and chain of an entry are those that were said before, to whomever.
    @inline(__always)
    func agrees(_ digest: UInt64, at sequenceNumber: UInt64) -> Bool {
        let known = digests[Int(sequenceNumber) - 1]
        if known == 0 {
            digests[Int(sequenceNumber) - 1] = digest
            return true
        }
        return known == digest
    }

    private static func zeroed<Element: BitwiseCopyable>(_ count: Int) -> UnsafeMutablePointer<Element> {
        guard let memory = calloc(count, MemoryLayout<Element>.stride) else { preconditionFailure("out of memory") }
        return memory.bindMemory(to: Element.self, capacity: count)
    }

    /// Large blocks are moved by the kernel, not copied.
    private static func grow<Element: BitwiseCopyable>(
        _ elements: inout UnsafeMutablePointer<Element>, from capacity: Int, to count: Int
    ) -> Int {
        guard count > capacity else { return capacity }
        let newCapacity = max(count, capacity * 2)
        let stride = MemoryLayout<Element>.stride
        guard let memory = realloc(elements, newCapacity * stride) else { preconditionFailure("out of memory") }
        memset(memory + capacity * stride, 0, (newCapacity - capacity) * stride)
        elements = memory.bindMemory(to: Element.self, capacity: newCapacity)
        return newCapacity
    }
}

/// Where the fields stand in the body of an Entry frame. PROTOCOL.md section 6.
enum EntryLayout {
    static let requestID = 1
    static let log = FrameHeader.byteCount
    static let sequenceNumber = log + 8
    static let time = log + 16
    static let sender = log + 24
    static let kind = log + 32
    static let chain = log + EntryHeader.byteCount
    /// The payload's length, and then the payload.
    static let payload = chain + SHA256Digest.byteCount

    /// Time and the beginning of the chain in one number that is not 0.
    @inline(__always)
    static func digest(time: UInt64, chain: UInt64) -> UInt64 { (chain ^ (time << 20)) | 1 }
}

/// The big-endian number at `offset` of `bytes`.
@inline(__always)
func load64(_ bytes: UnsafeRawPointer, _ offset: Int) -> UInt64 {
    UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
}

@inline(__always)
func load32(_ bytes: UnsafeRawPointer, _ offset: Int) -> UInt32 {
    UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
}
