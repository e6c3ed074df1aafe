import TestSupport
import Testing

@Suite("From outside: external Commits, external senders, new members", .timeLimit(.minutes(2)))
struct OutsiderCommandTests {
    @Test("somebody joins by a Commit of its own, with PSKs, and once more in its own place")
    func externalJoin() throws {
        let session = DirectSession()
        try session.makeGroup("alice", "bob", suite: 2)
        try session("new-client carol 2")
        for name in ["alice", "bob", "carol"] { try session("@\(name) psk add 01 ff") }
        let info = try session.text("group_info", of: "@alice group-info")
        #expect(try session.text("wire_format", of: "parse \(info)") == "mls_group_info")
        #expect(try session("parse \(info)").number("epoch") == 1)
        let joined = try session("@carol external-join \(info) psk=01")
        for answer in try session.process(joined.text("commit"), "alice", "bob") {
            #expect(try answer.text("sender") == "new_member_commit")
        }
        #expect(try session.agree("alice", "bob", "carol"))
        // The GroupInfo of the answer is of the epoch that it begins.
        let again = try session("@carol external-join \(joined.text("group_info")) remove=self")
        try session.process(again.text("commit"), "alice", "bob")
        #expect(try session.agree("alice", "bob", "carol"))
        #expect(try session("@carol groups").texts("groups") == ["0102"])
        let third = try session("@carol external-join \(session.text("group_info", of: "@bob group-info")) remove=2")
        try session.process(third.text("commit"), "alice", "bob")
        #expect(try session.agree("alice", "bob", "carol"))

        let current = try session.text("group_info", of: "@bob group-info")
        try session("new-client dave 2")
        #expect(try session.refusal("@dave external-join \(current) remove=self").hasPrefix("no leaf"))
        #expect(try session.refusal("@dave external-join \(current) remove=0").hasSuffix("12.2-external-identity"))
        #expect(try session.refusal("@dave external-join \(current) psk=01") == "refused by rule 12.4.2-psk")
        #expect(try session.refusal("@dave external-join \(current) wait=1") == "an external join has no wait")
    }

    @Test("an external sender proposes what it may, and members commit it", arguments: 1...7)
    func externalSender(suite: Int) throws {
        let session = DirectSession()
        try session("new-client delivery \(suite)")
        let sender = try session("external-sender")
        let (key, extensions) = try (sender.text("key"), "5=" + sender.text("extension"))
        #expect(try sender.text("extension").hasSuffix(sender.text("external_sender")))
        try session.makeGroup("alice", "bob", suite: suite, extensions: extensions)
        try session("new-client carol \(suite)")
        for name in ["alice", "bob"] { try session("@\(name) psk add 09 0a") }
        let keyPackage = try session.text("key_package", of: "@carol key-package")
        let values = ["add=\(keyPackage)", "remove=1", "psk=09", "gce=5:\(extensions.dropFirst(2)),3:000000"]
        for (number, value) in values.enumerated() {
            let proposal = try session.text(
                "proposal", of: "external-propose \(key) \(suite) 0102 \(number + 1) 0 \(value)")
            let names = number == 0 ? ["alice", "bob"] : number == 1 ? ["alice", "bob", "carol"] : ["alice", "carol"]
            for name in names {
                #expect(try session.text("sender", of: "@\(name) process \(proposal)") == "external")
            }
            let commit = try session("@alice commit now")
            for name in names.dropFirst() where number > 0 || name == "bob" {
                try session("@\(name) process \(commit.text("commit"))")
            }
            if number == 0 {
                try session("@carol join \(commit.text("welcome"))")
                try session("@carol psk add 09 0a")
            }
        }
        #expect(try session.agree("alice", "carol"))
        #expect(try session("@alice epoch").number("epoch") == 5)
        #expect(try session("@bob state").flag("removed"))
        let foreign = try session.text("proposal", of: "external-propose \(key) \(suite) 0102 5 1 remove=2")
        #expect(try session.refusal("@alice process \(foreign)") == "refused by rule 6.1-external")
        #expect(try session.refusal("external-propose \(key) \(suite) 0102 5 0 update=1").contains("no update"))
        #expect(try session.refusal("external-propose \(key) \(suite) 0102 5 0") == "one proposal, NAME=VALUE")
    }

    @Test("a new member proposes itself")
    func newMember() throws {
        let session = DirectSession()
        try session.makeGroup("alice", "bob")
        try session("new-client carol 2")
        let proposal = try session.text("proposal", of: "@carol new-member-propose 0102 1 1")
        for answer in try session.process(proposal, "alice", "bob") {
            #expect(try answer.text("sender") == "new_member_proposal" && answer.text("proposal_type") == "add")
        }
        let commit = try session("@bob commit")
        try session.process(commit.text("commit"), "alice", "bob")
        try session("@carol join \(commit.text("welcome"))")
        #expect(try session.agree("alice", "bob", "carol"))
    }
}
