import RelayClient
import RelayCore
import RelayServer
import RelayWire
import Testing

@testable import RelayClient

/// Commits that are taken back: by members who cannot accept them, or by an operator.
@Suite("N-2: commits that are voided", .timeLimit(.minutes(2)))
struct VoidedCommitTests {
    private static func withOperator(_ configuration: inout ServerConfiguration) {
        configuration.rules.operators = [Array("root".utf8)]
    }

    private func expectVoided(_ people: [Person], in id: GroupID) async throws {
        for person in people {
            try await person.next("a voided change", in: id) { kind in
                if case .changeVoided = kind { true } else { nil }
            }
        }
    }

    private func expectConversation(_ people: [Person], in id: GroupID) async throws {
        try await converge(people, in: id)
        for person in people {
            try await person.group(id).send("\(person.user) again")
            for other in people { try await other.message("\(person.user) again", in: id) }
        }
        for person in people { try await person.expectWarnings([], in: id) }
    }

    @Test("N-2: a commit that nobody can follow is denied and voided, and the group goes on")
    func denied() async throws {
        try await withCrowd { crowd in
            let people = try await crowd.people(["mallory", "alice", "bob", "carol"])
            let id = try await crowd.group(people) { $0.hidesChanges = true }
            try await people[0].client.publishBrokenCommit(in: id)
            let honest = Array(people.dropFirst())
            try await expectVoided(honest, in: id)
            try await expectConversation(honest, in: id)
            // None of them had to join anew.
            for person in honest { #expect(try await person.count(in: id) { $0 == .rejoined } == 0) }
        }
    }

    @Test("N-2: what waits while a commit is denied is done as soon as it is void, also after a restart")
    func waiting() async throws {
        try await withCrowd { crowd in
            let mallory = try await crowd.person("mallory")
            let alice = try await crowd.person("alice", isProxied: true)
            let bob = try await crowd.person("bob")
            let id = try await crowd.group([mallory, alice, bob]) { $0.hidesChanges = true }
            await bob.close()
            let proxy = try crowd.proxy(of: alice)
            // Alice cannot say that she denies it.
            proxy.setRule { passing in if case .denyCommit = passing.frame { [] } else { nil } }
            try await mallory.client.publishBrokenCommit(in: id)
            try await until("denial") { try await alice.client.isDenying(in: id) }
            try await alice.group(id).send("unheard")
            let rotation = Task { try await alice.group(id).rotateKeys() }
            await alice.close()
            _ = await rotation.result
            proxy.setRule(nil)
            try await alice.reopen()
            try await bob.reopen()
            try await expectVoided([alice, bob], in: id)
            for person in [alice, bob] { try await person.message("unheard", in: id) }
            try await expectConversation([alice, bob], in: id)
        }
    }

    @Test("N-2: while a commit is denied, what comes late of the epochs before is read")
    func late() async throws {
        try await withCrowd { crowd in
            let mallory = try await crowd.person("mallory")
            let people = try await crowd.people(["alice", "bob"], isProxied: true)
            let (alice, bob) = (people[0], people[1])
            let id = try await crowd.group([mallory] + people) { $0.hidesChanges = true }
            try crowd.proxy(of: alice).setRule { passing in if case .denyCommit = passing.frame { [] } else { nil } }
            let isHeld = EventLog<Void>()
            try crowd.proxy(of: bob).setRule { passing in
                guard passing.direction == .toRelay, case .publish = passing.frame else { return nil }
                isHeld.append(())
                return []
            }
            try await bob.group(id).send("late")
            _ = try await isHeld.first("message on its way") { $0 }
            try await alice.group(id).rotateKeys()
            try await converge([mallory, alice], in: id)
            try await mallory.client.publishBrokenCommit(in: id)
            try await until("denial") { try await alice.client.isDenying(in: id) }
            try crowd.proxy(of: bob).setRule(nil)
            try crowd.proxy(of: bob).cut()
            try await alice.message("late", in: id)
            #expect(try await alice.client.isDenying(in: id))
            #expect(try await alice.count(in: id) { if case .undecryptable = $0 { true } else { false } } == 0)
        }
    }

    @Test("N-2: whose commit has lost against one that is voided makes it anew")
    func lostAgainstVoided() async throws {
        try await withCrowd { crowd in
            let mallory = try await crowd.person("mallory")
            let alice = try await crowd.person("alice", isProxied: true)
            let bob = try await crowd.person("bob")
            let id = try await crowd.group([mallory, alice, bob]) { $0.hidesChanges = true }
            let before = try await converge([mallory, alice, bob], in: id)
            let proxy = try crowd.proxy(of: alice)
            let isHeld = EventLog<Void>()
            // Alice's commit comes after Mallory's.
            proxy.setRule { passing in
                guard case .publishCommit = passing.frame else { return nil }
                isHeld.append(())
                return []
            }
            let rotation = Task { try await alice.group(id).rotateKeys() }
            _ = try await isHeld.first("commit on its way") { $0 }
            try await mallory.client.publishBrokenCommit(in: id)
            proxy.setRule(nil)
            proxy.cut()
            try await expectVoided([alice, bob], in: id)
            try await bounded("rotation") { try await rotation.value }
            #expect(try await converge([alice, bob], in: id) > before)
            try await expectConversation([alice, bob], in: id)
        }
    }

    @Test("N-2: who cannot follow a commit that others have confirmed joins anew")
    func confirmedByOthers() async throws {
        try await withCrowd { crowd in
            let mallory = try await crowd.person("mallory")
            let others = try await crowd.people(["alice", "bob"], isProxied: true)
            let id = try await crowd.group([mallory] + others) { $0.hidesChanges = true }
            for person in others {
                try crowd.proxy(of: person).setRule { passing in
                    if case .denyCommit = passing.frame { [] } else { nil }
                }
            }
            try await mallory.client.publishBrokenCommit(in: id)
            for person in others { try await until("denial") { try await person.client.isDenying(in: id) } }
            // Bob has said that he accepts it, whatever he says later.
            try await others[1].client.acknowledgeAll(in: id)
            let message = try await others[0].group(id).send("held up")
            for person in others {
                try crowd.proxy(of: person).setRule(nil)
                try crowd.proxy(of: person).cut()
                try await person.next("joining anew", in: id) { $0 == .rejoined ? true : nil }
            }
            try await converge(others, in: id)
            _ = try await bounded("place") { try await others[0].group(id).accepted(message) }
            try await others[0].group(id).send("and we go on")
            for person in others { try await person.message("and we go on", in: id) }
        }
    }

    @Test(
        "N-2: an operator takes back a commit: what was said and done after it is said and done once more",
        arguments: [false, true])
    func collateral(isRestarted: Bool) async throws {
        try await withCrowd(Self.withOperator) { crowd in
            let root = try await crowd.person("root")
            let alice = try await crowd.person("alice")
            let bob = try await crowd.person("bob", isProxied: true)
            let id = try await crowd.group([alice, bob])
            try crowd.withholdAcknowledgements(of: bob)
            try await alice.group(id).rotateKeys()
            let commit = try #require(try await alice.client.lastProvisional(in: id))
            let message = try await alice.group(id).send("in the epoch that is no more")
            _ = try await alice.group(id).accepted(message)
            try await alice.group(id).rotateKeys()
            try await bob.message("in the epoch that is no more", in: id)
            let epoch = try await converge([alice, bob], in: id)
            #expect(try await alice.client.journalCount() > 0)
            if isRestarted { for person in [alice, bob] { try await person.reopen() } }
            try await root.client.void(commit, of: try await alice.client.log(of: id))
            try await expectVoided([alice, bob], in: id)
            // Alice's second commit is done again, the first one is not.
            #expect(try await converge([alice, bob], in: id) == epoch - 1)
            try crowd.letAcknowledge(bob)
            try await expectConversation([alice, bob], in: id)
            for person in [alice, bob] {
                #expect(try await person.texts(id).count { $0 == "in the epoch that is no more" } == 1)
                #expect(try await person.count(in: id) { if case .undecryptable = $0 { true } else { false } } == 0)
            }
            for person in [alice, bob] {
                try await until("no journal at \(person.name)") { try await person.client.journalCount() == 0 }
            }
        }
    }

    @Test("N-2: whom a voided commit had added is out, and can be added again")
    func addition() async throws {
        try await withCrowd(Self.withOperator) { crowd in
            let root = try await crowd.person("root")
            let alice = try await crowd.person("alice")
            let bob = try await crowd.person("bob", isProxied: true)
            let carol = try await crowd.person("carol")
            let id = try await crowd.group([alice, bob])
            try crowd.withholdAcknowledgements(of: bob)
            try await alice.group(id).add(["carol"])
            let commit = try #require(try await alice.client.lastProvisional(in: id))
            _ = try await carol.joined(id)
            try await converge([alice, bob, carol], in: id)
            try await root.client.void(commit, of: try await alice.client.log(of: id))
            try await carol.next("the end", in: id) { $0 == .ended(.neverJoined) ? true : nil }
            try await expectVoided([alice, bob], in: id)
            try crowd.letAcknowledge(bob)
            try await expectConversation([alice, bob], in: id)
            try await alice.group(id).add(["carol"])
            _ = try await carol.joined(id)
            try await expectConversation([alice, bob, carol], in: id)
        }
    }

    @Test("N-2: an addition that goes with another commit is made anew")
    func collateralAddition() async throws {
        try await withCrowd(Self.withOperator) { crowd in
            let root = try await crowd.person("root")
            let alice = try await crowd.person("alice")
            let bob = try await crowd.person("bob", isProxied: true)
            let carol = try await crowd.person("carol")
            let id = try await crowd.group([alice, bob])
            try crowd.withholdAcknowledgements(of: bob)
            try await alice.group(id).rotateKeys()
            let commit = try #require(try await alice.client.lastProvisional(in: id))
            try await alice.group(id).add(["carol"])
            _ = try await carol.joined(id)
            try await converge([alice, bob, carol], in: id)
            try await root.client.void(commit, of: try await alice.client.log(of: id))
            try await expectVoided([alice, bob], in: id)
            try crowd.letAcknowledge(bob)
            try await expectConversation([alice, bob, carol], in: id)
        }
    }

    @Test("N-2: whom a voided commit had removed is a member again")
    func removal() async throws {
        try await withCrowd(Self.withOperator) { crowd in
            let root = try await crowd.person("root")
            let alice = try await crowd.person("alice")
            let bob = try await crowd.person("bob", isProxied: true)
            let carol = try await crowd.person("carol")
            let id = try await crowd.group([alice, bob, carol])
            try crowd.withholdAcknowledgements(of: bob)
            try await alice.group(id).remove(["carol"])
            let commit = try #require(try await alice.client.lastProvisional(in: id))
            try await carol.next("the end", in: id) { if case .ended = $0 { true } else { nil } }
            try await root.client.void(commit, of: try await alice.client.log(of: id))
            try await expectVoided([alice, bob, carol], in: id)
            try crowd.letAcknowledge(bob)
            try await expectConversation([alice, bob, carol], in: id)
            #expect(try await carol.count(in: id) { $0 == .rejoined } == 0)
        }
    }

    @Test("N-2: who was away while a commit was made and taken back goes on, and who came with it is out")
    func away() async throws {
        try await withCrowd(Self.withOperator) { crowd in
            let people = try await crowd.people(["root", "alice", "bob", "carol"])
            let (root, alice, bob, carol) = (people[0], people[1], people[2], people[3])
            let id = try await crowd.group([alice, bob])
            let message = try await bob.group(id).send("before")
            _ = try await bob.group(id).accepted(message)
            for person in [bob, carol] { await person.close() }
            try await alice.group(id).add(["carol"])
            let commit = try #require(try await alice.client.lastProvisional(in: id))
            try await root.client.void(commit, of: try await alice.client.log(of: id))
            try await expectVoided([alice], in: id)
            for person in [bob, carol] { try await person.reopen() }
            try await until("the Welcome") { try await carol.client.group(id) != nil }
            try await carol.next("the end", in: id) { $0 == .ended(.neverJoined) ? true : nil }
            try await expectVoided([bob], in: id)
            try await expectConversation([alice, bob], in: id)
            #expect(try await bob.count(in: id) { $0 == .rejoined } == 0)
            #expect(try await carol.client.stateCount() == 0)
        }
    }

    @Test("N-2: who was away while a commit was denied and voided goes on")
    func awayWhileDenied() async throws {
        try await withCrowd { crowd in
            let people = try await crowd.people(["mallory", "alice", "bob", "carol"])
            let id = try await crowd.group(people) { $0.hidesChanges = true }
            let carol = people[3]
            let honest = Array(people[1...2])
            await carol.close()
            try await people[0].client.publishBrokenCommit(in: id)
            try await expectVoided(honest, in: id)
            try await honest[0].group(id).send("meanwhile")
            try await honest[1].message("meanwhile", in: id)
            try await carol.reopen()
            try await carol.message("meanwhile", in: id)
            try await expectConversation(honest + [carol], in: id)
            #expect(try await carol.count(in: id) { $0 == .rejoined } == 0)
        }
    }

    @Test("N-2: who has left in an epoch that is void leaves again")
    func leaving() async throws {
        try await withCrowd(Self.withOperator) { crowd in
            let root = try await crowd.person("root")
            let alice = try await crowd.person("alice")
            let bob = try await crowd.person("bob", isProxied: true)
            let id = try await crowd.group([alice, bob])
            try await alice.group(id).setRole(.admin, of: "bob")
            try await bob.next("role", in: id) { if case .roleChanged = $0 { true } else { nil } }
            // Bob neither accepts anything nor carries anything out.
            try crowd.proxy(of: bob).setRule { passing in
                switch passing.frame {
                case .acknowledge, .publish: passing.direction == .toRelay ? [] : nil
                default: nil
                }
            }
            let before = try await converge([alice, bob], in: id)
            try await alice.group(id).rotateKeys()
            let commit = try #require(try await alice.client.lastProvisional(in: id))
            try await alice.group(id).leave()
            try await root.client.void(commit, of: try await alice.client.log(of: id))
            try crowd.letAcknowledge(bob)
            try await bob.next("alice leaving", in: id) { if case .left = $0 { true } else { nil } }
            #expect(try await bob.groupState(id).users.map(\.name) == ["bob"])
            #expect(try await bob.groupState(id).epoch == before + 1)
            try await until("alice out") { try await alice.groupState(id).isMember == false }
            try await bob.expectWarnings([], in: id)
        }
    }

    @Test("N-2: what is confirmed is not kept to be undone")
    func confirmed() async throws {
        try await withCrowd { crowd in
            let people = try await crowd.people(["alice", "bob", "carol"])
            let id = try await crowd.group(people)
            for person in people {
                try await person.group(id).rotateKeys()
                let message = try await person.group(id).send("hello")
                _ = try await person.group(id).accepted(message)
            }
            try await people[0].group(id).remove(["carol"])
            for person in people.dropLast() {
                try await until("no journal at \(person.name)") { try await person.client.journalCount() == 0 }
                #expect(try await person.client.stateCount() == 1)
            }
        }
    }
}
