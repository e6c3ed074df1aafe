import Glibc
import RelayClient

/// From settings to a client: who talks, where it is kept, and what opens it.
enum Start {
    /// Makes the identity where there is none yet, and opens its store.
    static func client(_ settings: ChatSettings, isTerminal: Bool) throws -> RelayClient {
        let environment = { (name: String) in getenv(name).map { String(cString: $0) } }
        let directory = try directory(settings, environment, isTerminal: isTerminal)
        try makeDirectory(directory)
        let identity = try identity(settings, in: directory, isTerminal: isTerminal)
        var configuration = RelayClientConfiguration()
        configuration.certificateAuthorities = settings.certificateAuthorities
        return try RelayClient(
            identity: identity, directory: directory + "/store", relay: settings.relay ?? ChatSettings.defaultRelay,
            configuration: configuration)
    }

    private static func directory(
        _ settings: ChatSettings, _ environment: (String) -> String?, isTerminal: Bool
    ) throws -> String {
        if let data = settings.data { return data }
        return try settings.dataDirectory(user: user(settings, isTerminal: isTerminal), environment: environment)
    }

    private static func user(_ settings: ChatSettings, isTerminal: Bool) throws -> String {
        if let user = settings.user { return user }
        guard isTerminal, let user = Terminal.ask("Your name: "), !user.isEmpty else {
            throw StartError("Who are you? --user or MLSRELAY_CHAT_USER says.")
        }
        return user
    }

    private static func identity(_ settings: ChatSettings, in directory: String, isTerminal: Bool) throws -> Identity {
        let path = directory + "/identity"
        let isNew = access(path, F_OK) != 0
        let passphrase = try Passphrase.obtain(settings, isNew: isNew) { prompt in
            isTerminal ? Terminal.askSecret(prompt) : nil
        }
        if isNew { return try create(settings, path, passphrase, isTerminal: isTerminal) }
        let identity = try Identity.load(from: path, protectedBy: .passphrase(passphrase))
        if let user = settings.user, user != identity.user {
            throw StartError("\(path) is of \(PeerText.name(identity.user)), not of \(PeerText.name(user)).")
        }
        return identity
    }

    private static func create(
        _ settings: ChatSettings, _ path: String, _ passphrase: String, isTerminal: Bool
    ) throws -> Identity {
        let user = try user(settings, isTerminal: isTerminal)
        let identity = try Identity.create(user: user, device: settings.device ?? hostName())
        // Before the relay knows the key: a name whose key is lost is lost.
        try identity.save(to: path, protectedBy: .passphrase(passphrase))
        return identity
    }

    /// What this machine calls itself, without its domain.
    private static func hostName() -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "terminal" }
        let name = String(
            decoding: buffer.map { UInt8(bitPattern: $0) }.prefix { $0 != 0 && $0 != UInt8(ascii: ".") }, as: UTF8.self)
        return name.isEmpty ? "terminal" : String(name.prefix(32))
    }

    /// Makes a directory for its owner alone, and those that it is in.
    private static func makeDirectory(_ path: String) throws(StartError) {
        var made = path.hasPrefix("/") ? "" : "."
        for part in path.split(separator: "/") {
            made += "/" + part
            guard mkdir(made, 0o700) == 0 || errno == EEXIST else {
                throw StartError("\(made) cannot be made: \(String(cString: strerror(errno))).")
            }
        }
    }
}
