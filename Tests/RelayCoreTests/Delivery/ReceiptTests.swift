import MLS
import MLSTestSupport
import RelayCore
import RelayTestSupport
import RelayWire
import TLSPresentation
import TestSupport
import Testing

@Suite("Receipts of tracked groups (PROTOCOL.md section 7.12)", .serialized)
struct ReceiptTests {
    /// Alice's group, with Bob and Carol from the beginning.
    private func scene(_ kind: StateKind, _ directory: TemporaryDirectory) throws -> GroupScene {
        let scene = try GroupScene(kind, in: directory, framing: .privateMessage)
        try scene.register("alice", "bob", "carol", "dave")
        try scene.create(by: "alice", with: ["bob", "carol"])
        return scene
    }

    private func deliver(_ scene: GroupScene, to name: String, _ number: UInt64) throws {
        try scene.relay.note([
            Delivery(log: scene.log, client: scene[name].client, sequenceNumber: SequenceNumber(rawValue: number))
        ])
    }

    private func receipts(_ scene: GroupScene) throws -> Receipts { try scene.relay.state.receipts(of: scene.log) }

    private func positions(_ scene: GroupScene, _ names: [String] = ["alice", "bob", "carol"]) throws -> [[UInt64]] {
        let receipts = try receipts(scene)
        return names.map { name in
            receipts.positions.filter { $0.client == scene[name].client }
                .flatMap { [$0.delivered.rawValue, $0.acknowledged.rawValue] }
        }
    }

    @Test(
        "S4-6, S4-8, N-11: what was delivered and acknowledged is known of each member, and of all",
        arguments: StateKind.allCases)
    func positions(kind: StateKind) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(kind, directory)
        // Nothing was given to anybody: the Welcomes still wait.
        #expect(try positions(scene) == [[0, 0], [0, 0], [0, 0]])
        try scene.say("one", by: "alice")
        try scene.say("two", by: "alice")
        // The sender has what it sent.
        #expect(try positions(scene) == [[3, 3], [0, 0], [0, 0]])
        try deliver(scene, to: "bob", 3)
        #expect(try positions(scene) == [[3, 3], [3, 0], [0, 0]])
        #expect(try receipts(scene).deliveredByAll == SequenceNumber(rawValue: 1))
        try deliver(scene, to: "carol", 2)
        #expect(try receipts(scene).deliveredByAll == SequenceNumber(rawValue: 2))
        try scene.acknowledge(3, by: "carol")
        // Whoever has processed an entry has been given it.
        #expect(try positions(scene) == [[3, 3], [3, 0], [3, 3]])
        #expect(try receipts(scene).deliveredByAll == SequenceNumber(rawValue: 3))
        #expect(try receipts(scene).acknowledgedByAll == SequenceNumber(rawValue: 1))
        try scene.acknowledge(2, by: "bob")
        #expect(try receipts(scene).acknowledgedByAll == SequenceNumber(rawValue: 2))
        try scene.relay.reopen()
        #expect(try positions(scene) == [[3, 3], [3, 2], [3, 3]])
    }

    @Test("a sender that has not seen what came before has not seen it because it sent", arguments: StateKind.allCases)
    func senderBehind(kind: StateKind) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(kind, directory)
        try scene.say("one", by: "bob")
        try scene.say("two", by: "alice")
        #expect(try positions(scene) == [[0, 0], [2, 2], [0, 0]])
        // The same message again is no entry of its own.
        try scene.acknowledge(2, by: "alice")
        try scene.say("three", by: "alice")
        #expect(try positions(scene) == [[2, 2], [2, 2], [0, 0]])
    }

    @Test("positions never go back, never beyond the log, and are members' only", arguments: StateKind.allCases)
    func bounds(kind: StateKind) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(kind, directory)
        try scene.say("one", by: "alice")
        try deliver(scene, to: "bob", 100)
        try deliver(scene, to: "bob", 1)
        try deliver(scene, to: "dave", 2)
        #expect(try positions(scene) == [[2, 2], [2, 0], [0, 0]])
        #expect(try scene.relay.state.records[.delivered]?.count == 2)
        let state = try scene.relay.state
        func code(_ name: String, _ log: LogNumber) throws -> ErrorCode? {
            if case .failure(let error) = try state.receipts(of: log, for: scene[name].client) {
                error.code
            } else {
                nil
            }
        }
        #expect(try code("alice", scene.log) == nil)
        #expect(try code("dave", scene.log) == .logUnknown)
        #expect(try code("dave", LogNumber(rawValue: 999)) == .logUnknown)
        let untracked = try scene.relay.createGroup("untracked", by: scene["alice"].client)
        #expect(try code("alice", untracked) == .logUnknown)
        // Nor does somebody acknowledge what is not for it.
        #expect(try refusal { try scene.acknowledge(1, by: "dave") } == .logUnknown)
    }

    @Test(
        "who is removed is waited for no longer, and who joins is not waited for earlier", arguments: StateKind.allCases
    )
    func membership(kind: StateKind) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(kind, directory)
        try scene.say("one", by: "alice")
        try scene.acknowledge(2, by: "bob")
        #expect(try receipts(scene).acknowledgedByAll == SequenceNumber(rawValue: 1))
        _ = scene.relay.takeEffects()
        try scene.commit(by: "alice", removing: ["carol"])
        #expect(scene.relay.takeEffects().bounds.map(\.client) == [scene["carol"].client])
        #expect(try receipts(scene).acknowledgedByAll == SequenceNumber(rawValue: 2))
        #expect(try receipts(scene).positions.count == 2)
        try scene.acknowledge(3, by: "bob")
        try scene.commit(by: "alice", adding: ["dave"])
        try scene.acknowledge(4, by: "bob")
        #expect(try receipts(scene).acknowledgedByAll == SequenceNumber(rawValue: 4))
        #expect(try positions(scene, ["dave"]) == [[0, 0]])
        #expect(scene.relay.takeEffects().receipts == [scene.log])
        if case .failure(let error) = try scene.relay.state.receipts(of: scene.log, for: scene["carol"].client) {
            #expect(error.code == .notMember)
        }
    }
}
