import RelayCore
import RelayTestSupport
import RelayWire
import TLSPresentation
import TestSupport
import Testing

@Suite("Admission", .serialized)
struct AdmissionTests {
    let directory: TemporaryDirectory
    init() throws { directory = try TemporaryDirectory(inMemory: true) }

    private static let token: [UInt8] = Array(0..<16)

    private func register(_ name: String, _ relay: TestRelay, _ token: [UInt8]? = nil) throws -> ClientNumber {
        try relay.register(Registration(.test(name), admission: token.map { .token($0) } ?? .open))
    }

    // MARK: Users

    @Test(
        "a relay that asks for tokens admits nobody without one, and nothing stays of who tried (S0-1)",
        arguments: StateKind.allCases)
    func tokenRequired(_ kind: StateKind) throws {
        let relay = try TestRelay(kind, in: directory, .token)
        let before = try relay.state
        #expect(try refusal { _ = try register("alice", relay) } == .admissionRequired)
        #expect(try refusal { _ = try register("alice", relay, Self.token) } == .admissionInvalid)
        #expect(try relay.state == before)
    }

    @Test(
        "a token admits as many users as it has uses, and is counted with the registration",
        arguments: StateKind.allCases)
    func tokenUses(_ kind: StateKind) throws {
        let (relay, root) = try tokenRelay(kind)
        let made = try relay.administer(
            .createToken(uses: 2, notAfter: Timestamp(rawValue: 0), note: [7]), token: Self.token, by: root)
        #expect(made.token == Self.token)
        #expect(made.tokens.map(\.uses) == [2])
        #expect(made.tokens.map(\.note) == [[7]])
        let alice = try register("alice", relay, Self.token)
        #expect(try relay.administer(.listTokens, by: root).tokens.map(\.uses) == [1])
        // Alice lost the answer: she is registered, and costs nothing.
        #expect(try register("alice", relay, Self.token) == alice)
        // A registration that is refused costs nothing either.
        #expect(try refusal { _ = try register("new\nline", relay, Self.token) } == .nameInvalid)
        #expect(try relay.administer(.listTokens, by: root).tokens.map(\.uses) == [1])
        _ = try register("bob", relay, Self.token)
        #expect(try relay.administer(.listTokens, by: root).tokens.isEmpty)
        #expect(try refusal { _ = try register("carol", relay, Self.token) } == .admissionInvalid)
        // The directory says which token, by its number; nobody reads the token there or in the store.
        let notices: [IdentityNotice] = try relay.notices(.identity, in: .directory)
        #expect(notices.suffix(2).allSatisfy { $0.admission == .token(made.tokens[0].token.encoded) })
        let records = try relay.state.records
        #expect(records.values.allSatisfy { $0.keys.allSatisfy { !$0.contains(Self.token) } })
    }

    @Test("two registrations of one transaction do not share a token's last use", arguments: StateKind.allCases)
    func tokenRace(_ kind: StateKind) throws {
        let (relay, root) = try tokenRelay(kind)
        try relay.administer(
            .createToken(uses: 1, notAfter: Timestamp(rawValue: 0), note: []), token: Self.token, by: root)
        let outcomes = try relay.carryOut(
            ["alice", "bob"].map {
                TestCommand(.other(.register(Registration(.test($0), admission: .token(Self.token)))))
            }
        ).map(\.outcome)
        guard case .registered = outcomes[0], case .refused(let error) = outcomes[1] else {
            Issue.record("\(outcomes)")
            return
        }
        #expect(error.code == .admissionInvalid)
    }

    @Test(
        "a token admits until its last millisecond, and not after; a revoked one not at all",
        arguments: StateKind.allCases)
    func tokenEnds(_ kind: StateKind) throws {
        let (relay, root) = try tokenRelay(kind)
        let end = Timestamp(rawValue: relay.now.rawValue + 100)
        try relay.administer(.createToken(uses: 9, notAfter: end, note: []), token: Self.token, by: root)
        relay.now = Timestamp(rawValue: end.rawValue - 1)
        _ = try register("alice", relay, Self.token)
        #expect(try refusal { _ = try register("bob", relay, Self.token) } == .admissionInvalid)
        #expect(try relay.administer(.listTokens, by: root).tokens.isEmpty)

        let other = try relay.administer(
            .createToken(uses: 9, notAfter: Timestamp(rawValue: 0), note: []), token: [8], by: root)
        // What is over is gone when another is made.
        #expect(try relay.state.records[.tokens]?.count == 1)
        try relay.administer(.revokeToken(other.tokens[0].token), by: root)
        try relay.administer(.revokeToken(other.tokens[0].token), by: root)
        #expect(try refusal { _ = try register("bob", relay, [8]) } == .admissionInvalid)
    }

