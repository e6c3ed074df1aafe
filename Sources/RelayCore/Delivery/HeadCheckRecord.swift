public import MLSCrypto
public import RelayWire
public import TLSPresentation

/// What a member has last said about a group, as far as it can be compared.
/// ```
/// struct { uint64 seq; opaque chain[32]; uint64 epoch; uint64 commit; opaque authenticator_hash[32]; uint64 time;
///          uint8 is_on_log; HeadStatus status; uint64 since; } HeadCheckRecord;
/// ```
public struct HeadCheckRecord: TLSCodable, Hashable, Sendable {
    public var sequenceNumber: SequenceNumber
    public var chain: SHA256Digest
    public var epoch: Epoch
    /// The commit that began this epoch; 0 where none that stands did and the member can have seen. An epoch that was
    /// voided begins again with another commit, and another secret.
    public var commit: SequenceNumber
    public var authenticatorHash: SHA256Digest
    /// When it was said.
    public var time: Timestamp
    /// The chain hash is that of the relay's log.
    public var isOnLog: Bool
    /// `consistent`, `suspect` or `diverged`.
    public var status: HeadStatus
    /// When the first of the checks failed that failed since; 0 where the last did not.
    public var since: Timestamp

    init(_ head: HeadDigest, commit: SequenceNumber, isOnLog: Bool, at time: Timestamp) {
        sequenceNumber = head.sequenceNumber
        chain = head.chain
        epoch = head.epoch
        self.commit = commit
        authenticatorHash = head.authenticatorHash
        self.time = time
        self.isOnLog = isOnLog
        status = .consistent
        since = Timestamp(rawValue: 0)
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        sequenceNumber = try SequenceNumber(from: &reader)
        chain = try SHA256Digest(from: &reader)
        epoch = try Epoch(from: &reader)
        commit = try SequenceNumber(from: &reader)
        authenticatorHash = try SHA256Digest(from: &reader)
        time = try Timestamp(from: &reader)
        isOnLog = try reader.isPresent()
        status = try HeadStatus(from: &reader)
        since = try Timestamp(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        sequenceNumber.encode(into: &writer)
        chain.encode(into: &writer)
        epoch.encode(into: &writer)
        commit.encode(into: &writer)
        authenticatorHash.encode(into: &writer)
        time.encode(into: &writer)
        writer.isPresent(isOnLog)
        status.encode(into: &writer)
        since.encode(into: &writer)
    }

    /// Whether two members cannot both have seen the same. That one is behind is no contradiction.
    func contradicts(_ other: HeadCheckRecord) -> Bool {
        if isOnLog != other.isOnLog { return true }
        if sequenceNumber == other.sequenceNumber, chain != other.chain { return true }
        return commit != .zero && commit == other.commit && authenticatorHash != other.authenticatorHash
    }
}
