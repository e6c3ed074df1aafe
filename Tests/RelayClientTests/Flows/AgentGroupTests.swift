import RelayClient
import RelayServer
import RelayWire
import Testing

/// Seed 004: every command and message of SMP agent groups, as this library has them.
@Suite("Seed 004: agent groups", .timeLimit(.minutes(2)))
struct AgentGroupTests {
    /// As in the seed: all are equal.
    private static func equal(_ policy: inout GroupPolicySettings) {
        (policy.mayAdd, policy.mayRemove, policy.mayRename) = (.member, .member, .member)
    }

    @Test("S4-1: NEW makes a group, with an id of its own")
    func new() async throws {
        try await withCrowd { crowd in
            let alice = try await crowd.person("alice")
            let first = try await alice.client.createGroup(named: "")
            let second = try await alice.client.createGroup(named: "Zürich 🎶")
            #expect(first.id != second.id)
            #expect(try await second.state().name == "Zürich 🎶")
        }
    }

    @Test("S4-2, S4-3, S4-4, S4-5, N-10: INTRO, REQ, JOIN, CON, MEM: who is asked and accepts is added, and only then")
    func introduction() async throws {
        try await withCrowd { crowd in
            let people = try await crowd.people(["alice", "bob", "carol"])
            let (alice, bob, carol) = (people[0], people[1], people[2])
            let id = try await crowd.group([alice]) { $0.join = .invitation }
            try await alice.group(id).add(["bob", "carol"])
            let request = try await bob.nextInvitation(.waiting)
            #expect((request.inviter, request.invited, request.groupName) == ("alice", "bob", "Choir"))
            #expect(request.group == id)
            // Nobody is in the group who has not said yes.
            #expect(try await alice.groupState(id).users.map(\.name) == ["alice"])
            #expect(try await bob.client.groups().isEmpty)
            #expect(try await alice.client.invitations().map(\.invited).sorted() == ["bob", "carol"])

            try await bob.client.accept(request)
            _ = try await bob.joined(id)
            #expect(try await alice.sees("bob", joinIn: id).by?.user == "alice")
            try await carol.acceptNext()
            _ = try await carol.joined(id)
            for person in [alice, bob] { try await person.sees("carol", joinIn: id) }
            try await converge(people, in: id)
            for person in people {
                try await until("no invitation left") { try await person.client.invitations().isEmpty }
            }
        }
    }

    @Test("S4-3: RJCT, and an invitation works once")
    func rejection() async throws {
        try await withCrowd { crowd in
            let people = try await crowd.people(["alice", "bob"])
            let (alice, bob) = (people[0], people[1])
            let id = try await crowd.group([alice]) { $0.join = .invitation }
            try await alice.group(id).add(["bob"])
            let first = try await bob.nextInvitation(.waiting)
            try await bob.client.decline(first)
            _ = try await alice.nextInvitation(.declined)
            await #expect(throws: RelayClientError(.invitationUnknown, "")) { try await bob.client.accept(first) }
            #expect(try await bob.client.invitations().isEmpty)

            try await alice.group(id).add(["bob"])
            let second = try await bob.nextInvitation(.waiting)
            #expect(second.number != first.number)
            try await bob.client.accept(second)
            _ = try await bob.joined(id)
            try await bob.group(id).leave()
            try await alice.next("bob leaving", in: id) { kind in
                if case .left(let member) = kind, member.user == "bob" { true } else { nil }
            }
            await #expect(throws: RelayClientError(.invitationUnknown, "")) { try await bob.client.accept(second) }
        }
    }

