import RelayCore
import RelayTestSupport
import RelayWire
import TestSupport
import Testing

@Suite("Welcomes", .serialized)
struct WelcomeTests {
    let directory: TemporaryDirectory
    init() throws { directory = try TemporaryDirectory(inMemory: true) }

    @Test(
        "a Welcome goes to the inbox of every client that it names, each once, and nowhere else (S1-5, S1-7)",
        arguments: StateKind.allCases)
    func routing(_ kind: StateKind) throws {
        let relay = try TestRelay(kind, in: directory)
        let clients = try ["alice", "bob", "carol", "dave"].map { try relay.register($0) }
        let group = try relay.createGroup("g", by: clients[0])
        let packages = (0..<4).map { client in (0..<2).map { TestMessage.keyPackage("\(client) \($0)") } }
        for (client, pair) in zip(clients, packages) { _ = try relay.perform(.publish(pair), by: client) }
        // carol twice, then bob, then carol once more
        let references = [packages[2][0], packages[2][1], packages[1][0], packages[2][0]].map(\.reference)
        let welcome = TestMessage.welcome("w", to: references)
        let receipts = try relay.publish(.commit("c", "g", 0), welcome, by: clients[0])
        let inboxes = try clients.map { try relay.log(.inbox(of: $0)) }
        #expect(receipts.map(\.message) == [0, 1, 1])
        #expect(receipts.map(\.log) == [group, inboxes[2], inboxes[1]])
        #expect(receipts.map(\.sequenceNumber) == [1, 1, 1])
        #expect(
            try inboxes.map { try relay.entries(of: $0).map(\.payload) } == [[], [welcome.bytes], [welcome.bytes], []])
        #expect(try relay.entries(of: group).count == 1)
        let before = try relay.state
        #expect(try relay.publish(.commit("c", "g", 0), welcome, by: clients[0]) == receipts)
        #expect(try relay.state == before)
    }

    @Test(
        "one unknown KeyPackageRef refuses the whole Publish, whatever its length", arguments: StateKind.allCases,
        [0, 1, 32, 64, 65, 511, 512, 5000])
    func unknown(_ kind: StateKind, byteCount: Int) throws {
        let relay = try TestRelay(kind, in: directory)
        let alice = try relay.register("alice")
        let log = try relay.createGroup("g", by: alice)
        let package = TestMessage.keyPackage("k")
        try relay.publish(package, by: alice)
        let unknown = [UInt8](repeating: 7, count: byteCount)
        for references in [[unknown], [package.reference, unknown], [unknown, package.reference]] {
            let code = try refusal {
                try relay.publish(.commit("c", "g", 0), .welcome("w", to: references), by: alice)
            }
            #expect(code == .keyPackageRefUnknown)
        }
        #expect(try relay.state.heads[log]?.epoch == 0)
    }

    @Test("a Welcome of a commit that lost is not delivered (RFC 9750 5.2.3, N-1)", arguments: StateKind.allCases)
    func lost(_ kind: StateKind) throws {
        let relay = try TestRelay(kind, in: directory)
        let alice = try relay.register("alice")
        let bob = try relay.register("bob")
        _ = try relay.createGroup("g", by: alice)
        let package = TestMessage.keyPackage("bob's")
        try relay.publish(package, by: bob)
        try relay.publish(.commit("winner", "g", 0), by: bob)
        let welcome = TestMessage.welcome("w", to: [package.reference])
        #expect(try refusal { try relay.publish(.commit("loser", "g", 0), welcome, by: alice) } == .staleEpoch)
        #expect(try relay.entries(of: relay.log(.inbox(of: bob))).isEmpty)
    }

    @Test(
        "a KeyPackage that was handed out, or replaced as the last resort, still routes a Welcome",
        arguments: StateKind.allCases)
    func handedOut(_ kind: StateKind) throws {
        let relay = try TestRelay(kind, in: directory)
        let alice = try relay.register("alice")
        let bob = try relay.register("bob")
        let once = TestMessage.keyPackage("once")
        let last = TestMessage.keyPackage("last", isLastResort: true)
        try relay.publish(once, last, by: bob)
        #expect(try relay.fetchKeyPackages("bob", "bob", by: alice).map(\.message) == [once.bytes, last.bytes])
        try relay.publish(.keyPackage("newer", isLastResort: true), by: bob)
        try relay.reopen()
        try relay.publish(.welcome("1", to: [once.reference]), .welcome("2", to: [last.reference]), by: alice)
        let inbox = try relay.entries(of: relay.log(.inbox(of: bob)))
        #expect(inbox.map(\.header.kind) == [.poolLow, .lastResortUsed, .message, .message])
    }
}