    /// A relay that asks for tokens; its operator came while it was open.
    private func tokenRelay(_ kind: StateKind) throws -> (TestRelay, ClientNumber) {
        let relay = try TestRelay(kind, in: directory, .open)
        let root = try relay.register("root")
        try relay.set(.token)
        return (relay, root)
    }

    @Test("a closed relay admits no new user, but a user's further clients", arguments: StateKind.allCases)
    func closed(_ kind: StateKind) throws {
        let relay = try TestRelay(kind, in: directory, .open)
        let alice = try relay.register("alice")
        try relay.set(.closed)
        #expect(try refusal { _ = try register("bob", relay) } == .admissionRequired)
        #expect(try refusal { _ = try register("bob", relay, Self.token) } == .admissionRequired)
        #expect(try relay.register("alice") == alice)
        #expect(try relay.admit("alice", key: 2, clientName: "phone", by: alice) != alice)
    }

    // MARK: Clients

    @Test("S3-3: a user has many clients, each with a name and a key of its own", arguments: StateKind.allCases)
    func manyClients(_ kind: StateKind) throws {
        let relay = try TestRelay(kind, in: directory, .open)
        let first = try relay.register("alice")
        let second = try relay.admit("alice", key: 2, clientName: "phone", by: first)
        // One that was admitted admits another.
        let third = try relay.admit("alice", key: 3, clientName: "tablet", by: second)
        try relay.reopen()
        #expect(try relay.register("alice", key: 2) == second)
        let clients = try relay.lookUp("alice", for: first)[0].clients
        #expect(clients.map(\.client) == [first, second, third])
        #expect(clients.map { String(decoding: $0.clientName, as: UTF8.self) } == ["", "phone", "tablet"])
        #expect(clients.map(\.signatureKey) == (1...3).map { Identity.test("alice", key: $0).signatureKey })
        // Each has an inbox and KeyPackages of its own, and everybody can see who admitted it.
        for client in [first, second, third] { _ = try relay.log(.inbox(of: client)) }
        let notices: [IdentityNotice] = try relay.notices(.identity, in: .directory)
        #expect(Set(notices.map(\.user)).count == 1)
        let admitting = notices.map {
            if case .client(let client, _, _) = $0.admission { client } else { ClientNumber.relay }
        }
        #expect(admitting == [.relay, first, second])
    }

