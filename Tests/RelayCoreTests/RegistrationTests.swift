import MLSCrypto
import RelayCore
import RelayTestSupport
import RelayWire
import TLSPresentation
import TestSupport
import Testing

@Suite("Registration", .serialized)
struct RegistrationTests {
    let directory: TemporaryDirectory
    init() throws { directory = try TemporaryDirectory(inMemory: true) }

    @Test(
        "the first to register a name gets a number, two logs and a notice in the directory (S3-1)",
        arguments: StateKind.allCases)
    func firstUse(_ kind: StateKind) throws {
        let relay = try TestRelay(kind, in: directory)
        let alice = try relay.register("alice")
        let bob = try relay.register("bob")
        #expect(alice.rawValue == 1)
        #expect(bob.rawValue == 2)
        let state = try relay.state
        #expect(state.clients == [alice: .test("alice"), bob: .test("bob")])
        for client in [alice, bob] {
            let inbox = try #require(state.logs[.inbox(of: client)])
            #expect(state.heads[inbox]?.kind == .inbox)
            #expect(state.heads[inbox]?.last == .zero)
            #expect(state.logs[.keyPackages(of: client)] != nil)
        }
        let notices = try relay.entries(of: relay.log(.directory))
        #expect(
            try notices.map { try IdentityNotice(decoding: $0.payload) } == [
                IdentityNotice(client: alice, identity: .test("alice")),
                IdentityNotice(client: bob, identity: .test("bob")),
            ])
        #expect(notices.allSatisfy { $0.header.kind == .identity && $0.header.sender == .relay })
        #expect(state.brokenInvariants == [])
    }

    @Test("the same identity registered again has the same number and changes nothing", arguments: StateKind.allCases)
    func sameAgain(_ kind: StateKind) throws {
        let relay = try TestRelay(kind, in: directory)
        let alice = try relay.register("alice")
        let before = try relay.state
        #expect(try relay.register("alice") == alice)
        try relay.reopen()
        #expect(try relay.register("alice") == alice)
        #expect(try relay.state == before)
    }

    @Test(
        "a name that another key has is taken, also for the same key of another scheme (S3-1)",
        arguments: StateKind.allCases)
    func taken(_ kind: StateKind) throws {
        let relay = try TestRelay(kind, in: directory)
        _ = try relay.register("alice", key: 1)
        #expect(try refusal { _ = try relay.register("alice", key: 2) } == .identityTaken)
        var otherScheme = Identity.test("alice", key: 1)
        otherScheme.scheme = .ed448
        #expect(try refusal { _ = try relay.perform(.register(otherScheme)) } == .identityTaken)
        try relay.reopen()
        #expect(try refusal { _ = try relay.register("alice", key: 2) } == .identityTaken)
    }

    @Test(
        "names are compared by their bytes: case and Unicode normalisation make other names",
        arguments: StateKind.allCases)
    func bytesOfNames(_ kind: StateKind) throws {
        let relay = try TestRelay(kind, in: directory)
        // The last two are canonically equivalent: é, and e with a combining acute accent.
        let names = ["alice", "Alice", "alice ", "caf\u{e9}", "cafe\u{301}"]
        let clients = try names.map { try relay.register($0) }
        #expect(Set(clients).count == names.count)
    }

    @Test("a name has 1 to 255 bytes of UTF-8 without control characters", arguments: StateKind.allCases)
    func nameEdges(_ kind: StateKind) throws {
        let relay = try TestRelay(kind, in: directory)
        for name in ["a", String(repeating: "n", count: 255), "名前", "two words"] {
            #expect(try refusal { _ = try relay.register(name) } == nil, "\(name)")
        }
        for name in ["", String(repeating: "n", count: 256), "new\nline", "nul\0", "delete\u{7f}", "c1\u{85}"] {
            #expect(try refusal { _ = try relay.register(name) } == .nameInvalid, "\(name)")
        }
        let notUTF8 = Identity(name: [0x61, 0xff], scheme: .ed25519, signatureKey: [1])
        #expect(try refusal { _ = try relay.perform(.register(notUTF8)) } == .nameInvalid)
        let overlong = Identity(name: [0xc0, 0x80], scheme: .ed25519, signatureKey: [1])
        #expect(try refusal { _ = try relay.perform(.register(overlong)) } == .nameInvalid)
    }

    @Test("two registrations of one name in one batch: the first has it", arguments: StateKind.allCases)
    func race(_ kind: StateKind) throws {
        let relay = try TestRelay(kind, in: directory)
        let results = try relay.carryOut([
            TestCommand(.register(.test("alice", key: 1))), TestCommand(.register(.test("alice", key: 2))),
            TestCommand(.register(.test("alice", key: 1))),
        ])
        #expect(results[0].outcome == .registered(ClientNumber(rawValue: 1)))
        #expect(results[2].outcome == results[0].outcome)
        guard case .refused(let error) = results[1].outcome else {
            Issue.record("the second key got the name")
            return
        }
        #expect(error.code == .identityTaken)
    }
}
