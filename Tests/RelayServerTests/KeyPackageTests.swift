import Foundation
import MLSCodec
import MLSCrypto
import MLSTestSupport
import RelayAuthority
import RelayCore
import RelayCredentials
import RelayServer
import RelayStore
import RelayTransport
import RelayWire
import Synchronization
import TLSPresentation
import TestSupport
import Testing

@Suite("KeyPackages over the wire", .timeLimit(.minutes(3)))
struct KeyPackageTests {
    /// The rule by which a KeyPackage is refused; nil where it is taken.
    private func rule(_ message: [UInt8], _ client: BlockingClient) throws -> String? {
        switch try client.request(Publish(messages: [message])) {
        case .published: return nil
        case .error(let error):
            guard error.code == .keyPackageInvalid else { return error.code.description }
            return String(decoding: try RuleDetail(decoding: error.detail).rule, as: UTF8.self)
        case let other: throw FakeServer.Failure(description: "\(other)")
        }
    }

    private func fetch(_ names: String..., suites: [UInt16] = [1], by client: BlockingClient) throws -> Frame {
        let suites = suites.map { CipherSuite(rawValue: $0) }
        return try client.request(
            FetchKeyPackages(requests: names.map { KeyPackageRequest(name: Array($0.utf8), cipherSuites: suites) }))
    }

    private func results(_ names: String..., by client: BlockingClient) throws -> [KeyPackageResult] {
        let suite = CipherSuite(rawValue: 1)
        let requests = names.map { KeyPackageRequest(name: Array($0.utf8), cipherSuite: suite) }
        guard case .keyPackages(let answer) = try client.request(FetchKeyPackages(requests: requests)) else {
            throw FakeServer.Failure(description: "no KeyPackages")
        }
        return answer.results
    }

    @Test(
        "S0-2, S1-1, S1-2: clients publish KeyPackages before there is a group, and one request takes those of several")
    func directory() async throws {
        try await withRelay(loops: 2) { relay in
            var published: [String: [UInt8]] = [:]
            for name in ["alice", "bob", "carol"] {
                let key = try SigningKey.generate(.ed25519)
                let client = try relay.connect(.tcp)
                try client.logIn(name, key: key)
                let package = try TestClient(name, key: key).publishableKeyPackage()
                published[name] = package
                #expect(try rule(package, client) == nil)
                // Again, it is the one that is there.
                #expect(try rule(package, client) == nil)
                guard case .keyPackageCounts(let counts) = try client.request(CountKeyPackages()) else {
                    throw FakeServer.Failure(description: "no counts")
                }
                #expect(counts.counts.map(\.count) == [1])
            }
            let dave = try relay.connect(.ws)
            try dave.logIn("dave")
            let found = try results("bob", "carol", "nobody", by: dave)
            #expect(found.map(\.request) == [0, 1, 2])
            #expect(found.map(\.error) == [.none, .none, .keyPackageUnavailable])
            #expect(found.map(\.message) == [published["bob"], published["carol"], []])
            #expect(try results("bob", by: dave).map(\.error) == [.keyPackageUnavailable])
        }
    }

