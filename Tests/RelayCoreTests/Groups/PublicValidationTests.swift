import MLS
import MLSCodec
import MLSPublicGroup
import MLSTestSupport
import RelayCore
import RelayTestSupport
import RelayWire
import TLSPresentation
import TestSupport
import Testing

/// What a relay refuses of public handshakes: all that can be seen without a secret.
@Suite("Validation of public groups", .serialized)
struct PublicValidationTests {
    private func scene(_ kind: StateKind, _ directory: TemporaryDirectory) throws -> GroupScene {
        let scene = try GroupScene(kind, in: directory, framing: .publicMessage)
        try scene.register("alice", "bob", "carol", "dave")
        try scene.create(by: "alice", with: ["bob", "carol"])
        return scene
    }

    /// The rule that a refusal names.
    private func rule(_ refusal: RelayError) throws -> String {
        String(decoding: try RuleDetail(decoding: refusal.detail).rule, as: UTF8.self)
    }

    @Test(
        "RFC 9750 5.3, 7: a malformed commit is refused with the rule that it breaks, kept for operators, and wedges nobody",
        arguments: StateKind.allCases)
    func malformedCommit(_ kind: StateKind) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(kind, directory)
        let good = try scene.commitMessages(by: "alice")
        guard case .publicMessage(var message) = try MLSMessage(decoding: good.made.commit) else {
            Issue.record("a PublicMessage")
            return
        }
        message.auth.signature[8] ^= 1
        let bad = TestMessage(bytes: MLSMessage.publicMessage(message).encoded)
        let refusal = try refused {
            try scene.relay.perform(.publish([bad, good.published[1]]), by: scene["alice"].client)
        }
        #expect(refusal.code == .commitInvalid)
        #expect(try rule(refusal) == ValidationRule.contentSignature.rawValue)
        let rejects = try scene.relay.state.records[.rejects] ?? [:]
        #expect(rejects.count == 1)
        let reject = try RejectRecord(decoding: try #require(rejects.first).value)
        #expect(reject.log == scene.log)
        #expect(reject.epoch == Epoch(rawValue: 1))
        #expect(String(decoding: reject.rule, as: UTF8.self) == ValidationRule.contentSignature.rawValue)
        // The group goes on at once.
        scene["alice"].member?.group.discardPendingCommit()
        try scene.commit(by: "bob", adding: ["dave"])
    }

