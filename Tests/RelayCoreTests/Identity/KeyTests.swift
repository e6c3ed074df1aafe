import MLS
import MLSCodec
import MLSCrypto
import RelayCore
import RelayTestSupport
import RelayWire
import TLSPresentation
import TestSupport
import Testing

@Suite("Credentials, rotation, revocation", .serialized)
struct KeyTests {
    let directory: TemporaryDirectory
    init() throws { directory = try TemporaryDirectory(inMemory: true) }

    // MARK: Credentials

    @Test(
        "S3-2, RFC 9750 7: a credential that is issued is told in the directory first, and shown with its end",
        arguments: StateKind.allCases)
    func issued(_ kind: StateKind) throws {
        let relay = try TestRelay(kind, in: directory, .open)
        let alice = try relay.register("alice")
        let answer = try relay.certify(alice, from: 1000, to: 4000)
        #expect(answer.credential == [1, 2, 3])
        #expect([answer.notBefore.rawValue, answer.notAfter.rawValue] == [1000, 4000])
        let notices: [CredentialNotice] = try relay.notices(.credentialIssued, in: .directory)
        #expect(notices.map(\.client) == [alice])
        #expect(notices.map(\.serial) == [[9]])
        #expect(notices.map(\.notAfter.rawValue) == [4000])
        #expect(try relay.lookUp("alice", for: alice)[0].clients[0].credentialNotAfter.rawValue == 4000)
    }

    @Test("S3-2: a credential for a key that the client no longer has is not given out", arguments: StateKind.allCases)
    func credentialOfOldKey(_ kind: StateKind) throws {
        let relay = try TestRelay(kind, in: directory, .open)
        let alice = try relay.register("alice")
        let certified = CertifiedKey(
            identity: .test("alice"), credential: [1], serial: [9], notBefore: Timestamp(rawValue: 1),
            notAfter: Timestamp(rawValue: 2), certificateHash: SHA256.hash([1]))
        try relay.rotate(alice, to: 2)
        #expect(try refusal { try relay.perform(.credential(certified), by: alice) } == .authenticationFailed)
        #expect(try relay.notices(.credentialIssued, CredentialNotice.self, in: .directory).isEmpty)
    }

    @Test(
        "S3-7, RFC 9750 6.5: a client is told when a third of its credential's life is left, once, and not when it has another",
        arguments: StateKind.allCases)
    func expiring(_ kind: StateKind) throws {
        let relay = try TestRelay(kind, in: directory, .open)
        let alice = try relay.register("alice")
        let start = relay.now.rawValue
        _ = try relay.certify(alice, from: start, to: start + 3000)
        func told() throws -> [UInt64] {
            let notices: [ExpiryNotice] = try relay.notices(.credentialExpiring, in: .inbox(of: alice))
            return notices.map { $0.notAfter.rawValue - start }
        }
        try relay.passTime(to: Timestamp(rawValue: start + 1999))
        #expect(try told().isEmpty)
        // Renewed in time: the first one's deadline says nothing any more.
        _ = try relay.certify(alice, from: start + 1500, to: start + 4500)
        try relay.passTime(to: Timestamp(rawValue: start + 3499))
        #expect(try told().isEmpty)
        try relay.passTime(to: Timestamp(rawValue: start + 3500))
        #expect(try told() == [4500])
        try relay.passTime(to: Timestamp(rawValue: start + 9000))
        #expect(try told() == [4500])
        // Of a key that is replaced nothing is told.
        _ = try relay.certify(alice, from: start + 9000, to: start + 12_000)
        try relay.rotate(alice, to: 2)
        #expect(try relay.lookUp("alice", for: alice)[0].clients[0].credentialNotAfter.rawValue == 0)
        try relay.passTime(to: Timestamp(rawValue: start + 20_000))
        #expect(try told() == [4500])
    }

    @Test(
        "a client changes its identity as often as the operator allows, and then waits", arguments: StateKind.allCases)
    func changeLimit(_ kind: StateKind) throws {
        var limits = CoreLimits()
        limits.identityChangesPerHour = 2
        let relay = try TestRelay(kind, in: directory, .open, limits: limits)
        let alice = try relay.register("alice")
        let bob = try relay.register("bob")
        for key in 2...3 as ClosedRange<UInt8> { try relay.rotate(alice, to: key) }
        let refused = try refused { try relay.certify(alice, from: 1, to: 2) }
        #expect(refused.code == .rateLimited)
        let detail = try RetryDetail(decoding: refused.detail)
        #expect(detail.limit == Array("identity-changes-per-hour".utf8))
        try relay.rotate(bob, to: 2)
        // A refused change costs nothing.
        relay.now = Timestamp(rawValue: relay.now.rawValue + UInt64(detail.retryAfterMilliseconds))
        try relay.rotate(alice, to: 4)
    }

