import ClientStore
import MLS
import MLSCodec
import MLSCrypto
import RelayServer
import RelayWire
import Synchronization
import TLSPresentation
import Testing

@testable import RelayClient

/// Seed 003: several devices for each user, and a service that nobody has to trust.
@Suite("Seed 003: EmojisOnly", .timeLimit(.minutes(2)))
struct EmojisOnlyTests {
    @Test("S3-1, S3-2, S3-3, S3-6: users with several devices, whose keys the service attests and others can compare")
    func devices() async throws {
        try await withCrowd({ $0.credentials.rule = .x509 }) { crowd in
            let alice = try await crowd.person("alice")
            let bobs = try await crowd.person("bob")
            let laptop = try await crowd.device("laptop", of: bobs)
            let charlie = try await crowd.person("charlie")
            let devices = try await alice.client.devices(of: "bob")
            #expect(Set(devices.map(\.name)) == ["phone", "laptop"])
            #expect(Set(devices.map(\.fingerprint)) == [bobs.identity.fingerprint, laptop.identity.fingerprint])
            #expect(Set(devices.map(\.trust)) == [.unverified])
            #expect(try await alice.client.searchUsers(prefix: "bo") == ["bob"])

            let id = try await crowd.group([alice, bobs, laptop, charlie])
            let everybody = [alice, bobs, laptop, charlie]
            for (index, person) in everybody.enumerated() {
                let group = try await person.group(id)
                _ = try await group.accepted(try await group.send("🥳\(index)"))
            }
            for person in everybody {
                try await until("all messages at \(person.name)") { try await person.texts(id).count >= 4 }
                #expect(try await person.texts(id).sorted() == everybody.indices.map { "🥳\($0)" })
                try await person.expectWarnings([], in: id)
            }
            let users = try await charlie.groupState(id).users
            #expect(users.map(\.name).sorted() == ["alice", "bob", "charlie"])
            #expect(users.first { $0.name == "bob" }?.devices.count == 2)
        }
    }

    @Test("S3-4: private keys never leave the device")
    func privateKeys() async throws {
        try await withCrowd { crowd in
            let sent = EventLog<[UInt8]>()
            let recording: TamperingProxy.Rule = { passing in
                if passing.direction == .toRelay { sent.append(passing.frame.body.frame(passing.id)) }
                return nil
            }
            let alice = try await crowd.person("alice", isProxied: true, rule: recording)
            let bob = try await crowd.person("bob")
            let id = try await crowd.group([alice, bob])
            try await alice.group(id).rotateKeys()
            try await alice.group(id).send("🔑")
            try await bob.message("🔑", in: id)
            let keys = try await alice.client.privateKeys()
            // Each KeyPackage has two, and the identity one.
            #expect(keys.count >= 2 * 5 + 1)
            let everything = sent.all.flatMap { $0 }
            for key in keys {
                #expect(key.count == 32)
                #expect(!everything.contains(key))
            }
            // What must be found is.
            #expect(everything.contains(alice.identity.signingKey.publicKey.bytes))
        }
    }

    @Test("S3-1: a name belongs to who has registered it")
    func nameTaken() async throws {
        try await withCrowd { crowd in
            _ = try await crowd.person("alice")
            await #expect(throws: RelayClientError(.nameTaken, "")) { _ = try await crowd.person("alice") }
        }
    }

    @Test(
        "S3-8: a relay that gives somebody else's KeyPackage is found out", arguments: [CredentialRule.basic, .x509])
    func substitution(rule: CredentialRule) async throws {
        try await withCrowd({ $0.credentials.rule = rule }) { crowd in
            let alice = try await crowd.person("alice", isProxied: true)
            _ = try await crowd.people(["bob", "mallory"])
            let id = try await crowd.group([alice])
            // Asked for Bob, the relay hands out what Mallory has published.
            try crowd.proxy(of: alice).setRule { passing in
                guard case .fetchKeyPackages(var fetch) = passing.frame else { return nil }
                for index in fetch.requests.indices { fetch.requests[index].name = Array("mallory".utf8) }
                return [.send(.fetchKeyPackages(fetch), passing.id)]
            }
            await #expect(throws: RelayClientError(.keyNotTrusted, "")) { try await alice.group(id).add(["bob"]) }
            try await alice.expectWarnings([.keySubstituted(user: "bob")], in: id)
            #expect(try await alice.groupState(id).users.map(\.name) == ["alice"])
            // An honest relay is believed again.
            try crowd.proxy(of: alice).setRule(nil)
            try await alice.group(id).add(["bob"])
            #expect(try await alice.groupState(id).users.map(\.name).sorted() == ["alice", "bob"])
        }
    }

    @Test("S3-8: so is one that swaps the KeyPackages of who has accepted an invitation")
    func substitutedInvitation() async throws {
        try await withCrowd { crowd in
            let alice = try await crowd.person("alice", isProxied: true)
            let bob = try await crowd.person("bob")
            let mallory = try await crowd.person("mallory")
            let proxy = try crowd.proxy(of: alice)
            // The first KeyPackages to pass are Mallory's; they come again instead of Bob's.
            let mallorys = Mutex<[UInt8]?>(nil)
            proxy.setRule { passing in
                guard case .keyPackages(var answer) = passing.frame else { return nil }
                for index in answer.results.indices {
                    answer.results[index].message = mallorys.withLock { message in
                        message = message ?? answer.results[index].message
                        return message ?? []
                    }
                }
                return [.send(.keyPackages(answer), passing.id)]
            }
            _ = try await crowd.group([alice, mallory])
            let id = try await crowd.group([alice]) { $0.join = .invitation }
            try await alice.group(id).add(["bob"])
            try await bob.acceptNext()
            let error = try await alice.next("problem") { event in
                if case .problem(let error) = event { error } else { nil }
            }
            #expect(error == RelayClientError(.keyNotTrusted, ""))
            #expect(try await alice.groupState(id).users.map(\.name) == ["alice"])
            try await alice.expectWarnings([.keySubstituted(user: "bob")], in: id)
        }
    }

    @Test("S3-7: KeyPackages that were handed out are replaced")
    func refilled() async throws {
        try await withCrowd { crowd in
            let alice = try await crowd.person("alice")
            let bob = try await crowd.person("bob")
            // More groups than Bob ever has KeyPackages.
            for number in 0..<8 { _ = try await crowd.group([alice, bob], named: "Choir \(number)") }
            #expect(try await bob.client.groups().count == 8)
        }
    }
}

extension RelayClient {
    /// Those of the KeyPackages in the store, and of the identity.
    fileprivate func privateKeys() throws -> [[UInt8]] {
        let signingKey = try identity.signingKey.privateKeyBytes()
        return try store.read { transaction in
            try transaction.keys(Tables.keyPackages, prefix: []).flatMap { reference in
                try transaction.keyPackage(reference).map { try Self.privateKeys(in: $0.secrets().saved()) } ?? []
            }
        } + [[UInt8](signingKey.bytes)]
    }

    /// The private halves in what `KeyPackageSecrets.saved` gives.
    private static func privateKeys(in saved: SharedSecret) throws -> [[UInt8]] {
        var reader = Reader(saved.bytes)
        _ = try reader.uint16()
        _ = try KeyPackage(from: &reader)
        var halves: [[UInt8]] = []
        for _ in 0..<4 { halves.append(try reader.opaque()) }
        return [halves[0], halves[2]]
    }
}
