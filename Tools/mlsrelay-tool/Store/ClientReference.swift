import RelayCore
import RelayStore
import RelayWire

/// A user or a client as it is named on the command line.
struct ClientReference {
    let argument: String

    static let help =
        "A client: NAME where the user has one, NAME/CLIENT for a client by its name, or #N by its number."

    init(_ argument: String) { self.argument = argument }

    enum Resolution: Equatable {
        /// All clients of a user that are not revoked, or the one that is named.
        case clients([ClientNumber])
        case unknown(String)
    }

    func resolve(in snapshot: borrowing Snapshot) throws(StoreError) -> Resolution {
        // A user's name first: it may hold anything, a slash too.
        if let user = try snapshot.user(named: Array(argument.utf8)) {
            let clients = try snapshot.clients(of: user)
            return clients.isEmpty
                ? .unknown("all clients of \(argument) are revoked: name one by its number") : .clients(clients)
        }
        if argument.hasPrefix("#"), let number = UInt64(argument.dropFirst()) {
            let client = ClientNumber(rawValue: number)
            return try snapshot.has(Tables.clients, client)
                ? .clients([client]) : .unknown("there is no client \(number)")
        }
        guard let slash = argument.lastIndex(of: "/"),
            let user = try snapshot.user(named: Array(argument[..<slash].utf8))
        else { return .unknown("nobody is registered as \(argument)") }
        let clientName = Array(argument[argument.index(after: slash)...].utf8)
        var named: [ClientNumber] = []
        for client in try snapshot.clients(of: user)
        where try snapshot.existing(Tables.clients, client).clientName == clientName { named.append(client) }
        return named.isEmpty
            ? .unknown("\(argument[..<slash]) has no client \(argument[argument.index(after: slash)...])")
            : .clients(named)
    }

    /// What to say where one is meant and there are several.
    static func severalClients(
        _ argument: String, _ clients: [ClientNumber], in snapshot: borrowing Snapshot
    ) throws(StoreError) -> String {
        let names = try clients.map { (client) throws(StoreError) in
            "#\(client) (\(try snapshot.nameText(of: client)))"
        }
        return "\(argument) has several clients: \(names.joined(separator: ", "))"
    }
}

extension StoreReader {
    /// All clients that an argument names, at least one.
    func clients(named argument: String) throws -> [ClientNumber] {
        let reference = ClientReference(argument)
        switch try read({ (snapshot) throws(StoreError) in try reference.resolve(in: snapshot) }) {
        case .clients(let clients): return clients
        case .unknown(let what): throw ToolError(what)
        }
    }

    /// The one client that an argument names.
    func client(named argument: String) throws -> ClientNumber {
        let clients = try clients(named: argument)
        guard let client = clients.first, clients.count == 1 else {
            throw ToolError(
                try read { (snapshot) throws(StoreError) in
                    try ClientReference.severalClients(argument, clients, in: snapshot)
                })
        }
        return client
    }

    /// The user with this name.
    func user(named name: String) throws -> UserNumber {
        let bytes = Array(name.utf8)
        guard let user = try read({ (snapshot) throws(StoreError) in try snapshot.user(named: bytes) }) else {
            throw ToolError("nobody is registered as \(name)")
        }
        return user
    }
}
