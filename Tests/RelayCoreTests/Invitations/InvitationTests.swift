import MLS
import MLSCodec
import MLSTestSupport
import RelayCore
import RelayStore
import RelayTestSupport
import RelayWire
import TLSPresentation
import TestSupport
import Testing

/// Who is asked before it is added.
@Suite("Invitations", .serialized)
struct InvitationTests {
    static let settings = TrackedGroupTests.settings
    let directory: TemporaryDirectory
    init() throws { directory = try TemporaryDirectory(inMemory: true) }

    /// alice is the group's admin, bob a member; carol and dave are not in it.
    private func invitations(
        _ setting: TrackedGroupTests.Setting, join: JoinRule = .invitation, with names: [String] = ["bob"],
        limits: CoreLimits = CoreLimits(), _ change: (inout GroupPolicy) -> Void = { _ in }
    ) throws -> InvitationScene {
        let scene = try GroupScene(setting.kind, in: directory, framing: setting.framing, limits: limits)
        try scene.register("alice", "bob", "carol", "dave")
        try scene.create(by: "alice", with: names, policy: GroupScene.policy(setting.framing, join: .direct, change))
        let group = try scene.describe(for: "alice")
        var policy = group.policy
        policy.join = join
        _ = try scene.perform(
            .update(UpdateGroup(log: scene.log, name: group.name, alias: group.alias, policy: policy)), by: "alice")
        return InvitationScene(scene: scene)
    }

    @Test(
        "N-10, S4-2, S4-3: a user is asked, accepts and is added after that; its KeyPackage waits meanwhile",
        arguments: settings)
    func consent(setting: TrackedGroupTests.Setting) throws {
        let invitations = try invitations(setting)
        let (scene, relay) = (invitations.scene, invitations.relay)
        #expect(try refusal { try scene.commit(by: "bob", adding: ["carol"]) } == .invitationRequired)
        try scene.publishKeyPackage(of: "carol")
        #expect(try invitations.pool(of: "carol") == [1, 2])

        let invited = try invitations.invite("carol", by: "bob", info: "come", lifetime: 1000)
        #expect(invited.state == .waiting)
        #expect(invited.clients == 1)
        #expect(invited.expires == Timestamp(rawValue: relay.now.rawValue + 1000))
        #expect(
            try invitations.invitations(of: "carol") == [
                InvitationNotice(
                    invitation: invited.invitation, log: scene.log, groupID: scene.groupID,
                    groupName: Array("Group".utf8),
                    inviter: Array("bob".utf8), info: Array("come".utf8), expires: invited.expires)
            ])
        #expect(try invitations.pool(of: "carol") == [2])
        #expect(try refusal { try scene.commit(by: "bob", adding: ["carol"]) } == .invitationRequired)
        #expect(try refusal { _ = try invitations.take(invited, by: "bob") } == .invitationUnknown)
        #expect(try invitations.findings() == [])

        try invitations.answer(invited, .accept, by: "carol")
        // An answer that was lost is given again, and tells nobody again.
        try invitations.answer(invited, .accept, by: "carol")
        let accepted = InvitationAnswerNotice(
            invitation: invited.invitation, log: scene.log, name: Array("carol".utf8), state: .accepted)
        #expect(try invitations.answers(of: "bob") == [accepted])
        #expect(try invitations.answers(of: "carol") == [accepted])
        try relay.reopen()
        let taken = try invitations.take(invited, by: "bob")
        #expect(taken.map(\.client) == [scene["carol"].client])
        #expect(try invitations.take(invited, by: "bob") == taken)
        #expect(try invitations.take(invited, by: "alice") == taken)
        let handedOut = try relay.notices(
            .keyPackageHandedOut, KeyPackageNotice.self, in: .keyPackages(of: scene["carol"].client))
        #expect(handedOut == [KeyPackageNotice(sequenceNumber: 1, recipient: scene["bob"].client)])

