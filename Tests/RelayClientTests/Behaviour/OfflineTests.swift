import RelayClient
import RelayCore
import RelayServer
import RelayWire
import Testing

/// What is said and what happens while a device cannot reach the relay.
@Suite("Without a connection", .timeLimit(.minutes(2)))
struct OfflineTests {
    @Test("N-6: what is said without a connection arrives in its order, once, also after a restart")
    func later() async throws {
        try await withCrowd { crowd in
            let alice = try await crowd.person("alice")
            let bob = try await crowd.person("bob", isProxied: true)
            let id = try await crowd.group([alice, bob])
            try crowd.proxy(of: bob).setRefusing(true)
            let texts = (0..<100).map { "message \($0)" }
            for text in texts.prefix(50) { try await bob.group(id).send(text) }
            await bob.close()
            try await alice.group(id).rotateKeys()
            try crowd.proxy(of: bob).setRefusing(false)
            try await bob.reopen()
            for text in texts.suffix(50) { try await bob.group(id).send(text) }
            for person in [alice, bob] {
                try await person.message(texts[99], in: id)
                #expect(try await person.texts(id) == texts)
            }
        }
    }

    @Test("what a user wants to say that the operator has suspended waits until it may speak again")
    func suspended() async throws {
        try await withSuspended { alice, bob, id in
            try await bob.group(id).send("am I heard?")
        } once: { alice, bob, id in
            try await bob.group(id).send("is anybody there?")
        } again: { alice, bob, id in
            try await alice.message("am I heard?", in: id)
            try await alice.message("is anybody there?", in: id)
            #expect(try await !bob.history(id).contains { if case .notSent = $0 { true } else { false } })
        }
    }

    @Test("a suspended user that has to join a group anew does so when it may again")
    func suspendedAndLost() async throws {
        try await withSuspended { alice, bob, id in
            try await bob.client.loseTrack(of: id)
        } again: { alice, bob, id in
            _ = try await bob.next("having joined anew", in: id) { $0 == .rejoined ? true : nil }
            try await converge([alice, bob], in: id)
            #expect(try await !bob.history(id).contains { if case .ended = $0 { true } else { false } })
        }
    }

    /// Runs `before` with bob's device cut off from the relay, `once` when it has learned that bob is suspended, and has
    /// nothing to do until it may connect again, and `again` when it has.
    private func withSuspended(
        before: (_ alice: Person, _ bob: Person, GroupID) async throws -> Void,
        once: (_ alice: Person, _ bob: Person, GroupID) async throws -> Void = { _, _, _ in },
        again: (_ alice: Person, _ bob: Person, GroupID) async throws -> Void
    ) async throws {
        try await withCrowd({ $0.rules.operators = [Array("root".utf8)] }) { crowd in
            let root = try await crowd.person("root")
            let alice = try await crowd.person("alice")
            let bob = try await crowd.person("bob", isProxied: true)
            let id = try await crowd.group([alice, bob])
            try crowd.proxy(of: bob).setRefusing(true)
            try await before(alice, bob, id)
            try await root.client.administer(.suspendUser(name: Array("bob".utf8)))
            try crowd.proxy(of: bob).setRefusing(false)
            _ = try await bob.next("end of the connection") { event in
                event == .connection(.ended(RelayClientError(.userSuspended, ""))) ? true : nil
            }
            try await until("rest in the group") { try await bob.client.isResting(in: id) }
            try await once(alice, bob, id)
            await #expect(throws: RelayClientError(.userSuspended, "")) { try await bob.client.connect() }
            try await root.client.administer(.resumeUser(name: Array("bob".utf8)))
            try await bob.client.connect()
            try await again(alice, bob, id)
        }
    }

    @Test("what is to be changed while a device joins a group anew is done when it has")
    func changesWhileJoining() async throws {
        try await withCrowd { crowd in
            let (alice, carol) = (try await crowd.person("alice"), try await crowd.person("carol"))
            let bob = try await crowd.person("bob", isProxied: true)
            let id = try await crowd.group([bob, alice])
            try crowd.proxy(of: bob).setRefusing(true)
            try await bob.client.loseTrack(of: id)
            let changes: [@Sendable (EncryptedGroup) async throws -> Void] = [
                { try await $0.add(["carol"]) }, { try await $0.rotateKeys() }, { try await $0.remove(["alice"]) },
            ]
            let begun = try await changes.map { [group = bob.group(id)] change in Task { try await change(group) } }
            try crowd.proxy(of: bob).setRefusing(false)
            for change in begun { try await bounded("a change") { try await change.value } }
            _ = try await carol.joined(id)
            try await alice.sees("alice", removedFrom: id)
            try await converge([bob, carol], in: id)
        }
    }

