import MLS
import MLSCodec
import MLSTestSupport
import RelayCore
import RelayTestSupport
import RelayWire
import TLSPresentation
import TestSupport
import Testing

/// A commit stands when somebody else has confirmed it, and falls when enough deny it.
@Suite("Provisional commits", .serialized)
struct ProvisionalCommitTests {
    static let settings = TrackedGroupTests.settings

    private func scene(
        _ setting: TrackedGroupTests.Setting, _ directory: TemporaryDirectory, with names: [String] = ["bob", "carol"]
    ) throws -> GroupScene {
        let scene = try GroupScene(setting.kind, in: directory, framing: setting.framing)
        try scene.register("alice", "bob", "carol", "dave", "erin")
        try scene.create(by: "alice", with: names)
        return scene
    }

    private func deny(_ scene: GroupScene, _ number: SequenceNumber, by name: String) throws {
        let request = DenyCommit(log: scene.log, sequenceNumber: number, text: Array("it does not decrypt".utf8))
        _ = try scene.perform(.deny(request), by: name)
    }

    private func confirmedEpoch(_ scene: GroupScene) throws -> UInt64 {
        try scene.describe(for: "alice").confirmedEpoch.rawValue
    }

    @Test(
        "N-2: the acknowledgement of another member confirms a commit, the sender's own does not", arguments: settings)
    func confirmedByAcknowledgement(setting: TrackedGroupTests.Setting) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(setting, directory)
        let receipt = try scene.commit(by: "alice")[0]
        try scene.acknowledge(receipt.sequenceNumber.rawValue, by: "alice")
        #expect(try confirmedEpoch(scene) == 1)
        try scene.acknowledge(receipt.sequenceNumber.rawValue - 1, by: "bob")
        #expect(try confirmedEpoch(scene) == 1)
        try scene.acknowledge(receipt.sequenceNumber.rawValue, by: "bob")
        #expect(try confirmedEpoch(scene) == 2)
        #expect(try refusal { try deny(scene, receipt.sequenceNumber, by: "carol") } == .commitNotProvisional)
    }

    @Test("N-2: a message of another member in the new epoch confirms the commit", arguments: settings)
    func confirmedByMessage(setting: TrackedGroupTests.Setting) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(setting, directory)
        let early = try scene["bob"].group.protect("of the epoch before")
        try scene.commit(by: "alice")
        try scene.relay.publish(TestMessage(bytes: early), by: scene["bob"].client)
        try scene.say("mine", by: "alice")
        #expect(try confirmedEpoch(scene) == 1)
        try scene.say("in the new epoch", by: "bob")
        #expect(try confirmedEpoch(scene) == 2)
    }

    @Test("N-2: one who came with the commit does not confirm it", arguments: settings)
    func newMembersDoNotConfirm(setting: TrackedGroupTests.Setting) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(setting, directory)
        let receipt = try scene.commit(by: "alice", adding: ["dave"])[0]
        try scene.acknowledge(receipt.sequenceNumber.rawValue, by: "dave")
        try scene.say("hello", by: "dave")
        #expect(try confirmedEpoch(scene) == 1)
        #expect(try refusal { try deny(scene, receipt.sequenceNumber, by: "dave") } == .notPermitted)
    }

    @Test("A commit with nobody who could deny it stands at once", arguments: settings)
    func alone(setting: TrackedGroupTests.Setting) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(setting, directory, with: [])
        try scene.commit(by: "alice", adding: ["bob"])
        #expect(try confirmedEpoch(scene) == 2)
    }

    @Test(
        "N-2: a commit that two members deny is void: the epoch is open again, and the group goes on without a rejoin",
        arguments: settings)
    func denied(setting: TrackedGroupTests.Setting) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(setting, directory)
        let before = try scene.relay.state
        // Alice's commit cannot be processed by the others, but the relay cannot see it.
        let bad = try scene.commitMessages(by: "alice", adding: ["dave"], removing: [])
        let receipt = try scene.publish(bad, by: "alice", adding: ["dave"]).receipts[0]
        #expect(try scene.members == ["alice", "bob", "carol", "dave"])
        #expect(try refusal { try deny(scene, receipt.sequenceNumber, by: "alice") } == .notPermitted)
        try deny(scene, receipt.sequenceNumber, by: "bob")
        try deny(scene, receipt.sequenceNumber, by: "bob")
        #expect(try scene.head.epoch == Epoch(rawValue: 2))
        try deny(scene, receipt.sequenceNumber, by: "carol")

        #expect(try scene.head.epoch == Epoch(rawValue: 1))
        #expect(try scene.members == ["alice", "bob", "carol"])
        let entries = try scene.relay.entries(of: scene.log)
        let notice = try VoidNotice(decoding: try #require(entries.last).payload)
        #expect(notice.sequenceNumber == receipt.sequenceNumber)
        #expect(notice.epoch == Epoch(rawValue: 1))
        #expect(notice.deniedBy == [scene["bob"].client, scene["carol"].client])
        #expect(entries[Int(receipt.sequenceNumber.rawValue) - 1].payload == bad.made.commit)
        #expect(try scene.inbox(of: "dave", .welcomeVoided).count == 1)
        let state = try scene.relay.state
        #expect(state.groupInfos[scene.log] == before.groupInfos[scene.log])
        for table in [RecordTable.groups, .members, .groupUsers, .clientGroups, .provisionalCommits, .denials] {
            #expect(state.records[table] == before.records[table], "\(table)")
        }
        // Nobody has merged it: the next commit is of the same epoch.
        scene["alice"].member?.group.discardPendingCommit()
        try scene.commit(by: "bob", adding: ["erin"])
        #expect(try scene.members == ["alice", "bob", "carol", "erin"])
        #expect(try scene["erin"].group.epochAuthenticator == scene["alice"].group.epochAuthenticator)
    }

    @Test("N-2: in a group of two, one denial is enough", arguments: settings)
    func deniedByTheOnlyOther(setting: TrackedGroupTests.Setting) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(setting, directory, with: ["bob"])
        let bad = try scene.commitMessages(by: "alice")
        let receipt = try scene.publish(bad, by: "alice").receipts[0]
        try deny(scene, receipt.sequenceNumber, by: "bob")
        #expect(try scene.head.epoch == Epoch(rawValue: 1))
    }

    @Test("N-2: commits on top of a void one are void with it", arguments: settings)
    func stacked(setting: TrackedGroupTests.Setting) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(setting, directory)
        let first = try scene.commitMessages(by: "alice", removing: ["carol"])
        let receipt = try scene.publish(first, by: "alice", removing: ["carol"]).receipts[0]
        _ = try scene["alice"].group.follow(first.made.commit)
        let second = try scene.commitMessages(by: "alice", adding: ["dave"])
        _ = try scene.publish(second, by: "alice", adding: ["dave"])
        #expect(try scene.members == ["alice", "bob", "dave"])
        try deny(scene, receipt.sequenceNumber, by: "bob")
        #expect(try scene.members == ["alice", "bob", "carol"])
        #expect(try scene.head.epoch == Epoch(rawValue: 1))
        let carol = try #require(try scene.relay.state.member(scene["carol"].client, of: scene.log))
        #expect(carol.readableThrough == .unlimited)
        // Alice has thrown away the state before its commits, and is out of it.
        scene["alice"].member = nil
        try scene.commit(by: "bob", adding: ["erin"])
        #expect(try scene["carol"].group.epochAuthenticator == scene["erin"].group.epochAuthenticator)
    }

    @Test("N-2: voiding survives a restart between the commit and its denial", arguments: settings)
    func restart(setting: TrackedGroupTests.Setting) throws {
        guard setting.kind == .store else { return }
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(setting, directory)
        let bad = try scene.commitMessages(by: "alice")
        let receipt = try scene.publish(bad, by: "alice").receipts[0]
        try scene.relay.reopen()
        try deny(scene, receipt.sequenceNumber, by: "bob")
        try scene.relay.reopen()
        try deny(scene, receipt.sequenceNumber, by: "carol")
        try scene.relay.reopen()
        scene["alice"].member?.group.discardPendingCommit()
        try scene.commit(by: "carol")
        try scene.relay.reopen()
        try scene.commit(by: "bob")
        #expect(try scene["alice"].group.epochAuthenticator == scene["carol"].group.epochAuthenticator)
    }

    @Test("A SelfRemove in an epoch that is void is taken back", arguments: settings)
    func leavingInAVoidEpoch(setting: TrackedGroupTests.Setting) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(setting, directory, with: ["bob", "carol", "dave"])
        let bad = try scene.commitMessages(by: "alice")
        let receipt = try scene.publish(bad, by: "alice").receipts[0]
        _ = try scene["alice"].group.follow(bad.made.commit)
        _ = try scene["dave"].group.follow(bad.made.commit)
        let leave = try scene["dave"].group.propose(.selfRemove)
        // Dave's proposal would confirm the commit; bob and carol have denied it before.
        try deny(scene, receipt.sequenceNumber, by: "bob")
        try deny(scene, receipt.sequenceNumber, by: "carol")
        #expect(
            try refusal { try scene.relay.publish(TestMessage(bytes: leave), by: scene["dave"].client) } == .futureEpoch
        )
        #expect(try scene.members == ["alice", "bob", "carol", "dave"])
    }
}
