/// Something that happened in a group, in the order in which it did: the same for all members, but for what each only
/// knows of its own.
///
/// An event is stored in the same transaction as what made it happen. So each message is told exactly once, also after a
/// crash, to an application that keeps `position` with what it makes of the event.
public struct GroupEvent: Hashable, Sendable {
    public var position: EventPosition
    public var group: GroupID
    /// When the relay took it.
    public var time: RelayTime
    /// Its place in the group's log, the same for all members; 0 where it has none.
    public var sequenceNumber: UInt64
    public var kind: Kind

    public enum Kind: Hashable, Sendable {
        case message(Message)
        /// A device is in the group from here on: added by `by`, or by itself where that is nil.
        case joined(Member, by: Member?)
        case left(Member)
        case removed(Member, by: Member?)
        /// A member has new keys; nothing else has changed for people.
        case keysUpdated(Member)
        case renamed(String, by: String)
        case roleChanged(user: String, GroupRole, by: String)
        case policyChanged(GroupPolicySettings, by: String)
        /// One of this device's messages, and all before it, were given to a member's connection; to all where nil.
        case delivered(MessageID, to: Member?)
        /// A member's device has stored the message; all have where nil.
        case acknowledged(MessageID, by: Member?)
        /// A message of this device will not arrive: the group ended, or this device is not in it any more.
        case notSent(MessageID)
        /// A message that this device cannot read. What comes after it can be.
        case undecryptable(sender: Member?, Undecryptable)
        /// Members could not accept a change of the group; it was taken back.
        case changeVoided(reason: String)
        case integrityWarning(IntegrityWarning)
        /// This device has joined again, after it had lost track of the group. What was said meanwhile is not known to it.
        case rejoined
        /// All other users have left; only this one's devices are in the group.
        case empty
        /// This device is not in the group any more.
        case ended(GroupEnd)
    }
}

/// What somebody said.
public struct Message: Hashable, Sendable {
    public var id: MessageID
    public var sender: Member
    /// What `body` is, a media type (RFC 9750 section 6.9): `text/plain;charset=utf-8`.
    public var contentType: String
    public var body: [UInt8]

    public static let text = "text/plain;charset=utf-8"

    /// The text, where it is one.
    public var text: String? { contentType == Self.text ? String(decoding: body, as: UTF8.self) : nil }
}

/// Why a message could not be read.
public enum Undecryptable: Hashable, Sendable {
    /// The relay keeps it no longer.
    case expired
    /// It is of an epoch whose keys this device has deleted, or never had.
    case epochUnknown
    /// Its key was used already: somebody sends it a second time.
    case replayed
    /// It was changed, or made by somebody who is not in the group.
    case notAuthentic
    /// It is well-formed MLS, but breaks a rule of it, named as in RFC 9420.
    case ruleBroken(String)
    /// It decrypts to something that this version does not know.
    case contentUnknown
}

/// Why a device is not in a group any more.
public enum GroupEnd: Hashable, Sendable {
    case left
    case removed(by: String)
    case deleted(by: String)
    /// The commit that had added it was taken back.
    case neverJoined
}

/// The relay, or somebody on the way, does not do what it should. Never reported for what lag or lost connections explain.
public enum IntegrityWarning: Hashable, Sendable {
    /// Entries were left out, changed, repeated or reordered: the group's history does not continue the one before.
    case historyChanged
    /// A member has seen another history than this device: the relay shows two.
    case historiesDiffer(Member)
    /// A member's state of the group is another one.
    case statesDiffer(Member)
    /// The relay gave a KeyPackage for a user that is not the user's.
    case keySubstituted(user: String)
    /// A device of this user is in the group that the user did not admit.
    case unknownDevice(Member)
    /// A device has another key than before.
    case keyChanged(Member)
    /// The relay gave a state of the group to join that is not the newest.
    case staleGroupInfo
    /// Somebody sent a message a second time.
    case replayed
    /// The members that the relay names are not those of the group.
    case rosterDiffers
}

/// How users come into a group.
public enum JoinRule: UInt8, Hashable, Sendable, CaseIterable {
    /// Only after accepting an invitation.
    case invitation = 1
    /// Whoever may add just adds.
    case direct = 2
    /// As `direct`, and whoever wants joins.
    case open = 3
}

/// Who may do what in a group. The relay enforces it.
public struct GroupPolicySettings: Hashable, Sendable {
    /// The least role that may; nil for nobody.
    public var mayAdd: GroupRole? = .member
    public var mayRemove: GroupRole? = .admin
    public var mayRename: GroupRole? = .admin
    public var join = JoinRule.invitation
    /// Whether the relay cannot read who changes what in the group; it cannot check it either then.
    public var hidesChanges = false
    /// Where the group comes to more users than this, an admin approves additions; 0: never.
    public var approvalAbove: UInt32 = 0
    /// How long messages are kept at the relay; nil for as long as its operator says.
    public var retention: Duration?

    public init() {}
}
