import RelayCore
import RelayTestSupport
import RelayWire
import TestSupport
import Testing

@Suite("Acknowledgements", .serialized)
struct AcknowledgementTests {
    let directory: TemporaryDirectory
    init() throws { directory = try TemporaryDirectory(inMemory: true) }

    @Test("an acknowledgement never goes back and never beyond the log", arguments: StateKind.allCases)
    func monotone(_ kind: StateKind) throws {
        let relay = try TestRelay(kind, in: directory)
        let alice = try relay.register("alice")
        let bob = try relay.register("bob")
        let log = try relay.createGroup("g", by: alice)
        for index in 0..<3 { try relay.publish(.application("\(index)", "g", 0), by: alice) }
        try relay.acknowledge(log, 0, by: alice)
        #expect(try relay.state.acknowledgements == [:])
        try relay.acknowledge(log, 2, by: alice)
        try relay.acknowledge(log, 1, by: alice)
        #expect(try relay.state.acknowledgements == [log: [alice: 2]])
        try relay.reopen()
        try relay.acknowledge(log, 3, by: bob)
        try relay.acknowledge(log, 2, by: bob)
        #expect(try relay.state.acknowledgements == [log: [alice: 2, bob: 3]])
        for beyond in [4, UInt64.max] {
            #expect(try refusal { try relay.acknowledge(log, beyond, by: alice) } == .cursorAhead)
        }
        for unknown in [0, 100, UInt64.max] {
            #expect(try refusal { try relay.acknowledge(LogNumber(rawValue: unknown), 0, by: alice) } == .logUnknown)
        }
    }

    @Test("several positions are acknowledged all or none, in any order", arguments: StateKind.allCases)
    func several(_ kind: StateKind) throws {
        let relay = try TestRelay(kind, in: directory)
        let alice = try relay.register("alice")
        let logs = try ["g", "h"].map { try relay.createGroup($0, by: alice) }
        for group in ["g", "h"] {
            try relay.publish(.application("1", group, 0), .application("2", group, 0), by: alice)
        }
        func position(_ log: Int, _ number: SequenceNumber) -> Position {
            Position(log: logs[log], sequenceNumber: number)
        }
        let bad = TestCommand.Action.acknowledge([position(0, 2), position(1, 3)])
        #expect(try refusal { _ = try relay.perform(bad, by: alice) } == .cursorAhead)
        let good = TestCommand.Action.acknowledge([position(0, 2), position(1, 1), position(0, 1)])
        _ = try relay.perform(good, by: alice)
        #expect(try relay.state.acknowledgements == [logs[0]: [alice: 2], logs[1]: [alice: 1]])
    }
}
