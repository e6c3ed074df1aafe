import Foundation
import MLSCodec
import TLSPresentation
import TestSupport
import Testing

@Suite("Settings of a client", .timeLimit(.minutes(2)))
struct SettingTests {
    private func keyPackage(_ session: some Session) throws -> KeyPackage {
        let bytes = try #require([UInt8](hex: session.text("key_package", of: "key-package")))
        guard case .keyPackage(let keyPackage) = try MLSMessage(decoding: bytes) else {
            throw ToolProcess.Failure("no KeyPackage")
        }
        return keyPackage
    }

    @Test("lifetimes: from an hour ago on, or without an end")
    func lifetime() throws {
        let session = DirectSession()
        try session("new-client alice 1")
        for (seconds, length) in [(nil as String?, 90 * 86_400 as UInt64), ("7200", 7200), ("0", .max)] {
            if let seconds { try session("set lifetime \(seconds)") }
            let line = try session.text("key_package", of: "key-package")
            #expect(try session("verify-key-package \(line)").flag("valid"))
            guard case .keyPackage(let lifetime) = try keyPackage(session).leafNode.source else {
                Issue.record("no lifetime")
                return
            }
            #expect(lifetime.notAfter - lifetime.notBefore == length)
            let age = Date().timeIntervalSince1970 - Double(lifetime.notBefore)
            #expect(length == .max ? lifetime.notBefore == 0 : (3590...3660).contains(age))
        }
        try session("set lifetime 18446744073709551615")
        guard case .keyPackage(let lifetime) = try keyPackage(session).leafNode.source else { return }
        #expect(lifetime.notAfter == .max)
    }

    @Test("capabilities and extensions of leaves and KeyPackages")
    func capabilities() throws {
        let session = DirectSession()
        try session("new-client alice 1")
        try session("set caps-extensions 0xf100,61697")
        try session("set caps-proposals 0xf200")
        try session("set leaf-extensions 0xf101=0102 1=0161")
        try session("set key-package-extensions 0xf102=-")
        let made = try keyPackage(session)
        let capabilities = made.leafNode.capabilities
        let listed = Set(capabilities.extensions.map(\.rawValue))
        // Those of the KeyPackage too (section 10), but none that everybody has to know.
        #expect(listed.isSuperset(of: [0xf100, 0xf101, 0xf102]) && !listed.contains(1))
        #expect(capabilities.proposals.contains(ProposalType(rawValue: 0xf200)))
        #expect(!capabilities.proposals.contains(.selfRemove))
        let extensions = made.leafNode.extensions.filter { !isGREASE($0.extensionType.rawValue) }
        #expect(extensions.map(\.extensionData) == [[1, 2], [1, 0x61]])
        #expect(made.extensions.contains { $0.extensionType.rawValue == 0xf102 && $0.extensionData.isEmpty })

        for line in ["caps-extensions -", "caps-proposals -", "leaf-extensions -", "key-package-extensions -"] {
            try session("set \(line)")
        }
        let plain = try keyPackage(session)
        #expect(plain.leafNode.capabilities.extensions.allSatisfy { isGREASE($0.rawValue) })
        #expect((plain.extensions + plain.leafNode.extensions).allSatisfy { isGREASE($0.extensionType.rawValue) })
    }

    @Test("new leaf extensions come with an Update, and with a Commit that is to have a path")
    func leafExtensions() throws {
        let session = DirectSession()
        try session.makeGroup("alice", "bob")
        try session("@alice set leaf-extensions 0xf101=aabbccdd")
        let update = try session.text("proposal", of: "@alice update")
        try session.process(update, "bob")
        try session.process(session.text("commit", of: "@bob commit"), "alice", "bob")
        #expect(try session.text("ratchet_tree", of: "@bob tree").contains("f10104aabbccdd"))
        try session("@bob set leaf-extensions 0xf101=eeff0011")
        try session.process(session.text("commit", of: "@bob commit path"), "alice", "bob")
        #expect(try session.text("ratchet_tree", of: "@alice tree").contains("f10104eeff0011"))
        #expect(try session.agree("alice", "bob"))
    }

