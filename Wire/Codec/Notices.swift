public import MLSCodec
public import TLSPresentation

/// The payload of an `identity` entry in the directory. PROTOCOL.md section 6.3.
/// ```
/// struct { uint64 client; uint64 user; Identity identity; opaque client_name<V>; Admission admission; } IdentityNotice;
/// ```
public struct IdentityNotice: TLSCodable, Hashable, Sendable {
    public var client: ClientNumber
    public var user: UserNumber
    public var identity: Identity
    public var clientName: [UInt8]
    /// Why the client might register; of a token its number alone.
    public var admission: Admission

    public init(
        client: ClientNumber, user: UserNumber, identity: Identity, clientName: [UInt8], admission: Admission
    ) {
        self.client = client
        self.user = user
        self.identity = identity
        self.clientName = clientName
        self.admission = admission
    }
    /// The only client of its user, which has the same number, admitted without a condition.
    public init(client: ClientNumber, identity: Identity) {
        self.init(
            client: client, user: UserNumber(rawValue: client.rawValue), identity: identity, clientName: [],
            admission: .open)
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        client = try ClientNumber(from: &reader)
        user = try UserNumber(from: &reader)
        identity = try Identity(from: &reader)
        clientName = try reader.opaque(atMost: WireLimits.maxClientNameByteCount, "IdentityNotice.client_name")
        admission = try Admission(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        client.encode(into: &writer)
        user.encode(into: &writer)
        identity.encode(into: &writer)
        writer.opaque(clientName)
        admission.encode(into: &writer)
    }
}

/// The payload of a `group_created` entry. PROTOCOL.md section 6.3.
/// ```
/// struct { uint64 log; uint64 creator; uint64 epoch; opaque group_id<V>; GroupMode mode; } GroupNotice;
/// ```
public struct GroupNotice: TLSCodable, Hashable, Sendable {
    public var log: LogNumber
    public var creator: ClientNumber
    public var epoch: Epoch
    public var groupID: [UInt8]
    public var mode: GroupMode

    public init(
        log: LogNumber, creator: ClientNumber, epoch: Epoch, groupID: [UInt8], mode: GroupMode = .untracked
    ) {
        self.log = log
        self.creator = creator
        self.epoch = epoch
        self.groupID = groupID
        self.mode = mode
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        log = try LogNumber(from: &reader)
        creator = try ClientNumber(from: &reader)
        epoch = try Epoch(from: &reader)
        groupID = try reader.opaque()
        mode = try GroupMode(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        log.encode(into: &writer)
        creator.encode(into: &writer)
        epoch.encode(into: &writer)
        writer.opaque(groupID)
        mode.encode(into: &writer)
    }
}

/// The payload of a `key_package_handed_out` entry. PROTOCOL.md section 6.3.
/// ```
/// struct { uint64 seq; uint64 recipient; } KeyPackageNotice;
/// ```
public struct KeyPackageNotice: TLSCodable, Hashable, Sendable {
    /// Where in the same log the KeyPackage stands.
    public var sequenceNumber: SequenceNumber
    /// Who got it.
    public var recipient: ClientNumber

    public init(sequenceNumber: SequenceNumber, recipient: ClientNumber) {
        self.sequenceNumber = sequenceNumber
        self.recipient = recipient
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        sequenceNumber = try SequenceNumber(from: &reader)
        recipient = try ClientNumber(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        sequenceNumber.encode(into: &writer)
        recipient.encode(into: &writer)
    }
}

/// The payload of a `group_changed` entry in a group's log: what holds from here on. PROTOCOL.md section 6.3.
/// ```
/// struct { uint64 by; opaque name<V>; opaque alias<V>; GroupPolicy policy; } GroupChangeNotice;
/// ```
public struct GroupChangeNotice: TLSCodable, Hashable, Sendable {
    public var by: ClientNumber
    public var name: [UInt8]
    public var alias: [UInt8]
    public var policy: GroupPolicy

