public import RelayWire
public import TLSPresentation

/// A tracked group, as the relay keeps it beside its log; an untracked one has no record.
/// ```
/// struct { opaque name<V>; opaque alias<V>; GroupPolicy policy; uint8 is_deleted; uint64 confirmed_epoch;
///          uint32 user_count; } GroupRecord;
/// ```
public struct GroupRecord: TLSCodable, Hashable, Sendable {
    public var name: [UInt8]
    public var alias: [UInt8]
    public var policy: GroupPolicy
    public var isDeleted = false
    /// The epoch that the last confirmed commit began.
    public var confirmedEpoch: Epoch
    /// Users with at least one client in the group that is not leaving.
    public var userCount: UInt32 = 0

    public init(name: [UInt8], alias: [UInt8], policy: GroupPolicy, confirmedEpoch: Epoch) {
        self.name = name
        self.alias = alias
        self.policy = policy
        self.confirmedEpoch = confirmedEpoch
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        name = try reader.opaque()
        alias = try reader.opaque()
        policy = try GroupPolicy(from: &reader)
        isDeleted = try reader.isPresent()
        confirmedEpoch = try Epoch(from: &reader)
        userCount = try reader.uint32()
    }
    public func encode(into writer: inout Writer) {
        writer.opaque(name)
        writer.opaque(alias)
        policy.encode(into: &writer)
        writer.isPresent(isDeleted)
        confirmedEpoch.encode(into: &writer)
        writer.integer(userCount)
    }
}

/// A client's membership of a tracked group: the last one, with those before it.
/// ```
/// struct { uint64 joined; uint64 ended; uint64 last_epoch; } FormerMembership;
/// struct {
///     uint64 user; uint8 state; uint64 joined; uint64 ended; uint64 last_epoch; FormerMembership former<V>;
/// } MemberRecord;
/// ```
/// Nothing is behind `ended` in records of a version that did not know it.
public struct MemberRecord: TLSCodable, Hashable, Sendable {
    public enum State: UInt8, TLSCodable, Hashable, Sendable {
        case active = 1
        /// Its SelfRemove is in the log, and no commit has carried it out yet.
        case leaving = 2
        case ended = 3

        public init(from reader: inout Reader) throws(DecodingError) {
            let start = reader.byteOffset
            let rawValue = try reader.uint8()
            guard let state = Self(rawValue: rawValue) else {
                throw DecodingError(.unknownValue(type: "MemberRecord.State", value: UInt64(rawValue)), at: start)
            }
            self = state
        }
        public func encode(into writer: inout Writer) { writer.integer(rawValue) }
    }

    public var user: UserNumber
    public var state: State
    /// The entry by which it joined: it reads what is behind.
    public var joined: SequenceNumber
    /// The last entry that it reads, once it is leaving or gone; 0 before.
    public var ended: SequenceNumber
    /// The epoch in which it read that; 0 before.
    public var lastEpoch = Epoch(rawValue: 0)
    /// Memberships before this one, oldest first, at most `maxFormerCount`: whoever was away when it was removed and added
    /// again has still to read what was said in them.
    public var former: [FormerMembership] = []

    public static let maxFormerCount = 16

    public init(user: UserNumber, joined: SequenceNumber) {
        self.user = user
        state = .active
        self.joined = joined
        ended = .zero
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        user = try UserNumber(from: &reader)
        state = try State(from: &reader)
        joined = try SequenceNumber(from: &reader)
        ended = try SequenceNumber(from: &reader)
        guard !reader.isAtEnd else { return }
        lastEpoch = try Epoch(from: &reader)
        former = try reader.vector()
    }
    public func encode(into writer: inout Writer) {
        user.encode(into: &writer)
        state.encode(into: &writer)
        joined.encode(into: &writer)
        ended.encode(into: &writer)
        lastEpoch.encode(into: &writer)
        writer.vector(former)
    }
    /// The last entry that it may read.
    public var readableThrough: SequenceNumber { state == .active ? .unlimited : ended }

