/// A group as its members see it.
public struct GroupState: Hashable, Sendable {
    public var id: GroupID
    public var name: String
    public var alias: String
    public var policy: GroupPolicySettings
    public var users: [GroupUser]
    /// How often the group's keys have changed.
    public var epoch: UInt64
    /// Whether this device is in it; nil while it is about to be.
    public var isMember: Bool?
    /// What members compare to know that they are in the same group with the same people: derived from the epoch
    /// authenticator (RFC 9420 section 8.7).
    public var safetyNumber: Fingerprint?
}

/// A group that whoever wants may join.
public struct OpenGroup: Hashable, Sendable {
    public var id: GroupID
    public var name: String
    public var alias: String
    public var userCount: Int
}

/// Somebody asks this user to join a group, or this user, as an admin, to let somebody be asked.
public struct Invitation: Hashable, Sendable {
    public enum State: UInt8, Hashable, Sendable, CaseIterable {
        case waiting = 1
        case waitingForApproval = 2
        case accepted = 3
        case declined = 4
        case cancelled = 5
        case expired = 6
        case completed = 7
    }
    public var number: UInt64
    public var group: GroupID
    public var groupName: String
    public var inviter: String
    /// Who is invited: this user, or somebody whom this user has invited or is to approve.
    public var invited: String
    public var state: State
    public var expires: RelayTime
}

/// What concerns this device as a whole.
public enum ClientEvent: Hashable, Sendable {
    case connection(ConnectionState)
    /// This device is in a group that it was not in before; its name is known.
    case groupJoined(GroupID)
    case invitation(Invitation)
    /// The user has a device that this one did not know.
    case deviceAdded(Device)
    case deviceRevoked(Device)
    /// Something in the background failed and is tried again.
    case problem(RelayClientError)
}

public enum ConnectionState: Hashable, Sendable {
    case idle
    case connecting
    case ready
    /// The connection was lost; it is tried again.
    case waiting
    case ended(RelayClientError)
}