        try invitations.use(taken, of: "carol")
        try scene.commit(by: "bob", adding: ["carol"])
        #expect(try scene.members == ["alice", "bob", "carol"])
        #expect(try invitations.answers(of: "bob").map(\.state) == [.accepted, .completed])
        // It works once.
        #expect(try refusal { try invitations.answer(invited, .accept, by: "carol") } == .invitationUnknown)
        #expect(try refusal { _ = try invitations.take(invited, by: "bob") } == .invitationUnknown)
        try scene.commit(by: "alice", removing: ["carol"])
        #expect(try refusal { try scene.commit(by: "alice", adding: ["carol"]) } == .invitationRequired)
        #expect(try invitations.pool(of: "carol") == [2])
        #expect(try invitations.findings() == [])
        #expect(try relay.state.brokenInvariants == [])
    }

    @Test("who may not invite, or cannot be invited, is refused, and nothing changes", arguments: settings)
    func refused(setting: TrackedGroupTests.Setting) throws {
        let invitations = try invitations(setting) { $0.mayAdd = .admin }
        let (scene, relay) = (invitations.scene, invitations.relay)
        func code(_ name: String, by inviter: String, suite: CipherSuite = InvitationScene.suite) throws -> ErrorCode? {
            try refusal { try invitations.invite(name, by: inviter, suite: suite) }
        }
        #expect(try code("carol", by: "bob") == .roleInsufficient)
        #expect(
            try code("carol", by: "dave")
                == refusal { _ = try scene.perform(.delete(DeleteGroup(log: scene.log)), by: "dave") })
        #expect(try code("nobody", by: "alice") == .userUnknown)
        #expect(try code("bob", by: "alice") == .notPermitted)
        #expect(try code("carol", by: "alice", suite: CipherSuite(rawValue: 7)) == .keyPackageUnavailable)
        _ = try scene.perform(.ban(Ban(log: scene.log, name: Array("dave".utf8), isBanned: true)), by: "alice")
        #expect(try code("dave", by: "alice") == .userBanned)
        let carol = try #require(try relay.state.user(named: Array("carol".utf8)))
        var record = try relay.state.existing(Tables.users, carol)
        record.visibility = .hidden
        try relay.set(Tables.users, carol, record)
        #expect(try code("carol", by: "alice") == .userUnknown)
        record.visibility = .unlisted
        try relay.set(Tables.users, carol, record)
        let invited = try invitations.invite("carol", by: "alice")
        // Whoever asks again lost the answer.
        #expect(try invitations.invite("carol", by: "alice") == invited)
        #expect(try invitations.invitations(of: "carol").count == 1)

        // Who knows nothing of an invitation is told that there is none.
        for answer in InvitationAnswerType.allCases {
            #expect(try refusal { try invitations.answer(invited, answer, by: "dave") } == .invitationUnknown)
        }
        var unknown = invited
        unknown.invitation = InvitationNumber(rawValue: 99)
        #expect(try refusal { try invitations.answer(unknown, .accept, by: "carol") } == .invitationUnknown)
        #expect(try refusal { _ = try invitations.take(unknown, by: "alice") } == .invitationUnknown)
        #expect(try refusal { try invitations.answer(invited, .accept, by: "alice") } == .invitationUnknown)
        #expect(try refusal { try invitations.answer(invited, .cancel, by: "bob") } == .roleInsufficient)
        #expect(try refusal { try invitations.answer(invited, .cancel, by: "carol") } == .invitationUnknown)
        try invitations.answer(invited, .accept, by: "carol")
        #expect(try refusal { _ = try invitations.take(invited, by: "bob") } == .roleInsufficient)
        #expect(try refusal { _ = try invitations.take(invited, by: "carol") } == .notMember)
        #expect(try refusal { _ = try invitations.take(invited, by: "dave") } == .invitationUnknown)
    }

    @Test(
        "N-9: KeyPackages come back in front and in order when an invitation is declined, cancelled or expires; all are told",
        arguments: settings)
    func returned(setting: TrackedGroupTests.Setting) throws {
        let invitations = try invitations(setting)
        let (scene, relay) = (invitations.scene, invitations.relay)
        for _ in 0..<3 { try scene.publishKeyPackage(of: "carol") }
        for (answer, name, state) in [
            (InvitationAnswerType.decline, "carol", InvitationState.declined), (.cancel, "bob", .cancelled),
            (.cancel, "alice", .cancelled),
        ] {
            let invited = try invitations.invite("carol", by: "bob")
            #expect(try invitations.pool(of: "carol") == [2, 3, 4])
            if answer == .decline { try invitations.answer(invited, .accept, by: "carol") }
            try invitations.answer(invited, answer, by: name)
            try invitations.answer(invited, answer, by: name)
            #expect(try invitations.record(invited).state == state)
            #expect(try invitations.pool(of: "carol") == [1, 2, 3, 4])
            #expect(try invitations.answers(of: "bob").last?.state == state)
            #expect(try invitations.answers(of: "carol").last?.state == state)
            #expect(try refusal { try invitations.answer(invited, .accept, by: "carol") } == .invitationUnknown)
            #expect(try invitations.findings() == [])
        }
        let invited = try invitations.invite("carol", by: "bob", lifetime: 5000)
        try relay.passTime(to: Timestamp(rawValue: invited.expires.rawValue - 1))
        #expect(try invitations.record(invited).state == .waiting)
        try relay.passTime(to: invited.expires)
        #expect(try invitations.record(invited).state == .expired)
        #expect(try invitations.answers(of: "bob").map(\.state).suffix(1) == [.expired])
        #expect(try invitations.pool(of: "carol") == [1, 2, 3, 4])
        // Nothing is left of them but how they ended.
        let state = try relay.state
        let tables = [RecordTable.userInvitations, .groupInvitations, .inviterInvitations, .reservations]
        #expect(tables.allSatisfy { state.records[$0] == nil })
        let kinds = try relay.entries(of: relay.log(.keyPackages(of: scene["carol"].client))).map(\.header.kind)
        #expect(kinds.filter { $0 == .keyPackageReserved }.count == 4)
        #expect(kinds.filter { $0 == .keyPackageReturned }.count == 4)
        #expect(try invitations.findings() == [])
    }

    @Test(
        "N-9: a KeyPackage whose lifetime was over while it waited neither comes back nor is handed out",
        arguments: settings
    )
    func expiredMeanwhile(setting: TrackedGroupTests.Setting) throws {
        let invitations = try invitations(setting)
        let (scene, relay) = (invitations.scene, invitations.relay)
        let suite = CipherSuite(rawValue: 1)
        let (carol, dave) = (scene["carol"].client, scene["dave"].client)
        let soon = relay.now.rawValue / 1000 + 100
        for client in [carol, dave] {
            try relay.publish(.keyPackage("\(client)", notAfter: soon), .keyPackage("later \(client)"), by: client)
        }
        let declined = try invitations.invite("carol", by: "bob", suite: suite)
        let accepted = try invitations.invite("dave", by: "bob", suite: suite)
        try invitations.answer(accepted, .accept, by: "dave")
        relay.now = Timestamp(seconds: soon)
        #expect(try refusal { _ = try invitations.take(accepted, by: "bob") } == .keyPackageUnavailable)
        try invitations.answer(declined, .decline, by: "carol")
        try invitations.answer(accepted, .cancel, by: "alice")
        for (name, client) in [("carol", carol), ("dave", dave)] {
            #expect(try invitations.pool(of: name, suite: suite) == [3])
            let expired = try relay.notices(
                .keyPackageExpired, KeyPackageExpiryNotice.self, in: .keyPackages(of: client))
            #expect(expired.map(\.sequenceNumber) == [2])
        }
        #expect(try invitations.findings() == [])
    }

    @Test(
        "S4-16: members add without asking up to N users; above, an admin approves, and only then the user is asked",
        arguments: settings)
    func approval(setting: TrackedGroupTests.Setting) throws {
        let invitations = try invitations(setting) { $0.approvalAbove = 2 }
        let scene = invitations.scene
        let invited = try invitations.invite("carol", by: "bob", info: "carol wants to join")
        #expect(invited.state == .waitingForApproval)
        // The user knows nothing yet, the admins know for whom it is.
        #expect(try invitations.invitations(of: "carol").isEmpty)
        #expect(try invitations.invitations(of: "alice").map(\.inviter) == [Array("bob".utf8)])
        #expect(try invitations.answers(of: "alice").map(\.name) == [Array("carol".utf8)])
        #expect(try refusal { try invitations.answer(invited, .accept, by: "carol") } == .invitationUnknown)
        #expect(throws: RelayError.self) { try scene.describe(for: "carol") }
        #expect(try refusal { try invitations.answer(invited, .approve, by: "bob") } == .roleInsufficient)
        #expect(try refusal { try invitations.answer(invited, .approve, by: "carol") } == .invitationUnknown)
        try invitations.answer(invited, .approve, by: "alice")
        try invitations.answer(invited, .approve, by: "alice")
        #expect(try invitations.invitations(of: "carol").map(\.invitation) == [invited.invitation])
        #expect(try invitations.answers(of: "bob").map(\.state) == [.waiting])
        _ = try scene.describe(for: "carol")
        try invitations.answer(invited, .accept, by: "carol")
        try invitations.use(try invitations.take(invited, by: "bob"), of: "carol")
        try scene.commit(by: "bob", adding: ["carol"])

        let refused = try invitations.invite("dave", by: "bob")
        #expect(refused.state == .waitingForApproval)
        #expect(try invitations.pool(of: "dave") == [])
        try invitations.answer(refused, .refuse, by: "alice")
        #expect(try invitations.record(refused).state == .cancelled)
        #expect(try invitations.pool(of: "dave") == [1])
        #expect(try invitations.answers(of: "bob").last?.state == .cancelled)
        #expect(try invitations.answers(of: "dave").isEmpty)
        // An admin's own need nobody's approval.
        #expect(try invitations.invite("dave", by: "alice").state == .waiting)
        #expect(try invitations.findings() == [])
    }

    @Test("S4-16: in a group that came above N meanwhile an admin approves what is accepted", arguments: settings)
    func lateApproval(setting: TrackedGroupTests.Setting) throws {
        let invitations = try invitations(setting) { $0.approvalAbove = 3 }
        let scene = invitations.scene
        let carols = try invitations.invite("carol", by: "bob")
        let daves = try invitations.invite("dave", by: "bob")
        #expect([carols.state, daves.state] == [.waiting, .waiting])
        try invitations.answer(carols, .accept, by: "carol")
        try invitations.answer(daves, .accept, by: "dave")
        try invitations.use(try invitations.take(carols, by: "bob"), of: "carol")
        try scene.commit(by: "bob", adding: ["carol"])
        #expect(try refusal { _ = try invitations.take(daves, by: "bob") } == .approvalRequired)
        #expect(try refusal { try scene.commit(by: "bob", adding: ["dave"]) } == .approvalRequired)
        try invitations.answer(daves, .approve, by: "alice")
        #expect(try invitations.record(daves).state == .accepted)
        try invitations.use(try invitations.take(daves, by: "bob"), of: "dave")
        try scene.commit(by: "bob", adding: ["dave"])
        #expect(try scene.members == ["alice", "bob", "carol", "dave"])
    }

    @Test(
        "N-10: when the commit that adds is void the invitation is accepted as before, and has KeyPackages that nobody used",
        arguments: settings)
    func voided(setting: TrackedGroupTests.Setting) throws {
        let invitations = try invitations(setting)
        let (scene, relay) = (invitations.scene, invitations.relay)
        try scene.publishKeyPackage(of: "carol")
        let invited = try invitations.invite("carol", by: "bob")
        try invitations.answer(invited, .accept, by: "carol")
        let first = try invitations.take(invited, by: "bob")
        try invitations.use(first, of: "carol")
        let messages = try scene.commitMessages(by: "bob", adding: ["carol"])
        let receipt = try scene.publish(messages, by: "bob", adding: ["carol"]).receipts[0]
        scene["bob"].member?.group.discardPendingCommit()
        #expect(try invitations.record(invited).state == .completed)
        let deny = DenyCommit(log: scene.log, sequenceNumber: receipt.sequenceNumber, text: [])
        _ = try scene.perform(.deny(deny), by: "alice")
        #expect(try invitations.record(invited).state == .accepted)
        #expect(try invitations.answers(of: "bob").map(\.state) == [.accepted, .completed, .accepted])
        let second = try invitations.take(invited, by: "bob")
        #expect(second.count == 1 && second != first)
        #expect(try invitations.pool(of: "carol") == [])
        try invitations.use(second, of: "carol")
        try scene.commit(by: "bob", adding: ["carol"])
        #expect(try invitations.record(invited).state == .completed)
        try relay.passTime(to: invited.expires)
        #expect(try invitations.record(invited).state == .completed)
        #expect(try invitations.findings() == [])
    }

    @Test(
        "a voided addition after the invitation's time, or of somebody banned since, ends the invitation",
        arguments: settings)
    func voidedLate(setting: TrackedGroupTests.Setting) throws {
        let invitations = try invitations(setting)
        let (scene, relay) = (invitations.scene, invitations.relay)
        let carols = try invitations.invite("carol", by: "bob", lifetime: 1000)
        try invitations.answer(carols, .accept, by: "carol")
        let messages = try scene.commitMessages(by: "bob", adding: ["carol"])
        let receipt = try scene.publish(messages, by: "bob", adding: ["carol"]).receipts[0]
        scene["bob"].member?.group.discardPendingCommit()
        // It was added with a KeyPackage that came from elsewhere: what was kept is free.
        #expect(try invitations.pool(of: "carol") == [1])
        try relay.passTime(to: carols.expires)
        let deny = DenyCommit(log: scene.log, sequenceNumber: receipt.sequenceNumber, text: [])
        _ = try scene.perform(.deny(deny), by: "alice")
        #expect(try invitations.record(carols).state == .expired)
        #expect(try invitations.pool(of: "carol") == [1])
        #expect(try invitations.findings() == [])
    }

    @Test("a ban and the end of the group end invitations", arguments: settings)
    func bannedAndDeleted(setting: TrackedGroupTests.Setting) throws {
        let invitations = try invitations(setting)
        let scene = invitations.scene
        let carols = try invitations.invite("carol", by: "bob")
        let daves = try invitations.invite("dave", by: "bob")
        _ = try scene.perform(.ban(Ban(log: scene.log, name: Array("carol".utf8), isBanned: true)), by: "alice")
        #expect(try invitations.record(carols).state == .cancelled)
        #expect(try invitations.pool(of: "carol") == [1])
        _ = try scene.perform(.delete(DeleteGroup(log: scene.log)), by: "alice")
        #expect(try invitations.record(daves).state == .cancelled)
        #expect(try invitations.pool(of: "dave") == [1])
        #expect(try refusal { try invitations.answer(daves, .accept, by: "dave") } == .invitationUnknown)
        #expect(try invitations.findings() == [])
    }

    @Test(
        "of each client of the invited user one KeyPackage waits, the last resort only where there is no other",
        arguments:
            settings)
    func clients(setting: TrackedGroupTests.Setting) throws {
        let invitations = try invitations(setting)
        let (scene, relay) = (invitations.scene, invitations.relay)
        let suite = CipherSuite(rawValue: 1)
        let carol = scene["carol"].client
        let phone = try relay.register("carol's phone")
        let watch = try relay.register("carol's watch")
        for client in [phone, watch] { try relay.move(client, to: "carol") }
        let once = TestMessage.keyPackage("once")
        let last = TestMessage.keyPackage("last", isLastResort: true)
        try relay.publish(.keyPackage("carol's last", isLastResort: true), once, by: carol)
        try relay.publish(last, by: phone)
        let invited = try invitations.invite("carol", by: "bob", suite: suite)
        #expect(invited.clients == 2)
        for client in [carol, phone, watch] {
            #expect(try relay.notices(.invitation, InvitationNotice.self, in: .inbox(of: client)).count == 1)
        }
        // The last resort stays, and is not used yet.
        #expect(try relay.notices(.lastResortUsed, LastResortNotice.self, in: .inbox(of: phone)).isEmpty)
        #expect(try relay.notices(.poolLow, LowPoolNotice.self, in: .inbox(of: carol)).map(\.count) == [0])
        #expect(try relay.state.pool(of: phone, suite, isLastResort: true, atMost: .max).count == 1)
        // Any client answers, and the others hear of it.
        let accept = AnswerInvitation(invitation: invited.invitation, answer: .accept)
        _ = try relay.perform(.other(.invitation(.answer(accept))), by: phone)
        #expect(try relay.notices(.invitationAnswer, InvitationAnswerNotice.self, in: .inbox(of: watch)).count == 1)
        let taken = try invitations.take(invited, by: "bob")
        #expect(taken.map(\.client) == [carol, phone])
        #expect(taken.map(\.message) == [once.bytes, last.bytes])
        let uses = try relay.notices(.lastResortUsed, LastResortNotice.self, in: .inbox(of: phone))
        #expect(uses.map(\.recipient) == [scene["bob"].client])
        #expect(try relay.notices(.lastResortUsed, LastResortNotice.self, in: .inbox(of: carol)).isEmpty)
        // What was taken is spent.
        try invitations.answer(invited, .cancel, by: "bob")
        #expect(try relay.state.pool(of: carol, suite, isLastResort: false, atMost: .max).isEmpty)
    }

    @Test("what a client takes back is not kept for its user's invitations any more", arguments: settings)
    func withdrawn(setting: TrackedGroupTests.Setting) throws {
        let invitations = try invitations(setting)
        let invited = try invitations.invite("carol", by: "bob")
        try invitations.relay.withdrawKeyPackages(of: invitations.scene["carol"].client)
        #expect(try invitations.record(invited).reserved.isEmpty)
        try invitations.answer(invited, .accept, by: "carol")
        #expect(try refusal { _ = try invitations.take(invited, by: "bob") } == .keyPackageUnavailable)
        try invitations.answer(invited, .decline, by: "carol")
        #expect(try invitations.pool(of: "carol") == [])
        #expect(try invitations.findings() == [])
    }

    @Test(
        "invitations to a group, of a user and of one user are limited, and so is their time: as many, not one more",
        arguments: settings)
    func limits(setting: TrackedGroupTests.Setting) throws {
        var limits = CoreLimits()
        limits.maxInvitationsPerGroup = 3
        limits.maxInvitationsPerUser = 2
        limits.keyPackageFetchesPerUser = 2
        limits.invitationLifetimeMilliseconds = 5000
        limits.maxInvitationLifetimeMilliseconds = 10_000
        let invitations = try invitations(setting, limits: limits)
        let (scene, relay) = (invitations.scene, invitations.relay)
        try scene.register("erin", "frank")
        func limit(_ name: String, by inviter: String) throws -> String? {
            do {
                try invitations.invite(name, by: inviter)
                return nil
            } catch let error as RelayError {
                #expect([.quotaExceeded, .rateLimited].contains(error.code))
                return String(decoding: try RetryDetail(decoding: error.detail).limit, as: UTF8.self)
            }
        }
        let carols = try invitations.invite("carol", by: "bob")
        #expect(carols.expires.rawValue == relay.now.rawValue + 5000)
        let daves = try invitations.invite("dave", by: "bob", lifetime: .max)
        #expect(daves.expires.rawValue == relay.now.rawValue + 10_000)
        #expect(try limit("erin", by: "bob") == "max-invitations-per-user")
        #expect(try limit("erin", by: "alice") == nil)
        #expect(try limit("frank", by: "alice") == "max-invitations-per-group")
        try invitations.answer(daves, .decline, by: "dave")
        #expect(try limit("dave", by: "bob") == nil)
        try invitations.answer(carols, .decline, by: "carol")
        try invitations.invite("carol", by: "bob")
        let open = try #require(
            try relay.state.invitation(of: relay.state.user(of: scene["carol"].client), to: scene.log))
        _ = try relay.perform(
            .other(.invitation(.answer(AnswerInvitation(invitation: open.number, answer: .decline)))),
            by: scene["carol"].client)
        #expect(try limit("carol", by: "bob") == "key-package-fetches-per-user")
    }

    @Test("what a store lacks of a reservation, or has too much, is found (N-13)")
    func damage() throws {
        let invitations = try invitations(TrackedGroupTests.Setting(kind: .store, framing: .privateMessage))
        let (scene, relay) = (invitations.scene, invitations.relay)
        try scene.publishKeyPackage(of: "carol")
        let invited = try invitations.invite("carol", by: "bob")
        let declined = try invitations.invite("dave", by: "bob")
        try invitations.answer(declined, .decline, by: "dave")
        #expect(try invitations.findings() == [])
        let (carol, dave) = (scene["carol"].client, scene["dave"].client)
        let key = PairKey(carol, SequenceNumber(rawValue: 1))
        let record = try relay.state.existing(Tables.reservations, key)
        func findings() throws -> [String] {
            try invitations.findings().map { "\($0.problem) \($0.table) \($0.sequenceNumber?.rawValue ?? 0)" }
        }
        try relay.set(Tables.reservations, key, nil)
        #expect(try findings() == ["missing reservations 1"])
        var other = record
        other.invitation = declined.invitation
        try relay.set(Tables.reservations, key, other)
        #expect(try findings() == ["stray reservations 1"])
        other = record
        other.keyPackage.notAfter = Timestamp(rawValue: 7)
        try relay.set(Tables.reservations, key, other)
        #expect(try findings() == ["stray reservations 1"])
        try relay.set(Tables.reservations, key, record)
        let davesKey = PairKey(dave, SequenceNumber(rawValue: 1))
        try relay.set(Tables.reservations, davesKey, record)
        #expect(try findings() == ["stray reservations 1"])
        try relay.set(Tables.reservations, davesKey, nil)
        var open = try relay.state.existing(Tables.invitations, invited.invitation)
        open.state = .expired
        try relay.set(Tables.invitations, invited.invitation, open)
        #expect(try findings() == ["stray reservations 1"])
    }

    @Test(
        "who was suspended while it was invited is not added, and its KeyPackages are not handed out",
        arguments: settings)
    func suspended(setting: TrackedGroupTests.Setting) throws {
        let invitations = try invitations(setting)
        let relay = invitations.relay
        let invited = try invitations.invite("carol", by: "bob")
        try invitations.answer(invited, .accept, by: "carol")
        let carol = try relay.state.user(of: invitations.scene["carol"].client)
        var record = try relay.state.existing(Tables.users, carol)
        record.isSuspended = true
        try relay.set(Tables.users, carol, record)
        #expect(try refusal { _ = try invitations.take(invited, by: "bob") } == .keyPackageUnavailable)
        #expect(try refusal { try invitations.invite("carol", by: "alice") } == .userUnknown)
        record.isSuspended = false
        try relay.set(Tables.users, carol, record)
        #expect(try invitations.take(invited, by: "bob").map(\.error) == [.none])
    }
}