    public init(by: ClientNumber, name: [UInt8], alias: [UInt8], policy: GroupPolicy) {
        self.by = by
        self.name = name
        self.alias = alias
        self.policy = policy
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        by = try ClientNumber(from: &reader)
        name = try reader.opaque(atMost: WireLimits.maxGroupNameByteCount, "GroupChangeNotice.name")
        alias = try reader.opaque(atMost: WireLimits.maxGroupNameByteCount, "GroupChangeNotice.alias")
        policy = try GroupPolicy(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        by.encode(into: &writer)
        writer.opaque(name)
        writer.opaque(alias)
        policy.encode(into: &writer)
    }
}

/// The payload of a `role_changed` entry in a group's log. PROTOCOL.md section 6.3.
/// ```
/// struct { uint64 by; uint64 user; opaque name<V>; Role role; } RoleNotice;
/// ```
public struct RoleNotice: TLSCodable, Hashable, Sendable {
    public var by: ClientNumber
    public var user: UserNumber
    /// The user's.
    public var name: [UInt8]
    public var role: Role

    public init(by: ClientNumber, user: UserNumber, name: [UInt8], role: Role) {
        self.by = by
        self.user = user
        self.name = name
        self.role = role
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        by = try ClientNumber(from: &reader)
        user = try UserNumber(from: &reader)
        name = try reader.opaque()
        role = try Role(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        by.encode(into: &writer)
        user.encode(into: &writer)
        writer.opaque(name)
        role.encode(into: &writer)
    }
}

/// The payload of a `commit_voided` entry in a group's log: the commit and what came in its epoch is void. PROTOCOL.md section 6.3.
/// ```
/// struct { uint64 seq; uint64 epoch; uint64 last_voided; opaque text<V>; uint64 denied_by<V>; } VoidNotice;
/// ```
public struct VoidNotice: TLSCodable, Hashable, Sendable {
    /// Where the commit stands.
    public var sequenceNumber: SequenceNumber
    /// The epoch that is open again: the commit's own.
    public var epoch: Epoch
    /// The last entry that is void with the commit.
    public var lastVoided: SequenceNumber
    /// A sentence for people, UTF-8.
    public var text: [UInt8]
    /// Empty if an operator voided it.
    public var deniedBy: [ClientNumber]

    public init(
        sequenceNumber: SequenceNumber, epoch: Epoch, lastVoided: SequenceNumber, text: [UInt8],
        deniedBy: [ClientNumber]
    ) {
        self.sequenceNumber = sequenceNumber
        self.epoch = epoch
        self.lastVoided = lastVoided
        self.text = text
        self.deniedBy = deniedBy
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        sequenceNumber = try SequenceNumber(from: &reader)
        epoch = try Epoch(from: &reader)
        lastVoided = try SequenceNumber(from: &reader)
        text = try reader.opaque(atMost: WireLimits.maxReasonByteCount, "VoidNotice.text")
        deniedBy = try reader.vector()
    }
    public func encode(into writer: inout Writer) {
        sequenceNumber.encode(into: &writer)
        epoch.encode(into: &writer)
        lastVoided.encode(into: &writer)
        writer.opaque(text)
        writer.vector(deniedBy)
    }
}

/// The payload of a `group_deleted` entry in the group's log and the members' inboxes. PROTOCOL.md section 6.3.
/// ```
/// struct { uint64 log; opaque group_id<V>; uint64 by; } DeletionNotice;
/// ```
public struct DeletionNotice: TLSCodable, Hashable, Sendable {
    public var log: LogNumber
    public var groupID: [UInt8]
    /// `.relay` for an operator.
    public var by: ClientNumber

    public init(log: LogNumber, groupID: [UInt8], by: ClientNumber) {
        self.log = log
        self.groupID = groupID
        self.by = by
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        log = try LogNumber(from: &reader)
        groupID = try reader.opaque()
        by = try ClientNumber(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        log.encode(into: &writer)
        writer.opaque(groupID)
        by.encode(into: &writer)
    }
}

/// The payload of a `member_changed` entry in a group's log: a member's key was rotated or the client was revoked. PROTOCOL.md section 6.3.
/// ```
/// struct { uint64 client; uint64 directory_seq; } MemberChangeNotice;
/// ```
public struct MemberChangeNotice: TLSCodable, Hashable, Sendable {
    public var client: ClientNumber
    /// Where the directory says what.
    public var directorySequenceNumber: SequenceNumber

