import Foundation
import MLS
import MLSCodec
import MLSTestSupport
import RelayCore
import RelayTestSupport
import RelayWire
import TLSPresentation
import TestSupport
import Testing

/// The tool on a store with a tracked group of real members, while the relay has it open.
@Suite("mlsrelay-tool and tracked groups", .serialized)
struct TrackedGroupCommandTests {
    let directory: TemporaryDirectory
    let scene: GroupScene

    /// Alice's group: bob and carol are there from the beginning, dave is added, carol removed, and erin's addition, commit 5,
    /// is denied by bob and dave. Then bob commits, and nobody has confirmed that.
    init() throws {
        directory = try TemporaryDirectory(inMemory: true)
        scene = try GroupScene(.store, in: directory, framing: .publicMessage, groupID: "choir")
        try scene.register("alice", "bob", "carol", "dave", "erin")
        let policy = GroupScene.policy(.publicMessage) { $0.mayRemove = .member }
        try scene.create(by: "alice", with: ["bob", "carol"], policy: policy)
        try scene.commit(by: "alice", adding: ["dave"])
        try scene.acknowledge(2, by: "bob")
        try scene.commit(by: "bob", removing: ["carol"])
        try scene.say("hello", by: "dave")
        let bad = try scene.commitMessages(by: "alice", adding: ["erin"])
        _ = try scene.publish(bad, by: "alice", adding: ["erin"])
        for name in ["bob", "dave"] {
            let request = DenyCommit(
                log: scene.log, sequenceNumber: SequenceNumber(rawValue: 5), text: Array("no".utf8))
            _ = try scene.perform(.deny(request), by: name)
        }
        scene["alice"].member?.group.discardPendingCommit()
        try scene.commit(by: "bob")
    }

    private func run(_ arguments: String...) throws -> ToolRun { try ToolRun(arguments + ["--data", directory.path]) }