    @Test("N-9, S3-5: a KeyPackage that is not valid, or not its publisher's, is refused with the rule that it breaks")
    func invalid() async throws {
        try await withRelay { configuration in
            configuration.keyPackages.cipherSuites.remove(CipherSuite(rawValue: 3))
        } _: { relay in
            let key = try SigningKey.generate(.ed25519)
            let client = try relay.connect(.tcp)
            try client.logIn("alice", key: key)
            let alice = try TestClient("alice", key: key)
            let stranger = try TestClient("alice", key: SigningKey.generate(.ed25519))
            func changed(
                leaf: (inout LeafNode) throws -> Void = { _ in }, package: (inout KeyPackage) throws -> Void = { _ in }
            ) throws -> [UInt8] {
                let keyPackage = try alice.keyPackage {
                    $0.source = .keyPackage(TestClient.currentLifetime())
                    try leaf(&$0)
                } package: {
                    try package(&$0)
                }
                return MLSMessage.keyPackage(keyPackage).encoded
            }
            func lifetime(from: Int64, to: Int64) throws -> [UInt8] {
                let now = Int64(TestClient.currentLifetime().notBefore) + 3600
                let lifetime = Lifetime(notBefore: UInt64(now + from), notAfter: UInt64(now + to))
                return try alice.publishableKeyPackage(lifetime: lifetime)
            }
            let day: Int64 = 86_400
            #expect(try rule(stranger.publishableKeyPackage(), client) == "signature-key")
            let bob = try TestClient("bob", key: key)
            #expect(try rule(bob.publishableKeyPackage(), client) == "5.3.1-credential")
            let other = try TestClient("alice", key: key, suite: CipherSuite(rawValue: 3))
            #expect(try rule(other.publishableKeyPackage(), client) == "10.1-cipher-suite")
            #expect(try rule(lifetime(from: -2 * day, to: -day), client) == "not-after")
            #expect(try rule(lifetime(from: -day, to: 3500), client) == "not-after")
            #expect(try rule(lifetime(from: day, to: 2 * day), client) == "7.3-lifetime")
            #expect(try rule(lifetime(from: -day, to: 399 * day + 60), client) == "7.2-total-lifetime")
            #expect(try rule(changed(leaf: { $0.source = .update }), client) == "7.3-source-key-package")
            #expect(
                try rule(
                    changed(leaf: {
                        $0.extensions = [Extension(extensionType: .init(rawValue: 0xf077), extensionData: [])]
                    }), client)
                    == "7.3-extensions")
            #expect(try rule(changed(package: { $0.leafNode.signature[8] ^= 1 }), client) == "7.3-signature")
            #expect(
                try rule(changed(package: { $0.initKey = $0.leafNode.encryptionKey }), client) == "10.1-init-key")
            var message = try alice.publishableKeyPackage()
            message[message.count - 1] ^= 1
            #expect(try rule(message, client) == "10.1-signature")
            // One that is not valid refuses them all, and what is valid at the edge is taken.
            let both = Publish(messages: [try alice.publishableKeyPackage(), message])
            guard case .error(let error) = try client.request(both) else {
                throw FakeServer.Failure(description: "taken")
            }
            #expect(error.code == .keyPackageInvalid)
            #expect(try rule(lifetime(from: -day, to: 399 * day), client) == nil)
            #expect(try rule(lifetime(from: -day, to: 3700), client) == nil)
            guard case .keyPackageCounts(let counts) = try client.request(CountKeyPackages()) else {
                throw FakeServer.Failure(description: "no counts")
            }
            #expect(counts.counts.map(\.count) == [2])
        }
    }

    @Test(
        "S3-5: where the relay certifies, only KeyPackages with a credential that it issued for their client are taken")
    func certified() async throws {
        try await withRelay { configuration in
            configuration.credentials.rule = .x509
        } _: { relay in
            let key = try SigningKey.generate(.ed25519)
            let client = try relay.connect(.tcp)
            try client.logIn("alice", key: key)
            let alice = try TestClient("alice", key: key)
            #expect(try rule(alice.publishableKeyPackage(), client) == "5.3.1-credential")
            guard case .credential(let answer) = try client.request(IssueCredential()) else {
                throw FakeServer.Failure(description: "no credential")
            }
            let credential = try Credential(decoding: answer.credential)
            #expect(try rule(alice.publishableKeyPackage { $0.credential = credential }, client) == nil)
            // Another authority's, for the same name and key.
            let now = TestClient.currentLifetime().notBefore + 3600
            let authority = try CertificateAuthority(
                directory: relay.directory + "/another", serverName: "mlsrelay", at: now)
            let forged = try authority.issue(
                CredentialSubject(userName: Array("alice".utf8)), scheme: .ed25519, signatureKey: key.publicKey.bytes,
                at: now, lifetime: 86_400)
            #expect(
                try rule(alice.publishableKeyPackage { $0.credential = forged.credential }, client)
                    == "5.3.1-credential")
            // Another user's.
            let otherKey = try SigningKey.generate(.ed25519)
            let other = try relay.connect(.tcp)
            try other.logIn("mallory", key: otherKey)
            let mallory = try TestClient("mallory", key: otherKey)
            #expect(
                try rule(mallory.publishableKeyPackage { $0.credential = credential }, other) == "5.3-x509-key")
        }
    }

    @Test("RFC 9420 16.8: who fetches too often is told which limit it is and when to come again")
    func limited() async throws {
        try await withRelay { configuration in
            configuration.core.keyPackageFetchesPerUser = 2
        } _: { relay in
            let client = try relay.connect(.tcp)
            try client.logIn("alice")
            for _ in 0..<2 { #expect(try results("bob", by: client).map(\.error) == [.keyPackageUnavailable]) }
            guard case .error(let error) = try fetch("bob", by: client) else {
                throw FakeServer.Failure(description: "not limited")
            }
            #expect(error.code == .rateLimited)
            let detail = try RetryDetail(decoding: error.detail)
            #expect(String(decoding: detail.limit, as: UTF8.self) == "key-package-fetches-per-user")
            #expect((1...30_000).contains(detail.retryAfterMilliseconds))
        }
    }

    /// Goal: whoever asks, and whenever the relay ends, no KeyPackage is handed out twice.
    ///
    /// Method: fetchers on connections of their own ask as fast as they can; the relay ends in the middle, and another
    /// takes its place on the same store. What they got is counted, and compared with what the owner's log says.
    @Test("N-9: of racing fetchers none gets what another got, also when the relay starts anew in the middle")
    func racing() async throws {
        let packageCount = 120
        try await withRelay(loops: 3) { configuration in
            configuration.core.maxKeyPackagesPerPool = 200
            (configuration.core.keyPackageFetches, configuration.core.keyPackageFetchesPerUser) = (0, 0)
        } _: { relay in
            let key = try SigningKey.generate(.ed25519)
            let owner = try relay.connect(.tcp)
            let number = try owner.logIn("owner", key: key)
            let maker = try TestClient("owner", key: key)
            let packages = try (0..<packageCount).map { _ in try maker.publishableKeyPackage() }
            guard case .published = try owner.request(Publish(messages: packages)) else {
                throw FakeServer.Failure(description: "not published")
            }
            let keys = try (0..<6).map { _ in try SigningKey.generate(.ed25519) }
            let got = Mutex<[[UInt8]]>([])

            /// Fetches on all connections until there is nothing more, or no relay any more.
            func fetch(on relay: RunningRelay, _ each: @escaping @Sendable () -> Void) -> DispatchSemaphore {
                let done = DispatchSemaphore(value: 0)
                for (index, key) in keys.enumerated() {
                    startThread {
                        defer { done.signal() }
                        // A relay that ends is why a fetcher ends here.
                        try? Self.fetchAll(relay, "fetcher \(index)", key) { message in
                            got.withLock { $0.append(message) }
                            each()
                        }
                    }
                }
                return done
            }
            let some = DispatchSemaphore(value: 0)
            let first = fetch(on: relay) { some.signal() }
            for _ in 0..<packageCount / 3 { some.wait() }
            relay.stop()
            for _ in keys { first.wait() }
            let second = try RunningRelay(loops: 3, directory: relay.directory) { configuration in
                (configuration.core.keyPackageFetches, configuration.core.keyPackageFetchesPerUser) = (0, 0)
            }
            let rest = fetch(on: second) {}
            for _ in keys { rest.wait() }
            second.stop()

            let taken = got.withLock { $0 }
            #expect(Set(taken).count == taken.count)
            #expect(Set(taken).isSubset(of: packages))
            let store = try Store(relay.directory, access: .inspector)
            let handedOut = try StoreReader(store).read { (snapshot) throws(StoreError) in
                var handedOut: [SequenceNumber] = []
                guard let log = try snapshot.log(.keyPackages, named: number.encoded.rawSpan) else { return handedOut }
                var next = SequenceNumber.zero.next
                while let entry = try snapshot.entry(next, in: log) {
                    if entry.header.kind == .keyPackageHandedOut,
                        let notice = try? KeyPackageNotice(decoding: entry.payload)
                    {
                        handedOut.append(notice.sequenceNumber)
                    }
                    next = next.next
                }
                return handedOut
            }
            // In order, each once; an answer that was on its way when the relay ended is the only one that can be missing.
            #expect(handedOut == (1...UInt64(packageCount)).map { SequenceNumber(rawValue: $0) })
            #expect(taken.count >= packageCount - keys.count)
            var findings: [Finding] = []
            _ = try StoreVerifier(store) { findings.append($0) }.verify()
            #expect(findings == [])
        }
    }

    private static func fetchAll(
        _ relay: RunningRelay, _ name: String, _ key: SigningKey, _ each: ([UInt8]) -> Void
    ) throws {
        let client = try relay.connect(.tcp)
        try client.logIn(name, key: key)
        let request = KeyPackageRequest(name: Array("owner".utf8), cipherSuite: CipherSuite(rawValue: 1))
        while case .keyPackages(let answer) = try client.request(FetchKeyPackages(requests: [request])),
            let result = answer.results.first, result.error == .none
        {
            each(result.message)
        }
    }
}
