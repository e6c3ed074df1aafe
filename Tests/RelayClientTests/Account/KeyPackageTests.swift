import ClientStore
import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import RelayConnection
import RelayCore
import RelayServer
import RelayWire
import Synchronization
import TLSPresentation
import Testing

@testable import RelayClient

@Suite("RelayClient: KeyPackages", .timeLimit(.minutes(2)))
struct KeyPackageTests {
    @Test(
        "S3-8: KeyPackages of all devices of a user are fetched, verified and named", arguments: CredentialRule.allCases
    )
    func fetched(rule: CredentialRule) async throws {
        try await withRelay({ $0.credentials.rule = rule }) { relay in
            let alice = try TestDevice("alice", at: relay.url)
            try await alice.connect()
            let laptop = try await alice.admitted("laptop")
            let bob = try TestDevice("bob", at: relay.url)
            let client = try await bob.connect()
            let fetched = try await client.fetchKeyPackages(of: ["alice", "bob"])
            #expect(fetched.map(\.name) == ["alice", "bob"] && fetched[1].keyPackages.isEmpty)
            let numbers = [try await alice.client.readAccount(), try await laptop.client.readAccount()]
                .map(\.clientNumber)
            #expect(fetched[0].keyPackages.map(\.client) == numbers)
            #expect(fetched[0].keyPackages.map(\.device) == ["phone", "laptop"])
            #expect(try await client.client(numbers[1])?.fingerprint == laptop.identity.fingerprint)
            #expect(await clientErrorCode { _ = try await client.fetchKeyPackages(of: ["nobody"]) } == .userUnknown)
            for device in [alice, laptop, bob] { await device.close() }
        }
    }

