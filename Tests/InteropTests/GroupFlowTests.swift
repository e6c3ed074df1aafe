import Foundation
import MLSCodec
import MLSCrypto
import MLSTestSupport
import TLSPresentation
import TestSupport
import Testing

@Suite("Groups: create, add, join, commit, talk", .timeLimit(.minutes(2)))
struct GroupFlowTests {
    @Test("two clients come to the same epoch, talk, and part", arguments: 1...7)
    func basicFlow(suite: Int) throws {
        try Self.follow(DirectSession(), DirectSession(), suite: suite)
    }

    @Test("two processes come to the same epoch, talk, and part", .timeLimit(.minutes(2)), arguments: [1, 2])
    func twoProcesses(suite: Int) async throws {
        try await onThread {
            let (alice, bob) = (try ProcessSession(), try ProcessSession())
            try Self.follow(alice, bob, suite: suite)
            for session in [alice, bob] {
                try session("quit")
                let status = try session.process.wait(within: 20)
                #expect(status == 0)
            }
        }
    }

    /// Alice and bob, who know nothing of each other but what they are sent.
    private static func follow(_ alice: some Session, _ bob: some Session, suite: Int) throws {
        try alice("new-client alice \(suite)")
        try bob("new-client bob \(suite)")
        let created = try alice("create-group 010203")
        #expect(try created.number("suite") == suite && created.number("epoch") == 0)
        let keyPackage = try bob("key-package")
        let verified = try alice("verify-key-package \(keyPackage.text("key_package"))")
        #expect(try verified.flag("valid") && verified.flag("leaf_valid"))
        #expect(try verified.number("suite") == suite && verified.text("name") == "bob")
        #expect(try verified.text("ref") == keyPackage.text("ref"))

        try alice("add \(keyPackage.text("key_package"))")
        let commit = try alice("commit")
        #expect(try commit.number("epoch") == 1)
        #expect(try alice("epoch").number("epoch") == 0)
        #expect(try alice("state").flag("pending_commit"))
        let merged = try alice("process \(commit.text("commit"))")
        #expect(try merged.text("type") == "commit" && merged.number("sender") == 0)
        let joined = try bob("join \(commit.text("welcome"))")
        #expect(try merged.memberNames() == ["alice", "bob"] && joined.memberNames() == ["alice", "bob"])
        #expect(try joined.number("leaf") == 1)
        for command in ["epoch-authenticator", "tree-hash", "tree", "group-context", "resumption-psk", "secrets"] {
            #expect(try alice(command).line == bob(command).line)
        }
        #expect(try alice("export label 0a 40").line == bob("export label 0a 40").line)
        #expect(try alice("export label 0a 40").text("secret").count == 80)
        #expect(try alice.text("epoch_authenticator", of: "state") == bob.text("epoch_authenticator", of: "state"))

        let message = try alice.text("message", of: "protect 68656c6c6f 0102")
        let opened = try bob("unprotect \(message)")
        #expect(try opened.text("text") == "68656c6c6f" && opened.text("aad") == "0102")
        #expect(try opened.number("sender") == 0 && opened.number("epoch") == 1)
        #expect(try bob.refusal("unprotect \(message)") == "refused by rule 9.1-generation-used")
        #expect(try bob.text("text", of: "process \(alice.text("message", of: "protect -"))") == "")

        let removal = try bob("commit remove=0 now")
        let removed = try alice("process \(removal.text("commit"))")
        #expect(try removed.flag("removed") && removed["epoch_authenticator"] is NSNull)
        #expect(try bob("members").memberNames() == ["bob"])
        for command in ["protect 00", "secrets", "export a 00 1", "epoch-authenticator", "group-info", "commit"] {
            _ = try alice.refusal(command)
        }
    }

    @Test("somebody who was removed can come back")
    func comeBack() throws {
        let session = DirectSession()
        try session.makeGroup("alice", "bob", "carol")
        let removal = try session.text("commit", of: "@alice commit remove=1 now")
        #expect(try session.process(removal, "bob", "carol").map { try $0.flag("removed") } == [true, false])
        let keyPackage = try session.text("key_package", of: "@bob key-package")
        let commit = try session("@alice commit add=\(keyPackage) now")
        try session.process(commit.text("commit"), "carol")
        try session("@bob join \(commit.text("welcome"))")
        #expect(try session.agree("alice", "bob", "carol"))
        #expect(try session("@bob groups").texts("groups") == ["0102"])
    }

