import TestSupport
import Testing

@Suite("Proposals and Commits, by reference and by value", .timeLimit(.minutes(2)))
struct ProposalCommandTests {
    @Test("all that a member proposes, by reference, and a Commit that covers it", arguments: ["public", "private"])
    func byReference(framing: String) throws {
        let session = DirectSession()
        try session.makeGroup("alice", "bob", "carol", "dave")
        try session("new-client erin 1")
        for name in ["alice", "bob", "carol", "dave", "erin"] {
            try session("@\(name) set handshake \(framing)")
            try session("@\(name) set caps-extensions 0xf100")
            try session("@\(name) psk add 77 0102")
        }
        let keyPackage = try session.text("key_package", of: "@erin key-package")
        let proposals = try [
            session("@alice add \(keyPackage)").texts("proposals")[0], session.text("proposal", of: "@alice remove 3"),
            session.text("proposal", of: "@bob update"), session.text("proposal", of: "@bob psk-propose 77"),
            session.text("proposal", of: "@alice gce-propose 3=000000"),
        ]
        let senders = ["alice", "alice", "bob", "bob", "alice"]
        let types = ["add", "remove", "update", "psk", "group_context_extensions"]
        for ((proposal, sender), type) in zip(zip(proposals, senders), types) {
            let format = framing == "public" ? "mls_public_message" : "mls_private_message"
            #expect(try session.text("wire_format", of: "parse \(proposal)") == format)
            for name in ["alice", "bob", "carol", "dave"] where name != sender {
                let answer = try session("@\(name) process \(proposal)")
                #expect(try answer.text("type") == "proposal" && answer.text("proposal_type") == type)
                #expect(try answer.number("sender") == (sender == "alice" ? 0 : 1))
            }
        }
        #expect(try session("@carol proposals").objects("proposals").compactMap { $0["type"] as? String } == types)
        let commit = try session("@carol commit path")
        let message = try commit.text("commit")
        let answers = try session.process(message, "alice", "bob", "dave")
        #expect(try answers.map { try $0.flag("removed") } == [false, false, true])
        try session("@carol merge")
        try session("@erin join \(commit.text("welcome"))")
        #expect(try session.agree("alice", "bob", "carol", "erin"))
        // Erin took the place that dave left.
        #expect(try session("members").memberNames() == ["alice", "bob", "carol", "erin"])
        #expect(try session.text("group_context", of: "@erin group-context").contains("0003"))
    }

    @Test("everything by value in Commits that are merged at once")
    func byValue() throws {
        let session = DirectSession()
        for name in ["alice", "bob", "carol"] {
            try session("new-client \(name) 1")
            try session("set caps-extensions 0xf100,0xf101")
            try session("psk add 01 aabb")
            try session("psk add 02 -")
        }
        try session("@alice create-group 0a 0xf100=01")
        let keyPackages = try ["bob", "carol"].map { try session.text("key_package", of: "@\($0) key-package") }
        let first = try session("@alice commit now add=\(keyPackages[0]) add=\(keyPackages[1]) psk=01")
        for name in ["bob", "carol"] { try session("@\(name) join \(first.text("welcome"))") }
        for words in ["", "path", "psk=01 psk=02", "respsk=1", "gce=0xf100:02,0xf101:-", "gce=-", "remove=2 path"] {
            let commit = try session("@alice commit now \(words)")
            #expect(!commit.has("welcome") && commit.has("group_info") && !commit.has("reinit"))
            try session.process(commit.text("commit"), "bob")
            if words != "remove=2 path" { try session.process(commit.text("commit"), "carol") }
            #expect(try session.agree("alice", "bob"))
            #expect(try session("@alice epoch").number("epoch") == commit.number("epoch"))
        }
        // A removed PSK is not known any more.
        try session("@bob psk remove 01")
        let commit = try session.text("commit", of: "@alice commit psk=01")
        #expect(try session.refusal("@bob process \(commit)") == "refused by rule 12.4.2-psk")
        #expect(try session.refusal("@bob commit psk=01") == "refused by rule 12.4.2-psk")
        #expect(try session.refusal("@bob commit remove=1") == "refused by rule 12.2-committer-remove")
    }

    @Test("of two Commits one is lost, and a discarded one is forgotten")
    func lostCommit() throws {
        let session = DirectSession()
        try session.makeGroup("alice", "bob")
        let (lost, won) = try (session.text("commit", of: "@alice commit"), session.text("commit", of: "@bob commit"))
        try session.process(won, "alice", "bob")
        #expect(try session.refusal("@alice merge") == "no commit is pending")
        #expect(try session.refusal("@bob process \(lost)") == "refused by rule 12.4.2-epoch")
        #expect(try session.agree("alice", "bob"))
        let discarded = try session.text("commit", of: "@alice commit")
        try session("@alice discard")
        #expect(try session.refusal("@alice process \(discarded)") == "a message of one's own")
        #expect(try session("@alice epoch").number("epoch") == 2)
    }

    @Test("a ReInit ends the group, and another one of another suite goes on")
    func reInit() throws {
        let session = DirectSession()
        try session.makeGroup("alice", "bob")
        let proposal = try session.text("proposal", of: "@bob reinit-propose 0b0b 2 3=000000")
        try session.process(proposal, "alice")
        try session("@alice clear-proposals")
        try session("@bob clear-proposals")
        #expect(try session("@alice commit reinit=0b0b:2").flag("reinit"))
        try session("@alice discard")
        // Once more by reference.
        try session.process(proposal, "alice", "bob")
        let commit = try session("@alice commit")
        #expect(try commit.flag("reinit"))
        for state in try session.process(commit.text("commit"), "alice", "bob") {
            #expect(try state.flag("reinit"))
            #expect(try state.text("epoch_authenticator") == commit.text("epoch_authenticator"))
        }
        #expect(try session.refusal("@alice protect 00") == "refused by rule 12.4.2-reinit")
        let keyPackage = try session.text("key_package", of: "@bob key-package 2")
        #expect(try session.refusal("@alice reinit-welcome") == "refused by rule 11.2-members")
        try session("@alice set tree external")
        let new = try session("@alice reinit-welcome \(keyPackage)")
        #expect(try new.number("suite") == 2 && new.text("group_id") == "0b0b" && new.number("epoch") == 1)
        let welcome = try new.text("welcome")
        #expect(try session.refusal("@bob join \(welcome) \(new.text("ratchet_tree"))").hasSuffix("12.1.4-reinit"))
        try session("@bob reinit-join \(welcome) \(new.text("ratchet_tree"))")
        #expect(try session.agree("alice", "bob"))
    }

    @Test("a branch has some of the members; its Commits may use the old group's PSKs")
    func branch() throws {
        let session = DirectSession()
        try session.makeGroup("alice", "bob", "carol")
        let keyPackage = try session.text("key_package", of: "@carol key-package")
        let branch = try session("@alice branch 0c \(keyPackage)")
        #expect(try session.refusal("@carol join \(branch.text("welcome"))").hasSuffix("12.1.4-branch"))
        try session("@carol branch-join \(branch.text("welcome"))")
        #expect(try session("@bob members").memberNames().count == 3)
        #expect(try session("@alice members").memberNames() == ["alice", "carol"])
        for line in ["resumption-psk-propose 1 0102", "resumption-psk-propose 1"] {
            try session.process(session.text("proposal", of: "@carol \(line)"), "alice")
        }
        #expect(try session("@alice proposals").objects("proposals").count == 2)
        try session.process(session.text("commit", of: "@alice commit now"), "carol")
        #expect(try session.agree("alice", "carol"))
    }
}
