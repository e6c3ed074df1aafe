public import MLSCrypto
public import TLSPresentation

/// What a comparison of heads gave. PROTOCOL.md section 7.13.
public enum HeadStatus: UInt8, TLSEnumerated, Hashable, Sendable, CaseIterable {
    /// The member has reported nothing yet.
    case unknown = 0
    case consistent = 1
    /// No fault: the member has not seen everything yet.
    case behind = 2
    /// No fault: the member has seen more than the client that asks.
    case ahead = 3
    /// Differs; the next check tells.
    case suspect = 4
    /// Differs twice: another history, or another group state.
    case diverged = 5

    public static var enumerationName: StaticStringName { "HeadStatus" }
}

/// What a client has seen of a group. PROTOCOL.md section 7.13.
/// ```
/// struct { uint64 log; uint64 seq; opaque chain[32]; uint64 epoch; opaque authenticator_hash[32]; } HeadDigest;
/// ```
public struct HeadDigest: TLSCodable, Hashable, Sendable {
    public var log: LogNumber
    /// The last entry that it has processed.
    public var sequenceNumber: SequenceNumber
    /// The chain hash there.
    public var chain: SHA256Digest
    /// The epoch that it is in.
    public var epoch: Epoch
    /// SHA-256 of the epoch_authenticator (RFC 9420 section 8.7).
    public var authenticatorHash: SHA256Digest

    public init(
        log: LogNumber, sequenceNumber: SequenceNumber, chain: SHA256Digest, epoch: Epoch,
        authenticatorHash: SHA256Digest
    ) {
        self.log = log
        self.sequenceNumber = sequenceNumber
        self.chain = chain
        self.epoch = epoch
        self.authenticatorHash = authenticatorHash
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        log = try LogNumber(from: &reader)
        sequenceNumber = try SequenceNumber(from: &reader)
        chain = try SHA256Digest(from: &reader)
        epoch = try Epoch(from: &reader)
        authenticatorHash = try SHA256Digest(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        log.encode(into: &writer)
        sequenceNumber.encode(into: &writer)
        chain.encode(into: &writer)
        epoch.encode(into: &writer)
        authenticatorHash.encode(into: &writer)
    }
}

/// Reports what the client has seen of groups, and asks whether others saw the same. PROTOCOL.md section 7.13.
/// ```
/// struct { HeadDigest heads<V>; } CheckHeads;
/// ```
public struct CheckHeads: FrameBody {
    public static let type = FrameType.checkHeads
    /// At most 256.
    public var heads: [HeadDigest]
    public init(heads: [HeadDigest]) { self.heads = heads }
    public init(from reader: inout Reader) throws(DecodingError) { heads = try reader.vector() }
    public func encode(into writer: inout Writer) { writer.vector(heads) }
}

/// What a member has reported. PROTOCOL.md section 7.13.
/// ```
/// struct { uint64 client; uint64 seq; uint64 epoch; HeadStatus status; uint64 time; } MemberHead;
/// ```
public struct MemberHead: TLSCodable, Hashable, Sendable {
    public var client: ClientNumber
    public var sequenceNumber: SequenceNumber
    public var epoch: Epoch
    public var status: HeadStatus
    /// When it reported.
    public var time: Timestamp

    public init(client: ClientNumber, sequenceNumber: SequenceNumber, epoch: Epoch, status: HeadStatus, time: Timestamp)
    {
        self.client = client
        self.sequenceNumber = sequenceNumber
        self.epoch = epoch
        self.status = status
        self.time = time
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        client = try ClientNumber(from: &reader)
        sequenceNumber = try SequenceNumber(from: &reader)
        epoch = try Epoch(from: &reader)
        status = try HeadStatus(from: &reader)
        time = try Timestamp(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        client.encode(into: &writer)
        sequenceNumber.encode(into: &writer)
        epoch.encode(into: &writer)
        status.encode(into: &writer)
        time.encode(into: &writer)
    }
}

/// What was found of one group. PROTOCOL.md section 7.13.
/// ```
/// struct { ErrorCode error; uint64 log; HeadStatus status; MemberHead members<V>; } HeadCheck;
/// ```
public struct HeadCheck: TLSCodable, Hashable, Sendable {
    /// `none`, or why there is no check; then only the log is set.
    public var error: ErrorCode
    public var log: LogNumber
    /// The client's own head beside the relay's log.
    public var status: HeadStatus
    /// The other members.
    public var members: [MemberHead]

    public init(error: ErrorCode, log: LogNumber, status: HeadStatus, members: [MemberHead]) {
        self.error = error
        self.log = log
        self.status = status
        self.members = members
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        error = try ErrorCode(from: &reader)
        log = try LogNumber(from: &reader)
        status = try HeadStatus(from: &reader)
        members = try reader.vector()
    }
    public func encode(into writer: inout Writer) {
        error.encode(into: &writer)
        log.encode(into: &writer)
        status.encode(into: &writer)
        writer.vector(members)
    }
}

/// The answer to CheckHeads, a result for each head in its order. PROTOCOL.md section 7.13.
/// ```
/// struct { HeadCheck results<V>; } HeadsChecked;
/// ```
public struct HeadsChecked: FrameBody {
    public static let type = FrameType.headsChecked
    public var results: [HeadCheck]
    public init(results: [HeadCheck]) { self.results = results }
    public init(from reader: inout Reader) throws(DecodingError) { results = try reader.vector() }
    public func encode(into writer: inout Writer) { writer.vector(results) }
}
