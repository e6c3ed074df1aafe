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

/// Tracked groups with real MLS members, on both states, with public and with private handshakes.
@Suite("Tracked groups", .serialized)
struct TrackedGroupTests {
    struct Setting: Sendable, CustomTestStringConvertible {
        var kind: TestRelay.StateKind
        var framing: GroupConfiguration.HandshakeFraming
        var testDescription: String { "\(kind), \(framing)" }
    }

    static let settings = TestRelay.StateKind.allCases.flatMap { kind in
        [GroupConfiguration.HandshakeFraming.publicMessage, .privateMessage].map { Setting(kind: kind, framing: $0) }
    }

    /// Alice's group with Bob and Carol, who came with the first commit.
    private func scene(
        _ setting: Setting, _ directory: TemporaryDirectory, limits: CoreLimits = .init(),
        with names: [String] = ["bob"],
        policy: GroupPolicy? = nil
    ) throws -> GroupScene {
        let scene = try GroupScene(setting.kind, in: directory, framing: setting.framing, limits: limits)
        try scene.register("alice", "bob", "carol", "dave")
        try scene.create(by: "alice", with: names, policy: policy)
        return scene
    }

    // MARK: Creation

    @Test(
        "S2-1, S2-3, S2-4, S4-1: a group is created with its first commit as entry 1, its GroupInfo and an admin, all at once",
        arguments: settings)
    func creation(setting: Setting) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(setting, directory)
        let description = try scene.describe(for: "bob")
        #expect(description.name == Array("Group".utf8))
        #expect(description.members.map(\.role) == [.admin, .member])
        #expect(description.epoch == Epoch(rawValue: 1))
        #expect(try scene.head.last == SequenceNumber(rawValue: 1))
        #expect(try scene.relay.state.groupInfos[scene.log] != nil)
        #expect(try scene.inbox(of: "bob", .message).count == 1)
        #expect(try scene["alice"].group.epochAuthenticator == scene["bob"].group.epochAuthenticator)
    }

    @Test("A creation that is not complete creates nothing", arguments: settings)
    func incompleteCreation(setting: Setting) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try GroupScene(setting.kind, in: directory, framing: setting.framing)
        try scene.register("alice", "bob")
        let alice = scene["alice"]
        alice.member = try alice.device.creates(scene.groupID)
        let messages = try scene.commitMessages(by: "alice", adding: ["bob"], hasTree: true)
        let new = NewGroup(
            groupID: scene.groupID, epoch: Epoch(rawValue: 0), name: [], alias: [],
            policy: GroupScene.policy(setting.framing))
        let without: [(Int, ErrorCode)] = [(0, .messageMalformed), (2, .groupInfoRequired)]
        for (missing, code) in without {
            var published = messages.published
            published.remove(at: missing)
            let command = TestCommand.Action.createTrackedGroup(new, published)
            #expect(try refusal { _ = try scene.relay.perform(command, by: alice.client) } == code)
        }
        var consenting = new
        consenting.policy.join = .invitation
        #expect(
            try refusal {
                _ = try scene.relay.perform(.createTrackedGroup(consenting, messages.published), by: alice.client)
            } == .invitationRequired)
        #expect(try scene.relay.state.records[.groups] == nil)
    }

    @Test("A creation whose answer was lost gives the same answer again", arguments: settings)
    func repeatedCreation(setting: Setting) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try GroupScene(setting.kind, in: directory, framing: setting.framing)
        try scene.register("alice", "bob")
        let alice = scene["alice"]
        alice.member = try alice.device.creates(scene.groupID)
        let messages = try scene.commitMessages(by: "alice", adding: ["bob"], hasTree: true)
        let command = TestCommand.Action.createTrackedGroup(
            NewGroup(
                groupID: scene.groupID, epoch: Epoch(rawValue: 0), name: [], alias: [],
                policy: GroupScene.policy(setting.framing)), messages.published)
        let first = try scene.relay.perform(command, by: alice.client)
        let state = try scene.relay.state
        #expect(try scene.relay.perform(command, by: alice.client) == first)
        #expect(try scene.relay.state == state)
        #expect(try refusal { _ = try scene.relay.perform(command, by: scene["bob"].client) } == .groupExists)
    }

    // MARK: Adding and removing

    @Test(
        "S1-4, S1-7, S4-5: a commit that adds is one entry for all members, its Welcome goes to the new one alone, and all agree",
        arguments: settings)
    func adding(setting: Setting) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(setting, directory)
        let receipts = try scene.commit(by: "alice", adding: ["carol"])
        #expect(receipts.map(\.log) == [scene.log, try scene.relay.log(.inbox(of: scene["carol"].client))])
        #expect(try scene.members == ["alice", "bob", "carol"])
        let authenticators = try ["alice", "bob", "carol"].map { try scene[$0].group.epochAuthenticator }
        #expect(Set(authenticators).count == 1)
        try scene.say("hello", by: "carol")
        #expect(try scene.head.last == SequenceNumber(rawValue: 3))
    }

    @Test(
        "S1-9, S4-11, S4-13: who is removed may read through the removing commit, is told, and can publish nothing more",
        arguments: settings)
    func removing(setting: Setting) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(setting, directory)
        try scene.commit(by: "alice", adding: ["carol"])
        let bob = try scene["bob"].group
        let message = try bob.protect("late")
        let receipt = try scene.commit(by: "alice", removing: ["bob"])[0]
        #expect(try scene.members == ["alice", "carol"])
        let record = try #require(try scene.relay.state.member(scene["bob"].client, of: scene.log))
        #expect(record.state == .ended)
        #expect(record.readableThrough == receipt.sequenceNumber)
        #expect(try scene.inbox(of: "bob", .removed).count == 1)
        #expect(
            try refusal { _ = try scene.relay.publish(TestMessage(bytes: message), by: scene["bob"].client) }
                == .notMember)
    }

    @Test("S1-8: a proposal of one member is committed by another", arguments: settings)
    func proposalOfAnother(setting: Setting) throws {
        guard setting.framing == .publicMessage else { return try privateProposal(setting) }
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(setting, directory)
        try scene.commit(by: "alice", adding: ["carol"])
        let update = try scene["bob"].group.proposeUpdate()
        try scene.relay.publish(TestMessage(bytes: update), by: scene["bob"].client)
        for name in ["alice", "carol"] { try scene[name].group.receiveProposal(update) }
        try scene.commit(by: "alice")
        #expect(try scene["bob"].group.epochAuthenticator == scene["carol"].group.epochAuthenticator)
    }

    private func privateProposal(_ setting: Setting) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(setting, directory)
        let update = try scene["bob"].group.proposeUpdate()
        try scene.relay.publish(TestMessage(bytes: update), by: scene["bob"].client)
        try scene["alice"].group.receiveProposal(update)
        try scene.commit(by: "alice")
        #expect(try scene["bob"].group.epochAuthenticator == scene["alice"].group.epochAuthenticator)
    }

    @Test("N-5: a proposal of an epoch that is over is refused: nobody could commit it", arguments: settings)
    func staleProposal(setting: Setting) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(setting, directory)
        let update = try scene["bob"].group.proposeUpdate()
        try scene.commit(by: "alice")
        #expect(
            try refusal { _ = try scene.relay.publish(TestMessage(bytes: update), by: scene["bob"].client) }
                == .staleEpoch)
    }

    @Test("N-5: a commit without the GroupInfo of its epoch, or with another one, is refused", arguments: settings)
    func exactGroupInfo(setting: Setting) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(setting, directory)
        let stale = try scene["alice"].group.groupInfo()
        var messages = try scene.commitMessages(by: "alice")
        let groupInfo = messages.published.removeLast()
        #expect(try refusal { _ = try scene.publish(messages, by: "alice") } == .groupInfoRequired)
        messages.published.append(TestMessage(bytes: stale))
        #expect(try refusal { _ = try scene.publish(messages, by: "alice") } == .staleEpoch)
        if setting.framing == .publicMessage {
            var forged = groupInfo
            forged.bytes[forged.bytes.count - 1] ^= 1
            messages.published[messages.published.count - 1] = forged
            #expect(try refusal { _ = try scene.publish(messages, by: "alice") } == .groupInfoInvalid)
        }
        messages.published[messages.published.count - 1] = groupInfo
        _ = try scene.publish(messages, by: "alice")
    }

    @Test("RFC 9420 14: a Welcome comes with its commit, for exactly those whom it adds", arguments: settings)
    func welcomes(setting: Setting) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(setting, directory)
        let messages = try scene.commitMessages(by: "alice", adding: ["carol"])
        var without = messages
        without.published.remove(at: 1)
        #expect(try refusal { _ = try scene.publish(without, by: "alice", adding: ["carol"]) } == .welcomeMismatch)
        let other = try scene.commitMessages(by: "bob", adding: ["dave"])
        var wrong = messages
        wrong.published[1] = other.published[1]
        #expect(try refusal { _ = try scene.publish(wrong, by: "alice", adding: ["carol"]) } == .welcomeMismatch)
        #expect(try scene.inbox(of: "carol", .message).isEmpty)
        _ = try scene.publish(messages, by: "alice", adding: ["carol"])
        #expect(try scene.inbox(of: "carol", .message).count == 1)
    }

    @Test("N-2, RFC 9750 5.2.1: the loser of a race gets the winning commit with the refusal", arguments: settings)
    func lostRace(setting: Setting) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(setting, directory)
        let mine = try scene.commitMessages(by: "alice")
        let other = try scene.commitMessages(by: "bob")
        _ = try scene.publish(mine, by: "alice")
        do {
            _ = try scene.publish(other, by: "bob")
            Issue.record("two commits in one epoch")
        } catch let error as RelayError {
            let detail = try EpochDetail(decoding: error.detail)
            #expect(error.code == .staleEpoch)
            #expect(detail.commit == SequenceNumber(rawValue: 2))
            #expect(try Entry(decoding: detail.entry).payload == mine.made.commit)
        }
        // In one round trip: take the winner, commit anew.
        scene["bob"].member?.group.discardPendingCommit()
        try scene.accept(mine, by: "alice")
        try scene.commit(by: "bob")
    }

    @Test("RFC 9420 14: who loses race after race gets a turn of its own", arguments: settings)
    func fairness(setting: Setting) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(setting, directory)
        for _ in 0..<scene.relay.limits.fairnessLosses {
            let losing = try scene.commitMessages(by: "bob")
            let winning = try scene.commitMessages(by: "alice")
            _ = try scene.publish(winning, by: "alice")
            #expect(try refusal { _ = try scene.publish(losing, by: "bob") } == .staleEpoch)
            scene["bob"].member?.group.discardPendingCommit()
            try scene.accept(winning, by: "alice")
        }
        let pushy = try scene.commitMessages(by: "alice")
        do {
            _ = try scene.publish(pushy, by: "alice")
            Issue.record("it is bob's turn")
        } catch let error as RelayError {
            #expect(error.code == .commitReserved)
            let wait = try RetryDetail(decoding: error.detail).retryAfterMilliseconds
            #expect((1...UInt32(scene.relay.limits.fairnessTurnMilliseconds)).contains(wait))
        }
        scene["alice"].member?.group.discardPendingCommit()
        try scene.commit(by: "bob")
        try scene.commit(by: "alice")
    }

    @Test("RFC 9420 14: a turn that nobody takes is over after its time")
    func unusedTurn() throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let setting = Setting(kind: .memory, framing: .publicMessage)
        let scene = try scene(setting, directory)
        for _ in 0..<scene.relay.limits.fairnessLosses {
            let losing = try scene.commitMessages(by: "bob")
            let winning = try scene.commitMessages(by: "alice")
            _ = try scene.publish(winning, by: "alice")
            #expect(try refusal { _ = try scene.publish(losing, by: "bob") } == .staleEpoch)
            scene["bob"].member?.group.discardPendingCommit()
            try scene.accept(winning, by: "alice")
        }
        scene.relay.now = Timestamp(rawValue: scene.relay.now.rawValue + scene.relay.limits.fairnessTurnMilliseconds)
        try scene.commit(by: "alice")
    }

    // MARK: Who may not know

    @Test("A stranger gets for a group what it would get for none", arguments: settings)
    func strangers(setting: Setting) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(setting, directory)
        let message = TestMessage(bytes: try scene["alice"].group.protect("hello"))
        let carol = scene["carol"].client
        let missing = LogNumber(rawValue: 999)
        let refusals = try [
            refused { try scene.relay.publish(message, by: carol) },
            refused { try scene.relay.perform(.other(.group(.fetchGroupInfo(scene.groupID))), by: carol) },
        ]
        let nothing = try [
            refused { try scene.relay.publish(.application("x", "nothing", 0), by: carol) },
            refused { try scene.relay.perform(.other(.group(.fetchGroupInfo([1]))), by: carol) },
        ]
        #expect(refusals == nothing)
        for (mine, none) in [
            (GroupAction.delete(DeleteGroup(log: scene.log)), GroupAction.delete(DeleteGroup(log: missing))),
            (
                .deny(DenyCommit(log: scene.log, sequenceNumber: .zero, text: [])),
                .deny(DenyCommit(log: missing, sequenceNumber: .zero, text: []))
            ),
        ] {
            let first = try refused { try scene.relay.perform(.other(.group(mine)), by: carol) }
            let second = try refused { try scene.relay.perform(.other(.group(none)), by: carol) }
            #expect(first.code == second.code)
        }
        let state = try scene.relay.state
        #expect(try refusal { _ = try state.describe(scene.groupID, for: carol).get() } == .groupUnknown)
    }
}
