import RelayClient
import RelayWire
import Synchronization
import Testing

@testable import RelayClient

/// What members propose, and others commit.
@Suite("Pending proposals", .timeLimit(.minutes(2)))
struct ProposalTests {
    @Test("RFC 9420 12.4: what is pending is committed before anything is said")
    func first() async throws {
        // Nobody commits by the clock.
        func patient(_ configuration: inout RelayClientConfiguration) { configuration.commitDelay = .seconds(3600) }
        try await withCrowd { crowd in
            // The first in turn after Bob is away.
            let alice = try await crowd.person("alice", patient)
            let bob = try await crowd.person("bob", patient)
            let carol = try await crowd.person("carol", patient)
            let people = [alice, bob, carol]
            let id = try await crowd.group(people)
            let before = try await converge(people, in: id)
            await carol.close()
            try await bob.group(id).proposeKeyRotation()
            try await until("the proposal") { try await alice.client.pendingProposalCount(in: id) == 1 }
            try await alice.group(id).send("after the commit")
            try await bob.message("after the commit", in: id)
            #expect(try await bob.groupState(id).epoch == before + 1)
            let kinds = try await bob.history(id)
            let message = kinds.firstIndex { if case .message = $0 { true } else { false } }
            let update = kinds.firstIndex { kind in
                if case .keysUpdated(let member) = kind { member.isThisDevice } else { false }
            }
            #expect(try #require(update) < #require(message))
        }
    }

    @Test("N-12, S1-8: who proposes new keys for itself gets them, also if it says something meanwhile")
    func proposerTalks() async throws {
        try await withCrowd { crowd in
            let people = try await crowd.people(["alice", "bob", "carol"])
            let id = try await crowd.group(people)
            let before = try await people[1].client.ownLeaf(in: id)
            try await people[1].group(id).proposeKeyRotation()
            try await people[1].group(id).send("meanwhile")
            for person in people { try await person.message("meanwhile", in: id) }
            try await until("new keys") { try await people[1].client.ownLeaf(in: id) != before }
            try await converge(people, in: id)
            for person in people {
                let count = try await person.count(in: id) { kind in
                    if case .keysUpdated(let member) = kind { member.user == "bob" } else { false }
                }
                #expect(count == 1)
            }
        }
    }

    @Test("N-12: who leaves is removed by the next member that is there, however many are not")
    func leaving() async throws {
        try await withCrowd { crowd in
            let people = try await crowd.people(["alice", "bob", "carol", "dave", "erin"])
            let id = try await crowd.group(people)
            for person in people[2...3] { await person.close() }
            try await people[1].group(id).leave()
            for person in [people[0], people[4]] {
                try await person.next("bob leaving", in: id) { kind in
                    if case .left(let member) = kind, member.user == "bob" { true } else { nil }
                }
            }
            for person in people[2...3] { try await person.reopen() }
            try await converge([people[0]] + people[2...4], in: id)
            for person in people { try await person.expectWarnings([], in: id) }
        }
    }

    @Test("N-12: what nobody had committed when the members went is committed when one comes back")
    func afterRestart() async throws {
        try await withCrowd { crowd in
            let alice = try await crowd.person("alice") { $0.commitDelay = .seconds(2) }
            let bob = try await crowd.person("bob")
            let carol = try await crowd.person("carol")
            let id = try await crowd.group([alice, bob, carol])
            await carol.close()
            try await bob.group(id).leave()
            // Carol would be the first; Alice waits, and has seen it when she goes.
            try await until("the proposal") { try await alice.client.pendingProposalCount(in: id) == 1 }
            try await alice.reopen()
            try await alice.next("bob leaving", in: id) { kind in
                if case .left(let member) = kind, member.user == "bob" { true } else { nil }
            }
            try await carol.reopen()
            try await converge([alice, carol], in: id)
        }
    }
}
