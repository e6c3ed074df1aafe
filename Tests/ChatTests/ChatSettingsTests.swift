import Foundation
import TestSupport
import Testing

@testable import mlsrelay_chat

@Suite("How the chat is started")
struct ChatSettingsTests {
    private func settings(_ arguments: [String], _ environment: [String: String] = [:]) throws -> ChatSettings {
        ChatSettings(options: try Chat.options(arguments)) { environment[$0] }
    }

    @Test("options are taken, and have defaults")
    func options() throws {
        let some = try settings([
            "--relay", "wss://relay.example:7443", "--user", "alice", "--device", "phone", "--data", "d",
            "--passphrase-file", "p", "--token", "t", "--certificate-authorities", "ca.pem", "--plain",
        ])
        #expect(some.relay == "wss://relay.example:7443")
        #expect([some.user, some.device, some.data] == ["alice", "phone", "d"])
        #expect([some.passphraseFile, some.token, some.certificateAuthorities] == ["p", "t", "ca.pem"])
        #expect(some.isPlain)
        let none = try settings([])
        #expect(none.relay == ChatSettings.defaultRelay)
        #expect(none.user == nil)
        #expect(!none.isPlain)
    }

    @Test("the environment has what the options do not say")
    func environment() throws {
        let environment = [
            "MLSRELAY_CHAT_RELAY": "tcp://[::1]:7681", "MLSRELAY_CHAT_USER": "bob", "MLSRELAY_CHAT_DEVICE": "desk",
            "MLSRELAY_CHAT_DATA": "e", "MLSRELAY_CHAT_PASSPHRASE_FILE": "f", "MLSRELAY_CHAT_PASSPHRASE": "",
            "MLSRELAY_CHAT_TOKEN": "u", "MLSRELAY_CHAT_PLAIN": "1", "MLSRELAY_CHAT_CERTIFICATE_AUTHORITIES": "",
        ]
        let mixed = try settings(["--user", "alice"], environment)
        #expect(mixed.relay == "tcp://[::1]:7681")
        #expect([mixed.user, mixed.device, mixed.data] == ["alice", "desk", "e"])
        #expect([mixed.passphraseFile, mixed.token, mixed.certificateAuthorities] == ["f", "u", nil])
        #expect(mixed.passphrase == "")
        #expect(mixed.isPlain)
        let relay = try settings(["--relay", ChatSettings.defaultRelay], environment)
        #expect(relay.relay == ChatSettings.defaultRelay)
    }

    @Test("an unknown option is refused", arguments: [["--frobnicate"], ["stray"]])
    func unknown(arguments: [String]) {
        #expect(throws: (any Error).self) { try Chat.options(arguments) }
    }

    @Test("data is kept where XDG says, or below HOME, in a directory of the user's")
    func directory() throws {
        let settings = ChatSettings()
        let shared = try settings.dataDirectory(user: "alice") { ["XDG_DATA_HOME": "/x", "HOME": "/h"][$0] }
        #expect(shared == "/x/mlsrelay-chat/alice")
        let home = try settings.dataDirectory(user: "alice") { ["XDG_DATA_HOME": "relative", "HOME": "/h"][$0] }
        #expect(home == "/h/.local/share/mlsrelay-chat/alice")
        #expect(throws: StartError.self) { try settings.dataDirectory(user: "alice") { _ in nil } }
    }

    @Test(
        "a name of a user is a name of a file, whatever is in it",
        arguments: [
            ("alice", "alice"), ("..", "%2E."), (".hidden", "%2Ehidden"), ("a/../b", "a%2F..%2Fb"),
            ("a%2Fb", "a%252Fb"),
            ("zoë", "zo%C3%AB"), ("bob@example.org", "bob@example.org"),
        ])
    func fileName(user: String, expected: String) { #expect(ChatSettings.fileName(user) == expected) }

    // MARK: Passphrases

    private func passphrase(_ settings: ChatSettings, isNew: Bool, _ answers: [String]) throws -> String {
        var rest = answers[...]
        return try Passphrase.obtain(settings, isNew: isNew) { _ in rest.popFirst() }
    }

    @Test("a new passphrase is asked for twice, and may be empty then")
    func asked() throws {
        let settings = ChatSettings()
        let both = try passphrase(settings, isNew: true, ["secret", "secret"])
        #expect(both == "secret")
        let empty = try passphrase(settings, isNew: true, ["", ""])
        #expect(empty == "")
        let known = try passphrase(settings, isNew: false, ["secret"])
        #expect(known == "secret")
        #expect(throws: StartError("These were two passphrases.")) {
            try passphrase(settings, isNew: true, ["one", "two"])
        }
        #expect(throws: StartError.self) { try passphrase(settings, isNew: true, ["one"]) }
        #expect(throws: StartError.self) { try passphrase(settings, isNew: false, []) }
    }

    @Test("a passphrase comes from the file first, then from the environment, and is not empty for a new identity")
    func given() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/passphrase"
        try "from the file\nsecond line\n".write(toFile: path, atomically: true, encoding: .utf8)
        var settings = ChatSettings()
        settings.passphrase = "from the environment"
        let environment = try passphrase(settings, isNew: true, [])
        #expect(environment == "from the environment")
        settings.passphraseFile = path
        let file = try passphrase(settings, isNew: true, [])
        #expect(file == "from the file")
        try "".write(toFile: path, atomically: true, encoding: .utf8)
        let known = try passphrase(settings, isNew: false, [])
        #expect(known == "")
        #expect(throws: StartError("The passphrase is empty.")) { try passphrase(settings, isNew: true, []) }
        settings.passphraseFile = directory.path + "/nothing"
        #expect(throws: StartError.self) { try passphrase(settings, isNew: false, ["x"]) }
    }
}
