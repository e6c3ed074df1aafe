public import TLSPresentation

/// Sets the name, the alias and the policy of a group. PROTOCOL.md section 7.9.
/// ```
/// struct { uint64 log; opaque name<V>; opaque alias<V>; GroupPolicy policy; } UpdateGroup;
/// ```
public struct UpdateGroup: FrameBody {
    public static let type = FrameType.updateGroup
    public var log: LogNumber
    public var name: [UInt8]
    public var alias: [UInt8]
    public var policy: GroupPolicy

    public init(log: LogNumber, name: [UInt8], alias: [UInt8], policy: GroupPolicy) {
        self.log = log
        self.name = name
        self.alias = alias
        self.policy = policy
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        log = try LogNumber(from: &reader)
        name = try reader.opaque(atMost: WireLimits.maxGroupNameByteCount, "UpdateGroup.name")
        alias = try reader.opaque(atMost: WireLimits.maxGroupNameByteCount, "UpdateGroup.alias")
        policy = try GroupPolicy(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        log.encode(into: &writer)
        writer.opaque(name)
        writer.opaque(alias)
        policy.encode(into: &writer)
    }
}

/// Sets a user's role in a group. PROTOCOL.md section 7.9.
/// ```
/// struct { uint64 log; opaque name<V>; Role role; } SetRole;
/// ```
public struct SetRole: FrameBody {
    public static let type = FrameType.setRole
    public var log: LogNumber
    /// The user's.
    public var name: [UInt8]
    /// `member` or `admin`.
    public var role: Role

    public init(log: LogNumber, name: [UInt8], role: Role) {
        self.log = log
        self.name = name
        self.role = role
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        log = try LogNumber(from: &reader)
        name = try reader.opaque()
        role = try Role(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        log.encode(into: &writer)
        writer.opaque(name)
        role.encode(into: &writer)
    }
}

/// Says whether a user is kept out of a group. PROTOCOL.md section 7.9.
/// ```
/// struct { uint64 log; opaque name<V>; uint8 is_banned; } Ban;
/// ```
public struct Ban: FrameBody {
    public static let type = FrameType.ban
    public var log: LogNumber
    /// The user's.
    public var name: [UInt8]
    public var isBanned: Bool

    public init(log: LogNumber, name: [UInt8], isBanned: Bool) {
        self.log = log
        self.name = name
        self.isBanned = isBanned
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        log = try LogNumber(from: &reader)
        name = try reader.opaque()
        isBanned = try reader.isPresent()
    }
    public func encode(into writer: inout Writer) {
        log.encode(into: &writer)
        writer.opaque(name)
        writer.isPresent(isBanned)
    }
}

/// Deletes a group and its log. PROTOCOL.md section 7.9.
/// ```
/// struct { uint64 log; } DeleteGroup;
/// ```
public struct DeleteGroup: FrameBody {
    public static let type = FrameType.deleteGroup
    public var log: LogNumber
    public init(log: LogNumber) { self.log = log }
    public init(from reader: inout Reader) throws(DecodingError) { log = try LogNumber(from: &reader) }
    public func encode(into writer: inout Writer) { log.encode(into: &writer) }
}

/// Asks for everything that the relay knows of a group. PROTOCOL.md section 7.9.
/// ```
/// struct { opaque group_id<V>; } DescribeGroup;
/// ```
public struct DescribeGroup: FrameBody {
    public static let type = FrameType.describeGroup
    public var groupID: [UInt8]
    public init(groupID: [UInt8]) { self.groupID = groupID }
    public init(from reader: inout Reader) throws(DecodingError) { groupID = try reader.opaque() }
    public func encode(into writer: inout Writer) { writer.opaque(groupID) }
}

/// Whether a member is about to leave. PROTOCOL.md section 7.9.
public enum MemberState: UInt8, TLSEnumerated, Hashable, Sendable, CaseIterable {
    case active = 1
    /// Its SelfRemove waits for a commit.
    case leaving = 2