    /// Whether its time in the group had not ended before an entry.
    public func isThere(at number: SequenceNumber) -> Bool { readableThrough >= number }

    /// What a client reads that has read a log through `last`: its memberships in their order. Whoever has nothing begins
    /// with the present one. PROTOCOL.md section 5.
    /// - Parameter first: the first entry that is kept.
    /// - Returns: the former membership that it reads; nil for the present one.
    public func unread(after last: SequenceNumber, from first: SequenceNumber) -> FormerMembership? {
        guard last > .zero else { return nil }
        return former.first { $0.ended > last && $0.ended >= first }
    }

    /// The membership after this one, which begins at `number`.
    public func next(of user: UserNumber, joined number: SequenceNumber) -> MemberRecord {
        var next = MemberRecord(user: user, joined: number)
        next.former = former
        // Whoever joins anew without having been away has seen everything.
        guard !isThere(at: number) else { return next }
        next.former.append(FormerMembership(joined: joined, ended: ended, lastEpoch: lastEpoch))
        next.former.removeFirst(max(0, next.former.count - Self.maxFormerCount))
        return next
    }
}

/// When a client was in a group, and is not any more.
public struct FormerMembership: TLSCodable, Hashable, Sendable {
    /// The entry by which it joined, and the last that it reads.
    public var joined, ended: SequenceNumber
    /// The epoch in which it read that.
    public var lastEpoch: Epoch

    public init(joined: SequenceNumber, ended: SequenceNumber, lastEpoch: Epoch) {
        (self.joined, self.ended, self.lastEpoch) = (joined, ended, lastEpoch)
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        joined = try SequenceNumber(from: &reader)
        ended = try SequenceNumber(from: &reader)
        lastEpoch = try Epoch(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        joined.encode(into: &writer)
        ended.encode(into: &writer)
        lastEpoch.encode(into: &writer)
    }
}

/// What a user is in a group, with however many clients.
/// ```
/// struct { Role role; uint32 client_count; } GroupUserRecord;
/// ```
public struct GroupUserRecord: TLSCodable, Hashable, Sendable {
    public var role: Role
    /// Its clients that are members and not leaving, at least 1.
    public var clientCount: UInt32

    public init(role: Role, clientCount: UInt32) {
        self.role = role
        self.clientCount = clientCount
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        role = try Role(from: &reader)
        clientCount = try reader.uint32()
    }
    public func encode(into writer: inout Writer) {
        role.encode(into: &writer)
        writer.integer(clientCount)
    }
}

/// ```
/// struct { uint64 by; uint64 time; } BanRecord;
/// ```
public struct BanRecord: TLSCodable, Hashable, Sendable {
    public var by: ClientNumber
    public var time: Timestamp

    public init(by: ClientNumber, time: Timestamp) {
        self.by = by
        self.time = time
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        by = try ClientNumber(from: &reader)
        time = try Timestamp(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        by.encode(into: &writer)
        time.encode(into: &writer)
    }
}

/// A commit that is not confirmed yet, with what takes it back.
/// ```
/// struct { uint64 epoch; uint64 sender; opaque group_info<V>; SavedRecord members<V>; SavedRecord users<V>;
///          uint64 added<V>; uint64 proposals<V>; uint64 invitations<V>; } ProvisionalCommit;
/// ```
public struct ProvisionalCommit: TLSCodable, Hashable, Sendable {
    /// The epoch that it ended.
    public var epoch: Epoch
    public var sender: ClientNumber
    /// As they were before: the newest GroupInfo, and records of members and users that it changed.
    public var groupInfo: [UInt8]
    public var members: [SavedRecord]
    public var users: [SavedRecord]
    /// Clients that it added.
    public var added: [ClientNumber]
    /// Proposals that were pending.
    public var proposals: [SequenceNumber]
    /// Invitations that it completed.
    public var invitations: [InvitationNumber]

