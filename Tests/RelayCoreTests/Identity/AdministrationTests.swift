import MLS
import MLSCodec
import RelayCore
import RelayTestSupport
import RelayWire
import TLSPresentation
import TestSupport
import Testing

@Suite("Administration", .serialized)
struct AdministrationTests {
    let directory: TemporaryDirectory
    init() throws { directory = try TemporaryDirectory(inMemory: true) }

    @Test("whoever is no operator may administer nothing", arguments: StateKind.allCases)
    func operatorsOnly(_ kind: StateKind) throws {
        let relay = try TestRelay(kind, in: directory, .open)
        let alice = try relay.register("alice")
        _ = try relay.register("root")
        let name = Array("alice".utf8)
        let actions: [Administer.Action] = [
            .createToken(uses: 1, notAfter: Timestamp(rawValue: 0), note: []), .revokeToken(TokenNumber(rawValue: 1)),
            .listTokens, .suspendUser(name: name), .resumeUser(name: name), .revokeClient(alice, .operator),
            .voidCommit(log: LogNumber(rawValue: 1), sequenceNumber: 1, text: []), .deleteGroup(LogNumber(rawValue: 1)),
        ]
        #expect(Set(actions.map(\.type)) == Set(AdministrationType.allCases))
        for action in actions {
            #expect(try refusal { try relay.administer(action, token: [1], by: alice) } == .notPermitted)
        }
        #expect(try relay.state.clients(of: UserNumber(rawValue: 1)) == [alice])
    }

    @Test("there are as many tokens as the operator's limit", arguments: StateKind.allCases)
    func tokenLimit(_ kind: StateKind) throws {
        var limits = CoreLimits()
        limits.maxTokenCount = 1
        let relay = try TestRelay(kind, in: directory, .open, limits: limits)
        let root = try relay.register("root")
        let action = Administer.Action.createToken(uses: 1, notAfter: Timestamp(rawValue: 0), note: [])
        let first = try relay.administer(action, token: [1], by: root)
        #expect(try refusal { try relay.administer(action, token: [2], by: root) } == .quotaExceeded)
        try relay.administer(.revokeToken(first.tokens[0].token), by: root)
        try relay.administer(action, token: [2], by: root)
        // One that admits nobody is none.
        let nothing = Administer.Action.createToken(uses: 0, notAfter: Timestamp(rawValue: 0), note: [])
        try relay.administer(.revokeToken(TokenNumber(rawValue: 2)), by: root)
        try relay.administer(nothing, token: [3], by: root)
        #expect(try relay.administer(.listTokens, by: root).tokens.isEmpty)
    }

    @Test("a suspended user is out until it is resumed, and everybody can see it", arguments: StateKind.allCases)
    func suspension(_ kind: StateKind) throws {
        let relay = try TestRelay(kind, in: directory, .open)
        let root = try relay.register("root")
        let alice = try relay.register("alice")
        let phone = try relay.admit("alice", key: 2, clientName: "phone", by: alice)
        let name = Array("alice".utf8)
        _ = relay.takeEffects()
        try relay.administer(.suspendUser(name: name), by: root)
        let ended = relay.takeEffects().ended
        #expect(ended.map(\.client) == [alice, phone])
        #expect(ended.allSatisfy { $0.error.code == .userSuspended })
        #expect(try refusal { _ = try relay.createGroup("g", by: alice) } == .userSuspended)
        #expect(try refusal { _ = try relay.register("alice") } == .userSuspended)
        #expect(
            try refusal { _ = try relay.admit("alice", key: 3, clientName: "new", by: alice) } == .userSuspended)
        // Once more changes nothing.
        let before = try relay.state
        try relay.administer(.suspendUser(name: name), by: root)
        #expect(try relay.state == before)
        try relay.administer(.resumeUser(name: name), by: root)
        #expect(try relay.register("alice") == alice)
        _ = try relay.createGroup("g", by: alice)
        let notices: [SuspensionNotice] = try relay.notices(.userSuspended, in: .directory)
        #expect(notices.map(\.isSuspended) == [true, false])
        for action in [
            Administer.Action.suspendUser(name: [1]), .resumeUser(name: [1]),
            .revokeClient(ClientNumber(rawValue: 99), .operator),
        ] {
            #expect(try refusal { try relay.administer(action, by: root) } == .userUnknown)
        }
    }

    @Test("an operator voids a provisional commit, which opens its epoch again (N-2)", arguments: StateKind.allCases)
    func voidCommit(_ kind: StateKind) throws {
        let scene = try GroupScene(kind, in: directory, framing: .publicMessage, rules: Self.rules)
        try scene.register("root", "alice", "bob", "carol")
        try scene.create(by: "alice", with: ["bob"])
        try scene.say("confirms", by: "bob")
        let epoch = try scene.head.epoch
        let receipts = try scene.commit(by: "alice", adding: ["carol"])
        let number = receipts[0].sequenceNumber
        let root = scene["root"].client
        #expect(try scene.head.epoch == epoch.next)
        let log = scene.log
        #expect(
            try refusal { try scene.relay.administer(.voidCommit(log: log, sequenceNumber: 1, text: []), by: root) }
                == .commitNotProvisional)
        try scene.relay.administer(
            .voidCommit(log: log, sequenceNumber: number, text: Array("why".utf8)), by: root)
        #expect(try scene.head.epoch == epoch)
        let notices: [VoidNotice] = try scene.relay.notices(.commitVoided, in: .group(scene.groupID))
        #expect(notices.map(\.text) == [Array("why".utf8)])
        #expect(notices.map(\.deniedBy) == [[]])
        let nowhere = Administer.Action.voidCommit(log: LogNumber(rawValue: 999), sequenceNumber: 1, text: [])
        #expect(try refusal { try scene.relay.administer(nowhere, by: root) } == .groupUnknown)
    }

    @Test("an operator deletes any group, tracked or not", arguments: StateKind.allCases)
    func deleteGroup(_ kind: StateKind) throws {
        let scene = try GroupScene(kind, in: directory, framing: .publicMessage, rules: Self.rules)
        try scene.register("root", "alice", "bob")
        try scene.create(by: "alice", with: ["bob"])
        let relay = scene.relay
        let (root, alice) = (scene["root"].client, scene["alice"].client)
        let untracked = try relay.createGroup("untracked", by: alice)
        try relay.publish(.application("a", "untracked", 0), by: alice)
        for log in [scene.log, untracked] {
            try relay.administer(.deleteGroup(log), by: root)
            let last = try #require(relay.entries(of: log).last)
            #expect(last.header.kind == .groupDeleted)
            #expect(try DeletionNotice(decoding: last.payload).by == .relay)
            #expect(try refusal { try relay.administer(.deleteGroup(log), by: root) } == .groupDeleted)
        }
        #expect(try refusal { _ = try relay.publish(.application("b", "untracked", 0), by: alice) } != nil)
        #expect(try refusal { _ = try relay.createGroup("untracked", by: alice) } == .groupExists)
        for log in [LogNumber(rawValue: 999), try relay.log(.directory)] {
            #expect(try refusal { try relay.administer(.deleteGroup(log), by: root) } == .groupUnknown)
        }
    }

    private static var rules: RelayRules {
        var rules = RelayRules()
        rules.operators = [Array("root".utf8)]
        return rules
    }
}
