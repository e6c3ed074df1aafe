import MLS
import RelayCore
import RelayTestSupport
import RelayWire
import TLSPresentation
import TestSupport
import Testing

@Suite("Looking users up", .serialized)
struct LookUpTests {
    let directory: TemporaryDirectory
    init() throws { directory = try TemporaryDirectory(inMemory: true) }

    private func set(_ visibility: Visibility, of client: ClientNumber, _ relay: TestRelay) throws {
        try relay.perform(.setVisibility(visibility), by: client)
    }

    @Test(
        "S3-6: a user is found by name, with the keys of its clients; who is not there is not",
        arguments: StateKind.allCases)
    func found(_ kind: StateKind) throws {
        let relay = try TestRelay(kind, in: directory, .open)
        let alice = try relay.register("alice")
        let bob = try relay.register("bob")
        let results = try relay.lookUp("bob", "charlie", "alice", for: alice)
        #expect(results.map(\.error) == [.none, .userUnknown, .none])
        #expect(results[0].clients.map(\.client) == [bob])
        #expect(results[0].clients.map(\.signatureKey) == [Identity.test("bob").signatureKey])
        #expect(results[1] == UserResult(error: .userUnknown, user: .none, name: Array("charlie".utf8), clients: []))
    }

    @Test("S3-7: a client's description says how old it and its key are", arguments: StateKind.allCases)
    func ages(_ kind: StateKind) throws {
        let relay = try TestRelay(kind, in: directory, .open)
        relay.now = Timestamp(rawValue: 5_000_000)
        let alice = try relay.register("alice")
        relay.now = Timestamp(rawValue: 7_000_000)
        try relay.rotate(alice, to: 2)
        let description = try relay.lookUp("alice", for: alice)[0].clients[0]
        #expect(description.registered.rawValue == 5_000_001)
        #expect(description.keySince.rawValue == 7_000_001)
        #expect(description.credentialNotAfter.rawValue == 0)
    }

    @Test(
        "S3-6: listed users are searched for, page by page, in the order of their names", arguments: StateKind.allCases)
    func search(_ kind: StateKind) throws {
        let relay = try TestRelay(kind, in: directory, .open)
        var clients: [String: ClientNumber] = [:]
        for name in ["bea", "bob", "ali", "alice", "b"] { clients[name] = try relay.register(name) }
        #expect(try relay.search() == ["ali", "alice", "b", "bea", "bob"])
        #expect(try relay.search("b") == ["b", "bea", "bob"])
        #expect(try relay.search("b", after: "b", limit: 1) == ["bea"])
        #expect(try relay.search("b", after: "bea", limit: 9) == ["bob"])
        #expect(try relay.search("c") == [])
        #expect(try relay.search(after: "zzz") == [])
        let bea = try #require(clients["bea"])
        for visibility in [Visibility.unlisted, .hidden] {
            try set(visibility, of: bea, relay)
            #expect(try relay.search("be") == [])
        }
        try set(.listed, of: bea, relay)
        #expect(try relay.search("be") == ["bea"])
    }

    @Test("at most 256 names are looked up at once")
    func limit() throws {
        let relay = try TestRelay(.memory, in: directory, .open)
        let alice = try relay.register("alice")
        let state = try relay.state
        let name = Array("x".utf8)
        let most = WireLimits.maxNamesPerLookUp
        #expect(try state.lookUp(Array(repeating: name, count: most), for: alice).get().body.count > most)
        guard case .failure(let error) = try state.lookUp(Array(repeating: name, count: most + 1), for: alice) else {
            Issue.record("too many names were looked up")
            return
        }
        #expect(error.code == .tooManyItems)
    }

    @Test(
        "S3-6: a hidden or suspended user looks to others exactly like one that does not exist",
        arguments: StateKind.allCases)
    func hidden(_ kind: StateKind) throws {
        let relay = try TestRelay(kind, in: directory, .open)
        let root = try relay.register("root")
        let alice = try relay.register("alice")
        let hidden = try relay.register("user1")
        let suspended = try relay.register("user2")
        let unlisted = try relay.register("user3")
        for client in [hidden, suspended] { try relay.publish(.keyPackage("\(client)"), by: client) }
        try set(.hidden, of: hidden, relay)
        try set(.unlisted, of: unlisted, relay)
        try relay.administer(.suspendUser(name: Array("user2".utf8)), by: root)
        // The answers are the same bytes but for the name that was asked for, which has the same length.
        func answer(_ name: String, for client: ClientNumber) throws -> [UInt8] {
            try relay.state.lookUp([Array(name.utf8)], for: client).get().body.replacing(Array(name.utf8), with: [0])
        }
        let nobody = try answer("user9", for: alice)
        #expect(try answer("user1", for: alice) == nobody)
        #expect(try answer("user2", for: alice) == nobody)
        #expect(try answer("user3", for: alice) != nobody)
        // Nor are their KeyPackages handed out, or are they found by a search.
        let fetched = try relay.fetchKeyPackages("user1", "user2", "user9", by: alice)
        #expect(Set(fetched.map { [$0.error.rawValue, UInt16($0.client.rawValue)] }).count == 1)
        #expect(try relay.search("user") == [])
        // Of oneself one hears.
        #expect(try answer("user1", for: hidden) != nobody)
        try relay.administer(.resumeUser(name: Array("user2".utf8)), by: root)
        #expect(try answer("user2", for: alice) != nobody)
        #expect(try relay.search("user") == ["user2"])
    }

    @Test(
        "S3-6: a hidden user is found by those with whom it shares a tracked group, and by no others",
        arguments: StateKind.allCases)
    func sharedGroup(_ kind: StateKind) throws {
        let scene = try GroupScene(kind, in: directory, framing: .publicMessage)
        try scene.register("alice", "bob", "carol")
        try scene.create(by: "alice", with: ["bob"])
        let relay = scene.relay
        try set(.hidden, of: scene["bob"].client, relay)
        #expect(try relay.lookUp("bob", for: scene["alice"].client).map(\.error) == [.none])
        #expect(try relay.lookUp("bob", for: scene["carol"].client).map(\.error) == [.userUnknown])
    }

    @Test("many names that are not found cost the finder at most so many reads, found or hidden alike")
    func readLimit() throws {
        let scene = try GroupScene(.memory, in: directory, framing: .publicMessage)
        try scene.register("alice", "bob")
        try scene.create(by: "alice")
        let alice = scene["alice"].client
        try set(.hidden, of: scene["bob"].client, scene.relay)
        var state = try scene.relay.state
        // As if Alice were in many groups.
        for number in 0..<30_000 as Range<UInt64> {
            state.mark(alice, in: LogNumber(rawValue: 1_000_000 + number))
        }
        let names = ["bob", "nobody", "bob", "nobody"].map { Array($0.utf8) }
        let results = try state.lookUp(names, for: alice).get().decoded(as: Users.self).users
        // One name can always be looked for.
        #expect(results.map(\.error) == [.userUnknown, .tooManyItems, .tooManyItems, .tooManyItems])
    }
}

extension MemoryState {
    fileprivate mutating func mark(_ client: ClientNumber, in log: LogNumber) {
        setRecord(.clientGroups, PairKey(client, log).recordKey, [])
    }
}
