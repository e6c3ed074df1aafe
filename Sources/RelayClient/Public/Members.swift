/// How far a device's key is trusted: trust on first use, and by comparing fingerprints.
public enum KeyTrust: UInt8, Hashable, Sendable, CaseIterable {
    /// Seen, and not compared by people.
    case unverified = 0
    /// A person has compared the fingerprint.
    case verified = 1
    /// A device of this name had another key before: it was set up anew, or somebody else pretends to be it.
    case changed = 2
}

/// What a user may do in a group.
public enum GroupRole: UInt8, Hashable, Sendable, CaseIterable {
    case member = 1
    case admin = 2
}

/// A device of a user, as the directory shows it.
public struct Device: Hashable, Sendable {
    public var user: String
    /// What the user calls it; perhaps empty.
    public var name: String
    public var fingerprint: Fingerprint
    public var trust: KeyTrust
    public var registered: RelayTime
    /// Whether it is this device.
    public var isThisDevice: Bool
}

/// A device in a group.
public struct Member: Hashable, Sendable {
    /// The user's name, as the verified credential says.
    public var user: String
    /// The device's name; empty where nobody says.
    public var device: String
    public var fingerprint: Fingerprint
    /// Whether it is this device.
    public var isThisDevice: Bool
}

/// A user in a group, with its devices there.
public struct GroupUser: Hashable, Sendable {
    public var name: String
    public var role: GroupRole
    public var devices: [Member]
}