    @Test("N-13: epochs has every commit with whom it added and removed, and whether it stands")
    func epochs() throws {
        let epochs = try run("epochs", "choir", "--json").objects
        #expect(epochs.map { $0["seq"] as? Int } == [1, 2, 3, 5, 7])
        #expect(epochs.map { $0["epoch"] as? Int } == [1, 2, 3, 4, 4])
        #expect(epochs.map { $0["committer_name"] as? String } == ["alice", "alice", "bob", "alice", "bob"])
        #expect(
            epochs.map { $0["state"] as? String } == ["confirmed", "confirmed", "confirmed", "void", "provisional"])
        #expect(epochs[1]["added"] as? [String] == ["dave"])
        #expect(epochs[2]["removed"] as? [String] == ["carol"])
        #expect(epochs[3]["added"] as? [String] == [])
        let table = try run("epochs", "choir")
        #expect(table.status == 0)
        #expect(table.lines.count == 6)
        #expect(table.lines[0].hasPrefix("EPOCH  COMMIT  TIME"))
        #expect(table.lines[4].hasSuffix("void"))
        #expect(try run("epochs", "inbox:bob").errorOutput.hasSuffix("is no group\n"))
    }

    @Test("N-13: members has roles, states, and how far each is")
    func members() throws {
        let members = try run("members", "choir", "--json").objects
        #expect(members.map { $0["name"] as? String } == ["alice", "bob", "carol", "dave"])
        #expect(members.map { $0["role"] as? String } == ["admin", "member", "nobody", "member"])
        #expect(members.map { $0["state"] as? String } == ["active", "active", "ended", "active"])
        #expect(members.map { $0["joined"] as? Int } == [1, 1, 1, 2])
        #expect(members[2]["ended"] as? Int == 3)
        // Who commits has processed what came before.
        #expect(members.map { $0["acknowledged"] as? Int } == [2, 3, 0, 0])
        let table = try run("members", "choir", "--active").lines
        #expect(table.count == 5)
        #expect(table.last == "3 users with 3 clients")
        _ = try scene.relay.createGroup("open", by: scene["alice"].client)
        #expect(
            try run("members", "open").errorOutput.hasSuffix(
                "is an untracked group: the relay knows no members of it\n"))
    }

    @Test("N-13: lag has who is furthest behind first, and since when")
    func lag() throws {
        let lag = try run("lag", "choir", "--json").objects
        #expect(lag.map { $0["name"] as? String } == ["alice", "dave", "bob"])
        #expect(lag.map { $0["behind"] as? Int } == [5, 5, 4])
        let third = try scene.relay.entries(of: scene.log)[2].header.time
        #expect(lag[1]["since"] as? Int == Int(third.rawValue))
        try scene.acknowledge(7, by: "alice")
        let later = try run("lag", "choir", "--json").objects
        #expect(later.map { $0["name"] as? String } == ["dave", "bob", "alice"])
        #expect(later[2]["behind"] as? Int == 0)
        #expect(later[2]["since"] is NSNull)
        #expect(try run("lag", "choir").lines.count == 4)
    }

    @Test("N-13, RFC 9420 16.12: rejects has the commits that were refused, with the rule that they break")
    func rejects() throws {
        // A commit of an epoch that is over, and one whose signature does not hold.
        let late = try scene.relay.entries(of: scene.log)[1].payload
        var lateAgain = late
        lateAgain[lateAgain.count - 1] ^= 1
        #expect(throws: RelayError.self) {
            try scene.relay.publish(TestMessage(bytes: lateAgain), by: scene["alice"].client)
        }
        var forged = try scene.commitMessages(by: "dave")
        var commit = forged.made.commit
        // Before the tags, each with its length, the signature ends: the relay can verify that, and not the last tag.
        commit[commit.count - 2 * 33 - 1] ^= 1
        forged.published[0] = TestMessage(bytes: commit)
        #expect(throws: RelayError.self) { try scene.publish(forged, by: "dave") }
        let rejects = try run("rejects", "choir", "--json").objects
        try #require(rejects.count == 2)
        #expect(rejects.map { $0["code"] as? String } == ["stale_epoch", "commit_invalid"])
        #expect(rejects.map { $0["client_name"] as? String } == ["alice", "dave"])
        #expect(rejects.map { $0["epoch"] as? Int } == [1, 4])
        #expect(rejects[0]["rule"] is NSNull)
        #expect((rejects[1]["rule"] as? String)?.isEmpty == false)
        #expect(try run("rejects").lines.count == 3)
        #expect(try run("rejects", "--after", "1", "--json").objects.count == 1)
        _ = try scene.relay.createGroup("open", by: scene["alice"].client)
        #expect(try run("rejects", "open").lines == ["NUMBER  TIME  GROUP  EPOCH  CLIENT  CODE  RULE"])
    }

    @Test("N-13: inbox has what came for a client, and what of it was processed")
    func inbox() throws {
        let carol = scene["carol"].client
        let inbox = try scene.relay.log(.inbox(of: carol))
        try scene.relay.acknowledge(inbox, 1, by: carol)
        let entries = try run("inbox", "carol", "--json").objects
        #expect(entries.map { $0["kind"] as? String } == ["message", "removed"])
        #expect(entries.map { $0["is_read"] as? Bool } == [true, false])
        let lines = try run("inbox", "#\(carol)").lines
        #expect(lines.count == 3)
        #expect(lines[2].contains("removed from \"choir\" by bob, commit 3"))
        #expect(try run("inbox", "carol", "--unread", "--json").objects.count == 1)
        #expect(try run("inbox", "erin").lines.last?.contains("the Welcome to \"choir\" with commit 5 is void") == true)
        #expect(try run("inbox", "nobody").errorOutput == "mlsrelay-tool: nobody is registered as nobody\n")
        #expect(
            try run("log", "choir").lines.contains {
                $0.contains("commit 5 is void, epoch 3 is open again, denied by bob, dave: \"no\"")
            })
    }

    @Test("N-13: pools has how many KeyPackages are left of each client and suite, their ages and expiry")
    func pools() throws {
        let all = try run("pools", "--json").objects
        #expect(all.map { $0["name"] as? String } == ["alice", "bob", "carol", "dave", "erin"])
        #expect(all.allSatisfy { $0["count"] as? Int == 1 })
        #expect(all[0]["oldest"] as? Int == 1 + Int(TestClient.now) * 1000 + 1)
        #expect(all[0]["next_not_after"] is Int)
        #expect(all[0]["last_resort"] is NSNull)
        let package = TestMessage.keyPackage("last", suite: 3, isLastResort: true)
        try scene.relay.publish(package, by: scene["bob"].client)
        let bob = try run("pools", "bob", "--json").objects
        try #require(bob.map { $0["count"] as? Int } == [1, 0])
        #expect(bob[1]["last_resort"] is [String: Any])
        #expect(try run("pools", "bob").lines.count == 3)
    }

    @Test("N-13: directory tells of everybody, or of one user")
    func directoryOfAll() throws {
        #expect(try run("directory", "--json").objects.count == 5)
        let bob = try run("directory", "--user", "bob").lines
        #expect(bob.count == 2)
        #expect(bob[1].hasSuffix("client 2 is bob"))
        #expect(try run("directory", "--user", "nobody").status == 2)
        #expect(try run("directory", "--after", "4", "--json").objects.map { $0["seq"] as? Int } == [5])
    }

    @Test("N-13: retain shows what retention would remove, and removes nothing")
    func retain() throws {
        let before = try scene.relay.state
        // Long after whatever this test's relay takes for now.
        let later = ["--dry-run", "--in", "1000000"]
        let plan = try #require(
            try ToolRun(["retain", "choir", "--json", "--data", directory.path] + later).objects.first)
        #expect(plan["digested"] as? Int == 1)
        #expect((plan["digested_bytes"] as? Int ?? 0) > 50)
        #expect(plan["removed"] is Int)
        let all = try ToolRun(["retain", "--data", directory.path] + later)
        #expect(all.lines.last?.hasSuffix(" of 1 group") == true)
        #expect(try run("retain", "--dry-run", "--json").objects.isEmpty)
        #expect(try run("retain", "choir").status == 64)
        #expect(try scene.relay.state == before)
    }
}
