import RelayCore
import RelayServer
import RelayWire
import Testing

@testable import RelayClient

/// What members ask the directory because of what happens in a group: no failure makes them forget it.
@Suite("Questions to the directory", .timeLimit(.minutes(2)))
struct DirectoryQuestionTests {
    @Test("RFC 9750 8.4: a revoked device is removed, also where asking about it fails at first, and after a restart")
    func revoked() async throws {
        try await withCrowd({ $0.rules.operators = [Array("root".utf8)] }) { crowd in
            let root = try await crowd.person("root")
            let bob = try await crowd.person("bob", isProxied: true)
            let (alice, carol) = (try await crowd.person("alice"), try await crowd.person("carol"))
            // Nobody but Bob may remove anybody.
            let id = try await crowd.group([bob, alice, carol])
            try crowd.cutWhereAsked(bob)
            let number = try await carol.client.account.clientNumber
            try await root.client.administer(.revokeClient(number, .operator))
            try await crowd.untilCut(bob, in: id)
            await bob.close()
            try crowd.proxy(of: bob).setRule(nil)
            try await bob.reopen()
            for person in [alice, bob] { try await person.sees("carol", removedFrom: id) }
            try await converge([alice, bob], in: id)
            #expect(try await !bob.client.hasQuestions(in: id))
        }
    }

    @Test("S3-8: a device that says to be one's own and is not is warned of, also where asking about it fails at first")
    func stranger() async throws {
        try await withCrowd { crowd in
            let bob = try await crowd.person("bob")
            let alice = try await crowd.person("alice", isProxied: true)
            let id = try await crowd.group([bob, alice]) { $0.hidesChanges = true }
            try crowd.cutWhereAsked(alice)
            try await bob.client.publishImpostor(of: "alice", in: id)
            try await crowd.untilCut(alice, in: id)
            try crowd.proxy(of: alice).setRule(nil)
            let member = try await alice.next("the warning", in: id) { kind in
                if case .integrityWarning(.unknownDevice(let member)) = kind { member } else { nil }
            }
            #expect(member.user == "alice" && member.fingerprint != alice.identity.fingerprint)
            #expect(try await alice.history(id).count { $0 == .integrityWarning(.unknownDevice(member)) } == 1)
        }
    }
}

extension Crowd {
    /// From here on a device's connection ends where it looks somebody up.
    fileprivate func cutWhereAsked(_ person: Person) throws {
        let proxy = try proxy(of: person)
        proxy.resetCounts()
        proxy.setRule { passing in
            if case .lookUp = passing.frame { [.cut] } else { nil }
        }
    }

    /// Until a device has a question about a group, and has asked.
    fileprivate func untilCut(_ person: Person, in id: GroupID) async throws {
        let proxy = try proxy(of: person)
        try await until("a question of \(person.name)") {
            let hasQuestions = try await person.client.hasQuestions(in: id)
            return hasQuestions && proxy.count(.toRelay, [.lookUp]) > 0
        }
    }
}