    public static var enumerationName: StaticStringName { "MemberState" }
}

/// A client in a group. PROTOCOL.md section 7.9.
/// ```
/// struct { uint64 client; uint64 user; opaque name<V>; Role role; MemberState state; uint64 joined; }
///          MemberDescription;
/// ```
public struct MemberDescription: TLSCodable, Hashable, Sendable {
    public var client: ClientNumber
    public var user: UserNumber
    /// The user's.
    public var name: [UInt8]
    public var role: Role
    public var state: MemberState
    /// The commit that added it; 0 for one there is no commit of.
    public var joined: SequenceNumber

    public init(
        client: ClientNumber, user: UserNumber, name: [UInt8], role: Role, state: MemberState, joined: SequenceNumber
    ) {
        self.client = client
        self.user = user
        self.name = name
        self.role = role
        self.state = state
        self.joined = joined
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        client = try ClientNumber(from: &reader)
        user = try UserNumber(from: &reader)
        name = try reader.opaque()
        role = try Role(from: &reader)
        state = try MemberState(from: &reader)
        joined = try SequenceNumber(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        client.encode(into: &writer)
        user.encode(into: &writer)
        writer.opaque(name)
        role.encode(into: &writer)
        state.encode(into: &writer)
        joined.encode(into: &writer)
    }
}

/// The answer to DescribeGroup. PROTOCOL.md section 7.9.
/// ```
/// struct { uint64 log; opaque group_id<V>; opaque name<V>; opaque alias<V>; GroupPolicy policy; uint64 epoch; uint64
///          confirmed_epoch; uint64 first; uint64 last; MemberDescription members<V>; UserName banned<V>; }
///          GroupDescription;
/// ```
public struct GroupDescription: FrameBody {
    public static let type = FrameType.groupDescription
    public var log: LogNumber
    public var groupID: [UInt8]
    public var name: [UInt8]
    public var alias: [UInt8]
    public var policy: GroupPolicy
    public var epoch: Epoch
    /// The last epoch that a member other than its committer confirmed.
    public var confirmedEpoch: Epoch
    /// The first entry that is kept.
    public var first: SequenceNumber
    public var last: SequenceNumber
    public var members: [MemberDescription]
    /// Names of users.
    public var banned: [[UInt8]]

    public init(
        log: LogNumber, groupID: [UInt8], name: [UInt8], alias: [UInt8], policy: GroupPolicy, epoch: Epoch,
        confirmedEpoch: Epoch, first: SequenceNumber, last: SequenceNumber, members: [MemberDescription],
        banned: [[UInt8]]
    ) {
        self.log = log
        self.groupID = groupID
        self.name = name
        self.alias = alias
        self.policy = policy
        self.epoch = epoch
        self.confirmedEpoch = confirmedEpoch
        self.first = first
        self.last = last
        self.members = members
        self.banned = banned
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        log = try LogNumber(from: &reader)
        groupID = try reader.opaque()
        name = try reader.opaque(atMost: WireLimits.maxGroupNameByteCount, "GroupDescription.name")
        alias = try reader.opaque(atMost: WireLimits.maxGroupNameByteCount, "GroupDescription.alias")
        policy = try GroupPolicy(from: &reader)
        epoch = try Epoch(from: &reader)
        confirmedEpoch = try Epoch(from: &reader)
        first = try SequenceNumber(from: &reader)
        last = try SequenceNumber(from: &reader)
        members = try reader.vector()
        banned = try reader.opaqueVector()
    }
    public func encode(into writer: inout Writer) {
        log.encode(into: &writer)
        writer.opaque(groupID)
        writer.opaque(name)
        writer.opaque(alias)
        policy.encode(into: &writer)
        epoch.encode(into: &writer)
        confirmedEpoch.encode(into: &writer)
        first.encode(into: &writer)
        last.encode(into: &writer)
        writer.vector(members)
        writer.opaqueVector(banned)
    }
}

/// Which groups to list. PROTOCOL.md section 7.9.
public enum GroupListing: UInt8, TLSEnumerated, Hashable, Sendable, CaseIterable {
    /// Those that the client's user is in.
    case mine = 1
    /// Those that whoever wants may join.
    case open = 2