    /// A record as it was; an empty value where there was none.
    public struct SavedRecord: TLSCodable, Hashable, Sendable {
        public var key: [UInt8]
        public var value: [UInt8]
        public init(key: [UInt8], value: [UInt8]) {
            self.key = key
            self.value = value
        }
        public init(from reader: inout Reader) throws(DecodingError) {
            key = try reader.opaque()
            value = try reader.opaque()
        }
        public func encode(into writer: inout Writer) {
            writer.opaque(key)
            writer.opaque(value)
        }
    }

    public init(epoch: Epoch, sender: ClientNumber, groupInfo: [UInt8]) {
        self.epoch = epoch
        self.sender = sender
        self.groupInfo = groupInfo
        members = []
        users = []
        added = []
        proposals = []
        invitations = []
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        epoch = try Epoch(from: &reader)
        sender = try ClientNumber(from: &reader)
        groupInfo = try reader.opaque()
        members = try reader.vector()
        users = try reader.vector()
        added = try reader.vector()
        proposals = try reader.vector()
        invitations = try reader.vector()
    }
    public func encode(into writer: inout Writer) {
        epoch.encode(into: &writer)
        sender.encode(into: &writer)
        writer.opaque(groupInfo)
        writer.vector(members)
        writer.vector(users)
        writer.vector(added)
        writer.vector(proposals)
        writer.vector(invitations)
    }
}

/// A public group as it was behind an entry; what came after is read from the log.
/// ```
/// struct { uint64 seq; StoredPublicGroup group; opaque ratchet_tree<V>; } PublicGroupRecord;
/// ```
public struct PublicGroupRecord: TLSCodable, Hashable, Sendable {
    public var sequenceNumber: SequenceNumber
    /// Encoded: a StoredPublicGroup.
    public var group: [UInt8]
    /// Encoded: a RatchetTree.
    public var ratchetTree: [UInt8]

    public init(sequenceNumber: SequenceNumber, group: [UInt8], ratchetTree: [UInt8]) {
        self.sequenceNumber = sequenceNumber
        self.group = group
        self.ratchetTree = ratchetTree
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        sequenceNumber = try SequenceNumber(from: &reader)
        group = try reader.opaque()
        ratchetTree = try reader.opaque()
    }
    public func encode(into writer: inout Writer) {
        sequenceNumber.encode(into: &writer)
        writer.opaque(group)
        writer.opaque(ratchetTree)
    }
}

/// A commit that was refused, for operators. RFC 9420 section 16.12.
/// ```
/// struct { uint64 log; uint64 client; uint64 time; uint64 epoch; ErrorCode code; opaque rule<V>; }
///     RejectRecord;
/// ```
public struct RejectRecord: TLSCodable, Hashable, Sendable {
    public var log: LogNumber
    public var client: ClientNumber
    public var time: Timestamp
    public var epoch: Epoch
    public var code: ErrorCode
    /// The id of the rule of RFC 9420 that it breaks, where it is one.
    public var rule: [UInt8]

    public init(
        log: LogNumber, client: ClientNumber, time: Timestamp, epoch: Epoch, code: ErrorCode, rule: [UInt8]
    ) {
        self.log = log
        self.client = client
        self.time = time
        self.epoch = epoch
        self.code = code
        self.rule = rule
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        log = try LogNumber(from: &reader)
        client = try ClientNumber(from: &reader)
        time = try Timestamp(from: &reader)
        epoch = try Epoch(from: &reader)
        code = try ErrorCode(from: &reader)
        rule = try reader.opaque()
    }
    public func encode(into writer: inout Writer) {
        log.encode(into: &writer)
        client.encode(into: &writer)
        time.encode(into: &writer)
        epoch.encode(into: &writer)
        code.encode(into: &writer)
        writer.opaque(rule)
    }
}
