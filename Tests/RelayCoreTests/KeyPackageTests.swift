import MLSCodec
import RelayCore
import RelayTestSupport
import RelayWire
import TLSPresentation
import TestSupport
import Testing

@Suite("KeyPackages", .serialized)
struct KeyPackageTests {
    let directory: TemporaryDirectory
    init() throws { directory = try TemporaryDirectory(inMemory: true) }

    private func relay(
        _ kind: StateKind, poolLimit: Int = 100
    ) throws -> (relay: TestRelay, alice: ClientNumber, bob: ClientNumber) {
        var limits = CoreLimits()
        limits.maxKeyPackagesPerPool = poolLimit
        let relay = try TestRelay(kind, in: directory, limits: limits)
        return (relay, try relay.register("alice"), try relay.register("bob"))
    }

    @Test(
        "KeyPackages are handed out in the order of their publication, each once, also after a restart (S0-2, N-9)",
        arguments: StateKind.allCases)
    func firstInFirstOut(_ kind: StateKind) throws {
        let (relay, alice, bob) = try relay(kind)
        let packages = (0..<6).map { TestMessage.keyPackage("k\($0)") }
        _ = try relay.perform(.publish(packages), by: alice)
        var handedOut = try relay.fetchKeyPackages("alice", "alice", by: bob).map(\.message)
        try relay.reopen()
        handedOut += try relay.fetchKeyPackages("alice", by: bob).map(\.message)
        handedOut += try relay.fetchKeyPackages("alice", "alice", "alice", by: bob).map(\.message)
        #expect(handedOut == packages.map(\.bytes))
        let none = try relay.fetchKeyPackages("alice", by: bob)
        #expect(none == [KeyPackageResult(error: .keyPackageUnavailable, client: .relay, message: [])])
    }

    @Test(
        "one fetch gets one KeyPackage of each of several clients, in the order asked for (S1-2)",
        arguments: StateKind.allCases)
    func several(_ kind: StateKind) throws {
        let (relay, alice, bob) = try relay(kind)
        try relay.publish(.keyPackage("a"), by: alice)
        try relay.publish(.keyPackage("b"), by: bob)
        let results = try relay.fetchKeyPackages("bob", "nobody", "alice", by: alice)
        #expect(results.map(\.client) == [bob, .relay, alice])
        #expect(results.map(\.error) == [.none, .keyPackageUnavailable, .none])
        #expect(results.map(\.message) == [TestMessage.keyPackage("b").bytes, [], TestMessage.keyPackage("a").bytes])
    }