    public static var enumerationName: StaticStringName { "GroupListing" }
}

/// Asks for groups. PROTOCOL.md section 7.9.
/// ```
/// struct { GroupListing listing; opaque filter<V>; uint64 after; uint16 limit; } ListGroups;
/// ```
public struct ListGroups: FrameBody {
    public static let type = FrameType.listGroups
    public var listing: GroupListing
    /// Only groups that have this in their name or alias; empty for all.
    public var filter: [UInt8]
    /// Only groups behind this one; 0 for the first.
    public var after: LogNumber
    /// How many groups at most; 0, or above 1000, is 1000.
    public var limit: UInt16

    public init(listing: GroupListing, filter: [UInt8], after: LogNumber, limit: UInt16) {
        self.listing = listing
        self.filter = filter
        self.after = after
        self.limit = limit
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        listing = try GroupListing(from: &reader)
        filter = try reader.opaque()
        after = try LogNumber(from: &reader)
        limit = try reader.uint16()
    }
    public func encode(into writer: inout Writer) {
        listing.encode(into: &writer)
        writer.opaque(filter)
        after.encode(into: &writer)
        writer.integer(limit)
    }
}

/// A group in a list. PROTOCOL.md section 7.9.
/// ```
/// struct { uint64 log; opaque group_id<V>; opaque name<V>; opaque alias<V>; GroupMode mode; JoinRule join; Role role;
///          uint32 user_count; uint64 epoch; uint64 last; } GroupSummary;
/// ```
public struct GroupSummary: TLSCodable, Hashable, Sendable {
    public var log: LogNumber
    public var groupID: [UInt8]
    public var name: [UInt8]
    public var alias: [UInt8]
    public var mode: GroupMode
    public var join: JoinRule
    /// That of the client's user; `nobody` if it is not in the group.
    public var role: Role
    public var userCount: UInt32
    public var epoch: Epoch
    public var last: SequenceNumber

    public init(
        log: LogNumber, groupID: [UInt8], name: [UInt8], alias: [UInt8], mode: GroupMode, join: JoinRule, role: Role,
        userCount: UInt32, epoch: Epoch, last: SequenceNumber
    ) {
        self.log = log
        self.groupID = groupID
        self.name = name
        self.alias = alias
        self.mode = mode
        self.join = join
        self.role = role
        self.userCount = userCount
        self.epoch = epoch
        self.last = last
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        log = try LogNumber(from: &reader)
        groupID = try reader.opaque()
        name = try reader.opaque(atMost: WireLimits.maxGroupNameByteCount, "GroupSummary.name")
        alias = try reader.opaque(atMost: WireLimits.maxGroupNameByteCount, "GroupSummary.alias")
        mode = try GroupMode(from: &reader)
        join = try JoinRule(from: &reader)
        role = try Role(from: &reader)
        userCount = try reader.uint32()
        epoch = try Epoch(from: &reader)
        last = try SequenceNumber(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        log.encode(into: &writer)
        writer.opaque(groupID)
        writer.opaque(name)
        writer.opaque(alias)
        mode.encode(into: &writer)
        join.encode(into: &writer)
        role.encode(into: &writer)
        writer.integer(userCount)
        epoch.encode(into: &writer)
        last.encode(into: &writer)
    }
}

/// The answer to ListGroups, in the order of the logs' numbers. PROTOCOL.md section 7.9.
/// ```
/// struct { GroupSummary groups<V>; } GroupList;
/// ```
public struct GroupList: FrameBody {
    public static let type = FrameType.groupList
    public var groups: [GroupSummary]
    public init(groups: [GroupSummary]) { self.groups = groups }
    public init(from reader: inout Reader) throws(DecodingError) { groups = try reader.vector() }
    public func encode(into writer: inout Writer) { writer.vector(groups) }
}
