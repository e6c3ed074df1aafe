import Foundation
import MLS
import MLSCodec
import MLSTestSupport
import RelayCore
import RelayStore
import RelayTestSupport
import RelayWire
import TLSPresentation
import TestSupport
import Testing

/// The tables follow from the logs, and `rebuild` says where they do not.
@Suite("mlsrelay-tool rebuild", .serialized)
struct RebuildCommandTests {
    let directory: TemporaryDirectory
    let scene: GroupScene
    /// What alice has changed the group to.
    let change: UpdateGroup
    /// The group's GroupInfo of an epoch that is over.
    let earlier: [UInt8]

    init() throws {
        directory = try TemporaryDirectory(inMemory: true)
        scene = try GroupScene(.store, in: directory, framing: .publicMessage, groupID: "choir")
        try scene.register("alice", "bob", "carol")
        try scene.create(by: "alice", with: ["bob"])
        try scene.commit(by: "alice", adding: ["carol"])
        earlier = try #require(try scene.relay.state.groupInfos[scene.log])
        try scene.commit(by: "alice")
        change = UpdateGroup(
            log: scene.log, name: Array("Choir".utf8), alias: [], policy: GroupScene.policy(.publicMessage))
        _ = try scene.perform(.update(change), by: "alice")
        try scene.publishKeyPackage(of: "bob")
        let results = try scene.relay.fetchKeyPackages(
            "bob", suite: scene["bob"].device.suite.rawValue, by: scene["alice"].client)
        #expect(results.map(\.error) == [.none])
    }

    /// A copy of the store in which `damage` was done.
    private func rebuild(after damage: (inout StoreWriter) throws -> Void) throws -> ToolRun {
        let copy = directory.path + "/copy-\(UUID().uuidString)"
        try scene.relay.store.backUp(to: copy)
        do {
            let store = try Store(copy, access: .relay, configuration: .forTests)
            var writer = StoreWriter(store)
            try writer.begin()
            try damage(&writer)
            _ = try writer.commit()
        }
        return try ToolRun("rebuild", "--json", "--data", copy)
    }

    @Test("S0-5, N-13: the tables of a store are what its logs say, while the relay has it open")
    func clean() throws {
        let run = try ToolRun("rebuild", "--data", directory.path)
        #expect(run.status == 0)
        #expect(
            run.lines == ["3 users, 3 clients, 1 group, 3 commits, 3 KeyPackages: the tables are what the logs say"])
        let object = try #require(try ToolRun("rebuild", "--json", "--data", directory.path).objects.first)
        #expect(object["commits"] as? Int == 3)
        #expect(object["findings"] as? Int == 0)
        let example = try Example()
        #expect(try ToolRun("rebuild", "--data", example.path).status == 0)
    }

    @Test("S0-5: what the logs do not say of users, clients and groups is found")
    func directoryAndGroups() throws {
        let (log, alice, bob) = (scene.log, scene["alice"].client, scene["bob"].client)
        let group = try #require(try scene.relay.state.get(Tables.groups, log))
        let record = try #require(try scene.relay.state.get(Tables.clients, bob))
        let user = try #require(try scene.relay.state.get(Tables.users, record.user))
        let head = try scene.head
        try expect("users") { writer in
            var changed = user
            changed.isSuspended = true
            try writer.set(Tables.users, record.user, changed)
        }
        try expect("clients") { writer in
            var changed = record
            changed.isRevoked = true
            try writer.set(Tables.clients, bob, changed)
        }
        try expect("signatureKeys") { writer in
            try writer.set(Tables.signatureKeys, BytesKey([1, 2, 3]), bob)
        }
        try expect("groups") { writer in
            var changed = group
            changed.name = Array("Quire".utf8)
            try writer.set(Tables.groups, log, changed)
        }
        try expect("commits") { try $0.removeCommit(ending: Epoch(rawValue: 1), in: log) }
        try expect("heads") { writer in
            var changed = head
            changed.epoch = Epoch(rawValue: 2)
            try writer.setHead(changed)
        }
        try expect("groupInfos") { writer in
            let message = earlier
            try writer.setGroupInfo(message.rawSpan, of: log)
        }
        try expect("groupUsers") { try $0.remove(Tables.groupUsers, PairKey(log, record.user)) }
        try expect("members") { writer in
            try writer.remove(Tables.members, PairKey(log, alice))
        }
        try expect("publicGroups") { try $0.remove(Tables.publicGroups, log) }
    }

    @Test("S0-5: what the logs do not say of pools of KeyPackages is found")
    func pools() throws {
        let bob = scene["bob"].client
        let pooled = try #require(try scene.relay.state.keyPackages(of: bob).first)
        try expect("keyPackages") { try $0.remove(pooled) }
        try expect("keyPackages") { writer in
            var stray = pooled
            stray.sequenceNumber = SequenceNumber(rawValue: 1)
            try writer.insert(stray)
        }
        try expect("reservations") { writer in
            let record = ReservationRecord(invitation: InvitationNumber(rawValue: 1), keyPackage: pooled)
            try writer.set(Tables.reservations, PairKey(bob, pooled.sequenceNumber), record)
        }
    }

    /// That damage is found in a table, and the exit code says so.
    private func expect(
        _ table: String, _ location: SourceLocation = #_sourceLocation, _ damage: (inout StoreWriter) throws -> Void
    ) throws {
        let run = try rebuild(after: damage)
        #expect(run.status == 1, sourceLocation: location)
        let tables = try run.objects.compactMap { $0["table"] as? String }
        #expect(tables.contains(table), "\(run.output)", sourceLocation: location)
    }
}
