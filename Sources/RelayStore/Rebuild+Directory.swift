import MLSCodec
import RelayCore
import RelayWire
import TLSPresentation

/// Users and clients, as the directory tells of them.
struct RebuiltDirectory {
    struct User: Equatable {
        var name: [UInt8]
        var isSuspended = false
    }

    struct Client: Equatable {
        var user: UserNumber
        var identity: Identity
        var clientName: [UInt8]
        var credentialNotAfter = Timestamp(rawValue: 0)
        var isRevoked = false
    }

    var users: [UserNumber: User] = [:]
    var clients: [ClientNumber: Client] = [:]
    /// Whose a key is or was.
    var keys: [[UInt8]: ClientNumber] = [:]

    /// What is no notice of its kind is for `StoreVerifier` to say.
    mutating func take(_ entry: Entry) {
        let payload = entry.payload
        switch entry.header.kind {
        case .identity:
            guard let notice = try? IdentityNotice(decoding: payload) else { return }
            if users[notice.user] == nil { users[notice.user] = User(name: notice.identity.name) }
            clients[notice.client] = Client(
                user: notice.user, identity: notice.identity, clientName: notice.clientName)
            keys[Identity.keyID(notice.identity.signatureKey)] = notice.client
        case .keyRotated:
            guard let notice = try? KeyRotationNotice(decoding: payload) else { return }
            clients[notice.client]?.identity = notice.identity
            // A credential is for a key.
            clients[notice.client]?.credentialNotAfter = Timestamp(rawValue: 0)
            keys[Identity.keyID(notice.identity.signatureKey)] = notice.client
        case .credentialIssued:
            guard let notice = try? CredentialNotice(decoding: payload) else { return }
            clients[notice.client]?.credentialNotAfter = notice.notAfter
        case .clientRevoked:
            guard let notice = try? RevocationNotice(decoding: payload) else { return }
            clients[notice.client]?.isRevoked = true
        case .userSuspended:
            guard let notice = try? SuspensionNotice(decoding: payload) else { return }
            users[notice.user]?.isSuspended = notice.isSuspended
        default: return
        }
    }
}

extension StoreRebuilder {
    func rebuildDirectory(in snapshot: borrowing Snapshot) throws(StoreError) -> RebuiltDirectory {
        var directory = RebuiltDirectory()
        try forEachEntry(of: .directory, in: snapshot) { directory.take($0) }
        summary.userCount = directory.users.count
        summary.clientCount = directory.clients.count
        return directory
    }

    func compare(_ directory: RebuiltDirectory, in snapshot: borrowing Snapshot) throws(StoreError) {
        try compare(Tables.users, directory.users, in: snapshot) {
            "user \($0)"
        } stored: { record in
            RebuiltDirectory.User(name: record.name, isSuspended: record.isSuspended)
        }
        try compare(Tables.clients, directory.clients, in: snapshot) {
            "client \($0)"
        } stored: { record in
            RebuiltDirectory.Client(
                user: record.user, identity: record.identity, clientName: record.clientName,
                credentialNotAfter: record.credentialNotAfter, isRevoked: record.isRevoked)
        }
        let names = Dictionary(
            directory.users.map { (BytesKey($0.value.name), $0.key) }, uniquingKeysWith: { first, _ in first })
        try compare(Tables.userNames, names, in: snapshot) {
            "name \($0.bytes.hex)"
        } stored: {
            $0
        }
        let keys = Dictionary(uniqueKeysWithValues: directory.keys.map { (BytesKey($0.key), $0.value) })
        try compare(Tables.signatureKeys, keys, in: snapshot) {
            "key \($0.bytes.hex)"
        } stored: {
            $0
        }
        let clients = Dictionary(
            uniqueKeysWithValues: directory.clients.map { (PairKey($0.value.user, $0.key), Mark()) })
        try compare(Tables.userClients, clients, in: snapshot) {
            "client \($0.second) of user \($0.first)"
        } stored: {
            $0
        }
    }

    /// Compares a table with what it should hold.
    /// - Parameter stored: of a record what was rebuilt.
    func compare<Key, Value, Rebuilt: Equatable>(
        _ records: Records<Key, Value>, _ rebuilt: [Key: Rebuilt], in snapshot: borrowing Snapshot,
        row: (Key) -> String, stored: (Value) -> Rebuilt
    ) throws(StoreError) {
        for (key, value) in rebuilt.sorted(by: { $0.key.recordKey.lexicographicallyPrecedes($1.key.recordKey) }) {
            guard let record = try snapshot.get(records, key) else {
                report(Finding(.missing, records.table, row: row(key), expected: "\(value)", found: "none"))
                continue
            }
            let found = stored(record)
            if found != value {
                report(Finding(.contradiction, records.table, row: row(key), expected: "\(value)", found: "\(found)"))
            }
        }
        try snapshot.forEach(records) { (key, value) in
            if rebuilt[key] == nil {
                report(Finding(.stray, records.table, row: row(key), expected: "none", found: "\(stored(value))"))
            }
            return true
        }
    }
}
