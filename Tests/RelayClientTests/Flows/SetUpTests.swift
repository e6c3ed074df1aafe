import RelayClient
import RelayWire
import Synchronization
import Testing

/// Seed 001, RFC 9420 section 3.2: a group is set up, grows, updates and shrinks.
@Suite("Seed 001: set-up, additions, updates and removals", .timeLimit(.minutes(2)))
struct SetUpTests {
    @Test(
        """
        S1-1, S1-2, S1-3, S1-5, S1-6, S1-7: KeyPackages are there before any group; one request brings two; Welcomes \
        bring everybody to the same epoch
        """)
    func setUp() async throws {
        try await withCrowd { crowd in
            let alice = try await crowd.person("alice", isProxied: true)
            let others = try await crowd.people(["bob", "carol"])
            let proxy = try crowd.proxy(of: alice)
            proxy.resetCounts()
            let id = try await crowd.group([alice] + others)
            // The group's keys are made by its creator alone; both KeyPackages come with one request, one commit adds both.
            #expect(proxy.count(.toRelay, [.createGroup]) == 1)
            #expect(proxy.count(.toRelay, [.fetchKeyPackages]) == 1)
            for person in others {
                let (member, by) = try await alice.sees(person.user, joinIn: id)
                #expect(member.user == person.user)
                #expect(by?.isThisDevice == true)
            }
            let dave = try await crowd.person("dave")
            try await others[0].group(id).add(["dave"])
            _ = try await dave.joined(id)
            try await converge([alice, dave] + others, in: id)
            for person in [alice] + others {
                #expect(try await person.sees("dave", joinIn: id).by?.user == "bob")
                try await person.expectWarnings([], in: id)
            }
        }
    }

    @Test("S1-4: a change is not applied before the relay has accepted it")
    func ordered() async throws {
        try await withCrowd { crowd in
            let alice = try await crowd.person("alice", isProxied: true)
            let bob = try await crowd.person("bob")
            let id = try await crowd.group([alice, bob])
            let before = try await alice.groupState(id).epoch
            let proxy = try crowd.proxy(of: alice)
            // The relay does not get the commit for a while, and the client does not go on without it.
            let held = Mutex<(Frame, RequestID)?>(nil)
            let isHeld = EventLog<Void>()
            proxy.setRule { passing in
                guard case .publish = passing.frame, passing.direction == .toRelay else { return nil }
                held.withLock { $0 = (passing.frame, passing.id) }
                isHeld.append(())
                return []
            }
            let rotation = Task { try await alice.group(id).rotateKeys() }
            _ = try await isHeld.first("commit on its way") { $0 }
            #expect(try await alice.groupState(id).epoch == before)
            proxy.setRule(nil)
            // The next connection sends it again.
            proxy.cut()
            try await rotation.value
            #expect(try await alice.groupState(id).epoch == before + 1)
            try await converge([alice, bob], in: id)
        }
    }

    @Test("S1-8: one member proposes an update, another commits it, all follow")
    func update() async throws {
        try await withCrowd { crowd in
            let people = try await crowd.people(["alice", "bob", "carol"])
            let id = try await crowd.group(people)
            let before = try await converge(people, in: id)
            try await people[1].group(id).proposeKeyRotation()
            for person in people {
                try await person.next("bob's keys", in: id) { kind in
                    if case .keysUpdated(let member) = kind, member.user == "bob" { true } else { nil }
                }
            }
            #expect(try await converge(people, in: id) > before)
        }
    }

    @Test("S1-9: a removed member sees the commit that removes it, and nothing after it")
    func removal() async throws {
        try await withCrowd { crowd in
            let people = try await crowd.people(["alice", "bob", "carol"])
            let (alice, bob, carol) = (people[0], people[1], people[2])
            let id = try await crowd.group(people)
            try await alice.group(id).remove(["bob"])
            for person in people {
                #expect(try await person.sees("bob", removedFrom: id).by?.user == "alice")
            }
            try await bob.next("the end", in: id) { $0 == .ended(.removed(by: "alice")) ? true : nil }
            try await converge([alice, carol], in: id)
            try await alice.group(id).send("without bob")
            try await carol.message("without bob", in: id)
            #expect(try await bob.texts(id) == [])
            #expect(try await bob.groupState(id).isMember == false)
            await #expect(throws: RelayClientError(.notMember, "")) { try await bob.group(id).send("hello?") }
        }
    }

    @Test("S1-10: a message to all costs its sender one frame, however many they are")
    func fanOut() async throws {
        try await withCrowd { crowd in
            let alice = try await crowd.person("alice", isProxied: true)
            let others = try await crowd.people(["bob", "carol", "dave", "erin"])
            let id = try await crowd.group([alice] + others)
            let proxy = try crowd.proxy(of: alice)
            proxy.resetCounts()
            try await alice.group(id).send("hello")
            for person in others { try await person.message("hello", in: id) }
            #expect(proxy.count(.toRelay, [.publish]) == 1)
        }
    }

    @Test("S1-11: what is said after a removal stays secret, also where the relay gives the removed member all of it")
    func removedReadsNothing() async throws {
        try await withCrowd { crowd in
            let alice = try await crowd.person("alice")
            let bob = try await crowd.person("bob", isProxied: true)
            let carol = try await crowd.person("carol", isProxied: true)
            let id = try await crowd.group([alice, bob, carol])
            // The relay does not tell Bob that he was removed, and shows him what Carol gets.
            let isRemoving = Atomic(false)
            let liar = LyingLog(id.bytes) { _, _ in isRemoving.exchange(false, ordering: .relaxed) ? .drop : .truth }
            let (bobs, carols) = (try crowd.proxy(of: bob), try crowd.proxy(of: carol))
            try await liar.begin(at: bobs)
            carols.setRule { passing in
                if case .entry(let frame) = passing.frame, passing.direction == .toClient, liar.hasLied {
                    for frame in liar.leak(frame.entry) { bobs.push(frame) }
                }
                return nil
            }
            isRemoving.store(true, ordering: .relaxed)
            try await alice.group(id).remove(["bob"])
            try await until("the lie") { liar.hasLied }
            try await converge([alice, carol], in: id)
            for text in ["a secret", "another"] {
                try await alice.group(id).send(text)
                try await carol.message(text, in: id)
            }
            try await bob.next("something that cannot be read", in: id) { kind in
                if case .undecryptable = kind { true } else { nil }
            }
            #expect(try await bob.texts(id) == [])
        }
    }
}
