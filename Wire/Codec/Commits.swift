public import TLSPresentation

/// Publishes a commit of a group with private handshakes and says whom it adds and removes. PROTOCOL.md section 7.10.
/// ```
/// struct { MessageToPublish messages<V>; uint64 added<V>; uint64 removed<V>; } PublishCommit;
/// ```
public struct PublishCommit: FrameBody {
    public static let type = FrameType.publishCommit
    /// As in a Publish: proposals by value, the commit, its Welcome, its GroupInfo.
    public var messages: [[UInt8]]
    public var added: [ClientNumber]
    public var removed: [ClientNumber]

    public init(messages: [[UInt8]], added: [ClientNumber], removed: [ClientNumber]) {
        self.messages = messages
        self.added = added
        self.removed = removed
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        messages = try reader.opaqueVector()
        added = try reader.vector()
        removed = try reader.vector()
    }
    public func encode(into writer: inout Writer) {
        writer.opaqueVector(messages)
        writer.vector(added)
        writer.vector(removed)
    }
}

/// Says that the client cannot accept a commit that is provisional. PROTOCOL.md section 7.10.
/// ```
/// struct { uint64 log; uint64 seq; opaque text<V>; } DenyCommit;
/// ```
public struct DenyCommit: FrameBody {
    public static let type = FrameType.denyCommit
    public var log: LogNumber
    /// Where the commit stands.
    public var sequenceNumber: SequenceNumber
    /// Why; a sentence for people, UTF-8.
    public var text: [UInt8]

    public init(log: LogNumber, sequenceNumber: SequenceNumber, text: [UInt8]) {
        self.log = log
        self.sequenceNumber = sequenceNumber
        self.text = text
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        log = try LogNumber(from: &reader)
        sequenceNumber = try SequenceNumber(from: &reader)
        text = try reader.opaque(atMost: WireLimits.maxReasonByteCount, "DenyCommit.text")
    }
    public func encode(into writer: inout Writer) {
        log.encode(into: &writer)
        sequenceNumber.encode(into: &writer)
        writer.opaque(text)
    }
}
