public import TLSPresentation

/// What the relay knows of a group. PROTOCOL.md section 7.9.
public enum GroupMode: UInt8, TLSEnumerated, Hashable, Sendable, CaseIterable {
    /// Neither members nor roles: who knows the group id may do everything.
    case untracked = 0
    /// The relay validates every proposal and commit and derives the members from them.
    case publicHandshake = 1
    /// Commits are encrypted; who commits declares whom it adds and removes.
    case privateHandshake = 2

    public static var enumerationName: StaticStringName { "GroupMode" }
}

/// What a user is in a group, and, as a right, the least role that has it. PROTOCOL.md section 7.9.
public enum Role: UInt8, TLSEnumerated, Hashable, Sendable, CaseIterable, Comparable {
    /// As a role: not in the group. As a right: nobody has it.
    case nobody = 0
    case member = 1
    case admin = 2

    public static var enumerationName: StaticStringName { "Role" }
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    /// Whether a user with this role has a right that `least` is the least role for.
    public func has(_ least: Role) -> Bool { least != .nobody && self >= least }
}

/// How a user comes into a group. PROTOCOL.md section 7.9.
public enum JoinRule: UInt8, TLSEnumerated, Hashable, Sendable, CaseIterable {
    /// Untracked groups: the group id is all that is needed.
    case capability = 0
    /// Only after accepting an invitation.
    case invitation = 1
    /// Whoever may add just adds.
    case direct = 2
    /// As `direct`, and whoever wants joins by an external commit.
    case open = 3

    public static var enumerationName: StaticStringName { "JoinRule" }
}

/// Who may do what in a group, and how long it is kept. PROTOCOL.md section 7.9.
/// ```
/// struct { GroupMode mode; Role may_add; Role may_remove; Role may_rename; JoinRule join; uint32 approval_above;
///          uint32 denials; uint64 retention_ms; uint64 retention_bytes; } GroupPolicy;
/// ```
public struct GroupPolicy: TLSCodable, Hashable, Sendable {
    public var mode: GroupMode
    public var mayAdd: Role
    public var mayRemove: Role
    public var mayRename: Role
    public var join: JoinRule
    /// In a group of more users than this, invitations by members wait for an admin; 0: none does.
    public var approvalAbove: UInt32
    /// How many members void a commit by denying it; 0: the relay's default.
    public var denials: UInt32
    /// How long application messages are kept, in milliseconds; 0: the relay's default.
    public var retentionMilliseconds: UInt64
    /// How many bytes of application messages are kept; 0: the relay's default.
    public var retentionByteCount: UInt64

    public init(
        mode: GroupMode = .publicHandshake, mayAdd: Role = .member, mayRemove: Role = .admin, mayRename: Role = .admin,
        join: JoinRule = .invitation, approvalAbove: UInt32 = 0, denials: UInt32 = 0,
        retentionMilliseconds: UInt64 = 0, retentionByteCount: UInt64 = 0
    ) {
        self.mode = mode
        self.mayAdd = mayAdd
        self.mayRemove = mayRemove
        self.mayRename = mayRename
        self.join = join
        self.approvalAbove = approvalAbove
        self.denials = denials
        self.retentionMilliseconds = retentionMilliseconds
        self.retentionByteCount = retentionByteCount
    }

    /// The policy of a group of which the relay knows no members: all zero.
    public static let untracked = Self(
        mode: .untracked, mayAdd: .nobody, mayRemove: .nobody, mayRename: .nobody, join: .capability)

    public init(from reader: inout Reader) throws(DecodingError) {
        mode = try GroupMode(from: &reader)
        mayAdd = try Role(from: &reader)
        mayRemove = try Role(from: &reader)
        mayRename = try Role(from: &reader)
        join = try JoinRule(from: &reader)
        approvalAbove = try reader.uint32()
        denials = try reader.uint32()
        retentionMilliseconds = try reader.uint64()
        retentionByteCount = try reader.uint64()
    }
    public func encode(into writer: inout Writer) {
        mode.encode(into: &writer)
        mayAdd.encode(into: &writer)
        mayRemove.encode(into: &writer)
        mayRename.encode(into: &writer)
        join.encode(into: &writer)
        writer.integer(approvalAbove)
        writer.integer(denials)
        writer.integer(retentionMilliseconds)
        writer.integer(retentionByteCount)
    }
}
