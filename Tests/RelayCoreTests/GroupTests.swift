import MLSCodec
import RelayCore
import RelayTestSupport
import RelayWire
import TLSPresentation
import TestSupport
import Testing

@Suite("Creating groups", .serialized)
struct GroupTests {
    let directory: TemporaryDirectory
    init() throws { directory = try TemporaryDirectory(inMemory: true) }

    @Test("a group is a log of its own, and a notice in the log of groups (S0-3, S0-4)", arguments: StateKind.allCases)
    func create(_ kind: StateKind) throws {
        let relay = try TestRelay(kind, in: directory)
        let alice = try relay.register("alice")
        let log = try relay.createGroup("g", epoch: 7, by: alice)
        let head = try #require(try relay.state.heads[log])
        #expect(head.kind == .group)
        #expect(head.epoch == 7)
        #expect(head.creator == alice)
        #expect(head.first == 1)
        #expect(head.last == 0)
        let notices = try relay.entries(of: relay.log(.groups))
        #expect(
            try notices.map { try GroupNotice(decoding: $0.payload) } == [
                GroupNotice(log: log, creator: alice, epoch: 7, groupID: Array("g".utf8))
            ])
        #expect(try relay.state.brokenInvariants == [])
    }

    @Test(
        "its creator may repeat the creation until something is published, with the same epoch only",
        arguments: StateKind.allCases)
    func again(_ kind: StateKind) throws {
        let relay = try TestRelay(kind, in: directory)
        let alice = try relay.register("alice")
        let bob = try relay.register("bob")
        let log = try relay.createGroup("g", by: alice)
        let before = try relay.state
        #expect(try relay.createGroup("g", by: alice) == log)
        try relay.reopen()
        #expect(try relay.createGroup("g", by: alice) == log)
        #expect(try relay.state == before)
        #expect(try refusal { _ = try relay.createGroup("g", by: bob) } == .groupExists)
        #expect(try refusal { _ = try relay.createGroup("g", epoch: 1, by: alice) } == .groupExists)
        try relay.publish(.application("a", "g", 0), by: alice)
        #expect(try refusal { _ = try relay.createGroup("g", by: alice) } == .groupExists)
    }

    @Test("a group id has 1 to 255 bytes, any of them", arguments: StateKind.allCases)
    func idEdges(_ kind: StateKind) throws {
        let relay = try TestRelay(kind, in: directory)
        let alice = try relay.register("alice")
        let longest = [UInt8](repeating: 0xff, count: 255)
        let ids: [[UInt8]] = [[0], [0, 0], [0xff], longest, Array(longest.dropLast())]
        let logs = try ids.map { try relay.createGroup($0, by: alice) }
        #expect(Set(logs).count == ids.count)
        #expect(try refusal { _ = try relay.createGroup([UInt8](), by: alice) } == .groupIDInvalid)
        #expect(try refusal { _ = try relay.createGroup(longest + [0xff], by: alice) } == .groupIDInvalid)
        try relay.publish(.privateMessage(.application, "a", longest, 0), by: alice)
        #expect(try relay.entries(of: logs[3]).count == 1)
        // A message may name any group id; one that is too long for the store is merely unknown.
        for id in [[], longest + [0xff], [UInt8](repeating: 0xff, count: 5000)] {
            let message = TestMessage.privateMessage(.application, "a", id, 0)
            #expect(try refusal { try relay.publish(message, by: alice) } == .groupUnknown)
        }
    }

    @Test("logs are numbered densely in the order of their creation, and never again", arguments: StateKind.allCases)
    func numbers(_ kind: StateKind) throws {
        let relay = try TestRelay(kind, in: directory)
        let alice = try relay.register("alice")
        var numbers: [UInt64] = []
        for index in 0..<5 {
            numbers.append(try relay.createGroup("g\(index)", by: alice).rawValue)
            try relay.reopen()
        }
        #expect(numbers == [5, 6, 7, 8, 9])
        #expect(try Set(relay.state.logs.values.map(\.rawValue)) == Set(1...9))
    }
}