    public init(client: ClientNumber, directorySequenceNumber: SequenceNumber) {
        self.client = client
        self.directorySequenceNumber = directorySequenceNumber
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        client = try ClientNumber(from: &reader)
        directorySequenceNumber = try SequenceNumber(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        client.encode(into: &writer)
        directorySequenceNumber.encode(into: &writer)
    }
}

/// The payload of an `invitation` entry in an inbox. PROTOCOL.md section 6.3.
/// ```
/// struct { uint64 invitation; uint64 log; opaque group_id<V>; opaque group_name<V>; opaque inviter<V>; opaque
///          info<V>; uint64 expires; } InvitationNotice;
/// ```
public struct InvitationNotice: TLSCodable, Hashable, Sendable {
    public var invitation: InvitationNumber
    public var log: LogNumber
    public var groupID: [UInt8]
    public var groupName: [UInt8]
    /// A user's name.
    public var inviter: [UInt8]
    public var info: [UInt8]
    public var expires: Timestamp

    public init(
        invitation: InvitationNumber, log: LogNumber, groupID: [UInt8], groupName: [UInt8], inviter: [UInt8],
        info: [UInt8], expires: Timestamp
    ) {
        self.invitation = invitation
        self.log = log
        self.groupID = groupID
        self.groupName = groupName
        self.inviter = inviter
        self.info = info
        self.expires = expires
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        invitation = try InvitationNumber(from: &reader)
        log = try LogNumber(from: &reader)
        groupID = try reader.opaque()
        groupName = try reader.opaque(atMost: WireLimits.maxGroupNameByteCount, "InvitationNotice.group_name")
        inviter = try reader.opaque()
        info = try reader.opaque(atMost: WireLimits.maxInfoByteCount, "InvitationNotice.info")
        expires = try Timestamp(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        invitation.encode(into: &writer)
        log.encode(into: &writer)
        writer.opaque(groupID)
        writer.opaque(groupName)
        writer.opaque(inviter)
        writer.opaque(info)
        expires.encode(into: &writer)
    }
}

/// The payload of an `invitation_answer` entry in the inboxes of the inviter's clients. PROTOCOL.md section 6.3.
/// ```
/// struct { uint64 invitation; uint64 log; opaque name<V>; InvitationState state; } InvitationAnswerNotice;
/// ```
public struct InvitationAnswerNotice: TLSCodable, Hashable, Sendable {
    public var invitation: InvitationNumber
    public var log: LogNumber
    /// Who was invited.
    public var name: [UInt8]
    public var state: InvitationState

    public init(invitation: InvitationNumber, log: LogNumber, name: [UInt8], state: InvitationState) {
        self.invitation = invitation
        self.log = log
        self.name = name
        self.state = state
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        invitation = try InvitationNumber(from: &reader)
        log = try LogNumber(from: &reader)
        name = try reader.opaque()
        state = try InvitationState(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        invitation.encode(into: &writer)
        log.encode(into: &writer)
        writer.opaque(name)
        state.encode(into: &writer)
    }
}

/// The payload of a `removed` entry in the inbox of the client that was removed. PROTOCOL.md section 6.3.
/// ```
/// struct { uint64 log; opaque group_id<V>; uint64 by; uint64 seq; } RemovalNotice;
/// ```
public struct RemovalNotice: TLSCodable, Hashable, Sendable {
    public var log: LogNumber
    public var groupID: [UInt8]
    public var by: ClientNumber
    /// The commit that removed it.
    public var sequenceNumber: SequenceNumber

    public init(log: LogNumber, groupID: [UInt8], by: ClientNumber, sequenceNumber: SequenceNumber) {
        self.log = log
        self.groupID = groupID
        self.by = by
        self.sequenceNumber = sequenceNumber
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        log = try LogNumber(from: &reader)
        groupID = try reader.opaque()
        by = try ClientNumber(from: &reader)
        sequenceNumber = try SequenceNumber(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        log.encode(into: &writer)
        writer.opaque(groupID)
        by.encode(into: &writer)
        sequenceNumber.encode(into: &writer)
    }
}

/// The payload of a `group_empty` entry in the inboxes of the last user's clients: all others have left. PROTOCOL.md section 6.3.
/// ```
/// struct { uint64 log; opaque group_id<V>; } EmptyNotice;
/// ```
public struct EmptyNotice: TLSCodable, Hashable, Sendable {
    public var log: LogNumber
    public var groupID: [UInt8]

