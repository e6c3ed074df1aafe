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

    // MARK: What a KeyPackage says

    @Test(
        "N-9: a KeyPackage with another key than its client's is refused, as after a rotation, and so is one that is over",
        arguments: StateKind.allCases)
    func checked(_ kind: StateKind) throws {
        let (relay, alice, _) = try relay(kind)
        let key = Identity.test("alice").signatureKey
        func rule(_ message: TestMessage) throws -> String? {
            do {
                try relay.publish(message, by: alice)
                return nil
            } catch let error as RelayError {
                #expect(error.code == .keyPackageInvalid)
                return String(decoding: try RuleDetail(decoding: error.detail).rule, as: UTF8.self)
            }
        }
        #expect(try rule(.keyPackage("1", key: Identity.test("bob").signatureKey)) == "signature-key")
        #expect(try rule(.keyPackage("1", key: key, notAfter: 1000)) == "not-after")
        #expect(try rule(.keyPackage("1", key: key, notAfter: 1001)) == nil)
        #expect(try rule(.keyPackage("2", isLastResort: true, key: [])) == "signature-key")
        // The key is another one now, and what it was published with before is not taken any more.
        var record = try relay.state.existing(Tables.clients, alice)
        record.identity.signatureKey = Identity.test("alice", key: 2).signatureKey
        try relay.set(Tables.clients, alice, record)
        #expect(try rule(.keyPackage("3", key: key)) == "signature-key")
        #expect(try rule(.keyPackage("3", key: record.identity.signatureKey)) == nil)
    }

    @Test(
        "N-9, RFC 9750 8.4.2: a KeyPackage whose lifetime is over is never handed out, and its owner's log says that it is gone",
        arguments: StateKind.allCases)
    func expired(_ kind: StateKind) throws {
        let (relay, alice, bob) = try relay(kind)
        let packages = [
            TestMessage.keyPackage("0", notAfter: 2000), .keyPackage("1", notAfter: 9000),
            .keyPackage("2", notAfter: 2000), .keyPackage("3", notAfter: 9000),
            .keyPackage("last", isLastResort: true, notAfter: 3000),
        ]
        _ = try relay.perform(.publish(packages), by: alice)
        relay.now = Timestamp(seconds: 2000)
        #expect(try relay.fetchKeyPackages("alice", by: bob).map(\.message) == [packages[1].bytes])
        #expect(try relay.fetchKeyPackages("alice", by: bob).map(\.message) == [packages[3].bytes])
        #expect(try relay.fetchKeyPackages("alice", by: bob).map(\.message) == [packages[4].bytes])
        relay.now = Timestamp(seconds: 3000)
        #expect(try relay.fetchKeyPackages("alice", by: bob).map(\.error) == [.keyPackageUnavailable])
        let expired = try relay.notices(
            .keyPackageExpired, KeyPackageExpiryNotice.self, in: .keyPackages(of: alice))
        #expect(expired.map(\.sequenceNumber) == [1, 3, 5])
        #expect(try relay.state.pools.isEmpty)
        // They do not come back, and a fetch later finds nothing to tell.
        #expect(try relay.fetchKeyPackages("alice", by: bob).map(\.error) == [.keyPackageUnavailable])
        #expect(try relay.state.brokenInvariants == [])
    }

    @Test("a pool that is full of KeyPackages that are over has room", arguments: StateKind.allCases)
    func fullOfExpired(_ kind: StateKind) throws {
        let (relay, alice, _) = try relay(kind, poolLimit: 3)
        let old = (0..<3).map { TestMessage.keyPackage("old\($0)", notAfter: 2000) }
        _ = try relay.perform(.publish(old), by: alice)
        #expect(try refusal { try relay.publish(.keyPackage("new"), by: alice) } == .keyPackagePoolFull)
        relay.now = Timestamp(seconds: 2000)
        _ = try relay.perform(.publish((0..<3).map { .keyPackage("new\($0)") }), by: alice)
        #expect(try refusal { try relay.publish(.keyPackage("new3"), by: alice) } == .keyPackagePoolFull)
        #expect(try relay.state.pools.values.map { $0.once.map(\.sequenceNumber) } == [[4, 8, 9]])
    }

    @Test(
        "a client whose key is no longer its own has no KeyPackages any more (RFC 9750 5.1)",
        arguments: StateKind.allCases)
    func withdrawn(_ kind: StateKind) throws {
        let (relay, alice, bob) = try relay(kind)
        try relay.publish(
            .keyPackage("1"), .keyPackage("2", suite: 2), .keyPackage("last", isLastResort: true), by: alice)
        try relay.publish(.keyPackage("bob's"), by: bob)
        try relay.withdrawKeyPackages(of: alice)
        #expect(try relay.fetchKeyPackages("alice", by: bob).map(\.error) == [.keyPackageUnavailable])
        #expect(try relay.fetchKeyPackages("alice", suite: 2, by: bob).map(\.error) == [.keyPackageUnavailable])
        #expect(try relay.fetchKeyPackages("bob", by: alice).map(\.error) == [.none])
        let gone = try relay.notices(.keyPackageExpired, KeyPackageExpiryNotice.self, in: .keyPackages(of: alice))
        #expect(gone.map(\.sequenceNumber) == [1, 3, 2])
    }

    // MARK: Users with several clients

    @Test(
        "RFC 9750 5.1: one fetch gives one KeyPackage of each client of each user, of the first suite that it has",
        arguments: StateKind.allCases)
    func clients(_ kind: StateKind) throws {
        let (relay, alice, bob) = try relay(kind)
        let phone = try relay.register("alice's phone")
        let watch = try relay.register("alice's watch")
        let lost = try relay.register("alice's lost phone")
        for client in [phone, watch, lost] { try relay.move(client, to: "alice") }
        let one = TestMessage.keyPackage("1", suite: 1)
        let two = TestMessage.keyPackage("2", suite: 2)
        let both = TestMessage.keyPackage("both", suite: 1)
        try relay.publish(one, .keyPackage("left", suite: 1), by: alice)
        try relay.publish(two, by: phone)
        try relay.publish(.keyPackage("3", suite: 3), by: watch)
        try relay.publish(.keyPackage("4", suite: 1), by: lost)
        try relay.publish(both, .keyPackage("kept", suite: 2), by: bob)
        var revoked = try relay.state.existing(Tables.clients, lost)
        revoked.isRevoked = true
        try relay.set(Tables.clients, lost, revoked)

        let suites = [2, 1].map { CipherSuite(rawValue: $0) }
        let requests = ["bob", "alice", "nobody"].map { KeyPackageRequest(name: Array($0.utf8), cipherSuites: suites) }
        let reversed = KeyPackageRequest(name: Array("bob".utf8), cipherSuites: suites.reversed())
        let outcome = try relay.perform(.fetchKeyPackages(requests + [reversed]), by: bob).outcome
        guard case .keyPackages(let results) = outcome else { preconditionFailure("a fetch has results") }
        #expect(
            results == [
                KeyPackageResult(
                    request: 0, error: .none, client: bob, message: TestMessage.keyPackage("kept", suite: 2).bytes),
                KeyPackageResult(request: 1, error: .none, client: alice, message: one.bytes),
                KeyPackageResult(request: 1, error: .none, client: phone, message: two.bytes),
                KeyPackageResult(request: 1, error: .keyPackageUnavailable, client: watch, message: []),
                KeyPackageResult(request: 2, error: .keyPackageUnavailable, client: .relay, message: []),
                KeyPackageResult(request: 3, error: .none, client: bob, message: both.bytes),
            ])
    }

    @Test(
        "users who are suspended or hidden, or have nothing left, look like those who are not there (N-9)",
        arguments: StateKind.allCases)
    func hidden(_ kind: StateKind) throws {
        let (relay, alice, bob) = try relay(kind)
        try relay.publish(.keyPackage("1"), .keyPackage("2"), by: alice)
        let unknown = try relay.fetchKeyPackages("nobody", by: bob)
        let user = try #require(try relay.state.user(named: Array("alice".utf8)))
        var record = try relay.state.existing(Tables.users, user)
        record.visibility = .hidden
        try relay.set(Tables.users, user, record)
        #expect(try relay.fetchKeyPackages("alice", by: bob) == unknown)
        // Oneself, and those in the same group, may know.
        #expect(try relay.fetchKeyPackages("alice", by: alice).map(\.error) == [.none])
        let group = LogNumber(rawValue: 99)
        for client in [alice, bob] {
            try relay.set(Tables.clientGroups, PairKey(client, group), Mark())
            try relay.set(
                Tables.groupUsers, PairKey(group, try relay.state.user(of: client)),
                GroupUserRecord(role: .member, clientCount: 1))
        }
        #expect(try relay.fetchKeyPackages("alice", by: bob).map(\.error) == [.none])
        #expect(try relay.fetchKeyPackages("alice", by: bob) == unknown)
        record.visibility = .listed
        record.isSuspended = true
        try relay.set(Tables.users, user, record)
        try relay.publish(.keyPackage("3"), by: alice)
        #expect(try relay.fetchKeyPackages("alice", by: bob) == unknown)
    }

    // MARK: Telling the owner

    @Test(
        "N-9: a client is told once when its pool becomes low, and when it is empty, and again after there were more",
        arguments: StateKind.allCases)
    func low(_ kind: StateKind) throws {
        var limits = CoreLimits()
        limits.keyPackageLowWater = 2
        let relay = try TestRelay(kind, in: directory, limits: limits)
        let alice = try relay.register("alice")
        let bob = try relay.register("bob")
        func counts() throws -> [UInt32] {
            try relay.notices(.poolLow, LowPoolNotice.self, in: .inbox(of: alice)).map(\.count)
        }
        _ = try relay.perform(.publish((0..<4).map { .keyPackage("k\($0)") }), by: alice)
        var told: [[UInt32]] = []
        for _ in 0..<5 {
            _ = try relay.fetchKeyPackages("alice", by: bob)
            told.append(try counts())
        }
        #expect(told == [[], [2], [2], [2, 0], [2, 0]])
        _ = try relay.perform(.publish((4..<7).map { .keyPackage("k\($0)") }), by: alice)
        _ = try relay.fetchKeyPackages("alice", by: bob)
        #expect(try counts() == [2, 0, 2])
        // Other suites have pools of their own, and those that are over are gone too.
        try relay.publish(
            .keyPackage("a", suite: 2, notAfter: 2000), .keyPackage("b", suite: 2, notAfter: 2000),
            .keyPackage("c", suite: 2), by: alice)
        relay.now = Timestamp(seconds: 2000)
        _ = try relay.fetchKeyPackages("alice", suite: 2, by: bob)
        let notices = try relay.notices(.poolLow, LowPoolNotice.self, in: .inbox(of: alice))
        #expect(notices.suffix(2).map(\.cipherSuite.rawValue) == [2, 2])
        #expect(notices.suffix(2).map(\.count) == [1, 0])
    }

    @Test(
        "RFC 9750 5.1: whose last resort is used is told so, each time, with who got it", arguments: StateKind.allCases)
    func lastResortUsed(_ kind: StateKind) throws {
        let (relay, alice, bob) = try relay(kind)
        try relay.publish(.keyPackage("last", isLastResort: true), .keyPackage("once"), by: alice)
        _ = try relay.fetchKeyPackages("alice", "alice", "alice", by: bob)
        let suite = CipherSuite(rawValue: 1)
        let use = LastResortNotice(cipherSuite: suite, sequenceNumber: 1, recipient: bob)
        #expect(try relay.notices(.lastResortUsed, in: .inbox(of: alice)) == [use, use])
        #expect(
            try relay.notices(.poolLow, in: .inbox(of: alice)) == [LowPoolNotice(cipherSuite: suite, count: 0)])
    }

    // MARK: Limits

    @Test(
        "RFC 9420 16.8: a user takes KeyPackages of one user, and of all, as often as its limits say and not once more",
        arguments: StateKind.allCases)
    func rates(_ kind: StateKind) throws {
        var limits = CoreLimits()
        limits.keyPackageFetches = 5
        limits.keyPackageFetchesPerUser = 3
        let relay = try TestRelay(kind, in: directory, limits: limits)
        let alice = try relay.register("alice")
        let bob = try relay.register("bob")
        let carol = try relay.register("carol")
        let phone = try relay.register("bob's phone")
        try relay.move(phone, to: "bob")
        _ = try relay.perform(.publish((0..<20).map { .keyPackage("k\($0)") }), by: alice)
        func limit(_ names: [String], by client: ClientNumber) throws -> String? {
            let requests = names.map { KeyPackageRequest(name: Array($0.utf8), cipherSuite: CipherSuite(rawValue: 1)) }
            do {
                _ = try relay.perform(.fetchKeyPackages(requests), by: client)
                return nil
            } catch let error as RelayError {
                #expect(error.code == .rateLimited)
                let detail = try RetryDetail(decoding: error.detail)
                #expect(detail.retryAfterMilliseconds <= 60_000)
                return String(decoding: detail.limit, as: UTF8.self)
            }
        }
        #expect(try limit(["alice", "alice"], by: bob) == nil)
        #expect(try limit(["carol", "alice", "alice"], by: bob) == "key-package-fetches-per-user")
        #expect(try limit(["alice"], by: bob) == nil)
        // All clients of a user together; a name that nobody has is no exception.
        #expect(try limit(["alice"], by: phone) == "key-package-fetches-per-user")
        #expect(try limit(["nobody", "nobody", "nobody"], by: phone) == nil)
        #expect(try limit(["nobody"], by: phone) == "key-package-fetches-per-user")
        #expect(try limit(["carol", "carol", "carol", "carol"], by: carol) == "key-package-fetches-per-user")
        #expect(try limit([], by: bob) == nil)
        #expect(try limit([], by: bob) == nil)
        #expect(try limit([], by: phone) == "key-package-fetches")
        #expect(try limit(["alice"], by: carol) == nil)
        relay.now = Timestamp(rawValue: relay.now.rawValue + 40_000)
        #expect(try limit(["alice", "alice", "alice"], by: bob) == "key-package-fetches-per-user")
        #expect(try limit(["alice", "alice"], by: bob) == nil)
    }

    @Test("what does not fit into one answer is not taken", arguments: StateKind.allCases)
    func tooMany(_ kind: StateKind) throws {
        var limits = CoreLimits()
        (limits.keyPackageFetches, limits.keyPackageFetchesPerUser) = (0, 0)
        let relay = try TestRelay(kind, in: directory, limits: limits)
        let alice = try relay.register("alice")
        let text = String(repeating: "k", count: 1 << 20)
        for number in 0..<18 { try relay.publish(.keyPackage("\(number)" + text), by: alice) }
        let request = KeyPackageRequest(name: Array("alice".utf8), cipherSuite: CipherSuite(rawValue: 1))
        let outcome = try relay.perform(.fetchKeyPackages(Array(repeating: request, count: 18)), by: alice).outcome
        guard case .keyPackages(let results) = outcome else { preconditionFailure("a fetch has results") }
        #expect(results.map(\.error) == Array(repeating: .none, count: 15) + Array(repeating: .tooManyItems, count: 3))
        #expect(KeyPackages(results: results).frame(.none).count <= WireLimits.maxFrameByteCount)
        #expect(try relay.state.pools.values.map(\.once.count) == [3])
    }
}
