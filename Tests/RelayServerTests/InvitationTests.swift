import MLSCodec
import MLSCrypto
import MLSTestSupport
import RelayTransport
import RelayWire
import TLSPresentation
import TestSupport
import Testing

@Suite("Invitations over the wire", .timeLimit(.minutes(2)))
struct InvitationTests {
    private static let groupID = Array("invited".utf8)
    private static let suite = CipherSuite(rawValue: 1)

    /// Reads a client's inbox up to its first notices of some kinds, in their order.
    private func inbox(_ relay: RunningRelay, of client: GroupClient, _ kinds: [EntryKind]) throws -> [Entry] {
        let reader = try relay.connect(.ws)
        try reader.logIn(client.name, key: client.key)
        let inbox = Subscription(log: LogName(kind: .inbox, name: []), after: .zero)
        try reader.send(Subscribe(subscriptions: [inbox]))
        var found: [Entry] = []
        while found.count < kinds.count {
            guard case .entry(let frame) = try reader.expect().1 else { continue }
            if frame.entry.header.kind == kinds[found.count] { found.append(frame.entry) }
        }
        return found
    }

    @Test("N-10, S4-2, S4-3, S4-4: invited, asked, accepted, and only then added", arguments: [2, 1])
    func consent(loops: Int) async throws {
        try await withRelay(loops: loops) { relay in
            let alice = try GroupClient("alice", on: relay)
            let bob = try GroupClient("bob", on: relay)
            let log = try alice.create(Self.groupID) { $0.join = .invitation }
            let packages = try (0..<2).map { _ in try TestClient("bob", key: bob.key).publishableKeyPackage() }
            guard case .published = try bob.request(Publish(messages: packages)) else {
                throw FakeServer.Failure(description: "not published")
            }
            let invite = Invite(
                log: log, name: Array("bob".utf8), cipherSuite: Self.suite, info: [1, 2], lifetimeMilliseconds: 0)
            guard case .invited(let invited) = try alice.request(invite) else {
                throw FakeServer.Failure(description: "not invited")
            }
            #expect(invited.state == .waiting)
            #expect(invited.clients == 1)
            let notice = try InvitationNotice(decoding: try inbox(relay, of: bob, [.invitation])[0].payload)
            #expect(notice.invitation == invited.invitation)
            #expect(notice.groupID == Self.groupID)
            #expect(notice.info == [1, 2])

            // The first KeyPackage waits: others get the second.
            let carol = try GroupClient("carol", on: relay)
            let fetch = FetchKeyPackages(
                requests: [KeyPackageRequest(name: Array("bob".utf8), cipherSuite: Self.suite)])
            guard case .keyPackages(let fetched) = try carol.request(fetch) else {
                throw FakeServer.Failure(description: "no KeyPackages")
            }
            #expect(fetched.results.map(\.message) == [packages[1]])
            #expect(try bob.request(CountKeyPackages()) == .keyPackageCounts(KeyPackageCounts(counts: [])))

            let take = TakeInvited(invitation: invited.invitation)
            let accept = AnswerInvitation(invitation: invited.invitation, answer: .accept)
            #expect(try alice.refusal(take) == .invitationUnknown)
            #expect(try carol.refusal(accept) == .invitationUnknown)
            #expect(try alice.refusal(self.commit(adding: bob, packages[0])) == .invitationRequired)
            try bob.expectDone(accept)
            let answer = try InvitationAnswerNotice(
                decoding: try inbox(relay, of: alice, [.invitationAnswer])[0].payload)
            #expect(answer.state == .accepted)
            #expect(answer.name == Array("bob".utf8))
            let taken = KeyPackages(results: [KeyPackageResult(error: .none, client: bob.number, message: packages[0])])
            for _ in 0..<2 { #expect(try alice.request(take) == .keyPackages(taken)) }
            guard case .published = try alice.request(self.commit(adding: bob, packages[0])) else {
                throw FakeServer.Failure(description: "not added")
            }
            let entries = try inbox(relay, of: bob, [.invitation, .poolLow, .invitationAnswer, .message])
            #expect(try MLSMessage(decoding: entries[3].payload).wireFormat == .mlsWelcome)
            #expect(try alice.refusal(take) == .invitationUnknown)
        }
    }

    /// A commit of epoch 1 with all that belongs to it.
    private func commit(adding client: GroupClient, _ keyPackage: [UInt8]) throws -> PublishCommit {
        let secrets = EncryptedGroupSecrets(
            newMember: try TestClient.reference(of: keyPackage),
            encryptedGroupSecrets: HPKECiphertext(kemOutput: [1], ciphertext: [2]))
        let welcome = MLSMessage.welcome(
            Welcome(cipherSuite: Self.suite, secrets: [secrets], encryptedGroupInfo: [3]))
        return PublishCommit(
            messages: [
                privateMessage(Self.groupID, epoch: 1, contentType: 3, number: 7), welcome.encoded,
                GroupClient.groupInfo(Self.groupID, epoch: 2),
            ], added: [client.number], removed: [])
    }

    @Test("an Invite with too long an info is no frame, and unknown invitations and groups are refused")
    func edges() async throws {
        try await withRelay { relay in
            let alice = try GroupClient("alice", on: relay)
            let log = try alice.create(Self.groupID)
            func invite(_ byteCount: Int, log: LogNumber) -> Invite {
                Invite(
                    log: log, name: Array("nobody".utf8), cipherSuite: Self.suite,
                    info: Array(repeating: 0, count: byteCount), lifetimeMilliseconds: 0)
            }
            #expect(try alice.refusal(invite(1024, log: log)) == .userUnknown)
            let unknown = LogNumber(rawValue: 999)
            #expect(try alice.refusal(invite(1024, log: unknown)) == alice.refusal(DeleteGroup(log: unknown)))
            #expect(
                try alice.refusal(TakeInvited(invitation: InvitationNumber(rawValue: 1))) == .invitationUnknown)
            try alice.client.send(invite(1025, log: log))
            #expect(try alice.client.expectEnd() == .malformedFrame)
        }
    }
}
