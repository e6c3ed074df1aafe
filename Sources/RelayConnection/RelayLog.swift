public import MLSCrypto
public import RelayWire

/// A log to follow, as a client sees it: of inboxes and KeyPackages it can follow its own.
public enum RelayLog: Hashable, Sendable {
    case group([UInt8])
    /// What is meant for this client alone: Welcomes.
    case inbox
    /// The registrations of all clients.
    case directory
    /// This client's KeyPackages and what became of them.
    case keyPackages
    /// The creations of groups, for operators.
    case groups

    /// The name in a Subscribe. PROTOCOL.md section 7.3.
    var subscriptionName: LogName {
        switch self {
        case .group(let groupID): .group(groupID)
        case .inbox: LogName(kind: .inbox, name: [])
        case .directory: .directory
        case .keyPackages: LogName(kind: .keyPackages, name: [])
        case .groups: .groups
        }
    }

    /// The name that the log's chain begins with. PROTOCOL.md section 6.
    func chainName(of client: ClientNumber) -> LogName {
        switch self {
        case .group(let groupID): .group(groupID)
        case .inbox: .inbox(of: client)
        case .directory: .directory
        case .keyPackages: .keyPackages(of: client)
        case .groups: .groups
        }
    }
}

/// A reader's place in a log: the last entry that it has, and the log's chain hash there.
public struct Cursor: Hashable, Sendable {
    public var sequenceNumber: SequenceNumber
    /// Nil where it is not known: then the relay is believed about it, once; in a group also about what comes first for a
    /// member that joins again.
    public var chain: SHA256Digest?

    public init(sequenceNumber: SequenceNumber, chain: SHA256Digest?) {
        self.sequenceNumber = sequenceNumber
        self.chain = chain
    }

    /// The place behind `entry`.
    public init(_ entry: ReceivedEntry) { self.init(sequenceNumber: entry.header.sequenceNumber, chain: entry.chain) }

    /// Before the first entry.
    public static let start = Cursor(sequenceNumber: .zero, chain: nil)
}
