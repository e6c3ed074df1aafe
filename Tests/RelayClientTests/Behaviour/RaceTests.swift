import RelayClient
import RelayWire
import Testing

/// Changes that come at once, that have become moot, and that are refused.
@Suite("Changes of several members", .timeLimit(.minutes(2)))
struct RaceTests {
    @Test("S1-4, N-2: changes that members make at once all come about, each once")
    func atOnce() async throws {
        try await withCrowd { crowd in
            let people = try await crowd.people(["alice", "bob", "carol", "dave", "erin", "frank"])
            let (alice, bob, carol) = (people[0], people[1], people[2])
            let id = try await crowd.group(Array(people.prefix(4))) { $0.mayRemove = .member }
            let before = try await converge(Array(people.prefix(4)), in: id)
            try await bounded("all changes") {
                try await withThrowingTaskGroup { group in
                    group.addTask { try await alice.group(id).add(["erin"]) }
                    group.addTask { try await bob.group(id).add(["frank"]) }
                    group.addTask { try await carol.group(id).remove(["dave"]) }
                    for person in [alice, bob, carol] { group.addTask { try await person.group(id).rotateKeys() } }
                    try await group.waitForAll()
                }
            }
            let members = [alice, bob, carol, people[4], people[5]]
            for person in people.suffix(2) { _ = try await person.joined(id) }
            let epoch = try await converge(members, in: id)
            #expect(
                try await alice.groupState(id).users.map(\.name).sorted() == ["alice", "bob", "carol", "erin", "frank"])
            // Changes that a member makes at once may go in one commit.
            #expect((before + 3...before + 6).contains(epoch))
            for person in members { try await person.expectWarnings([], in: id) }
        }
    }

    @Test("a change that somebody else has made meanwhile needs no commit")
    func moot() async throws {
        try await withCrowd { crowd in
            let alice = try await crowd.person("alice")
            let bob = try await crowd.person("bob", isProxied: true)
            let carol = try await crowd.person("carol")
            let id = try await crowd.group([alice, bob, carol]) { $0.mayRemove = .member }
            let before = try await converge([alice, bob, carol], in: id)
            let proxy = try crowd.proxy(of: bob)
            let isHeld = EventLog<Void>()
            proxy.setRule { passing in
                guard case .publish = passing.frame, passing.direction == .toRelay else { return nil }
                isHeld.append(())
                return []
            }
            let removal = Task { try await bob.group(id).remove(["carol"]) }
            _ = try await isHeld.first("commit on its way") { $0 }
            try await alice.group(id).remove(["carol"])
            proxy.setRule(nil)
            proxy.cut()
            try await bounded("removal") { try await removal.value }
            #expect(try await bob.sees("carol", removedFrom: id).by?.user == "alice")
            #expect(try await converge([alice, bob], in: id) == before + 1)
        }
    }

    @Test("S4-18: a refused change says why, and what waits behind it is done")
    func refused() async throws {
        try await withCrowd { crowd in
            let people = try await crowd.people(["alice", "bob", "carol", "dave"])
            let (alice, bob) = (people[0], people[1])
            let id = try await crowd.group(Array(people.prefix(3)))
            await #expect(throws: RelayClientError(.notAllowed, "")) { try await bob.group(id).remove(["carol"]) }
            await #expect(throws: RelayClientError(.lastAdmin, "")) { try await alice.group(id).leave() }
            try await alice.group(id).setBanned(true, user: "dave")
            await #expect(throws: RelayClientError(.userBanned, "")) { try await alice.group(id).add(["dave"]) }
            await #expect(throws: RelayClientError(.userUnknown, "")) { try await alice.group(id).add(["nobody"]) }
            await #expect(throws: RelayClientError(.userUnknown, "")) { try await alice.group(id).remove(["dave"]) }
            for person in [alice, bob] {
                try await bounded("rotation") { try await person.group(id).rotateKeys() }
                try await person.group(id).send("\(person.user) is still here")
                for other in people.prefix(3) { try await other.message("\(person.user) is still here", in: id) }
            }
            try await converge(Array(people.prefix(3)), in: id)
        }
    }

    @Test("another's new keys are no reason to ask the relay about the group, and another's addition is")
    func asksOnlyForMembers() async throws {
        try await withCrowd { crowd in
            let (alice, carol) = (try await crowd.person("alice"), try await crowd.person("carol"))
            let bob = try await crowd.person("bob", isProxied: true)
            let id = try await crowd.group([alice, bob])
            let proxy = try crowd.proxy(of: bob)
            try await until("what is asked after joining") { try await !bob.client.isDescribing(in: id) }
            proxy.resetCounts()
            try await alice.group(id).rotateKeys()
            try await bob.next("new keys", in: id) { if case .keysUpdated = $0 { true } else { nil } }
            try await alice.group(id).send("is that all?")
            try await bob.message("is that all?", in: id)
            #expect(proxy.count(.toRelay, [.describeGroup]) == 0)
            try await alice.group(id).add(["carol"])
            _ = try await carol.joined(id)
            try await until("a question about the group") { proxy.count(.toRelay, [.describeGroup]) > 0 }
        }
    }

    @Test("of several changes that go together only the one that cannot be fails")
    func batched() async throws {
        try await withCrowd { crowd in
            let alice = try await crowd.person("alice")
            let bob = try await crowd.person("bob", isProxied: true)
            let others = try await crowd.people(["carol", "dave"])
            let id = try await crowd.group([alice, bob, others[0]])
            // What is asked for while the relay cannot be reached goes together.
            let proxy = try crowd.proxy(of: bob)
            let isHeld = EventLog<Void>()
            proxy.setRule { passing in
                guard passing.direction == .toRelay, case .publish = passing.frame else { return nil }
                isHeld.append(())
                return []
            }
            let first = Task { try await bob.group(id).rotateKeys() }
            _ = try await isHeld.first("commit on its way") { $0 }
            let removal = Task { try await bob.group(id).remove(["carol"]) }
            let addition = Task { try await bob.group(id).add(["dave"]) }
            try await until("all asked for") { try await bob.client.outboxCount(in: id) == 3 }
            proxy.setRule(nil)
            proxy.cut()
            try await bounded("rotation") { try await first.value }
            try await bounded("addition") { try await addition.value }
            await #expect(throws: RelayClientError(.notAllowed, "")) {
                try await bounded("removal") { try await removal.value }
            }
            _ = try await others[1].joined(id)
            try await converge([alice, bob] + others, in: id)
        }
    }

    @Test("S4-18: in a group that hides its changes a member is removed that the committer has only just heard of")
    func unknownNumber() async throws {
        try await withCrowd { crowd in
            let alice = try await crowd.person("alice", isProxied: true)
            let others = try await crowd.people(["bob", "carol"])
            let id = try await crowd.group([alice, others[0]]) { $0.hidesChanges = true }
            let proxy = try crowd.proxy(of: alice)
            // What Alice asks when Carol has come gets no answer.
            let isHeld = EventLog<Void>()
            proxy.setRule { passing in
                guard case .describeGroup = passing.frame, isHeld.all.isEmpty else { return nil }
                isHeld.append(())
                return []
            }
            try await others[0].group(id).add(["carol"])
            _ = try await others[1].joined(id)
            try await alice.sees("carol", joinIn: id)
            _ = try await isHeld.first("question") { $0 }
            try await bounded("removal") { try await alice.group(id).remove(["carol"]) }
            try await others[0].sees("carol", removedFrom: id)
            try await converge([alice, others[0]], in: id)
        }
    }
}