    @Test("a client is in several groups, one of them current")
    func groups() throws {
        let session = DirectSession()
        try session.makeGroup("alice", id: "01")
        try session("create-group 02")
        #expect(try session("groups").texts("groups") == ["01", "02"])
        try session("use-group 01")
        #expect(try session.text("group_id", of: "state") == "01")
        try session("leave-group")
        #expect(try session("groups").texts("groups") == ["02"])
        #expect(try session.text("group_id", of: "state") == "02")
        try session("leave-group")
        #expect(try session.refusal("state") == "alice is in no group")
    }

    @Test("a KeyPackage is good for one join, unless it is kept")
    func keyPackages() throws {
        let session = DirectSession()
        try session.makeGroup("alice", "bob", "carol")
        for keeps in [false, true] {
            try session("@bob set keep-key-packages \(keeps ? 1 : 0)")
            let keyPackage = try session.text("key_package", of: "@bob key-package")
            for (number, name) in ["alice", "carol"].enumerated() {
                try session("@\(name) create-group \(keeps ? "aa" : "bb")0\(number)")
                let welcome = try session.text("welcome", of: "@\(name) commit now add=\(keyPackage)")
                if number == 0 || keeps {
                    try session("@bob join \(welcome)")
                } else {
                    #expect(try session.refusal("@bob join \(welcome)") == "refused by rule 12.4.3.1-new-member")
                }
            }
        }
    }

    @Test("the tree may be beside Welcome and GroupInfo")
    func externalTree() throws {
        let session = DirectSession()
        try session.makeGroup("alice")
        for name in ["bob", "carol"] { try session("new-client \(name) 1") }
        try session("@alice set tree external")
        let commit = try session("@alice commit now add=\(session.text("key_package", of: "@bob key-package"))")
        let (welcome, tree) = (try commit.text("welcome"), try commit.text("ratchet_tree"))
        #expect(try session.refusal("@bob join \(welcome)") == "refused by rule 12.4.3.3-missing")
        try session("@bob join \(welcome) \(tree)")
        #expect(try session.text("ratchet_tree", of: "@bob tree") == tree)
        // A Commit that nobody joins with has a GroupInfo too.
        let second = try session("@alice commit path now")
        try session.process(second.text("commit"), "bob")
        let info = try second.text("group_info")
        #expect(try session.refusal("@carol external-join \(info)") == "refused by rule 12.4.3.3-missing")
        let joined = try session("@carol external-join \(info) tree=\(second.text("ratchet_tree"))")
        try session.process(joined.text("commit"), "alice", "bob")
        #expect(try session.agree("alice", "bob", "carol"))
        #expect(try !session("@alice group-info inline").has("ratchet_tree"))
        #expect(try session("@bob group-info external").has("ratchet_tree"))
    }

    @Test("X.509 credentials: a chain about the key, end entity first", arguments: [1, 2])
    func certificates(number: Int) throws {
        let session = DirectSession()
        let suite = CipherSuite(rawValue: UInt16(number))
        let (root, subject) = (try TestClient("root", suite: suite), try TestClient("alice", suite: suite))
        let chain = try [root.certificate(for: subject), root.certificate(for: root)].map { $0.certData.hex }
        let key = try subject.signingKey.privateKeyBytes().withBytes { [UInt8]($0).hex }
        let line = "new-client-x509 alice \(number) \(key) \(chain.joined(separator: " "))"
        #expect(try session.text("signature_key", of: line) == subject.signingKey.publicKey.bytes.hex)
        try session("create-group 01")
        try session("new-client bob \(number)")
        let commit = try session("@alice commit now add=\(session.text("key_package", of: "@bob key-package"))")
        #expect(try session("@bob join \(commit.text("welcome"))").memberNames() == ["x509", "bob"])
        #expect(try session.agree("alice", "bob"))
        #expect(try session.refusal("@alice key-package 4").hasPrefix("no certificate"))
        // The issuer's certificate is about another key.
        #expect(
            try session.refusal("new-client-x509 mallory \(number) \(key) \(chain[1])")
                == "the first certificate is of another key")
        _ = try session.refusal("new-client-x509 mallory \(number) \(key) 3000")
        _ = try session.refusal("new-client-x509 mallory \(number) 00 \(chain[0])")
        _ = try session.refusal("new-client-x509 mallory \(number) \(key)")
    }
}
