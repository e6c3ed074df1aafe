public import TLSPresentation

/// Asks how far the members of a group are. PROTOCOL.md section 7.12.
/// ```
/// struct { uint64 log; uint8 follow; } FollowReceipts;
/// ```
public struct FollowReceipts: FrameBody {
    public static let type = FrameType.followReceipts
    public var log: LogNumber
    /// Whether Receipts are pushed when they change.
    public var follow: Bool

    public init(log: LogNumber, follow: Bool) {
        self.log = log
        self.follow = follow
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        log = try LogNumber(from: &reader)
        follow = try reader.isPresent()
    }
    public func encode(into writer: inout Writer) {
        log.encode(into: &writer)
        writer.isPresent(follow)
    }
}

/// How far a member is in a group's log. PROTOCOL.md section 7.12.
/// ```
/// struct { uint64 client; uint64 delivered; uint64 acknowledged; } MemberPosition;
/// ```
public struct MemberPosition: TLSCodable, Hashable, Sendable {
    public var client: ClientNumber
    /// The last entry that went to it.
    public var delivered: SequenceNumber
    /// The last entry that it says it has processed.
    public var acknowledged: SequenceNumber

    public init(client: ClientNumber, delivered: SequenceNumber, acknowledged: SequenceNumber) {
        self.client = client
        self.delivered = delivered
        self.acknowledged = acknowledged
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        client = try ClientNumber(from: &reader)
        delivered = try SequenceNumber(from: &reader)
        acknowledged = try SequenceNumber(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        client.encode(into: &writer)
        delivered.encode(into: &writer)
        acknowledged.encode(into: &writer)
    }
}

/// The answer to FollowReceipts; also pushed. PROTOCOL.md section 7.12.
/// ```
/// struct { uint64 log; MemberPosition positions<V>; uint64 delivered_by_all; uint64 acknowledged_by_all; } Receipts;
/// ```
public struct Receipts: FrameBody {
    public static let type = FrameType.receipts
    public var log: LogNumber
    /// Pushed: those that changed.
    public var positions: [MemberPosition]
    public var deliveredByAll: SequenceNumber
    public var acknowledgedByAll: SequenceNumber

    public init(
        log: LogNumber, positions: [MemberPosition], deliveredByAll: SequenceNumber, acknowledgedByAll: SequenceNumber
    ) {
        self.log = log
        self.positions = positions
        self.deliveredByAll = deliveredByAll
        self.acknowledgedByAll = acknowledgedByAll
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        log = try LogNumber(from: &reader)
        positions = try reader.vector()
        deliveredByAll = try SequenceNumber(from: &reader)
        acknowledgedByAll = try SequenceNumber(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        log.encode(into: &writer)
        writer.vector(positions)
        deliveredByAll.encode(into: &writer)
        acknowledgedByAll.encode(into: &writer)
    }
}