    @Test("RFC 9750 3.7, 8.4.3.1: nobody but a user's own client admits a client to it", arguments: StateKind.allCases)
    func notAdmitted(_ kind: StateKind) throws {
        let relay = try TestRelay(kind, in: directory, .open)
        let alice = try relay.register("alice")
        let bob = try relay.register("bob")
        let phone = try relay.admit("alice", key: 2, clientName: "phone", by: alice)
        func code(by client: ClientNumber, _ change: (inout Registration) -> Void = { _ in }) throws -> ErrorCode? {
            try refusal { _ = try relay.admit("alice", key: 9, clientName: "new", by: client, change) }
        }
        #expect(try code(by: bob) == .admissionInvalid)
        #expect(try code(by: ClientNumber(rawValue: 99)) == .admissionInvalid)
        // The signature does not hold, or was verified with a key that the client had before.
        #expect(try code(by: alice) { $0.verifiedWith = nil } == .admissionInvalid)
        #expect(try code(by: alice) { $0.verifiedWith = .test("alice", key: 2) } == .admissionInvalid)
        try relay.rotate(phone, to: 3)
        #expect(try code(by: phone) { $0.verifiedWith = .test("alice", key: 2) } == .admissionInvalid)
        // Nothing was shown, or a token.
        #expect(try code(by: alice) { $0.admission = .open } == .identityTaken)
        #expect(try code(by: alice) { $0.admission = .token([1]) } == .identityTaken)
        try relay.revoke(phone, by: alice)
        #expect(try code(by: phone) == .admissionInvalid)
        #expect(try relay.state.clients(of: UserNumber(rawValue: 1)) == [alice])
        // A name that nobody has is not had by an admission.
        #expect(
            try refusal { _ = try relay.admit("carol", key: 9, clientName: "", by: alice) } == .admissionInvalid)
    }

    @Test("an admission counts until its last millisecond", arguments: StateKind.allCases)
    func admissionEnds(_ kind: StateKind) throws {
        let relay = try TestRelay(kind, in: directory, .open)
        let alice = try relay.register("alice")
        let end = Timestamp(rawValue: relay.now.rawValue + 10)
        relay.now = Timestamp(rawValue: end.rawValue - 1)
        _ = try relay.admit("alice", key: 2, clientName: "b", by: alice, notAfter: end)
        #expect(
            try refusal { _ = try relay.admit("alice", key: 3, clientName: "c", by: alice, notAfter: end) }
                == .admissionInvalid)
    }

    @Test(
        "RFC 9750 4: a user has no two clients of one name, so that credentials tell them apart",
        arguments: StateKind.allCases)
    func clientNames(_ kind: StateKind) throws {
        let relay = try TestRelay(kind, in: directory, .open)
        let alice = try relay.register("alice")
        let phone = try relay.admit("alice", key: 2, clientName: "phone", by: alice)
        for name in ["phone", "", "new\nline", String(repeating: "n", count: 65)] {
            #expect(try refusal { _ = try relay.admit("alice", key: 3, clientName: name, by: alice) } == .nameInvalid)
        }
        _ = try relay.admit("alice", key: 3, clientName: String(repeating: "n", count: 64), by: alice)
        // The name of a client that is gone is free.
        try relay.revoke(phone, by: alice)
        _ = try relay.admit("alice", key: 4, clientName: "phone", by: alice)
    }

    @Test(
        "a user has as many clients as the operator allows, and a revoked one makes room", arguments: StateKind.allCases
    )
    func clientLimit(_ kind: StateKind) throws {
        var limits = CoreLimits()
        limits.maxClientsPerUser = 2
        let relay = try TestRelay(kind, in: directory, .open, limits: limits)
        let alice = try relay.register("alice")
        let phone = try relay.admit("alice", key: 2, clientName: "phone", by: alice)
        let refused = try refused { try relay.admit("alice", key: 3, clientName: "tablet", by: alice) }
        #expect(refused.code == .quotaExceeded)
        #expect(try RetryDetail(decoding: refused.detail).limit == Array("max-clients-per-user".utf8))
        try relay.revoke(phone, by: alice)
        _ = try relay.admit("alice", key: 3, clientName: "tablet", by: alice)
    }

    @Test("S3-1: a key belongs to one client, ever", arguments: StateKind.allCases)
    func keysOnce(_ kind: StateKind) throws {
        let relay = try TestRelay(kind, in: directory, .open)
        let alice = try relay.register("alice")
        let phone = try relay.admit("alice", key: 2, clientName: "phone", by: alice)
        var asBob = Identity.test("alice", key: 1)
        asBob.name = Array("bob".utf8)
        #expect(try refusal { _ = try relay.register(Registration(asBob)) } == .keyInUse)
        // Not in the same user either, nor one that was rotated away, nor one of a revoked client.
        try relay.rotate(alice, to: 5)
        let oldKey = try refusal { _ = try relay.admit("alice", key: 1, clientName: "x", by: alice) }
        #expect(oldKey == .keyInUse)
        #expect(try refusal { try relay.rotate(phone, to: 1) } == .keyInUse)
        #expect(try refusal { try relay.rotate(alice, to: 1) } == .keyInUse)
        #expect(try refusal { try relay.rotate(alice, to: 2) } == .keyInUse)
        try relay.revoke(phone, by: alice)
        try relay.reopen()
        #expect(try refusal { try relay.rotate(alice, to: 2) } == .keyInUse)
        // Its owner is told why it does not come in.
        #expect(try refusal { _ = try relay.register("alice", key: 2) } == .clientRevoked)
    }
}