    @Test("a commit that breaks a rule of the tree is refused by that rule", arguments: StateKind.allCases)
    func invalidCommit(_ kind: StateKind) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(kind, directory)
        // Two commits of one epoch: the second's path was made for another tree.
        let first = try scene.commitMessages(by: "alice")
        let second = try scene.commitMessages(by: "bob")
        _ = try scene.publish(first, by: "alice")
        try scene.accept(first, by: "alice")
        guard case .publicMessage(var message) = try MLSMessage(decoding: second.made.commit) else { return }
        message.content.epoch += 1
        let moved = TestMessage(bytes: MLSMessage.publicMessage(message).encoded)
        let refusal = try refused {
            try scene.relay.perform(.publish([moved, second.published[1]]), by: scene["bob"].client)
        }
        #expect(refusal.code == .commitInvalid)
    }

    @Test(
        "a proposal that is not valid, or another's, is refused, and no commit can refer to it",
        arguments: StateKind.allCases)
    func invalidProposal(_ kind: StateKind) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(kind, directory)
        let proposal = try scene["bob"].group.proposeUpdate()
        #expect(
            try refusal { _ = try scene.relay.publish(TestMessage(bytes: proposal), by: scene["carol"].client) }
                == .notPermitted)
        guard case .publicMessage(var message) = try MLSMessage(decoding: proposal) else { return }
        message.auth.signature[3] ^= 1
        let forged = TestMessage(bytes: MLSMessage.publicMessage(message).encoded)
        let refusal = try refused { try scene.relay.publish(forged, by: scene["bob"].client) }
        #expect(refusal.code == .proposalInvalid)
        #expect(try rule(refusal) == ValidationRule.contentSignature.rawValue)
        try scene.relay.publish(TestMessage(bytes: proposal), by: scene["bob"].client)
    }

    @Test(
        "a proposal that no commit may have is refused, so that it keeps no committer out",
        arguments: StateKind.allCases)
    func uncommittableProposals(_ kind: StateKind) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(kind, directory)
        func propose(_ message: [UInt8], by name: String) throws -> ErrorCode? {
            try refusal { _ = try scene.relay.publish(TestMessage(bytes: message), by: scene[name].client) }
        }
        // A key that nobody has registered, a KeyPackage that nobody has published, a banned user, the last admin.
        let stranger = try Device.identity("bob", suite: scene["bob"].device.suite)
        #expect(try propose(scene["bob"].group.proposeUpdate(stranger), by: "bob") == .proposalInvalid)
        let unknown = try scene["dave"].device.applies()
        #expect(try propose(scene["alice"].group.propose(unknown.add), by: "alice") == .keyPackageRefUnknown)
        _ = try scene.perform(.ban(Ban(log: scene.log, name: Array("dave".utf8), isBanned: true)), by: "alice")
        let banned = try #require(scene["dave"].applicants.last)
        #expect(try propose(scene["alice"].group.propose(banned.add), by: "alice") == .userBanned)
        let policy = GroupScene.policy(.publicMessage) { $0.mayRemove = .member }
        let update = UpdateGroup(log: scene.log, name: Array("Group".utf8), alias: [], policy: policy)
        _ = try scene.perform(.update(update), by: "alice")
        let admin = Proposal.remove(Remove(removed: try scene["alice"].group.leaf))
        #expect(try propose(scene["bob"].group.propose(admin), by: "bob") == .lastAdmin)
        for name in ["alice", "bob"] { scene[name].member?.group.discardPendingProposals() }
        try scene.commit(by: "carol")
    }

    @Test(
        "nobody commits as somebody else, and handshakes are framed as the policy says", arguments: StateKind.allCases)
    func framing(_ kind: StateKind) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(kind, directory)
        let messages = try scene.commitMessages(by: "alice")
        #expect(
            try refusal { _ = try scene.relay.perform(.publish(messages.published), by: scene["bob"].client) }
                == .notPermitted)
        scene["alice"].member?.group.discardPendingCommit()
        let hidden = try scene.commitMessages(by: "alice") { $0.framing = .privateMessage }
        #expect(try refusal { _ = try scene.publish(hidden, by: "alice") } == .handshakeModeWrong)
    }

    @Test("a commit that adds a KeyPackage which was never published here is refused", arguments: StateKind.allCases)
    func unknownKeyPackage(_ kind: StateKind) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(kind, directory)
        scene["dave"].applicants.append(try scene["dave"].device.applies())
        #expect(try refusal { _ = try scene.commit(by: "alice", adding: ["dave"]) } == .keyPackageRefUnknown)
    }

    @Test("RFC 9750 5.2.3: after a ReInit the old group takes nothing more", arguments: StateKind.allCases)
    func reInit(_ kind: StateKind) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(kind, directory)
        let reInit = Proposal.reInit(
            ReInit(groupID: [9], version: .mls10, cipherSuite: scene["alice"].device.suite, extensions: []))
        #expect(
            try refusal {
                _ = try scene.relay.publish(
                    TestMessage(bytes: try scene["bob"].group.propose(reInit)), by: scene["bob"].client)
            } == .roleInsufficient)
        scene["bob"].member?.group.discardPendingProposals()
        let other = try scene.commitMessages(by: "carol")
        scene["carol"].member?.group.discardPendingCommit()
        try scene.commit(by: "alice") { $0.proposals = [reInit] }
        guard case .publicMessage(var late) = try MLSMessage(decoding: other.made.commit) else { return }
        late.content.epoch += 1
        let message = TestMessage(bytes: MLSMessage.publicMessage(late).encoded)
        let refusal = try refused {
            try scene.relay.perform(.publish([message, other.published[1]]), by: scene["carol"].client)
        }
        #expect(refusal.code == .commitInvalid)
        #expect(try rule(refusal) == "12.4.2-reinit")
    }
}