    @Test("a group's extensions are for those who list them")
    func groupExtensions() throws {
        let session = DirectSession()
        try session("new-client alice 1")
        _ = try session.refusal("create-group 01 0xf100=00")
        try session("set caps-extensions 0xf100")
        try session("create-group 01 0xf100=00")
        try session("new-client bob 1")
        let keyPackage = try session.text("key_package", of: "key-package")
        _ = try session.refusal("@alice commit add=\(keyPackage)")
        try session("set caps-extensions 0xf100")
        try session("@alice commit add=\(session.text("key_package", of: "key-package"))")
    }

    @Test("padding, authenticated data and framing of messages")
    func messages() throws {
        let session = DirectSession()
        try session.makeGroup("alice", "bob")
        let plain = try session.text("message", of: "@alice protect 00")
        try session("@alice set padding 1000")
        try session("@alice set aad 0a0b")
        let padded = try session.text("message", of: "@alice protect 00")
        #expect(padded.count - plain.count >= 2000)
        #expect(try session.text("aad", of: "@bob unprotect \(padded)") == "0a0b")
        let other = try session.text("message", of: "@alice protect 00 -")
        #expect(try session.text("aad", of: "@bob unprotect \(other)") == "")
        for (framing, format) in [("private", "mls_private_message"), ("public", "mls_public_message")] {
            try session("@alice set handshake \(framing)")
            let commit = try session.text("commit", of: "@alice commit")
            let parsed = try session("parse \(commit)")
            #expect(try parsed.text("wire_format") == format && parsed.text("group_id") == "0102")
            #expect(try parsed.number("bytes") == commit.count / 2)
            try session.process(commit, "alice", "bob")
        }
        #expect(try session.agree("alice", "bob"))
    }

    @Test("messages of the last epochs are read, of as many as are kept", arguments: [3, 1, 0])
    func pastEpochs(kept: Int) throws {
        let session = DirectSession()
        try session.makeGroup("alice", "bob")
        if kept != 3 { try session("@bob set past-epochs \(kept)") }
        let messages = try (0..<5).map { _ in
            let message = try session.text("message", of: "@alice protect 61")
            try session.process(session.text("commit", of: "@alice commit"), "alice", "bob")
            return message
        }
        for (number, message) in messages.enumerated() {
            if number >= 5 - kept {
                #expect(try session("@bob unprotect \(message)").number("epoch") == number + 1)
            } else {
                #expect(try session.refusal("@bob unprotect \(message)") == "refused by rule 6-epoch")
            }
        }
    }

    @Test("secrets are those of the epoch, the encryption secret until it is used up")
    func secrets() throws {
        let session = DirectSession()
        try session.makeGroup("alice", "bob")
        let answer = try session("@alice secrets")
        #expect(answer.line == (try session("@bob secrets").line))
        #expect(try answer.text("encryption_secret").count == 64)
        for name in ["epoch_authenticator", "resumption_psk"] {
            #expect(try answer.text(name) == session.text(name, of: name.replacing("_", with: "-")))
        }
        try session("@alice protect 00")
        #expect(try session("@alice secrets")["encryption_secret"] is NSNull)
    }

    @Test("parse: what is there to see, and only of what is an MLSMessage")
    func parse() throws {
        let session = DirectSession()
        try session("new-client alice 1")
        let message = try session.text("key_package", of: "key-package")
        let parsed = try session("parse \(message)")
        #expect(try parsed.text("wire_format") == "mls_key_package")
        #expect(parsed["group_id"] is NSNull && parsed["epoch"] is NSNull)
        for line in ["parse", "parse -", "parse \(message)00", "parse \(message.dropLast(2))", "parse 0002\(message)"] {
            _ = try session.refusal(line)
        }
    }
}
