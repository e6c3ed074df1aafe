public import MLSCrypto
public import TLSPresentation

/// Creates the log of a group. PROTOCOL.md section 7.1.
/// ```
/// struct { opaque group_id<V>; uint64 epoch; } CreateGroup;
/// ```
public struct CreateGroup: FrameBody {
    public static let type = FrameType.createGroup
    /// 1 to 255 bytes.
    public var groupID: [UInt8]
    /// The epoch that the group is in: 0 unless it lived elsewhere before.
    public var epoch: Epoch
    public init(groupID: [UInt8], epoch: Epoch) {
        self.groupID = groupID
        self.epoch = epoch
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        groupID = try reader.opaque()
        epoch = try Epoch(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        writer.opaque(groupID)
        epoch.encode(into: &writer)
    }
}

/// The answer to CreateGroup. PROTOCOL.md section 7.1.
/// ```
/// struct { uint64 log; } GroupCreated;
/// ```
public struct GroupCreated: FrameBody {
    public static let type = FrameType.groupCreated
    public var log: LogNumber
    public init(log: LogNumber) { self.log = log }
    public init(from reader: inout Reader) throws(DecodingError) { log = try LogNumber(from: &reader) }
    public func encode(into writer: inout Writer) { log.encode(into: &writer) }
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