    @Test("N-10: an invitation is taken back; one that is accepted is carried out after a restart of the inviter")
    func restart() async throws {
        try await withCrowd { crowd in
            let people = try await crowd.people(["alice", "bob", "carol"])
            let (alice, bob, carol) = (people[0], people[1], people[2])
            let id = try await crowd.group([alice]) { $0.join = .invitation }
            try await alice.group(id).add(["bob", "carol"])
            let request = try await carol.nextInvitation(.waiting)
            let sent = try await alice.client.invitations().first { $0.invited == "carol" }
            try await alice.client.cancel(try #require(sent))
            _ = try await carol.nextInvitation(.cancelled)
            await #expect(throws: RelayClientError(.invitationUnknown, "")) { try await carol.client.accept(request) }

            await alice.close()
            try await bob.acceptNext()
            try await alice.reopen()
            _ = try await bob.joined(id)
            try await converge([alice, bob], in: id)
        }
    }

    @Test("N-10: any device of the inviter adds who has accepted, and once")
    func otherDevice() async throws {
        try await withCrowd { crowd in
            let alice = try await crowd.person("alice")
            let laptop = try await crowd.device("laptop", of: alice)
            let bob = try await crowd.person("bob")
            let id = try await crowd.group([alice]) { $0.join = .invitation }
            _ = try await laptop.joined(id)
            try await alice.group(id).add(["bob"])
            // The one that has asked goes away.
            await alice.close()
            try await bob.acceptNext()
            _ = try await bob.joined(id)
            try await alice.reopen()
            try await converge([alice, laptop, bob], in: id)
            let joins = try await bob.history(id).filter { kind in
                if case .joined(let member, _) = kind { member.user == "bob" } else { false }
            }
            #expect(joins.count <= 1)
        }
    }

    @Test("S4-6, S4-7, S4-8: SEND, SENT, MSG, ACK, RCVD: delivered and acknowledged, each by one and then by all")
    func receipts() async throws {
        try await withCrowd { crowd in
            let people = try await crowd.people(["alice", "bob", "carol"])
            let (alice, carol) = (people[0], people[2])
            let id = try await crowd.group(people)
            await carol.close()
            let group = try await alice.group(id)
            let message = try await group.send("hello")
            #expect(try await group.accepted(message) > 0)
            try await people[1].message("hello", in: id)
            let first = try await alice.next("first receipt", in: id) { kind in
                if case .acknowledged(message, let by) = kind { Optional<Member?>.some(by) } else { nil }
            }
            #expect(first?.user == "bob")
            // Unacknowledged it waits.
            try await carol.reopen()
            try await carol.message("hello", in: id)
            try await alice.next("all have it", in: id) { $0 == .acknowledged(message, by: nil) ? true : nil }
            let kinds = try await alice.history(id)
            let toAll = try #require(kinds.firstIndex(of: .delivered(message, to: nil)))
            let byAll = try #require(kinds.firstIndex(of: .acknowledged(message, by: nil)))
            #expect(toAll < byAll)
            // Each is told once.
            let receipts = kinds.filter { kind in
                switch kind {
                case .delivered, .acknowledged: true
                default: false
                }
            }
            #expect(Set(receipts).count == receipts.count)
        }
    }

    @Test("S4-9, S4-10, S4-13: LEAVE, LEFT, EMPTY: who leaves is gone, and the last is told to be alone")
    func leaving() async throws {
        try await withCrowd { crowd in
            let people = try await crowd.people(["alice", "bob", "carol"])
            let (alice, bob, carol) = (people[0], people[1], people[2])
            let id = try await crowd.group(people, Self.equal)
            try await carol.group(id).leave()
            try await carol.next("the end", in: id) { $0 == .ended(.left) ? true : nil }
            for person in [alice, bob] {
                try await person.next("carol leaving", in: id) { kind in
                    if case .left(let member) = kind, member.user == "carol" { true } else { nil }
                }
            }
            await #expect(throws: RelayClientError(.notMember, "")) { try await carol.group(id).send("still here?") }
            try await converge([alice, bob], in: id)
            try await bob.group(id).leave()
            try await alice.next("being alone", in: id) { $0 == .empty ? true : nil }
            #expect(try await alice.groupState(id).users.map(\.name) == ["alice"])
        }
    }

    @Test("S4-11, S4-13: REM, OUT, REMD: a member removes another, and all are told who whom")
    func removal() async throws {
        try await withCrowd { crowd in
            let people = try await crowd.people(["alice", "bob", "carol"])
            let id = try await crowd.group(people, Self.equal)
            try await people[2].group(id).remove(["bob"])
            for person in people {
                let (whom, by) = try await person.sees("bob", removedFrom: id)
                #expect((whom.user, by?.user) == ("bob", "carol"))
            }
            try await people[1].next("the end", in: id) { $0 == .ended(.removed(by: "carol")) ? true : nil }
            await #expect(throws: RelayClientError(.notMember, "")) { try await people[1].group(id).rotateKeys() }
            try await converge([people[0], people[2]], in: id)
        }
    }

    @Test("S4-12, S4-13: DEL, DELD: a group is deleted for everybody")
    func deletion() async throws {
        try await withCrowd { crowd in
            let people = try await crowd.people(["alice", "bob", "carol"])
            let id = try await crowd.group(people)
            try await people[0].group(id).delete()
            for person in people {
                try await person.next("the end", in: id) { $0 == .ended(.deleted(by: "alice")) ? true : nil }
                #expect(try await person.groupState(id).isMember == false)
                await #expect(throws: RelayClientError.self) { try await person.group(id).send("anybody?") }
            }
        }
    }

    @Test("S4-14: G_CHECK: members who have seen the same find nothing, also where one is behind")
    func check() async throws {
        try await withCrowd { crowd in
            let people = try await crowd.people(["alice", "bob", "carol"])
            let id = try await crowd.group(people)
            await people[2].close()
            for text in ["one", "two"] {
                try await people[0].group(id).send(text)
                try await people[1].message(text, in: id)
            }
            for person in people.dropLast() { try await person.group(id).checkHeads() }
            try await people[2].reopen()
            for person in people { try await person.group(id).checkHeads() }
            try await people[2].message("two", in: id)
            for person in people { try await person.expectWarnings([], in: id) }
        }
    }

    @Test("S4-16: above a number of members an admin approves who is asked", arguments: [false, true])
    func approval(isDirect: Bool) async throws {
        try await withCrowd { crowd in
            let people = try await crowd.people(["alice", "bob", "carol", "dave"])
            let (alice, bob, carol, dave) = (people[0], people[1], people[2], people[3])
            let id = try await crowd.group([alice, bob]) { policy in
                policy.join = .direct
                policy.approvalAbove = 2
            }
            var policy = try await alice.groupState(id).policy
            policy.join = isDirect ? .direct : .invitation
            policy.mayRename = .member
            try await alice.group(id).setPolicy(policy)
            try await until("the policy") { try await bob.groupState(id).policy.mayRename == .member }
            try await bob.group(id).add(["carol", "dave"])
            var asked: Set<String> = []
            for _ in 0..<2 {
                let invitation = try await alice.nextInvitation(.waitingForApproval)
                #expect(invitation.inviter == "bob")
                asked.insert(invitation.invited)
                try await alice.client.approve(invitation, invitation.invited == "carol")
            }
            #expect(asked == ["carol", "dave"])
            try await carol.acceptNext()
            _ = try await carol.joined(id)
            try await converge([alice, bob, carol], in: id)
            _ = try await bob.nextInvitation(.cancelled)
            #expect(try await dave.client.invitations().isEmpty)
        }
    }

    @Test("S4-17: a message is as long as it needs to be, and one that is too long is refused")
    func large() async throws {
        try await withCrowd { crowd in
            let people = try await crowd.people(["alice", "bob"])
            let id = try await crowd.group(people)
            let body = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            try await people[0].group(id).send(body, contentType: "application/octet-stream")
            let received = try await people[1].next("long message", in: id) { kind in
                if case .message(let message) = kind { message } else { nil }
            }
            #expect(received.body == body)
            let tooLong = [UInt8](repeating: 0, count: 8 << 20)
            await #expect(throws: RelayClientError(.messageTooLarge, "")) {
                try await people[0].group(id).send(tooLong, contentType: "application/octet-stream")
            }
        }
    }

