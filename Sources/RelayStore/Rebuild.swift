import RelayCore
import RelayWire
import TLSPresentation

/// Makes the tables again from the logs alone, and compares them with those that are stored: S0-5 of the requirements.
///
/// What is compared: users and clients with their keys, the list of groups, epochs and their commits, pools of
/// KeyPackages and what is reserved of them, and of tracked groups what the log says of name, policy, roles and end. A
/// public group is made from what was stored of it some commits ago and the entries since, and compared with its GroupInfo
/// and the members. Of what is only in tables (invitations, bans, acknowledgements, roles that a group began with) the logs
/// say nothing.
///
/// One read transaction for all, so that a running relay changes nothing meanwhile. Entries are not checked here:
/// `StoreVerifier` does that.
public final class StoreRebuilder {
    /// What was rebuilt.
    public struct Summary: Hashable, Sendable {
        public var userCount = 0
        public var clientCount = 0
        public var groupCount = 0
        public var commitCount = 0
        public var keyPackageCount = 0
        public var findingCount = 0
    }

    private let reader: StoreReader
    private let onFinding: (Finding) -> Void
    var summary = Summary()

    public init(_ store: Store, onFinding: @escaping (Finding) -> Void) throws(StoreError) {
        reader = try StoreReader(store)
        self.onFinding = onFinding
    }

    /// Rebuilds everything. Once per rebuilder.
    public func rebuild() throws(StoreError) -> Summary {
        try reader.read { (snapshot) throws(StoreError) in
            let directory = try rebuildDirectory(in: snapshot)
            try compare(directory, in: snapshot)
            for client in directory.clients.keys.sorted() { try rebuildPools(of: client, in: snapshot) }
            try compareGroups(in: snapshot)
        }
        return summary
    }

    func report(_ finding: Finding) {
        summary.findingCount += 1
        onFinding(finding)
    }

    /// Calls `body` with each entry of a log that is there as a whole; of others `StoreVerifier` speaks.
    func forEachEntry(
        of name: LogName, in snapshot: borrowing Snapshot, _ body: (Entry) throws(StoreError) -> Void
    ) throws(StoreError) {
        guard let log = try snapshot.log(name.kind, named: name.name.rawSpan) else {
            return report(Finding(.missing, .logs, row: "\(name)", expected: "a log", found: "none"))
        }
        try snapshot.forEachFrame(in: log, after: .zero, through: .unlimited) { (_, frame) throws(StoreError) in
            if case .whole(let entry)? = try? Snapshot.decodeStored(frame) { try body(entry) }
            return true
        }
    }
}