    @Test("RFC 9750 5.1: the pool is refilled, and the last resort is replaced once it was handed out")
    func refilled() async throws {
        try await withRelay({ ($0.core.keyPackageFetchesPerUser, $0.core.keyPackageFetches) = (0, 0) }) { relay in
            let alice = try TestDevice("alice", at: relay.url)
            let owner = try await alice.connect()
            let before = try await owner.keyPackageStates
            let lastResort = try #require(before.first { $0.value.isLastResort })
            let bob = try TestDevice("bob", at: relay.url)
            let client = try await bob.connect()
            var wasLastResort = false
            // The owner refills at the same time, so it takes some.
            for _ in 0..<200 where !wasLastResort {
                let found = try await client.fetchKeyPackages(of: ["alice"])[0].keyPackages[0].keyPackage
                wasLastResort = found.isLastResort
                if wasLastResort { #expect(try await owner.knows(found)) }
            }
            #expect(wasLastResort)
            try await until("a new last resort and a full pool") {
                let count = try await owner.countAtRelay()
                let states = try await owner.keyPackageStates
                let isReplaced = states.contains {
                    $0.value.isLastResort && !$0.value.isRetired && $0.value.isPublished && $0.key != lastResort.key
                }
                return count?.count == 5 && isReplaced
            }
            // The one before can still be joined with for a while.
            #expect(try await owner.keyPackageStates[lastResort.key]?.isRetired == true)
            for device in [alice, bob] { await device.close() }
        }
    }

    @Test("what could not be published is not forgotten: it is the next time")
    func failedRefill() async throws {
        try await withRelay { relay in
            let proxy = try TamperingProxy(before: relay)
            proxy.setRule { passing in
                guard case .publish = passing.frame else { return nil }
                return [.answer(.error(RelayError(.storageFailed, "no")), passing.id)]
            }
            let alice = try TestDevice("alice", at: proxy.url)
            let client = try alice.open()
            #expect(await clientErrorCode { try await client.connect() } == .refused)
            #expect(await client.readAccount().needsKeyPackages)
            let made = try await client.keyPackageStates
            #expect(made.count == 6 && !made.values.contains(where: \.isPublished))
            await alice.close()
            proxy.setRule(nil)
            let again = try await alice.connect()
            let states = try await again.keyPackageStates
            #expect(Set(states.keys) == Set(made.keys) && states.values.allSatisfy(\.isPublished))
            #expect(await !again.readAccount().needsKeyPackages)
            proxy.stop()
            await alice.close()
        }
    }

    @Test("a relay with less room than wanted gets as many as it takes, and the last resort")
    func fullPool() async throws {
        try await withRelay({ $0.core.maxKeyPackagesPerPool = 3 }) { relay in
            let alice = try TestDevice("alice", at: relay.url)
            let client = try await alice.connect()
            let count = try await client.countAtRelay()
            #expect(count?.count == 3 && count?.hasLastResort == true)
            // Those that wait are not made again and again.
            await client.maintain()
            #expect(try await client.keyPackageStates.count == 6)
            await alice.close()
        }
    }

    @Test("what is only too old is nobody's lie", arguments: [40, 100], [CredentialRule.basic, .x509])
    func late(days: UInt64, rule: CredentialRule) async throws {
        try await withRelay({ $0.credentials.rule = rule }) { relay in
            let alice = try TestDevice("alice", at: relay.url)
            try await alice.connect()
            let bob = try TestDevice("bob", at: relay.url)
            let client = try await bob.connect()
            // As a clock that runs so far ahead sees it.
            let later = ValidationPolicy.systemClock() + days * 86_400
            let code = await clientErrorCode { _ = try await client.fetchKeyPackages(of: ["alice"], at: later) }
            #expect(code == .userUnavailable)
            for device in [alice, bob] { await device.close() }
        }
    }

    @Test("what is joined with is deleted, but for the last resort")
    func deleted() async throws {
        try await withRelay { relay in
            let alice = try TestDevice("alice", at: relay.url)
            let client = try await alice.connect()
            let states = try await client.keyPackageStates
            for (reference, state) in states {
                let found = try await client.secretsThenDelete(reference)
                #expect(found == [reference])
                #expect(try await client.keyPackageStates.keys.contains(reference) == state.isLastResort)
            }
            await alice.close()
        }
    }

    @Test("retired secrets go after a week, and none before")
    func expired() async throws {
        try await withRelay { relay in
            let alice = try TestDevice("alice", at: relay.url)
            let client = try await alice.connect()
            let now = ValidationPolicy.systemClock()
            let reference = try await client.retireOne(at: now - 8 * 86_400)
            let recent = try await client.retireOne(at: now - 6 * 86_400)
            await client.maintain()
            let states = try await client.keyPackageStates
            #expect(states[reference] == nil && states[recent]?.isRetired == true)
            await alice.close()
        }
    }

    /// What a relay that lies gives instead of alice's KeyPackage.
    enum Substitution: CaseIterable {
        /// Another user's, who is real.
        case foreign
        /// One with alice's name, and a key that is not hers.
        case forged
        /// Her own, with another key inside.
        case changed
        /// No KeyPackage.
        case malformed
    }

    @Test(
        "S3-8: a relay that gives another KeyPackage than the user's is found out",
        arguments: Substitution.allCases, CredentialRule.allCases)
    func substituted(substitution: Substitution, rule: CredentialRule) async throws {
        try await withRelay({ $0.credentials.rule = rule }) { relay in
            let alice = try TestDevice("alice", at: relay.url)
            try await alice.connect()
            let mallory = try TestDevice("mallory", at: relay.url)
            let malloryClient = try await mallory.connect()
            let foreign = try await alice.client.fetchKeyPackages(of: ["mallory"])[0].keyPackages[0].keyPackage
            let forged = try await malloryClient.forge(user: "alice")
            let proxy = try TamperingProxy(before: relay)
            let bob = try TestDevice("bob", at: proxy.url)
            let client = try await bob.connect()
            proxy.setRule { passing in
                guard case .keyPackages(var answer) = passing.frame else { return nil }
                for index in answer.results.indices {
                    switch substitution {
                    case .foreign: answer.results[index].message = MLSMessage.keyPackage(foreign).encoded
                    case .forged: answer.results[index].message = MLSMessage.keyPackage(forged).encoded
                    case .changed: answer.results[index].message[40] ^= 1
                    case .malformed: answer.results[index].message = [1, 2, 3]
                    }
                }
                return [.send(.keyPackages(answer), passing.id)]
            }
            #expect(await clientErrorCode { _ = try await client.fetchKeyPackages(of: ["alice"]) } == .keyNotTrusted)
            proxy.setRule(nil)
            _ = try await client.fetchKeyPackages(of: ["alice"])
            proxy.stop()
            for device in [alice, mallory, bob] { await device.close() }
        }
    }

    @Test(
        "S3-8: where certificates are, a KeyPackage with a mere name is not taken, whatever the directory says",
        arguments: [CredentialRule.either, .x509])
    func uncertified(rule: CredentialRule) async throws {
        try await withLiar(rule) { alice, mallory, bob, lie in
            lie(try await mallory.client.forge(user: "alice"))
            let client = try bob.client
            #expect(await clientErrorCode { _ = try await client.fetchKeyPackages(of: ["alice"]) } == .keyNotTrusted)
        }
    }

    @Test(
        "S3-8: another user's KeyPackage is not taken, whatever the directory says", arguments: CredentialRule.allCases)
    func foreign(rule: CredentialRule) async throws {
        try await withLiar(rule) { alice, mallory, bob, lie in
            lie(try await alice.client.fetchKeyPackages(of: ["mallory"])[0].keyPackages[0].keyPackage)
            let client = try bob.client
            #expect(await clientErrorCode { _ = try await client.fetchKeyPackages(of: ["alice"]) } == .keyNotTrusted)
        }
    }

    /// Runs `body` with three devices, and with what makes the relay give bob a KeyPackage as alice's, and its key in the
    /// directory too.
    private func withLiar(
        _ rule: CredentialRule,
        _ body: (
            _ alice: TestDevice, _ mallory: TestDevice, _ bob: TestDevice, _ lie: (KeyPackage) -> Void
        ) async throws -> Void
    ) async throws {
        try await withRelay({ $0.credentials.rule = rule }) { relay in
            let proxy = try TamperingProxy(before: relay)
            let devices = [
                try TestDevice("alice", at: relay.url), try TestDevice("mallory", at: relay.url),
                try TestDevice("bob", at: proxy.url),
            ]
            for device in devices { try await device.connect() }
            try await body(devices[0], devices[1], devices[2]) { keyPackage in
                proxy.setRule { passing in
                    switch passing.frame {
                    case .keyPackages(var answer):
                        answer.results[0].message = MLSMessage.keyPackage(keyPackage).encoded
                        return [.send(.keyPackages(answer), passing.id)]
                    case .users(var answer):
                        answer.users[0].clients[0].signatureKey = keyPackage.leafNode.signatureKey
                        return [.send(.users(answer), passing.id)]
                    default: return nil
                    }
                }
            }
            proxy.stop()
            for device in devices { await device.close() }
        }
    }

    @Test("a device that crashes at any moment publishes nothing without its secrets, and loses nothing")
    func crash() async throws {
        try await withRelay { relay in
            for isCommitted in [false, true] {
                for commit in 0..<8 {
                    let alice = try TestDevice("alice \(commit) \(isCommitted)", at: relay.url)
                    let count = Mutex(0)
                    try alice.open { isAfter in
                        guard isAfter == isCommitted else { return true }
                        return count.withLock { count in
                            count += 1
                            return count != commit + 1
                        }
                    }
                    _ = await clientErrorCode { try await alice.client.connect() }
                    await alice.close()
                    let client = try await alice.connect()
                    let states = try await client.keyPackageStates
                    let published = try await client.published()
                    for message in published {
                        guard case .keyPackage(let keyPackage) = try MLSMessage(decoding: message) else { continue }
                        #expect(try await client.knows(keyPackage))
                    }
                    #expect(published.count == 6 && states.count == 6 && states.values.allSatisfy(\.isPublished))
                    #expect(try await client.countAtRelay()?.count == 5)
                    await alice.close()
                }
            }
        }
    }
}

extension RelayClient {
    /// Whether this device has the secrets of a KeyPackage.
    fileprivate func knows(_ keyPackage: KeyPackage) throws -> Bool {
        let encoded = keyPackage.encoded
        let reference = try keyPackageRef(of: encoded.rawSpan, suite: keyPackage.cipherSuite)
        return try store.read { try keyPackageSecrets(refs: [reference], in: $0) }.map(\.keyPackage) == [keyPackage]
    }

