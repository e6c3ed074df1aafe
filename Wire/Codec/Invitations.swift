public import MLSCodec
public import TLSPresentation

/// Invites a user into a group. PROTOCOL.md section 7.11.
/// ```
/// struct { uint64 log; opaque name<V>; CipherSuite cipher_suite; opaque info<V>; uint64 lifetime_ms; } Invite;
/// ```
public struct Invite: FrameBody {
    public static let type = FrameType.invite
    public var log: LogNumber
    /// The user's.
    public var name: [UInt8]
    /// The group's.
    public var cipherSuite: CipherSuite
    /// What the inviter tells the invited; the relay does not look into it.
    public var info: [UInt8]
    /// 0 for the relay's default.
    public var lifetimeMilliseconds: UInt64

    public init(log: LogNumber, name: [UInt8], cipherSuite: CipherSuite, info: [UInt8], lifetimeMilliseconds: UInt64) {
        self.log = log
        self.name = name
        self.cipherSuite = cipherSuite
        self.info = info
        self.lifetimeMilliseconds = lifetimeMilliseconds
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        log = try LogNumber(from: &reader)
        name = try reader.opaque()
        cipherSuite = try CipherSuite(from: &reader)
        info = try reader.opaque(atMost: WireLimits.maxInfoByteCount, "Invite.info")
        lifetimeMilliseconds = try reader.uint64()
    }
    public func encode(into writer: inout Writer) {
        log.encode(into: &writer)
        writer.opaque(name)
        cipherSuite.encode(into: &writer)
        writer.opaque(info)
        writer.integer(lifetimeMilliseconds)
    }
}

/// What became of an invitation. PROTOCOL.md section 7.11.
public enum InvitationState: UInt8, TLSEnumerated, Hashable, Sendable, CaseIterable {
    /// For the invited user.
    case waiting = 1
    /// For an admin.
    case waitingForApproval = 2
    /// Whoever may add takes the KeyPackages and commits.
    case accepted = 3
    case declined = 4
    /// By the inviter, or refused by an admin.
    case cancelled = 5
    case expired = 6
    /// The user was added.
    case completed = 7

    public static var enumerationName: StaticStringName { "InvitationState" }
}

/// The answer to Invite. PROTOCOL.md section 7.11.
/// ```
/// struct { uint64 invitation; InvitationState state; uint32 clients; uint64 expires; } Invited;
/// ```
public struct Invited: FrameBody {
    public static let type = FrameType.invited
    public var invitation: InvitationNumber
    public var state: InvitationState
    /// Of how many clients a KeyPackage is reserved.
    public var clients: UInt32
    public var expires: Timestamp

    public init(invitation: InvitationNumber, state: InvitationState, clients: UInt32, expires: Timestamp) {
        self.invitation = invitation
        self.state = state
        self.clients = clients
        self.expires = expires
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        invitation = try InvitationNumber(from: &reader)
        state = try InvitationState(from: &reader)
        clients = try reader.uint32()
        expires = try Timestamp(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        invitation.encode(into: &writer)
        state.encode(into: &writer)
        writer.integer(clients)
        expires.encode(into: &writer)
    }
}

/// What to do with an invitation. PROTOCOL.md section 7.11.
public enum InvitationAnswerType: UInt8, TLSEnumerated, Hashable, Sendable, CaseIterable {
    /// The invited user.
    case accept = 1
    /// The invited user.
    case decline = 2
    /// The inviter, or an admin.
    case cancel = 3
    /// An admin.
    case approve = 4
    /// An admin.
    case refuse = 5

    public static var enumerationName: StaticStringName { "InvitationAnswerType" }
}

/// Answers an invitation, or takes it back. PROTOCOL.md section 7.11.
/// ```
/// struct { uint64 invitation; InvitationAnswerType answer; } AnswerInvitation;
/// ```
public struct AnswerInvitation: FrameBody {
    public static let type = FrameType.answerInvitation
    public var invitation: InvitationNumber
    public var answer: InvitationAnswerType

    public init(invitation: InvitationNumber, answer: InvitationAnswerType) {
        self.invitation = invitation
        self.answer = answer
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        invitation = try InvitationNumber(from: &reader)
        answer = try InvitationAnswerType(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        invitation.encode(into: &writer)
        answer.encode(into: &writer)
    }
}

/// Takes the KeyPackages that an accepted invitation reserved. PROTOCOL.md section 7.11.
/// ```
/// struct { uint64 invitation; } TakeInvited;
/// ```
public struct TakeInvited: FrameBody {
    public static let type = FrameType.takeInvited
    public var invitation: InvitationNumber
    public init(invitation: InvitationNumber) { self.invitation = invitation }
    public init(from reader: inout Reader) throws(DecodingError) { invitation = try InvitationNumber(from: &reader) }
    public func encode(into writer: inout Writer) { invitation.encode(into: &writer) }
}