    @Test("what a device that was removed meanwhile had to say is told to be unsent")
    func removed() async throws {
        try await withCrowd { crowd in
            let alice = try await crowd.person("alice")
            let bob = try await crowd.person("bob", isProxied: true)
            let id = try await crowd.group([alice, bob])
            try crowd.proxy(of: bob).setRefusing(true)
            let message = try await bob.group(id).send("too late")
            let rotation = Task { try await bob.group(id).rotateKeys() }
            try await until("both asked for") { try await bob.client.outboxCount(in: id) == 2 }
            try await alice.group(id).remove(["bob"])
            try crowd.proxy(of: bob).setRefusing(false)
            try await bob.next("unsent message", in: id) { $0 == .notSent(message) ? true : nil }
            try await bob.next("the end", in: id) { $0 == .ended(.removed(by: "alice")) ? true : nil }
            await #expect(throws: RelayClientError(.notMember, "")) {
                try await bounded("rotation") { try await rotation.value }
            }
            await #expect(throws: RelayClientError.self) { try await bob.group(id).accepted(message) }
            #expect(try await alice.texts(id) == [])
        }
    }

    @Test("a message that the relay finds too large is told to be unsent, and others are sent")
    func tooLarge() async throws {
        try await withCrowd({ $0.publish.maxMessageByteCount = 10_000 }) { crowd in
            let people = try await crowd.people(["alice", "bob"])
            let id = try await crowd.group(people)
            let group = try await people[0].group(id)
            try await group.send("before")
            let message = try await group.send([UInt8](repeating: 1, count: 20_000), contentType: "application/test")
            let result = Task { try await group.accepted(message) }
            try await group.send("after")
            try await people[0].next("unsent message", in: id) { $0 == .notSent(message) ? true : nil }
            await #expect(throws: RelayClientError.self) { try await bounded("refusal") { try await result.value } }
            for person in people {
                try await person.message("after", in: id)
                #expect(try await person.texts(id) == ["before", "after"])
            }
        }
    }

    @Test("S4-12: a group that was deleted while a device was away has ended for it")
    func deleted() async throws {
        try await withCrowd { crowd in
            let people = try await crowd.people(["alice", "bob"])
            let id = try await crowd.group(people)
            await people[1].close()
            try await people[0].group(id).delete()
            try await people[1].reopen()
            try await people[1].next("the end", in: id) { $0 == .ended(.deleted(by: "alice")) ? true : nil }
            #expect(try await people[1].client.groups().isEmpty)
        }
    }

    @Test("N-10: an invitation that nobody answers ends by itself, for both")
    func expired() async throws {
        try await withCrowd({ $0.core.invitationLifetimeMilliseconds = 300 }) { crowd in
            let people = try await crowd.people(["alice", "bob"])
            let id = try await crowd.group([people[0]]) { $0.join = .invitation }
            try await people[0].group(id).add(["bob"])
            for person in people { _ = try await person.nextInvitation(.waiting) }
            for person in people {
                _ = try await person.nextInvitation(.expired)
                #expect(try await person.client.invitations().isEmpty)
            }
        }
    }
}

/// What costs nothing.
@Suite("Without anything to do", .timeLimit(.minutes(2)))
struct IdleTests {
    @Test("a group in which nothing happens sends nothing", arguments: [false, true])
    func idle(isHidden: Bool) async throws {
        try await withCrowd { crowd in
            let people = try await crowd.people(["alice", "bob", "carol"], isProxied: true)
            let id = try await crowd.group(people) { $0.hidesChanges = isHidden }
            for person in people {
                try await person.group(id).send("hello from \(person.user)")
                for other in people { try await other.message("hello from \(person.user)", in: id) }
            }
            let proxies = try people.map { try crowd.proxy(of: $0) }
            let sent: @Sendable () -> [Int] = {
                proxies.map { $0.count(.toRelay) - $0.count(.toRelay, [.ping, .pong]) }
            }
            // What follows from the last message comes to its end.
            try await until("silence") {
                let before = sent()
                try await Task.sleep(for: .milliseconds(500))
                return sent() == before
            }
            let before = sent()
            // This is what is measured.
            try await Task.sleep(for: .seconds(2))
            #expect(sent() == before)
            for person in people { try await person.expectWarnings([], in: id) }
        }
    }
}
