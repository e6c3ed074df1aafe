import ClientStore
import RelayConnection
import RelayWire

/// Users and their devices. What the relay's directory says is kept; nobody but the relay stands behind it.
extension RelayClient {
    /// Whose a client number is; nil where this device has never heard of it.
    func client(_ number: ClientNumber) throws -> KnownClient? { try store.read { try $0.client(number) } }

    /// Learns the clients of users, so that `client` knows them.
    /// - Throws: `userUnknown` for the first that cannot be found.
    func resolve(clientsOf users: [String]) async throws {
        for (user, clients) in zip(users, try await lookUp(users)) where clients == nil { throw Self.unknown(user) }
    }

    /// The devices of users, in the order of the names; nil for one that cannot be found. They are remembered.
    func lookUp(_ users: [String]) async throws -> [[KnownClient]?] {
        let connection = try usableConnection()
        var found: [[KnownClient]?] = []
        var rest = users[...]
        while !rest.isEmpty {
            let names = Array(rest.prefix(WireLimits.maxNamesPerLookUp))
            rest = rest.dropFirst(names.count)
            let answer = try await connection.ask(
                LookUp(names: names.map { Array($0.utf8) }), for: Users.self, isRepeatable: true)
            found += try Self.clients(of: names, answer.users)
        }
        try store.write { transaction in
            for client in found.compactMap(\.self).joined() { try transaction.remember(client) }
        }
        return found
    }

    private static func clients(
        of names: [String], _ results: [UserResult]
    ) throws(RelayClientError) -> [[KnownClient]?] {
        guard results.map(\.name) == names.map({ Array($0.utf8) }) else {
            throw RelayClientError(.protocolViolation, "the relay has looked other users up than were asked for")
        }
        return try zip(names, results).map { (name, result) throws(RelayClientError) in
            switch result.error {
            case .none:
                return try result.clients.map { (client) throws(RelayClientError) in
                    try KnownClient(client, of: name)
                }
            case .userUnknown: return nil
            default: throw RelayClientError(RelayError(result.error, "the relay cannot look \(name) up"))
            }
        }
    }

    private static func unknown(_ user: String) -> RelayClientError {
        RelayClientError(.userUnknown, "there is no user \(user) that can be found")
    }

    // MARK: For people

    func lookUpDevices(of name: String?) async throws -> [Device] {
        let user = name ?? identity.user
        guard let found = try await lookUp([user]).first, let clients = found else { throw Self.unknown(user) }
        return try store.read { transaction in
            try clients.map { client in
                Device(
                    user: user, name: client.device, fingerprint: client.fingerprint,
                    trust: try transaction.contact(user: user, signatureKey: client.signatureKey)?.trust ?? .unverified,
                    registered: client.registered, isThisDevice: client.number == account.clientNumber)
            }
        }
    }

    func findUsers(prefix: String, limit: Int) async throws -> [String] {
        let connection = try usableConnection()
        var names: [[UInt8]] = []
        while names.count < limit {
            let pageSize = min(limit - names.count, Self.maxNamesPerPage)
            let answer = try await connection.ask(
                SearchUsers(prefix: Array(prefix.utf8), after: names.last ?? [], limit: UInt16(pageSize)),
                for: UserNames.self, isRepeatable: true)
            try Self.checkPage(answer.names, prefix: Array(prefix.utf8), after: names.last ?? [], limit: pageSize)
            names += answer.names
            if answer.names.count < pageSize { break }
        }
        return names.map { String(decoding: $0, as: UTF8.self) }
    }

    /// Names in an answer to SearchUsers. PROTOCOL.md section 7.7.
    private static let maxNamesPerPage = 1000

    /// A page has to bring the search on, or it never ends.
    private static func checkPage(
        _ names: [[UInt8]], prefix: [UInt8], after: [UInt8], limit: Int
    ) throws(RelayClientError) {
        let isInOrder = zip([after] + names, names).allSatisfy { $0.lexicographicallyPrecedes($1) }
        let isText = names.allSatisfy { RelayWire.Identity.isValidName($0) && $0.starts(with: prefix) }
        guard isInOrder, isText, names.count <= limit else {
            throw RelayClientError(.protocolViolation, "the relay has found other names than were asked for")
        }
    }

    func markVerified(_ isVerified: Bool, _ fingerprint: Fingerprint, of user: String) async throws {
        if try store.write({ try $0.setVerified(isVerified, user: user, fingerprint) }) { return }
        // Perhaps it was never seen here.
        _ = try await lookUp([user])
        guard try store.write({ try $0.setVerified(isVerified, user: user, fingerprint) }) else {
            throw RelayClientError(.keyNotTrusted, "no device of \(user) has this fingerprint")
        }
    }
}

extension StoreTransaction {
    /// Remembers whose a client is, and its key.
    func remember(_ client: KnownClient) throws {
        // Most of the time nothing is new: then nothing is written.
        if try self.client(client.number) != client { try put(client) }
        try observe(user: client.user, device: client.device, signatureKey: client.signatureKey)
    }
}
