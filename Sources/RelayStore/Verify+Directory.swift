import MLSCrypto
import RelayCore
import RelayWire
import TLSPresentation

/// What the directory tells of clients and users, and the tables must say too.
struct DirectoryReplay {
    /// Something that changes, and whose last entry in the directory is what holds.
    enum Fact: Hashable {
        case key(ClientNumber)
        case credential(ClientNumber)
        case revocation(ClientNumber)
        case suspension(UserNumber)
    }

    /// Facts of which a table said something else when the last entry about them was read. Where the relay writes meanwhile, a
    /// table is ahead of the entry; the entry that it is at follows before the walk ends.
    var differing: [Fact: Finding] = [:]
    /// Signature keys that no client has at present: the directory has to tell that one had them.
    var formerKeys: [BytesKey: ClientNumber] = [:]
}

extension StoreVerifier {
    /// Whether a table says what the directory does, as far as that can be said before its end.
    private func compare(
        _ fact: DirectoryReplay.Fact, _ table: RecordTable, row: String, at number: SequenceNumber, _ walk: LogWalk,
        expected: String, found: String
    ) {
        replay.differing[fact] =
            expected == found
            ? nil
            : Finding(.contradiction, table, log: walk.log, at: number, row: row, expected: expected, found: found)
    }

    func verifyIdentityNotice(
        _ entry: Entry, _ number: SequenceNumber, _ walk: LogWalk, in snapshot: borrowing Snapshot
    ) throws(StoreError) {
        guard let notice = notice(IdentityNotice.self, entry, number, walk.log) else { return }
        let client = notice.client
        if toldClients.contains(client.rawValue) {
            report(
                Finding(
                    .contradiction, .entries, log: walk.log, at: number, expected: "a new client",
                    found: "client \(client) once more"))
        }
        toldClients.insert(client.rawValue)
        let read = try row { () throws(StoreError) in try snapshot.get(Tables.clients, client) }
        if read.isMissing {
            report(
                Finding(
                    .missing, .clients, log: walk.log, at: number, row: "client \(client)",
                    expected: notice.identity.text, found: "none"))
        }
        guard let record = read.value else { return }
        let registered = entry.header.time
        if record.user != notice.user || record.clientName != notice.clientName || record.registered != registered {
            report(
                Finding(
                    .contradiction, .clients, log: walk.log, at: number, row: "client \(client)",
                    expected: "user \(notice.user), named \(notice.clientName.hex), of \(registered)",
                    found: "user \(record.user), named \(record.clientName.hex), of \(record.registered)"))
        }
        verifyKey(notice.identity, of: client, record, entry, number, walk)
        verifyCredential(nil, of: client, record, number, walk)
        verifyRevocation(false, of: client, record, number, walk)
        guard notice.admission.type != .client else { return }
        let user = try row { () throws(StoreError) in try snapshot.get(Tables.users, notice.user) }
        if let user = user.value {
            if user.registered != registered {
                report(
                    Finding(
                        .contradiction, .users, log: walk.log, at: number, row: "user \(notice.user)",
                        expected: "of \(registered)", found: "of \(user.registered)"))
            }
            verifySuspension(false, of: notice.user, user, number, walk)
        }
    }

    func verifyCredentialNotice(
        _ entry: Entry, _ number: SequenceNumber, _ walk: LogWalk, in snapshot: borrowing Snapshot
    ) throws(StoreError) {
        guard let notice = notice(CredentialNotice.self, entry, number, walk.log),
            let record = try told(notice.client, number, walk, in: snapshot)
        else { return }
        verifyCredential(notice, of: notice.client, record, number, walk)
    }

    func verifyRotationNotice(
        _ entry: Entry, _ number: SequenceNumber, _ walk: LogWalk, in snapshot: borrowing Snapshot
    ) throws(StoreError) {
        guard let notice = notice(KeyRotationNotice.self, entry, number, walk.log),
            let record = try told(notice.client, number, walk, in: snapshot)
        else { return }
        verifyKey(notice.identity, of: notice.client, record, entry, number, walk)
        verifyCredential(nil, of: notice.client, record, number, walk)
    }

