public import MLSCrypto
public import TLSPresentation

/// Creates a group at the relay, with its log. PROTOCOL.md section 7.1.
/// ```
/// struct { opaque group_id<V>; uint64 epoch; opaque name<V>; opaque alias<V>; GroupPolicy policy;
///          MessageToPublish messages<V>; } CreateGroup;
/// ```
public struct CreateGroup: FrameBody {
    public static let type = FrameType.createGroup
    /// 1 to 255 bytes.
    public var groupID: [UInt8]
    /// The epoch that the group is in, before the messages: 0 unless it lived elsewhere before.
    public var epoch: Epoch
    /// What people call the group; UTF-8, perhaps empty.
    public var name: [UInt8]
    /// A short name to find it by; UTF-8, perhaps empty.
    public var alias: [UInt8]
    public var policy: GroupPolicy
    /// The first commit with its GroupInfo and Welcomes; empty for an untracked group.
    public var messages: [[UInt8]]
    public init(
        groupID: [UInt8], epoch: Epoch, name: [UInt8] = [], alias: [UInt8] = [], policy: GroupPolicy = .untracked,
        messages: [[UInt8]] = []
    ) {
        self.groupID = groupID
        self.epoch = epoch
        self.name = name
        self.alias = alias
        self.policy = policy
        self.messages = messages
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        groupID = try reader.opaque()
        epoch = try Epoch(from: &reader)
        name = try reader.opaque(atMost: WireLimits.maxGroupNameByteCount, "CreateGroup.name")
        alias = try reader.opaque(atMost: WireLimits.maxGroupNameByteCount, "CreateGroup.alias")
        policy = try GroupPolicy(from: &reader)
        messages = try reader.opaqueVector()
    }
    public func encode(into writer: inout Writer) {
        writer.opaque(groupID)
        epoch.encode(into: &writer)
        writer.opaque(name)
        writer.opaque(alias)
        policy.encode(into: &writer)
        writer.opaqueVector(messages)
    }
}

/// The answer to CreateGroup. PROTOCOL.md section 7.1.
/// ```
/// struct { uint64 log; Receipt receipts<V>; } GroupCreated;
/// ```
public struct GroupCreated: FrameBody {
    public static let type = FrameType.groupCreated
    public var log: LogNumber
    /// Of the messages, as in Published.
    public var receipts: [Receipt]
    public init(log: LogNumber, receipts: [Receipt] = []) {
        self.log = log
        self.receipts = receipts
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        log = try LogNumber(from: &reader)
        receipts = try reader.vector()
    }
    public func encode(into writer: inout Writer) {
        log.encode(into: &writer)
        writer.vector(receipts)
    }
}

/// Publishes MLSMessages, all or none of them. PROTOCOL.md section 7.2.
/// ```
/// struct { opaque mls_message<V>; } MessageToPublish;
/// struct { MessageToPublish messages<V>; } Publish;
/// ```
public struct Publish: FrameBody {
    public static let type = FrameType.publish
    /// An encoded MLSMessage each.
    public var messages: [[UInt8]]
    public init(messages: [[UInt8]]) { self.messages = messages }
    public init(from reader: inout Reader) throws(DecodingError) { messages = try reader.opaqueVector() }
    public func encode(into writer: inout Writer) { writer.opaqueVector(messages) }
}

/// Where a published message stands. PROTOCOL.md section 7.2.
/// ```
/// struct { uint32 message; uint64 log; uint64 seq; uint64 time; opaque chain[32]; } Receipt;
/// ```
public struct Receipt: TLSCodable, Hashable, Sendable {
    /// The index of the message in its Publish.
    public var message: UInt32
    public var log: LogNumber
    public var sequenceNumber: SequenceNumber
    public var time: Timestamp
    /// The log's chain hash at this entry.
    public var chain: SHA256Digest

    /// Bytes of every receipt.
    public static let byteCount = 4 + 3 * 8 + 32

    public init(message: UInt32, log: LogNumber, sequenceNumber: SequenceNumber, time: Timestamp, chain: SHA256Digest) {
        self.message = message
        self.log = log
        self.sequenceNumber = sequenceNumber
        self.time = time
        self.chain = chain
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        message = try reader.uint32()
        log = try LogNumber(from: &reader)
        sequenceNumber = try SequenceNumber(from: &reader)
        time = try Timestamp(from: &reader)
        chain = try SHA256Digest(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        writer.integer(message)
        log.encode(into: &writer)
        sequenceNumber.encode(into: &writer)
        time.encode(into: &writer)
        chain.encode(into: &writer)
    }
}

/// The answer to Publish: everything in it is durable. PROTOCOL.md section 7.2.
/// ```
/// struct { Receipt receipts<V>; } Published;
/// ```
public struct Published: FrameBody {
    public static let type = FrameType.published
    /// In the order of the messages; none for a GroupInfo, one for each recipient of a Welcome.
    public var receipts: [Receipt]
    public init(receipts: [Receipt]) { self.receipts = receipts }
    public init(from reader: inout Reader) throws(DecodingError) { receipts = try reader.vector() }
    public func encode(into writer: inout Writer) { writer.vector(receipts) }
}

extension Published {
    /// Appends the whole frame, length included, as `writeFrame(_:into:)` does, in one pass: the relay's most frequent answer.
    public static func writeFrame(_ requestID: RequestID, receipts: [Receipt], into writer: inout Writer) {
        let contentByteCount = receipts.count * Receipt.byteCount
        let bodyByteCount = FrameHeader.byteCount + Writer.varintByteCount(contentByteCount) + contentByteCount
        writer.varint(bodyByteCount)
        writer.integer(type.rawValue)
        requestID.encode(into: &writer)
        writer.varint(contentByteCount)
        for receipt in receipts { receipt.encode(into: &writer) }
    }
}

extension Reader {
    /// The content of an `opaque x<V>` of at most `maxByteCount` bytes, copied; a longer one is refused before it is.
    @_lifetime(self: copy self)
    mutating func opaque(atMost maxByteCount: Int, _ name: StaticStringName) throws(DecodingError) -> [UInt8] {
        let content = try opaqueSpan()
        guard content.byteCount <= maxByteCount else {
            throw error(.invalidLength(type: name, byteCount: content.byteCount))
        }
        return [UInt8](content)
    }

    /// The elements of a vector of `opaque x<V>`.
    @_lifetime(self: copy self)
    mutating func opaqueVector() throws(DecodingError) -> [[UInt8]] {
        var content = try vectorReader()
        var elements: [[UInt8]] = []
        while !content.isAtEnd { elements.append(try content.opaque()) }
        return elements
    }
}

extension Writer {
    mutating func opaqueVector(_ elements: [[UInt8]]) {
        vector { writer in for element in elements { writer.opaque(element) } }
    }
}
