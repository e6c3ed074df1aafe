import RelayCore
import RelayWire
import TLSPresentation

extension EntryKind {
    /// What the relay says in a group's log. PROTOCOL.md section 6.3.
    static let ofGroups: [EntryKind] = [.groupChanged, .roleChanged, .commitVoided, .groupDeleted, .memberChanged]
    /// What it says in the directory beside identities.
    static let ofDirectory: [EntryKind] = [.credentialIssued, .keyRotated, .clientRevoked, .userSuspended]
}

/// What the relay says in logs of groups and in the directory.
extension StoreVerifier {
    // MARK: Groups

    /// Commits from one on are void: its epoch is open again.
    func verifyVoid(_ entry: Entry, _ number: SequenceNumber, _ walk: inout LogWalk) {
        guard let notice = notice(VoidNotice.self, entry, number, walk.log) else { return }
        if walk.epoch != nil, walk.commits[notice.epoch] != notice.sequenceNumber {
            report(
                Finding(
                    .contradiction, .entries, log: walk.log, at: number,
                    expected: "entry \(notice.sequenceNumber) as the commit that ended epoch \(notice.epoch)",
                    found: walk.commits[notice.epoch].map { "entry \($0)" } ?? "none"))
        }
        walk.commits = walk.commits.filter { $0.value < notice.sequenceNumber }
        walk.epoch = notice.epoch
    }

    func verifyGroupChange(_ entry: Entry, _ number: SequenceNumber, _ walk: LogWalk) {
        switch entry.header.kind {
        case .groupChanged: _ = notice(GroupChangeNotice.self, entry, number, walk.log)
        case .roleChanged: _ = notice(RoleNotice.self, entry, number, walk.log)
        case .groupDeleted: _ = notice(DeletionNotice.self, entry, number, walk.log)
        default: _ = notice(MemberChangeNotice.self, entry, number, walk.log)
        }
    }

    // MARK: The directory

    func verifyDirectoryNotice(
        _ entry: Entry, _ number: SequenceNumber, _ walk: LogWalk, in snapshot: borrowing Snapshot
    ) throws(StoreError) {
        let client: ClientNumber?
        switch entry.header.kind {
        case .credentialIssued: client = notice(CredentialNotice.self, entry, number, walk.log)?.client
        case .clientRevoked: client = notice(RevocationNotice.self, entry, number, walk.log)?.client
        case .keyRotated:
            let rotation = notice(KeyRotationNotice.self, entry, number, walk.log)
            client = rotation?.client
            if let rotation { try verify(rotation.identity, of: rotation.client, number, walk, in: snapshot) }
        default:
            guard let user = notice(SuspensionNotice.self, entry, number, walk.log)?.user else { return }
            if try !snapshot.has(Tables.users, user) {
                report(
                    Finding(
                        .missing, .users, log: walk.log, at: number, row: "user \(user)", expected: "a user",
                        found: "none"))
            }
            return
        }
        if let client, !toldClients.contains(client.rawValue) {
            report(
                Finding(
                    .contradiction, .entries, log: walk.log, at: number, expected: "a client that is told of before",
                    found: "client \(client)"))
        }
    }

    /// Compares what the directory tells of a client with the table; a later entry may tell of another key.
    func verify(
        _ told: Identity, of client: ClientNumber, _ number: SequenceNumber, _ walk: LogWalk,
        in snapshot: borrowing Snapshot
    ) throws(StoreError) {
        let identity = try row { () throws(StoreError) in try snapshot.get(Tables.clients, client)?.identity }
        if identity.isMissing {
            report(
                Finding(
                    .missing, .clients, log: walk.log, at: number, row: "client \(client)", expected: told.text,
                    found: "none"))
        }
        misidentified[client] = nil
        if let found = identity.value, found != told { misidentified[client] = (told, number, found) }
    }

    /// What the table says of a client is what the directory told last.
    func finishDirectory(_ walk: LogWalk) {
        for (client, identities) in misidentified.sorted(by: { $0.key < $1.key }) {
            report(
                Finding(
                    .contradiction, .clients, log: walk.log, at: identities.at, row: "client \(client)",
                    expected: identities.told.encoded.hex, found: identities.found.encoded.hex))
        }
    }
}
