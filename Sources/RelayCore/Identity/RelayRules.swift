/// Whom a relay admits, who operates it, and who may follow the directory; an operator's to change.
public struct RelayRules: Hashable, Sendable {
    public var registration = RegistrationRule.open
    public var directory = DirectoryRule.open
    /// Names of the users whose clients may administer the relay.
    public var operators: Set<[UInt8]> = []

    public init() {}
}

/// Who may register a new name. A user's further clients are admitted by one that it has, whatever the rule.
public enum RegistrationRule: String, Hashable, Sendable, CaseIterable {
    /// Whoever comes first.
    case open
    /// Whoever has a token of the operator's.
    case token
    /// Nobody.
    case closed
}

/// Who may follow the directory, which has every name, and search it. Looking up a name is not touched by this.
public enum DirectoryRule: String, Hashable, Sendable, CaseIterable {
    /// Everybody: whoever wants can check what the relay says about keys.
    case open
    /// Operators.
    case closed
}