    public init(log: LogNumber, groupID: [UInt8]) {
        self.log = log
        self.groupID = groupID
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        log = try LogNumber(from: &reader)
        groupID = try reader.opaque()
    }
    public func encode(into writer: inout Writer) {
        log.encode(into: &writer)
        writer.opaque(groupID)
    }
}

/// The payload of a `welcome_voided` entry in the inboxes of those whom a voided commit added. PROTOCOL.md section 6.3.
/// ```
/// struct { uint64 log; opaque group_id<V>; uint64 seq; } VoidedWelcomeNotice;
/// ```
public struct VoidedWelcomeNotice: TLSCodable, Hashable, Sendable {
    public var log: LogNumber
    public var groupID: [UInt8]
    /// Where the commit stands in the group's log.
    public var sequenceNumber: SequenceNumber

    public init(log: LogNumber, groupID: [UInt8], sequenceNumber: SequenceNumber) {
        self.log = log
        self.groupID = groupID
        self.sequenceNumber = sequenceNumber
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        log = try LogNumber(from: &reader)
        groupID = try reader.opaque()
        sequenceNumber = try SequenceNumber(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        log.encode(into: &writer)
        writer.opaque(groupID)
        sequenceNumber.encode(into: &writer)
    }
}

/// The payload of a `pool_low` entry in an inbox: few KeyPackages are left. PROTOCOL.md section 6.3.
/// ```
/// struct { CipherSuite cipher_suite; uint32 count; } LowPoolNotice;
/// ```
public struct LowPoolNotice: TLSCodable, Hashable, Sendable {
    public var cipherSuite: CipherSuite
    /// How many are left.
    public var count: UInt32

    public init(cipherSuite: CipherSuite, count: UInt32) {
        self.cipherSuite = cipherSuite
        self.count = count
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        cipherSuite = try CipherSuite(from: &reader)
        count = try reader.uint32()
    }
    public func encode(into writer: inout Writer) {
        cipherSuite.encode(into: &writer)
        writer.integer(count)
    }
}

/// The payload of a `last_resort_used` entry in an inbox: it is time for another. PROTOCOL.md section 6.3.
/// ```
/// struct { CipherSuite cipher_suite; uint64 seq; uint64 recipient; } LastResortNotice;
/// ```
public struct LastResortNotice: TLSCodable, Hashable, Sendable {
    public var cipherSuite: CipherSuite
    /// Where it stands in the log of KeyPackages.
    public var sequenceNumber: SequenceNumber
    public var recipient: ClientNumber

    public init(cipherSuite: CipherSuite, sequenceNumber: SequenceNumber, recipient: ClientNumber) {
        self.cipherSuite = cipherSuite
        self.sequenceNumber = sequenceNumber
        self.recipient = recipient
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        cipherSuite = try CipherSuite(from: &reader)
        sequenceNumber = try SequenceNumber(from: &reader)
        recipient = try ClientNumber(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        cipherSuite.encode(into: &writer)
        sequenceNumber.encode(into: &writer)
        recipient.encode(into: &writer)
    }
}

/// The payload of a `key_package_reserved` and of a `key_package_returned` entry. PROTOCOL.md section 6.3.
/// ```
/// struct { uint64 seq; uint64 invitation; } ReservationNotice;
/// ```
public struct ReservationNotice: TLSCodable, Hashable, Sendable {
    /// Where in the same log the KeyPackage stands.
    public var sequenceNumber: SequenceNumber
    public var invitation: InvitationNumber

    public init(sequenceNumber: SequenceNumber, invitation: InvitationNumber) {
        self.sequenceNumber = sequenceNumber
        self.invitation = invitation
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        sequenceNumber = try SequenceNumber(from: &reader)
        invitation = try InvitationNumber(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        sequenceNumber.encode(into: &writer)
        invitation.encode(into: &writer)
    }
}

/// The payload of a `key_package_expired` entry. PROTOCOL.md section 6.3.
/// ```
/// struct { uint64 seq; } KeyPackageExpiryNotice;
/// ```
public struct KeyPackageExpiryNotice: TLSCodable, Hashable, Sendable {
    /// Where in the same log the KeyPackage stands.
    public var sequenceNumber: SequenceNumber

    public init(sequenceNumber: SequenceNumber) { self.sequenceNumber = sequenceNumber }
    public init(from reader: inout Reader) throws(DecodingError) { sequenceNumber = try SequenceNumber(from: &reader) }
    public func encode(into writer: inout Writer) { sequenceNumber.encode(into: &writer) }
}
