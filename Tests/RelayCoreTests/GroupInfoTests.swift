import RelayCore
import RelayTestSupport
import RelayWire
import TestSupport
import Testing

@Suite("GroupInfos", .serialized)
struct GroupInfoTests {
    let directory: TemporaryDirectory
    init() throws { directory = try TemporaryDirectory(inMemory: true) }

    @Test("a GroupInfo is of the epoch after the messages before it (N-5)", arguments: StateKind.allCases)
    func epochs(_ kind: StateKind) throws {
        let relay = try TestRelay(kind, in: directory)
        let alice = try relay.register("alice")
        let log = try relay.createGroup("g", by: alice)
        #expect(try relay.publish(.groupInfo("0", "g", 0), by: alice).isEmpty)
        try relay.publish(.commit("c0", "g", 0), .groupInfo("1", "g", 1), by: alice)
        #expect(try relay.state.groupInfos == [log: TestMessage.groupInfo("1", "g", 1).bytes])
        let refused: [([TestMessage], ErrorCode)] = [
            ([.groupInfo("old", "g", 0)], .staleEpoch), ([.groupInfo("new", "g", 2)], .futureEpoch),
            ([.groupInfo("early", "g", 2), .commit("c1", "g", 1)], .futureEpoch),
            ([.commit("c1", "g", 1), .groupInfo("late", "g", 1)], .staleEpoch),
            ([.groupInfo("elsewhere", "h", 0)], .groupUnknown),
        ]
        for (messages, code) in refused {
            #expect(try refusal { _ = try relay.perform(.publish(messages), by: alice) } == code)
        }
        // A newer one of the same epoch, and one before the commit: what a member publishes for those outside.
        try relay.publish(.groupInfo("1 again", "g", 1), .commit("c1", "g", 1), .groupInfo("2", "g", 2), by: alice)
        try relay.reopen()
        #expect(try relay.state.groupInfos == [log: TestMessage.groupInfo("2", "g", 2).bytes])
    }

    @Test(
        "commit, Welcome and GroupInfo sent again, at any later time, have the same receipts (N-1, N-6)",
        arguments: StateKind.allCases)
    func again(_ kind: StateKind) throws {
        let relay = try TestRelay(kind, in: directory)
        let alice = try relay.register("alice")
        let bob = try relay.register("bob")
        let log = try relay.createGroup("g", by: alice)
        let package = TestMessage.keyPackage("bob's")
        try relay.publish(package, by: bob)
        let publish = TestCommand.Action.publish([
            .commit("add bob", "g", 0), .welcome("w", to: [package.reference]), .groupInfo("1", "g", 1),
        ])
        let first = try relay.perform(publish, by: alice)
        #expect(first.receipts.map(\.message) == [0, 1])
        let before = try relay.state
        #expect(try relay.perform(publish, by: alice) == first)
        #expect(try relay.state == before)

        try relay.publish(.commit("c1", "g", 1), .groupInfo("2", "g", 2), by: bob)
        try relay.reopen()
        let later = try relay.state
        #expect(try relay.perform(publish, by: alice) == first)
        #expect(try relay.state == later)
        #expect(later.groupInfos == [log: TestMessage.groupInfo("2", "g", 2).bytes])
    }

    @Test(
        "a GroupInfo of an epoch to come is refused also beside a commit that is there already",
        arguments: StateKind.allCases)
    func futureOfRepeated(_ kind: StateKind) throws {
        let relay = try TestRelay(kind, in: directory)
        let alice = try relay.register("alice")
        _ = try relay.createGroup("g", by: alice)
        try relay.publish(.commit("c", "g", 0), by: alice)
        let code = try refusal { try relay.publish(.commit("c", "g", 0), .groupInfo("2", "g", 2), by: alice) }
        #expect(code == .futureEpoch)
    }
}