    func verifyRevocationNotice(
        _ entry: Entry, _ number: SequenceNumber, _ walk: LogWalk, in snapshot: borrowing Snapshot
    ) throws(StoreError) {
        guard let notice = notice(RevocationNotice.self, entry, number, walk.log),
            let record = try told(notice.client, number, walk, in: snapshot)
        else { return }
        verifyRevocation(true, of: notice.client, record, number, walk)
    }

    func verifySuspensionNotice(
        _ entry: Entry, _ number: SequenceNumber, _ walk: LogWalk, in snapshot: borrowing Snapshot
    ) throws(StoreError) {
        guard let notice = notice(SuspensionNotice.self, entry, number, walk.log) else { return }
        let read = try row { () throws(StoreError) in try snapshot.get(Tables.users, notice.user) }
        if read.isMissing {
            report(
                Finding(
                    .missing, .users, log: walk.log, at: number, row: "user \(notice.user)", expected: "a user",
                    found: "none"))
        }
        guard let record = read.value else { return }
        verifySuspension(notice.isSuspended, of: notice.user, record, number, walk)
    }

    /// What the tables never had, and what they say at the end of the directory and it does not.
    func finishReplay() {
        for finding in replay.differing.values.sorted(by: { $0.order < $1.order }) { report(finding) }
        for (key, client) in replay.formerKeys.sorted(by: { $0.key.bytes.lexicographicallyPrecedes($1.key.bytes) }) {
            report(
                Finding(
                    .stray, .signatureKeys, row: key.bytes.hex, expected: "a key that client \(client) has or had",
                    found: "one that the directory does not tell"))
        }
        replay = DirectoryReplay()
    }

    // MARK: Facts

    /// The record of a client of which the directory has told before.
    private func told(
        _ client: ClientNumber, _ number: SequenceNumber, _ walk: LogWalk, in snapshot: borrowing Snapshot
    ) throws(StoreError) -> ClientRecord? {
        if !toldClients.contains(client.rawValue) {
            report(
                Finding(
                    .contradiction, .entries, log: walk.log, at: number, expected: "a client that was told of",
                    found: "client \(client)"))
        }
        return try row { () throws(StoreError) in try snapshot.get(Tables.clients, client) }.value
    }

    private func verifyKey(
        _ identity: Identity, of client: ClientNumber, _ record: ClientRecord, _ entry: Entry, _ number: SequenceNumber,
        _ walk: LogWalk
    ) {
        replay.formerKeys[BytesKey(Identity.keyID(identity.signatureKey))] = nil
        compare(
            .key(client), .clients, row: "client \(client)", at: number, walk,
            expected: "\(identity.encoded.hex) since \(entry.header.time)",
            found: "\(record.identity.encoded.hex) since \(record.keySince)")
    }

    private func verifyCredential(
        _ notice: CredentialNotice?, of client: ClientNumber, _ record: ClientRecord, _ number: SequenceNumber,
        _ walk: LogWalk
    ) {
        let none = Timestamp(rawValue: 0)
        compare(
            .credential(client), .clients, row: "client \(client)", at: number, walk,
            expected: "a credential from \(notice?.notBefore ?? none) to \(notice?.notAfter ?? none)",
            found: "a credential from \(record.credentialNotBefore) to \(record.credentialNotAfter)")
    }

    private func verifyRevocation(
        _ isRevoked: Bool, of client: ClientNumber, _ record: ClientRecord, _ number: SequenceNumber, _ walk: LogWalk
    ) {
        compare(
            .revocation(client), .clients, row: "client \(client)", at: number, walk,
            expected: isRevoked ? "revoked" : "not revoked", found: record.isRevoked ? "revoked" : "not revoked")
    }

    private func verifySuspension(
        _ isSuspended: Bool, of user: UserNumber, _ record: UserRecord, _ number: SequenceNumber, _ walk: LogWalk
    ) {
        compare(
            .suspension(user), .users, row: "user \(user)", at: number, walk,
            expected: isSuspended ? "suspended" : "not suspended",
            found: record.isSuspended ? "suspended" : "not suspended")
    }
}

extension Finding {
    /// By the entry, then by what it says.
    fileprivate var order: (SequenceNumber, String) { (sequenceNumber ?? .zero, expected) }
}
