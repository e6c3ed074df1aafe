import Foundation
import MLSTestSupport
import RelayConnection
import RelayTestSupport
import TLSPresentation
import TestSupport
import Testing

/// The tool as a client of a relay that runs in a process of its own.
@Suite("mlsrelay-tool and a relay", .serialized, .timeLimit(.minutes(2)))
struct OnlineTests {
    let directory: TemporaryDirectory
    let relay: RelayProcess
    init() throws {
        directory = try TemporaryDirectory()
        relay = try RelayProcess(dataDirectory: directory.path + "/data")
    }

    private func run(_ arguments: String..., as name: String = "alice", url: String = "tcp") throws -> ToolRun {
        try ToolRun(arguments + ["--url", relay.urls[url] ?? "", "--identity", "\(directory.path)/\(name).id"])
    }

    /// A file with a message.
    private func file(_ message: TestMessage, _ name: String) throws -> String {
        let path = "\(directory.path)/\(name)"
        try Data(message.bytes).write(to: URL(fileURLWithPath: path))
        return path
    }

    @Test("register makes an identity once, and a name belongs to the first key (S3-1)", arguments: ["ws", "tcp"])
    func register(url: String) throws {
        let first = try run("register", "alice", url: url)
        #expect(first.status == 0)
        #expect(first.lines == ["alice is client 1; the key is in \(directory.path)/alice.id"])
        let again = try run("register", "alice", "--json", url: url)
        #expect(try again.objects.first?["client"] as? Int == 1)
        let taken = try run("register", "alice", as: "mallory", url: url)
        #expect(taken.status == 2)
        #expect(taken.errorOutput.hasPrefix("mlsrelay-tool: identity_taken: "))
        #expect(!FileManager.default.fileExists(atPath: directory.path + "/mallory.id"))
        #expect(try run("register", "bob", url: url).errorOutput.hasSuffix("alice.id holds the identity of alice\n"))
    }

    @Test("publish creates the group, takes files or digits, and gives the same receipts again (N-6)")
    func publish() throws {
        _ = try run("register", "alice")
        let files = try [
            file(.proposal("p", "choir", 3), "1"), file(.commit("c", "choir", 3), "2"),
            file(.application("a", "choir", 4), "3"),
        ]
        #expect(try run("publish", files[0]).errorOutput.hasPrefix("mlsrelay-tool: group_unknown: "))
        let first = try run("publish", files[0], files[1], files[2], "--create", "--json")
        #expect(first.status == 0)
        #expect(try first.objects.map { $0["seq"] as? Int } == [1, 2, 3])
        #expect(try run("publish", files[0], files[1], files[2], "--json").output == first.output)
        let digits = TestMessage.application("b", "choir", 4).bytes.hex
        let piped = try ToolRun(
            shell:
                "echo \(digits) | $TOOL publish --url \(relay.urls["tcp"] ?? "") --identity \(directory.path)/alice.id")
        #expect(piped.status == 0)
        #expect(piped.lines.count == 2)
        let stale = try run("publish", file(.commit("late", "choir", 3), "4"))
        #expect(stale.status == 2)
        #expect(stale.errorOutput.hasPrefix("mlsrelay-tool: stale_epoch: "))
        let nonsense = directory.path + "/5"
        try Data([1, 2, 3]).write(to: URL(fileURLWithPath: nonsense))
        #expect(try run("publish", nonsense).errorOutput.hasPrefix("mlsrelay-tool: \(nonsense): "))
        // What the tool reads of the same relay's store.
        let log = try ToolRun("log", "choir", "--json", "--data", relay.dataDirectory)
        #expect(try log.objects.map { $0["seq"] as? Int } == [1, 2, 3, 4])
        #expect(try ToolRun("verify", "--data", relay.dataDirectory).status == 0)
    }

    @Test("subscribe has what is there and what comes, of several logs, and ends after as many as were asked for")
    func subscribe() async throws {
        _ = try run("register", "alice")
        _ = try run("publish", file(.application("1", "choir", 0), "1"), "--create")
        let history = try run("subscribe", "choir", "directory", "--count", "2", "--json")
        #expect(history.status == 0)
        #expect(try Set(history.objects.compactMap { $0["kind"] as? String }) == ["identity", "message"])
        let follower = try ToolProcess(
            ToolRun.path,
            ["subscribe", "choir", "--after", "1", "--count", "2", "--json", "--url", relay.urls["ws"] ?? ""]
                + ["--identity", directory.path + "/alice.id"])
        _ = try run("publish", file(.application("2", "choir", 0), "2"))
        _ = try follower.line { $0.contains("\"seq\":2,") ? true : nil }
        _ = try run("publish", file(.application("3", "choir", 0), "3"))
        #expect(try follower.wait() == 0)
        #expect(follower.output.split(separator: "\n").count == 2)
        #expect(follower.errors.isEmpty)
        #expect(try run("subscribe", "nope").errorOutput.hasPrefix("mlsrelay-tool: nope: group_unknown: "))
        #expect(try run("subscribe", "#1").status == 2)
    }