    @Test("suites have pools of their own", arguments: StateKind.allCases)
    func suites(_ kind: StateKind) throws {
        let (relay, alice, bob) = try relay(kind)
        try relay.publish(.keyPackage("one", suite: 1), .keyPackage("two", suite: 2), by: alice)
        #expect(try relay.fetchKeyPackages("alice", suite: 3, by: bob).map(\.error) == [.keyPackageUnavailable])
        #expect(
            try relay.fetchKeyPackages("alice", suite: 2, by: bob).map(\.message) == [
                TestMessage.keyPackage("two", suite: 2).bytes
            ])
        #expect(try relay.fetchKeyPackages("alice", suite: 2, by: bob).map(\.error) == [.keyPackageUnavailable])
        #expect(try relay.fetchKeyPackages("alice", suite: 1, by: bob).map(\.error) == [.none])
    }

    @Test(
        "a pool takes as many KeyPackages as its limit and not one more, over Publishes and within one",
        arguments: StateKind.allCases)
    func poolLimit(_ kind: StateKind) throws {
        let (relay, alice, bob) = try relay(kind, poolLimit: 3)
        let four = (0..<4).map { TestMessage.keyPackage("k\($0)") }
        #expect(try refusal { _ = try relay.perform(.publish(four), by: alice) } == .keyPackagePoolFull)
        _ = try relay.perform(.publish(Array(four[..<3])), by: alice)
        #expect(try refusal { try relay.publish(four[3], by: alice) } == .keyPackagePoolFull)
        // Those that are there already, other suites, other clients and the last resort need no room.
        try relay.publish(four[0], .keyPackage("k", suite: 2), .keyPackage("last", isLastResort: true), by: alice)
        try relay.publish(four[3], by: bob)
        _ = try relay.fetchKeyPackages("alice", by: bob)
        try relay.publish(.keyPackage("k4"), by: alice)
        #expect(try refusal { try relay.publish(.keyPackage("k5"), by: alice) } == .keyPackagePoolFull)
    }

    @Test(
        "the last resort is handed out when nothing else is left, and stays (RFC 9750 5.1)",
        arguments: StateKind.allCases)
    func lastResort(_ kind: StateKind) throws {
        let (relay, alice, bob) = try relay(kind)
        let once = TestMessage.keyPackage("once")
        let last = TestMessage.keyPackage("last", isLastResort: true)
        try relay.publish(last, once, by: alice)
        #expect(try relay.fetchKeyPackages("alice", "alice", by: bob).map(\.message) == [once.bytes, last.bytes])
        try relay.reopen()
        #expect(try relay.fetchKeyPackages("alice", by: bob).map(\.message) == [last.bytes])
        let newer = TestMessage.keyPackage("newer", isLastResort: true)
        try relay.publish(newer, by: alice)
        #expect(try relay.fetchKeyPackages("alice", "alice", by: bob).map(\.message) == [newer.bytes, newer.bytes])
        // Published again, the earlier one is an entry that is there; it does not come back.
        try relay.publish(last, by: alice)
        #expect(try relay.fetchKeyPackages("alice", by: bob).map(\.message) == [newer.bytes])
        #expect(try relay.state.pools.values.map { $0.lastResort.map(\.sequenceNumber) } == [[6]])
    }

    @Test(
        "a KeyPackage published again is the same entry, whether it was handed out or not, however long ago",
        arguments: StateKind.allCases)
    func again(_ kind: StateKind) throws {
        let (relay, alice, bob) = try relay(kind)
        let package = TestMessage.keyPackage("k")
        let first = try relay.publish(package, by: alice)
        #expect(try relay.publish(package, by: alice) == first)
        _ = try relay.fetchKeyPackages("alice", by: bob)
        try relay.reopen()
        #expect(try relay.publish(package, by: alice) == first)
        #expect(try relay.fetchKeyPackages("alice", by: bob).map(\.error) == [.keyPackageUnavailable])
    }

    @Test("another client's KeyPackage is refused", arguments: StateKind.allCases)
    func anothers(_ kind: StateKind) throws {
        let (relay, alice, bob) = try relay(kind)
        let package = TestMessage.keyPackage("k")
        try relay.publish(package, by: alice)
        #expect(try refusal { try relay.publish(package, by: bob) } == .notPermitted)
        _ = try relay.fetchKeyPackages("alice", by: bob)
        #expect(try refusal { try relay.publish(package, by: bob) } == .notPermitted)
    }

    @Test("the owner's log says what was handed out and to whom", arguments: StateKind.allCases)
    func notices(_ kind: StateKind) throws {
        let (relay, alice, bob) = try relay(kind)
        try relay.publish(.keyPackage("once"), .keyPackage("last", isLastResort: true), by: alice)
        _ = try relay.fetchKeyPackages("alice", "alice", by: bob)
        let entries = try relay.entries(of: relay.log(.keyPackages(of: alice)))
        #expect(entries.map(\.header.kind) == [.message, .message, .keyPackageHandedOut, .keyPackageHandedOut])
        #expect(entries.map(\.header.sender) == [alice, alice, .relay, .relay])
        #expect(
            try entries[2...].map { try KeyPackageNotice(decoding: $0.payload) } == [
                KeyPackageNotice(sequenceNumber: 1, recipient: bob),
                KeyPackageNotice(sequenceNumber: 2, recipient: bob),
            ])
        #expect(try relay.state.brokenInvariants == [])
    }
}