    @Test("S4-18: roles are changed, and count")
    func roles() async throws {
        try await withCrowd { crowd in
            let people = try await crowd.people(["alice", "bob", "carol"])
            let (alice, bob) = (people[0], people[1])
            let id = try await crowd.group(people)
            await #expect(throws: RelayClientError(.notAllowed, "")) { try await bob.group(id).remove(["carol"]) }
            try await alice.group(id).setRole(.admin, of: "bob")
            for person in people {
                try await person.next("bob's role", in: id) { kind in
                    kind == .roleChanged(user: "bob", .admin, by: "alice") ? true : nil
                }
            }
            try await bob.group(id).remove(["carol"])
            try await alice.sees("carol", removedFrom: id)
            try await converge([alice, bob], in: id)
        }
    }

    @Test("open groups are found and joined without asking")
    func open() async throws {
        try await withCrowd { crowd in
            let people = try await crowd.people(["alice", "bob"])
            let id = try await crowd.group([people[0]], named: "Everybody") { $0.join = .open }
            _ = try await crowd.group([people[0]], named: "Nobody")
            let found = try await people[1].client.openGroups(matching: "body")
            #expect(found.map(\.id) == [id])
            #expect(found.map(\.userCount) == [1])
            #expect(try await people[1].client.openGroups(matching: "choir").isEmpty)
            _ = try await people[1].client.join(id)
            #expect(try await people[0].sees("bob", joinIn: id).by == nil)
            try await converge(people, in: id)
            try await people[1].group(id).send("hello")
            try await people[0].message("hello", in: id)
        }
    }
}
