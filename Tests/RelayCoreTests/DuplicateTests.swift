import RelayCore
import RelayStore
import RelayTestSupport
import RelayWire
import TestSupport
import Testing

@Suite("Publishing again", .serialized)
struct DuplicateTests {
    let directory: TemporaryDirectory
    init() throws { directory = try TemporaryDirectory(inMemory: true) }

    private func relay(_ kind: StateKind, window: Int = 10_000) throws -> (
        relay: TestRelay, alice: ClientNumber, log: LogNumber
    ) {
        var configuration = StoreConfiguration.forTests
        configuration.duplicateWindow = window
        let relay = try TestRelay(kind, in: directory, configuration: configuration)
        let alice = try relay.register("alice")
        return (relay, alice, try relay.createGroup("g", by: alice))
    }

    @Test(
        "the same messages again have the same receipts, whoever sends them and wherever the epoch is (N-6)",
        arguments: StateKind.allCases)
    func sameReceipts(_ kind: StateKind) throws {
        let (relay, alice, _) = try relay(kind)
        let bob = try relay.register("bob")
        let messages: [TestMessage] = [.proposal("p", "g", 0), .commit("c", "g", 0), .application("a", "g", 1)]
        let first = try relay.perform(.publish(messages), by: alice)
        for epoch in 1..<9 as Range<UInt64> { try relay.publish(.commit("c\(epoch)", "g", epoch), by: bob) }
        let before = try relay.state
        #expect(try relay.perform(.publish(messages), by: alice) == first)
        #expect(try relay.perform(.publish(messages), by: bob) == first)
        #expect(try relay.state == before)
    }

    @Test("duplicates are found after the relay was restarted (N-6)", arguments: StateKind.allCases)
    func afterReopening(_ kind: StateKind) throws {
        let (relay, alice, _) = try relay(kind)
        let messages = (0..<20).map { TestMessage.application("a\($0)", "g", 0) }
        let first = try relay.perform(.publish(messages), by: alice)
        let before = try relay.state
        try relay.reopen()
        #expect(try relay.perform(.publish(messages), by: alice) == first)
        #expect(try relay.state == before)
    }

    @Test(
        "an entry at exactly the window is found and one beyond is not (N-6)", arguments: StateKind.allCases,
        [false, true])
    func windowEdge(_ kind: StateKind, reopens: Bool) throws {
        let (relay, alice, log) = try relay(kind, window: 4)
        let messages = (1...5).map { TestMessage.application("a\($0)", "g", 0) }
        for message in messages { try relay.publish(message, by: alice) }
        if reopens { try relay.reopen() }
        // Among the last four are the second to the fifth.
        for (index, message) in messages.enumerated().reversed() where index > 0 {
            #expect(try relay.publish(message, by: alice)[0].sequenceNumber.rawValue == UInt64(index) + 1)
        }
        #expect(try relay.entries(of: log).count == 5)
        #expect(try relay.publish(messages[0], by: alice)[0].sequenceNumber == 6)
        #expect(try relay.publish(messages[0], by: alice)[0].sequenceNumber == 6)
        #expect(try relay.publish(messages[1], by: alice)[0].sequenceNumber == 7)
        #expect(try relay.publish(messages[2], by: alice)[0].sequenceNumber == 8)
        #expect(try relay.state.brokenInvariants == [])
    }

    @Test(
        "a window of nothing finds nothing, and one that nothing has left finds everything",
        arguments: StateKind.allCases)
    func windowExtremes(_ kind: StateKind) throws {
        let (relay, alice, log) = try relay(kind, window: 0)
        for _ in 0..<3 { try relay.publish(.application("a", "g", 0), by: alice) }
        #expect(try relay.entries(of: log).count == 3)
    }

    @Test("duplicates of each log are its own: windows given up for room are read again", arguments: StateKind.allCases)
    func manyLogs(_ kind: StateKind) throws {
        var configuration = StoreConfiguration.forTests
        configuration.maxDuplicateWindowEntries = 20
        let relay = try TestRelay(kind, in: directory, configuration: configuration)
        let alice = try relay.register("alice")
        for group in 0..<8 { _ = try relay.createGroup("g\(group)", by: alice) }
        var receipts: [Int: Receipt] = [:]
        for round in 0..<5 {
            for group in 0..<8 {
                let receipt = try relay.publish(.application("\(round)", "g\(group)", 0), by: alice)[0]
                #expect(receipt.sequenceNumber.rawValue == UInt64(round) + 1)
                receipts[group * 10 + round] = receipt
            }
        }
        for (place, receipt) in receipts {
            let message = TestMessage.application("\(place % 10)", "g\(place / 10)", 0)
            #expect(try relay.publish(message, by: alice) == [receipt])
        }
    }

    @Test("a message of a Publish may be there already while others are new", arguments: StateKind.allCases)
    func partly(_ kind: StateKind) throws {
        let (relay, alice, log) = try relay(kind)
        try relay.publish(.proposal("p", "g", 0), by: alice)
        let receipts = try relay.publish(.proposal("p", "g", 0), .commit("c", "g", 0), by: alice)
        #expect(receipts.map(\.sequenceNumber) == [1, 2])
        #expect(try relay.state.heads[log]?.epoch == 1)
    }

    @Test(
        "what an aborted transaction stored is no duplicate, nor is its epoch or its client",
        arguments: StateKind.allCases)
    func afterAbort(_ kind: StateKind) throws {
        let (relay, alice, log) = try relay(kind)
        try relay.publish(.application("before", "g", 0), by: alice)
        let before = try relay.state
        let commands = [
            TestCommand(.register(.test("bob"))),
            TestCommand(.createGroup(Array("h".utf8), 3), by: alice),
            TestCommand(
                .publish([.application("a", "g", 0), .commit("c", "g", 0), .groupInfo("i", "g", 1)]), by: alice),
            TestCommand(.acknowledge([Position(log: log, sequenceNumber: 3)]), by: alice),
        ]
        let aborted = try relay.carryOut(commands, aborts: true)
        #expect(aborted[2].receipts.map(\.sequenceNumber) == [2, 3])
        #expect(try relay.state == before)
        // The same commands have the same outcomes now, as new ones.
        #expect(try relay.carryOut(commands) == aborted)
        #expect(try relay.entries(of: log).count == 3)
        #expect(try relay.state.brokenInvariants == [])
    }
}
