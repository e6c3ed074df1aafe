import MLSCrypto
import RelayConnection
import RelayServer
import RelayWire
import Testing

@testable import RelayClient

@Suite("RelayClient: users, devices and trust", .timeLimit(.minutes(1)))
struct DirectoryTests {
    @Test("S3-8: a person compares a fingerprint, and that is remembered")
    func verified() async throws {
        try await withRelay { relay in
            let alice = try TestDevice("alice", at: relay.url)
            try await alice.connect()
            let bob = try TestDevice("bob", at: relay.url)
            let client = try await bob.connect()
            let fingerprint = alice.identity.fingerprint
            // Also of somebody who was never looked up.
            try await client.setVerified(true, fingerprint, of: "alice")
            #expect(try await client.devices(of: "alice").map(\.trust) == [.verified])
            await bob.close()
            let again = try await bob.connect()
            #expect(try await again.devices(of: "alice").map(\.trust) == [.verified])
            try await again.setVerified(false, fingerprint, of: "alice")
            #expect(try await again.devices(of: "alice").map(\.trust) == [.unverified])
            let own = bob.identity.fingerprint
            #expect(await clientErrorCode { try await again.setVerified(true, own, of: "alice") } == .keyNotTrusted)
            #expect(await clientErrorCode { _ = try await again.devices(of: "nobody") } == .userUnknown)
            for device in [alice, bob] { await device.close() }
        }
    }

    @Test("a device that was set up anew has changed, until a person compares")
    func changed() async throws {
        try await withRelay { relay in
            let phone = try TestDevice("alice", at: relay.url)
            try await phone.connect()
            let laptop = try await phone.admitted("laptop")
            let bob = try TestDevice("bob", at: relay.url)
            let client = try await bob.connect()
            try await client.setVerified(true, laptop.identity.fingerprint, of: "alice")
            let lost = try #require(try await phone.client.devices().first { $0.name == "laptop" })
            await laptop.close()
            try await phone.client.revoke(lost)
            let other = try await phone.admitted("laptop")
            let devices = try await client.devices(of: "alice")
            #expect(devices.map(\.trust) == [.unverified, .changed])
            // What a person has compared is not replaced by something else unasked.
            #expect(await clientErrorCode { _ = try await client.fetchKeyPackages(of: ["alice"]) } == .keyNotTrusted)
            try await client.setVerified(true, other.identity.fingerprint, of: "alice")
            #expect(try await client.fetchKeyPackages(of: ["alice"])[0].keyPackages.count == 2)
            for device in [phone, other, bob] { await device.close() }
        }
    }

    @Test("names are found by how they begin, page by page")
    func search() async throws {
        try await withRelay { relay in
            let people = try ["anna", "bert", "annabel", "anni", "ann"].map { try TestDevice($0, at: relay.url) }
            for person in people { try await person.connect() }
            let client = try people[0].client
            #expect(try await client.searchUsers(prefix: "ann") == ["ann", "anna", "annabel", "anni"])
            #expect(try await client.searchUsers(prefix: "ann", limit: 2) == ["ann", "anna"])
            #expect(try await client.searchUsers(prefix: "") == ["ann", "anna", "annabel", "anni", "bert"])
            #expect(try await client.searchUsers(prefix: "x").isEmpty)
            for person in people { await person.close() }
        }
    }

    @Test("a relay that answers for somebody else, or never ends, breaks the protocol")
    func wrongAnswers() async throws {
        try await withRelay { relay in
            let proxy = try TamperingProxy(before: relay)
            let alice = try TestDevice("alice", at: proxy.url)
            let client = try await alice.connect()
            proxy.setRule { passing in
                switch passing.frame {
                case .users(var answer):
                    answer.users[0].name = Array("bob".utf8)
                    return [.send(.users(answer), passing.id)]
                case .userNames(var answer):
                    answer.names = [Array("alice".utf8), Array("alice".utf8)]
                    return [.send(.userNames(answer), passing.id)]
                default: return nil
                }
            }
            #expect(await clientErrorCode { _ = try await client.devices(of: "alice") } == .protocolViolation)
            #expect(await clientErrorCode { _ = try await client.searchUsers(prefix: "a") } == .protocolViolation)
            proxy.stop()
            await alice.close()
        }
    }
}