    @Test("publish-keypackage publishes and says how many are left, and takes nothing else")
    func keyPackages() throws {
        _ = try run("register", "alice")
        let identity = try ConnectionIdentity.load(from: directory.path + "/alice.id")
        let alice = try TestClient("alice", key: identity.key)
        let published = try run(
            "publish-keypackage", file(TestMessage(bytes: alice.publishableKeyPackage()), "1"),
            file(TestMessage(bytes: alice.publishableKeyPackage(isLastResort: true)), "2"))
        #expect(published.status == 0, "\(published.errorOutput)")
        #expect(
            published.lines.last == "MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519: 1 left, and a last resort")
        let anothers = try run("publish-keypackage", file(.keyPackage("not alice's"), "4"))
        #expect(anothers.errorOutput.hasPrefix("mlsrelay-tool: key_package_invalid: "))
        let other = try run("publish-keypackage", file(.commit("c", "choir", 0), "3"))
        #expect(other.status == 2)
        #expect(other.errorOutput == "mlsrelay-tool: message 1 is no KeyPackage\n")
    }

    @Test("a relay that is not there, an identity that is not there and a URL that is none are said in one line")
    func errors() throws {
        #expect(try run("subscribe", "choir").errorOutput.hasPrefix("mlsrelay-tool: there is no identity in "))
        _ = try run("register", "alice")
        let identity = directory.path + "/alice.id"
        let closed = try ToolRun("subscribe", "choir", "--url", "tcp://127.0.0.1:1", "--identity", identity)
        #expect(closed.status == 2)
        #expect(closed.errorOutput.hasPrefix("mlsrelay-tool: connectionFailed: "))
        let url = try ToolRun("subscribe", "choir", "--url", "http://127.0.0.1", "--identity", identity)
        #expect(url.status == 2)
        #expect(url.errorOutput.hasPrefix("mlsrelay-tool: http://127.0.0.1 is no URL of a relay: "))
        chmod(identity, 0o644)
        #expect(try run("subscribe", "choir").errorOutput.contains("others may read the file"))
    }

    @Test("N-13: an operator administers a running relay, and nobody else does")
    func administration() throws {
        let data = directory.path + "/operated"
        let relay = try RelayProcess(dataDirectory: data, arguments: ["--operators", "olga"])
        func run(_ arguments: String..., as name: String = "olga") throws -> ToolRun {
            try ToolRun(
                arguments + ["--url", relay.urls["tcp"] ?? "", "--identity", "\(directory.path)/\(name).id"])
        }
        for name in ["olga", "bob"] { #expect(try run("register", name, as: name).status == 0) }
        let made = try run("token", "create", "--note", "n", "--json")
        #expect((try made.objects.first?["token"] as? String)?.count == 32)
        #expect(try run("token", "list", "--json").objects.count == 1)
        #expect(try run("token", "list", as: "bob").errorOutput.hasPrefix("mlsrelay-tool: not_permitted: "))
        #expect(try run("user", "suspend", "bob").status == 0)
        #expect(try run("token", "list", as: "bob").errorOutput.hasPrefix("mlsrelay-tool: user_suspended: "))
        #expect(try run("user", "resume", "bob").status == 0)
        // Names are looked up in the store beside the relay.
        #expect(try run("client", "revoke", "bob", "--data", data).status == 0)
        #expect(try run("token", "list", as: "bob").errorOutput.hasPrefix("mlsrelay-tool: client_revoked: "))
        // There may be a store where the tests run: one that Tools/serve has made.
        let nowhere = directory.path + "/nothing"
        #expect(try run("client", "revoke", "bob", "--data", nowhere).errorOutput.hasSuffix("say #N, its number\n"))
        _ = try run("publish", file(.application("a", "choir", 0), "a"), "--create")
        #expect(try run("group", "delete", "choir", "--data", data).status == 0)
        let unknown = try run("void-commit", "#99", "1", "--reason", "x")
        #expect(unknown.errorOutput.hasPrefix("mlsrelay-tool: group_unknown: "))
    }
}