    fileprivate func secretsThenDelete(_ reference: [UInt8]) throws -> [[UInt8]] {
        try store.write { transaction in
            let found = try keyPackageSecrets(refs: [reference, [1, 2, 3]], in: transaction)
            try deleteKeyPackage(ref: reference, in: transaction)
            return found.map(\.ref)
        }
    }

    /// Retires a KeyPackage as if that had been at another time.
    fileprivate func retireOne(at time: UInt64) throws -> [UInt8] {
        try store.write { transaction in
            let open = try transaction.keyPackageStates().filter { !$0.value.isRetired && !$0.value.isLastResort }
            guard let reference = open.keys.first else { throw TestFailure("none is left") }
            try transaction.retireKeyPackage(reference, at: time)
            return reference
        }
    }

    /// A KeyPackage that says to be a user's, with a key of this device.
    fileprivate func forge(user: String) throws -> KeyPackage {
        let now = ValidationPolicy.systemClock()
        return try KeyPackageSecrets(
            suite: Account.suite,
            identity: ClientIdentity(
                credential: .basic(identity: Array(user.utf8)), signingKey: identity.signingKey),
            lifetime: Lifetime(notBefore: now - 60, notAfter: now + 86_400),
            configuration: account.groupConfiguration(configuration)
        ).keyPackage
    }
}
