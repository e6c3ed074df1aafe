import RelayClient
import RelayServer
import RelayWire
import Testing

@testable import RelayClient

/// Keys that are renewed without being asked for.
@Suite("New keys", .timeLimit(.minutes(2)))
struct KeyTests {
    private func seesNewKeys(_ observer: Person, of person: Person, in id: GroupID) async throws {
        let user = person.user
        try await observer.next("\(user)'s keys", in: id) { kind in
            if case .keysUpdated(let member) = kind, member.user == user { true } else { nil }
        }
    }

    @Test("S3-7, RFC 9750 5.1: who joins by its last-resort KeyPackage has new keys at once, and publishes another one")
    func lastResort() async throws {
        try await withCrowd { crowd in
            let alice = try await crowd.person("alice")
            let bob = try await crowd.person("bob") { $0.keyPackageCount = 0 }
            let published = try await bob.client.published().count
            #expect(published == 1)
            for name in ["first", "second"] {
                let id = try await crowd.group([alice, bob], named: name)
                try await seesNewKeys(alice, of: bob, in: id)
                try await converge([alice, bob], in: id)
                try await until("another last resort") {
                    let records = try await bob.client.keyPackageStates.values
                    return records.count { $0.isLastResort && $0.isPublished && !$0.isRetired } == 1
                }
                try await alice.expectWarnings([], in: id)
            }
            #expect(try await bob.client.published().count == 3)
        }
    }

    @Test("RFC 9420 16.6: old keys are renewed, in each group")
    func interval() async throws {
        try await withCrowd { crowd in
            let alice = try await crowd.person("alice")
            let bob = try await crowd.person("bob") { configuration in
                configuration.keyUpdateInterval = .zero
                configuration.headCheckInterval = .milliseconds(100)
            }
            for name in ["first", "second"] {
                let id = try await crowd.group([alice, bob], named: name)
                for _ in 0..<2 { try await seesNewKeys(alice, of: bob, in: id) }
                #expect(try await alice.count(in: id) { $0 == .rejoined } == 0)
                try await alice.expectWarnings([], in: id)
            }
        }
    }

    @Test("keys that are young enough are not renewed, also after a restart")
    func young() async throws {
        try await withCrowd { crowd in
            let people = try await crowd.people(["alice", "bob"])
            let id = try await crowd.group(people)
            let before = try await converge(people, in: id)
            for person in people { try await person.reopen() }
            try await people[1].group(id).send("back")
            try await people[0].message("back", in: id)
            #expect(try await converge(people, in: id) == before)
        }
    }

    @Test("RFC 9750 7: a new credential comes into the device's leaf in all groups", arguments: [false, true])
    func credential(isAway: Bool) async throws {
        try await withCrowd({ $0.credentials.rule = .x509 }) { crowd in
            let alice = try await crowd.person("alice")
            let bob = try await crowd.person("bob")
            let ids = [
                try await crowd.group([alice, bob], named: "first"),
                try await crowd.group([alice, bob], named: "second") { $0.hidesChanges = true },
            ]
            let before = try await bob.client.readAccount().credential
            // The relay says that it ends soon.
            try await bob.client.wantCredential(isMaintained: !isAway)
            if isAway { try await bob.reopen() }
            for id in ids {
                try await seesNewKeys(alice, of: bob, in: id)
                try await converge([alice, bob], in: id)
                let credential = try await bob.client.ownCredential(in: id)
                #expect(credential != before)
                #expect(credential == (try await bob.client.readAccount().credential))
                for person in [alice, bob] { try await person.expectWarnings([], in: id) }
            }
        }
    }
}
