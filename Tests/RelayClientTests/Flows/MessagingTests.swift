import RelayClient
import RelayWire
import Synchronization
import Testing

/// Seed 002: create, send, receive, resolve.
@Suite("Seed 002: groups and messages", .timeLimit(.minutes(2)))
struct MessagingTests {
    @Test("S2-1, S2-2, S2-3, S2-5: a group is created, with its creator as admin, and is there after a restart")
    func creation() async throws {
        try await withCrowd { crowd in
            let alice = try await crowd.person("alice")
            let group = try await alice.client.createGroup(named: "Choir", alias: "sings")
            let state = try await group.state()
            #expect((state.name, state.alias) == ("Choir", "sings"))
            #expect(state.isMember == true)
            #expect(state.users.map(\.name) == ["alice"])
            #expect(state.users.map(\.role) == [.admin])
            #expect(state.users.flatMap(\.devices).map(\.isThisDevice) == [true])
            try await alice.reopen()
            #expect(try await alice.client.groups().map(\.id) == [group.id])
            #expect(try await alice.groupState(group.id) == state)
        }
    }

    @Test("S2-6, S2-7, S2-8, S2-12: messages and changes have one order, the same for all")
    func order() async throws {
        try await withCrowd { crowd in
            let people = try await crowd.people(["alice", "bob", "carol"])
            let id = try await crowd.group(people)
            var places: [UInt64] = []
            for (index, person) in people.enumerated() {
                let group = try await person.group(id)
                places.append(try await group.accepted(try await group.send("message \(index)")))
                try await group.rotateKeys()
            }
            #expect(places == places.sorted())
            #expect(Set(places).count == places.count)
            for person in people { try await person.message("message 2", in: id) }
            let histories = try await orders(of: people, in: id)
            #expect(Set(histories).count == 1)
            #expect(histories.first?.count == 3)
        }
    }

    /// Each person's messages, as text and place.
    private func orders(of people: [Person], in id: GroupID) async throws -> [[String]] {
        var orders: [[String]] = []
        for person in people {
            let events = try await person.group(id).history(after: .start)
            #expect(events.map(\.position) == events.map(\.position).sorted())
            orders.append(
                events.compactMap { event in
                    guard case .message(let message) = event.kind else { return nil }
                    return "\(event.sequenceNumber): \(message.text ?? "")"
                })
        }
        return orders
    }

    @Test("S2-9, S2-10, S2-13: messages, changes and new keys are told, with the names of who did them")
    func events() async throws {
        try await withCrowd { crowd in
            let alice = try await crowd.person("alice")
            let bob = try await crowd.person("bob")
            let id = try await crowd.group([alice, bob])
            try await alice.group(id).send("hello")
            let message = try await bob.message("hello", in: id)
            #expect(message.sender.user == "alice")
            #expect(message.sender.device == "phone")
            #expect(message.sender.fingerprint == alice.identity.fingerprint)
            #expect(!message.sender.isThisDevice)
            try await alice.group(id).rotateKeys()
            let member = try await bob.next("new keys", in: id) { kind in
                if case .keysUpdated(let member) = kind { member } else { nil }
            }
            #expect(member.user == "alice")
            try await alice.group(id).rename("Orchestra")
            let (name, by) = try await bob.next("new name", in: id) { kind in
                if case .renamed(let name, let by) = kind { (name, by) } else { nil }
            }
            #expect((name, by) == ("Orchestra", "alice"))
        }
    }

    @Test("S2-11: what cannot be read is told once, and what comes after it is read")
    func undecryptable() async throws {
        try await withCrowd { crowd in
            let alice = try await crowd.person("alice")
            let bob = try await crowd.person("bob", isProxied: true)
            let id = try await crowd.group([alice, bob])
            let isDamaging = Atomic(false)
            let liar = LyingLog(id.bytes) { _, payload in
                guard let payload, isDamaging.exchange(false, ordering: .relaxed) else { return .truth }
                return .replace(payload.dropLast() + [(payload.last ?? 0) ^ 1])
            }
            try await liar.begin(at: crowd.proxy(of: bob))
            isDamaging.store(true, ordering: .relaxed)
            try await alice.group(id).send("damaged on its way")
            let (sender, reason) = try await bob.next("something that cannot be read", in: id) { kind in
                if case .undecryptable(let sender, let reason) = kind { (sender, reason) } else { nil }
            }
            #expect(reason == .notAuthentic)
            // Who sent it, nobody can say of what is not authentic.
            #expect(sender == nil || sender?.user == "alice")
            try await alice.group(id).send("whole")
            try await bob.message("whole", in: id)
            try await bob.reopen()
            try await alice.group(id).send("still there")
            try await bob.message("still there", in: id)
            let unread = try await bob.history(id).filter { kind in
                if case .undecryptable = kind { true } else { false }
            }
            #expect(unread.count == 1)
            #expect(try await bob.texts(id) == ["whole", "still there"])
        }
    }
}
