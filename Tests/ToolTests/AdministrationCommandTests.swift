import Foundation
import MLS
import MLSTestSupport
import RelayCore
import RelayStore
import RelayTestSupport
import RelayWire
import TLSPresentation
import TestSupport
import Testing

/// What operators do on the data directory of a relay that does not run.
@Suite("mlsrelay-tool as an operator, without a relay", .serialized)
struct AdministrationCommandTests {
    let directory: TemporaryDirectory
    /// A copy of the store of a relay that runs: nobody has it open.
    let data: String
    let scene: GroupScene

    init() throws {
        directory = try TemporaryDirectory(inMemory: true)
        scene = try GroupScene(.store, in: directory, framing: .publicMessage, groupID: "choir")
        try scene.register("alice", "bob", "carol", "dave")
        try scene.create(by: "alice", with: ["bob", "carol"])
        try scene.commit(by: "alice", adding: ["dave"])
        data = directory.path + "/data"
        try scene.relay.store.backUp(to: data)
    }

    private func run(_ arguments: String...) throws -> ToolRun { try ToolRun(arguments + ["--data", data]) }

    @Test("N-13, N-2: void-commit takes back a provisional commit, and members read why")
    func voidCommit() throws {
        #expect(try run("epochs", "choir", "--json").objects.last?["state"] as? String == "provisional")
        let run = try run("void-commit", "choir", "2", "--reason", "it does not decrypt")
        #expect(run.status == 0)
        #expect(run.errorOutput.isEmpty)
        #expect(
            try self.run("epochs", "choir", "--json").objects.map { $0["state"] as? String } == ["confirmed", "void"])
        let last = try #require(try self.run("log", "choir").lines.last)
        #expect(last.hasSuffix("commit 2 is void, epoch 1 is open again, by an operator: \"it does not decrypt\""))
        #expect(try self.run("members", "choir", "--active").lines.last == "3 users with 3 clients")
        #expect(try self.run("log", "inbox:dave").lines.last?.contains("is void") == true)
        let again = try self.run("void-commit", "choir", "2", "--reason", "again")
        #expect(again.status == 2)
        #expect(again.errorOutput.hasPrefix("mlsrelay-tool: commit_not_provisional: "))
        #expect(try self.run("verify").status == 0)
        #expect(try self.run("rebuild").status == 0)
    }

    @Test("N-13: a data directory that a relay has is not changed, and the operator is told how to ask the relay")
    func runningRelay() throws {
        let before = try scene.relay.state
        let run = try ToolRun("void-commit", "choir", "2", "--reason", "no", "--data", directory.path)
        #expect(run.status == 2)
        #expect(
            run.errorOutput.contains("a relay runs on \(directory.path): ask it with --identity FILE and --url URL"))
        #expect(try scene.relay.state == before)
        let missing = try ToolRun("token", "create", "--data", directory.path + "/nowhere")
        #expect(missing.errorOutput == "mlsrelay-tool: there is no store in \(directory.path)/nowhere\n")
        #expect(!FileManager.default.fileExists(atPath: directory.path + "/nowhere"))
    }

    @Test("N-13: tokens are made, listed and revoked; the store has no more of them than a hash")
    func tokens() throws {
        let made = try run("token", "create", "--uses", "3", "--note", "for the choir")
        #expect(made.status == 0)
        let line = try #require(made.lines.first)
        let token = try #require([UInt8](hex: line))
        #expect(token.count == 16)
        _ = try run("token", "create", "--hours", "0")
        let list = try run("token", "list", "--json").objects
        #expect(list.map { $0["number"] as? Int } == [1, 2])
        #expect(list.map { $0["uses"] as? Int } == [3, 1])
        #expect(list[0]["note"] as? String == "for the choir")
        #expect(try run("token", "list").lines.count == 3)
        let file = try Data(contentsOf: URL(fileURLWithPath: data + "/data.mdb"))
        #expect(file.range(of: Data(token)) == nil)
        #expect(try run("token", "revoke", "1").status == 0)
        #expect(try run("token", "list", "--json").objects.map { $0["number"] as? Int } == [2])
        #expect(try run("token", "create", "--uses", "0").status == 64)
    }

    @Test("N-13: users are shown, suspended and resumed, clients revoked, and the directory tells of it")
    func users() throws {
        #expect(try run("user", "suspend", "bob").status == 0)
        let shown = try #require(try run("user", "show", "bob", "--json").objects.first)
        #expect(shown["suspended"] as? Bool == true)
        #expect((shown["clients"] as? [[String: Any]])?.count == 1)
        #expect((shown["groups"] as? [[String: Any]])?.first?["role"] as? String == "member")
        #expect(try run("user", "show", "bob").lines.first?.hasSuffix(", suspended") == true)
        #expect(try run("user", "resume", "bob").status == 0)
        #expect(try run("client", "revoke", "carol", "--reason", "lost").status == 0)
        let directory = try run("directory", "--json").objects.suffix(3)
        #expect(directory.map { $0["kind"] as? String } == ["user_suspended", "user_suspended", "client_revoked"])
        #expect((directory.last?["content"] as? [String: Any])?["reason"] as? String == "lost")
        #expect(try run("user", "show", "carol").lines[2].contains("revoked"))
        #expect(try run("user", "suspend", "nobody").errorOutput.hasPrefix("mlsrelay-tool: user_unknown: "))
        #expect(try run("client", "revoke", "#99").errorOutput == "mlsrelay-tool: there is no client 99\n")
        #expect(try run("client", "revoke", "bob", "--reason", "because").status == 64)
        #expect(try run("rebuild").status == 0)
    }

    @Test("N-13: users are banned from groups, and groups are deleted")
    func groups() throws {
        #expect(try run("group", "ban", "choir", "bob").status == 0)
        #expect(try run("group", "unban", "choir", "bob").status == 0)
        #expect(try run("group", "ban", "choir", "nobody").status == 2)
        #expect(try run("group", "delete", "choir").status == 0)
        #expect(try run("members", "choir").lines.last == "0 users with 0 clients; the group is deleted")
        #expect(try run("inbox", "bob").lines.last?.contains("group \"choir\" is deleted by relay") == true)
        #expect(try run("group", "delete", "choir").errorOutput.hasPrefix("mlsrelay-tool: group_deleted: "))
        #expect(try run("verify").status == 0)
        #expect(try run("rebuild").status == 0)
    }

    @Test("N-13: restore puts a verified backup where no store is, and nothing where one is or the backup is damaged")
    func restore() throws {
        let target = directory.path + "/restored"
        let run = try ToolRun("restore", data, target)
        #expect(run.status == 0)
        #expect(run.lines.last?.hasPrefix("restored ") == true)
        #expect(try ToolRun("groups", "--data", target).output == ToolRun("groups", "--data", data).output)
        let again = try ToolRun("restore", data, target)
        #expect(again.status == 2)
        #expect(again.errorOutput == "mlsrelay-tool: there is a store already in \(target)\n")

        let damaged = directory.path + "/damaged"
        try scene.say("a text in the file", by: "alice")
        let payload = try #require(try scene.relay.entries(of: scene.log).last?.payload)
        try scene.relay.store.backUp(to: damaged)
        let file = URL(fileURLWithPath: damaged + "/data.mdb")
        var bytes = try Data(contentsOf: file)
        let place = try #require(bytes.range(of: Data(payload.suffix(32))))
        bytes[place.lowerBound] ^= 1
        try bytes.write(to: file)
        let refused = try ToolRun("restore", damaged, directory.path + "/other")
        #expect(refused.status == 2)
        #expect(refused.errorOutput == "mlsrelay-tool: \(damaged) is damaged: nothing was restored\n")
        #expect(!FileManager.default.fileExists(atPath: directory.path + "/other"))
    }
}
