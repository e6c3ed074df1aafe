internal import RelayWire
internal import TLSPresentation

/// A message of this device's own, and where it stands.
/// ```
/// struct { uint64 entry; opaque id[16]; } SentMessage;
/// ```
struct SentMessage: TLSCodable, Hashable, Sendable {
    var entry: SequenceNumber
    var id: MessageID

    private static let idByteCount = 16

    init(entry: SequenceNumber, id: MessageID) {
        self.entry = entry
        self.id = id
    }

    init(from reader: inout Reader) throws(DecodingError) {
        entry = try SequenceNumber(from: &reader)
        id = MessageID(try reader.bytes(count: Self.idByteCount))
    }

    func encode(into writer: inout Writer) {
        entry.encode(into: &writer)
        writer.raw(id.bytes)
    }
}

/// How far somebody is in a log.
/// ```
/// struct { uint64 delivered; uint64 acknowledged; } Positions;
/// ```
struct Positions: TLSCodable, Hashable, Sendable {
    var delivered = SequenceNumber.zero
    var acknowledged = SequenceNumber.zero

    init(delivered: SequenceNumber = .zero, acknowledged: SequenceNumber = .zero) {
        self.delivered = delivered
        self.acknowledged = acknowledged
    }

    init(_ position: MemberPosition) { self.init(delivered: position.delivered, acknowledged: position.acknowledged) }

    /// Goes on to `other`, and never back: what was told is not taken back.
    mutating func advance(to other: Positions) {
        delivered = max(delivered, other.delivered)
        acknowledged = max(acknowledged, other.acknowledged)
    }

    init(from reader: inout Reader) throws(DecodingError) {
        delivered = try SequenceNumber(from: &reader)
        acknowledged = try SequenceNumber(from: &reader)
    }

    func encode(into writer: inout Writer) {
        delivered.encode(into: &writer)
        acknowledged.encode(into: &writer)
    }
}

/// A member, as far as its receipts are followed.
/// ```
/// struct { uint64 client; optional<uint64> joined; Positions positions; } TrackedMember;
/// ```
struct TrackedMember: TLSCodable, Hashable, Sendable {
    let client: ClientNumber
    /// The entry by which it came into the group; nil where nobody has said so yet.
    var joined: SequenceNumber?
    /// What the relay has said.
    var positions = Positions()

    init(client: ClientNumber) { self.client = client }

    /// Whether what stands at an entry is for it.
    func isFollowing(_ entry: SequenceNumber) -> Bool { joined.map { $0 < entry } ?? false }

    init(from reader: inout Reader) throws(DecodingError) {
        client = try ClientNumber(from: &reader)
        joined = try reader.optional()
        positions = try Positions(from: &reader)
    }

    func encode(into writer: inout Writer) {
        client.encode(into: &writer)
        writer.optional(joined)
        positions.encode(into: &writer)
    }
}