    // MARK: Rotation

    @Test("RFC 9750 4: a client rotates its key, and is the same client", arguments: StateKind.allCases)
    func rotation(_ kind: StateKind) throws {
        let relay = try TestRelay(kind, in: directory, .open)
        let alice = try relay.register("alice")
        try relay.publish(.keyPackage("old"), by: alice)
        try relay.rotate(alice, to: 2)
        #expect(relay.takeEffects().rotated.map(\.identity) == [.test("alice", key: 2)])
        try relay.reopen()
        #expect(try relay.register("alice", key: 2) == alice)
        // The old key is nobody's way in, not even its owner's.
        #expect(try refusal { _ = try relay.register("alice", key: 1) } == .identityTaken)
        let notices: [KeyRotationNotice] = try relay.notices(.keyRotated, in: .directory)
        #expect(
            notices == [
                KeyRotationNotice(
                    client: alice, identity: .test("alice", key: 2), signatureByOld: [1], signatureByNew: [2])
            ])
        // RFC 9750 section 5.1: KeyPackages of the old key are handed out no longer.
        #expect(try relay.fetchKeyPackages("alice", by: alice).map(\.error) == [.keyPackageUnavailable])
        let description = try relay.lookUp("alice", for: alice)[0].clients[0]
        #expect(description.signatureKey == Identity.test("alice", key: 2).signatureKey)
        #expect(description.registered < description.keySince)
    }

    @Test("a rotation from a key that the client no longer has is refused", arguments: StateKind.allCases)
    func staleRotation(_ kind: StateKind) throws {
        let relay = try TestRelay(kind, in: directory, .open)
        let alice = try relay.register("alice")
        try relay.rotate(alice, to: 2)
        func rotation(_ old: Identity, _ new: Identity) -> IdentityAction {
            .rotate(KeyRotation(old: old, new: new, signatureByOld: [], signatureByNew: []))
        }
        let stale = rotation(.test("alice", key: 1), .test("alice", key: 3))
        #expect(try refusal { try relay.perform(stale, by: alice) } == .authenticationFailed)
        let renaming = rotation(.test("alice", key: 2), .test("bob", key: 3))
        #expect(try refusal { try relay.perform(renaming, by: alice) } == .authenticationFailed)
    }

    @Test("N-15: a rotation and a revocation are told to the client's groups", arguments: StateKind.allCases)
    func groupsAreTold(_ kind: StateKind) throws {
        let scene = try GroupScene(kind, in: directory, framing: .publicMessage)
        try scene.register("alice", "bob")
        try scene.create(by: "alice", with: ["bob"])
        let relay = scene.relay
        let (alice, bob) = (scene["alice"].client, scene["bob"].client)
        try relay.rotate(bob, to: 2)
        let phone = try relay.admit("bob", key: 3, clientName: "phone", by: bob)
        try relay.revoke(bob, by: phone)
        let changes = try relay.entries(of: scene.log).filter { $0.header.kind == .memberChanged }
            .map { try MemberChangeNotice(decoding: $0.payload) }
        #expect(changes.map(\.client) == [bob, bob])
        let directory = try relay.entries(of: relay.log(.directory))
        let told = changes.map { directory[Int($0.directorySequenceNumber.rawValue) - 1].header.kind }
        #expect(told == [.keyRotated, .clientRevoked])
        #expect(try relay.state.clients(of: relay.state.user(of: alice)) == [alice])
    }

    // MARK: Revocation

    @Test(
        "N-15: a revoked client is out, everybody can see it, and its user's others are told",
        arguments: StateKind.allCases)
    func revocation(_ kind: StateKind) throws {
        let relay = try TestRelay(kind, in: directory, .open)
        let alice = try relay.register("alice")
        let phone = try relay.admit("alice", key: 2, clientName: "phone", by: alice)
        try relay.publish(.keyPackage("phone's"), .keyPackage("last", isLastResort: true), by: phone)
        _ = relay.takeEffects()
        try relay.revoke(phone, .compromised, by: alice)
        let notice = RevocationNotice(client: phone, by: alice, reason: .compromised)
        #expect(try relay.notices(.clientRevoked, in: .directory) == [notice])
        #expect(try relay.notices(.clientRevoked, in: .inbox(of: alice)) == [notice])
        let effects = relay.takeEffects()
        #expect(effects.ended.map(\.client) == [phone])
        #expect(effects.ended.map(\.error.code) == [.clientRevoked])
        // Nothing that it still sends is carried out, its KeyPackages are gone, and it does not come in again.
        #expect(try refusal { _ = try relay.createGroup("g", by: phone) } == .clientRevoked)
        #expect(try relay.fetchKeyPackages("alice", by: alice).allSatisfy { $0.client != phone })
        try relay.reopen()
        #expect(try refusal { _ = try relay.register("alice", key: 2) } == .clientRevoked)
        #expect(try relay.lookUp("alice", for: alice)[0].clients.map(\.client) == [alice])
        // Once more changes nothing.
        let before = try relay.state
        try relay.revoke(phone, .lost, by: alice)
        #expect(try relay.state == before)
    }

    @Test("a client of a transaction that revokes it carries out nothing behind that", arguments: StateKind.allCases)
    func revokedInTransaction(_ kind: StateKind) throws {
        let relay = try TestRelay(kind, in: directory, .open)
        let alice = try relay.register("alice")
        let phone = try relay.admit("alice", key: 2, clientName: "phone", by: alice)
        let revoking = TestCommand(
            .other(.identity(.revoke(RevokeClient(client: phone, reason: .lost)))), by: alice)
        let creating = TestCommand(.createGroup([1], 0), by: phone)
        let aborted = try relay.carryOut([revoking, creating], aborts: true)
        guard case .refused(let error) = aborted[1].outcome else {
            Issue.record("\(aborted[1])")
            return
        }
        #expect(error.code == .clientRevoked)
        // The transaction failed: it is no revoked client.
        guard case .groupCreated = try relay.carryOut([creating])[0].outcome else {
            Issue.record("the client was not revoked")
            return
        }
    }

    @Test("a client revokes clients of its own user alone, and not the last one", arguments: StateKind.allCases)
    func whoRevokes(_ kind: StateKind) throws {
        let relay = try TestRelay(kind, in: directory, .open)
        let root = try relay.register("root")
        let alice = try relay.register("alice")
        let bob = try relay.register("bob")
        let phone = try relay.admit("alice", key: 2, clientName: "phone", by: alice)
        // Somebody else's client looks like none.
        let ofBob = try refused { try relay.revoke(bob, by: alice) }
        let ofNobody = try refused { try relay.revoke(ClientNumber(rawValue: 99), by: alice) }
        #expect(ofBob == ofNobody)
        #expect(ofBob.code == .userUnknown)
        #expect(try refusal { try relay.revoke(alice, .operator, by: alice) } == .notPermitted)
        // A client may revoke itself, but for the last one.
        try relay.revoke(alice, .retired, by: alice)
        #expect(try refusal { try relay.revoke(phone, by: phone) } == .lastClient)
        // An operator may. The account is gone then, and its name is nobody's.
        try relay.administer(.revokeClient(phone, .operator), by: root)
        #expect(try relay.notices(.clientRevoked, RevocationNotice.self, in: .directory).last?.by == .relay)
        #expect(try relay.lookUp("alice", for: bob)[0].error == .userUnknown)
        #expect(try relay.search() == ["bob", "root"])
        #expect(try refusal { _ = try relay.register("alice", key: 7) } == .identityTaken)
    }

    @Test("N-15: a revoked client is never added to a group again", arguments: StateKind.allCases)
    func notAddedAgain(_ kind: StateKind) throws {
        let scene = try GroupScene(kind, in: directory, framing: .publicMessage)
        try scene.register("alice", "bob")
        try scene.create(by: "alice")
        let relay = scene.relay
        let bob = scene["bob"].client
        let phone = try relay.admit("bob", key: 3, clientName: "phone", by: bob)
        try relay.revoke(bob, by: phone)
        // Alice has Bob's KeyPackage from before.
        #expect(try refusal { try scene.commit(by: "alice", adding: ["bob"]) } != nil)
        #expect(try scene.members == ["alice"])
    }
}
