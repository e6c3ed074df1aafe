import MLSCrypto

/// Runs the language: keeps the clients, and finds the command and the client that a line is for. One thread at a time.
///
/// A line is `[@NAME] COMMAND WORD ...`. All bytes, those of a TEXT too, are written in hexadecimal, none of them as `-`;
/// names and labels are what they are; numbers are decimal, or hexadecimal behind `0x`. Every message is an encoded
/// MLSMessage, a tree an encoded `ratchet_tree`. What is about a group is about the client's current one: the last that it
/// got into, or named with `use-group`. The answer is an object with `ok` and the command's fields, or with `error`.
final class Interpreter {
    /// In the order of `help`.
    let commands: [Command]
    private let commandsByName: [String: Command]
    private(set) var clients: [String: Client] = [:]
    /// The last one made or named by `use`.
    private var lastClient: Client?
    /// The one that the present line is for.
    private var presentClient: Client?
    /// Those who are in no group but may propose to one, by their public keys.
    var externalSenders: [[UInt8]: SigningKey] = [:]
    var isOver = false

    init() {
        commands =
            Self.processCommands + Self.clientCommands + Self.joiningCommands + Self.proposalCommands
            + Self.commitCommands + Self.messageCommands + Self.successorCommands + Self.stateCommands
            + Self.pskCommands + Self.externalCommands + Self.groupCommands + Self.settingCommands
            + Self.byteCommands
        commandsByName = Dictionary(uniqueKeysWithValues: commands.map { ($0.name, $0) })
    }

    /// The answer to a line; nil for an empty one and for a comment.
    func answer(to line: String) -> JSON? {
        // A carriage return too, for lines that end with one.
        var words = line.utf8.split { [0x20, 0x09, 0x0d].contains($0) }.map { Substring($0) }[...]
        guard let first = words.first, !first.hasPrefix("#") else { return nil }
        do {
            presentClient = lastClient
            if first.hasPrefix("@") {
                presentClient = try client(named: first.dropFirst())
                words.removeFirst()
            }
            guard let name = words.popFirst() else { throw InteropError("a command is missing") }
            guard let command = commandsByName[String(name)] else {
                throw InteropError("there is no command \(name.prefix(40))")
            }
            var arguments = Arguments(words)
            return .object([("ok", .bool(true))] + (try command.run(self, &arguments)))
        } catch {
            return .object([("ok", .bool(false)), ("error", .string("\(error)"))])
        }
    }

    // MARK: Clients

    /// The client that the present line is for.
    var client: Client {
        get throws(InteropError) {
            guard let presentClient else { throw InteropError("there is no client yet") }
            return presentClient
        }
    }

    func client(named name: Substring) throws(InteropError) -> Client {
        guard let client = clients[String(name)] else { throw InteropError("there is no client \(name.prefix(40))") }
        return client
    }

    /// From now on lines without a name are for this one.
    func use(_ client: Client) { lastClient = client }

    /// - Throws: where the name is taken.
    func add(_ client: Client) throws(InteropError) {
        guard clients[client.name] == nil else { throw InteropError("there is a client \(client.name) already") }
        clients[client.name] = client
        use(client)
    }
}
