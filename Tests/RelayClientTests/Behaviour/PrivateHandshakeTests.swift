import RelayClient
import RelayWire
import Testing

/// Groups in which the relay cannot read who changes what.
@Suite("Groups that hide their changes", .timeLimit(.minutes(2)))
struct PrivateHandshakeTests {
    private func hidden(_ crowd: Crowd, _ people: [Person]) async throws -> GroupID {
        try await crowd.group(people) { policy in
            policy.hidesChanges = true
            policy.mayRemove = .member
        }
    }

    @Test(
        "RFC 9750 6.4: members are added, talk, are renamed, renew their keys and are removed, and the relay reads none"
    )
    func flows() async throws {
        try await withCrowd { crowd in
            let people = try await crowd.people(["alice", "bob", "carol"])
            let (alice, bob, carol) = (people[0], people[1], people[2])
            let id = try await hidden(crowd, [alice, bob])
            #expect(try await bob.groupState(id).policy.hidesChanges)
            try await bob.group(id).add(["carol"])
            _ = try await carol.joined(id)
            for person in [alice, bob] { #expect(try await person.sees("carol", joinIn: id).by?.user == "bob") }
            try await alice.group(id).rename("Secret choir")
            for person in people {
                try await person.next("new name", in: id) { $0 == .renamed("Secret choir", by: "alice") ? true : nil }
            }
            for person in people { try await person.group(id).rotateKeys() }
            try await converge(people, in: id)
            try await carol.group(id).send("hello")
            for person in people { try await person.message("hello", in: id) }
            try await bob.group(id).remove(["carol"])
            for person in people { #expect(try await person.sees("carol", removedFrom: id).by?.user == "bob") }
            try await carol.next("the end", in: id) { $0 == .ended(.removed(by: "bob")) ? true : nil }
            try await converge([alice, bob], in: id)
            for person in people { try await person.expectWarnings([], in: id) }
        }
    }

    @Test("S1-8, N-12: what is proposed in hiding is committed by others, with whom it removes")
    func proposals() async throws {
        try await withCrowd { crowd in
            let people = try await crowd.people(["alice", "bob", "carol"])
            let (alice, bob, carol) = (people[0], people[1], people[2])
            let id = try await hidden(crowd, people)
            try await bob.group(id).proposeKeyRotation()
            for person in people {
                try await person.next("bob's keys", in: id) { kind in
                    if case .keysUpdated(let member) = kind, member.user == "bob" { true } else { nil }
                }
            }
            try await converge(people, in: id)
            try await carol.group(id).leave()
            for person in [alice, bob] {
                try await person.next("carol leaving", in: id) { kind in
                    if case .left(let member) = kind, member.user == "carol" { true } else { nil }
                }
            }
            try await converge([alice, bob], in: id)
            try await bob.group(id).send("still here")
            try await alice.message("still here", in: id)
            for person in people { try await person.expectWarnings([], in: id) }
        }
    }

    @Test("N-12: a removal that one member proposes is declared by the member that commits it")
    func removalByReference() async throws {
        try await withCrowd { crowd in
            let people = try await crowd.people(["alice", "bob", "carol", "dave"])
            let (alice, bob, carol, dave) = (people[0], people[1], people[2], people[3])
            let id = try await hidden(crowd, people)
            try await bob.client.publishRemoveProposal(of: "carol", in: id)
            // What Bob's own state does not know of, it could not follow.
            await bob.close()
            for person in [alice, carol, dave] { try await person.sees("carol", removedFrom: id) }
            try await converge([alice, dave], in: id)
            try await alice.group(id).send("after the removal")
            for person in [alice, dave] {
                try await person.message("after the removal", in: id)
                try await person.expectWarnings([], in: id)
                #expect(try await person.groupState(id).users.map(\.name).sorted() == ["alice", "bob", "dave"])
            }
        }
    }

    @Test("RFC 9750 6.7: a further device of a member joins by itself, talks, and leaves with its user")
    func devices() async throws {
        try await withCrowd { crowd in
            let people = try await crowd.people(["alice", "bob"])
            let (alice, bob) = (people[0], people[1])
            let id = try await hidden(crowd, people)
            let laptop = try await crowd.device("laptop", of: bob)
            _ = try await laptop.joined(id)
            try await converge([alice, bob, laptop], in: id)
            try await laptop.group(id).send("from the laptop")
            #expect(try await alice.message("from the laptop", in: id).sender.device == "laptop")
            try await bob.message("from the laptop", in: id)
            try await laptop.group(id).leave()
            try await until("alice alone") { try await alice.groupState(id).users.map(\.name) == ["alice"] }
            for person in [bob, laptop] {
                try await until("\(person.name) out") { try await person.groupState(id).isMember == false }
            }
            for person in [alice, bob, laptop] { try await person.expectWarnings([], in: id) }
        }
    }

    @Test("a restart in the middle changes nothing")
    func restart() async throws {
        try await withCrowd { crowd in
            let people = try await crowd.people(["alice", "bob", "carol"])
            let (alice, bob) = (people[0], people[1])
            let id = try await hidden(crowd, Array(people.dropLast()))
            try await bob.reopen()
            try await bob.group(id).add(["carol"])
            _ = try await people[2].joined(id)
            try await alice.reopen()
            try await alice.group(id).rotateKeys()
            try await converge(people, in: id)
            try await crowd.relay.restart()
            try await bob.group(id).send("after all that")
            for person in people { try await person.message("after all that", in: id) }
            for person in people { try await person.expectWarnings([], in: id) }
        }
    }
}
