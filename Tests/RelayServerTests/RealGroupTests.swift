import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import MLSTestSupport
import RelayCredentials
import RelayServer
import RelayWire
import TLSPresentation
import TestSupport
import Testing

/// A client with a certificate of the relay's and its side of MLS.
private final class Person {
    let client: IdentityClient
    let device: Device
    let applicant: Applicant
    var member: GroupMember?
    /// Where it stands in the group's log.
    private var last = SequenceNumber.zero

    init(_ name: String, at relay: RunningRelay) throws {
        client = try IdentityClient.registered(name, at: relay)
        guard case .authority(let authority) = try client.request(FetchAuthority()),
            case .credential(let answer) = try client.request(IssueCredential())
        else { throw FakeServer.Failure(description: "no credential") }
        let verifier = try CredentialVerifier(
            serverName: "mlsrelay", root: authority.rootCertificate, acceptsBasic: false)
        let policy = ValidationPolicy(authenticationService: RelayAuthenticationService(verifier: verifier))
        let suite = CipherSuite(rawValue: 1)
        var device = try Device(name, suite: suite, configuration: GroupConfiguration(policy: policy))
        device.identity = ClientIdentity(
            credential: try Credential(decoding: answer.credential), signingKey: client.key)
        self.device = device
        applicant = Applicant(
            device: device,
            secrets: try KeyPackageSecrets(
                suite: suite, identity: device.identity, lifetime: TestClient.currentLifetime(),
                configuration: device.configuration))
        let message = MLSMessage.keyPackage(applicant.keyPackage).encoded
        guard case .published = try client.request(Publish(messages: [message])) else {
            throw FakeServer.Failure(description: "the relay does not take \(name)'s KeyPackage")
        }
    }

    var group: GroupMember {
        get throws {
            guard let member else { throw FakeServer.Failure(description: "\(client.name) is in no group") }
            return member
        }
    }

    /// Creates the group with those whose KeyPackages these are.
    func create(_ groupID: [UInt8], adding keyPackages: [KeyPackage]) throws {
        member = try GroupMember(
            device,
            Group(
                creating: groupID, suite: device.suite, identity: device.identity,
                lifetime: TestClient.currentLifetime(), configuration: device.configuration))
        let made = try commit(keyPackages.map { .add(Add(keyPackage: $0)) }, hasTree: true)
        let frame = CreateGroup(
            groupID: groupID, epoch: Epoch(rawValue: 0), name: Array("Choir".utf8), alias: [],
            policy: GroupPolicy(mode: .publicHandshake, join: .direct),
            messages: [made.commit, made.groupInfo, made.welcome].compactMap { $0 })
        guard case .groupCreated(let created) = try client.request(frame) else {
            throw FakeServer.Failure(description: "no group")
        }
        last = try #require(created.receipts.first).sequenceNumber
        try group.follow(made.commit)
    }

    private func commit(_ proposals: [Proposal], hasTree: Bool = false) throws -> CommitMessages {
        var options = CommitOptions(proposals)
        options.makesGroupInfo = true
        options.hasTreeInGroupInfo = hasTree
        return try group.commit(options)
    }

    /// Commits, and goes on once the relay has accepted it.
    func publishCommit(_ proposals: [Proposal] = []) throws {
        let made = try commit(proposals)
        let frame = Publish(messages: [made.commit, made.welcome, made.groupInfo].compactMap { $0 })
        guard case .published(let published) = try client.request(frame) else {
            throw FakeServer.Failure(description: "the commit is refused")
        }
        last = try #require(published.receipts.first).sequenceNumber
        try group.follow(made.commit)
    }

    func publish(_ message: [UInt8]) throws {
        guard case .published(let published) = try client.request(Publish(messages: [message])) else {
            throw FakeServer.Failure(description: "the message is refused")
        }
        last = try #require(published.receipts.first).sequenceNumber
    }

    /// Joins by the Welcome in its inbox.
    func join(_ groupID: [UInt8]) throws {
        let inbox = try client.read(LogName(kind: .inbox, name: []))
        let welcome = try #require(inbox.last { $0.header.kind == .message })
        member = try applicant.joins(welcome.payload)
        guard
            case .subscribed(let answer) = try client.request(
                Subscribe(subscriptions: [Subscription(log: .group(groupID), after: .zero, until: .zero)]))
        else { throw FakeServer.Failure(description: "not subscribed") }
        last = SequenceNumber(rawValue: try #require(answer.results.first).first.rawValue - 1)
        _ = try client.request(Unsubscribe(logs: [try #require(answer.results.first).log]))
    }

    /// Takes what has come since: handshakes are followed, texts returned.
    func receive(_ groupID: [UInt8]) throws -> [String] {
        guard
            case .subscribed(let answer) = try client.request(
                Subscribe(subscriptions: [Subscription(log: .group(groupID), after: last)])),
            let result = answer.results.first
        else { throw FakeServer.Failure(description: "not subscribed") }
        var texts: [String] = []
        while last < result.last {
            guard case .entry(let frame) = try client.connection.expect().1 else { continue }
            last = frame.entry.header.sequenceNumber
            switch try group.group.process(frame.entry.payload, psks: device.psks) {
            case .application(let message): texts.append(String(decoding: message.data, as: UTF8.self))
            case .commit(let staged): try group.group.merge(staged)
            default: break
            }
        }
        _ = try client.request(Unsubscribe(logs: [result.log]))
        return texts
    }
}

@Suite("A group with certificates, real MLS and a real relay", .timeLimit(.minutes(1)))
struct RealGroupTests {
    @Test(
        """
        S1-1, S1-2, S1-4, S1-5, S1-6, S1-8, S1-9, S3-2, S3-5, S3-8, RFC 9750 2.2, 3.1, 3.2, 3.3, 3.4, 3.6: people with certificates create a group, add, propose, \
        commit, remove and talk
        """)
    func choir() async throws {
        try await withRelay({ $0.credentials.rule = .x509 }) { relay in
            let groupID = Array("choir".utf8)
            let (alice, bob, carol) = (
                try Person("alice", at: relay), try Person("bob", at: relay), try Person("carol", at: relay)
            )
            // One request for both; each KeyPackage is verified against the authority when it is added.
            let requests = ["bob", "carol"].map {
                KeyPackageRequest(name: Array($0.utf8), cipherSuite: CipherSuite(rawValue: 1))
            }
            guard case .keyPackages(let fetched) = try alice.client.request(FetchKeyPackages(requests: requests)) else {
                throw FakeServer.Failure(description: "no KeyPackages")
            }
            let keyPackages = try fetched.results.map { result in
                guard case .keyPackage(let keyPackage) = try MLSMessage(decoding: result.message) else {
                    throw FakeServer.Failure(description: "no KeyPackage")
                }
                return keyPackage
            }
            try alice.create(groupID, adding: keyPackages)
            try bob.join(groupID)
            try carol.join(groupID)

            // Bob proposes, Alice commits, all follow.
            try bob.publish(try bob.group.proposeUpdate())
            #expect(try alice.receive(groupID) == [])
            try alice.publishCommit()
            #expect(try bob.receive(groupID) == [])
            #expect(try carol.receive(groupID) == [])
            let authenticators = try [alice, bob, carol].map { try $0.group.epochAuthenticator }
            #expect(Set(authenticators).count == 1)
            try carol.publish(try carol.group.protect("hello"))
            #expect(try alice.receive(groupID) == ["hello"])
            #expect(try bob.receive(groupID) == ["hello"])

            // Bob is removed: he gets the commit that says so, and nothing after it.
            try alice.publishCommit([.remove(Remove(removed: try bob.group.leaf))])
            #expect(try carol.receive(groupID) == [])
            try alice.publish(try alice.group.protect("without bob"))
            #expect(try carol.receive(groupID) == ["without bob"])
            guard
                case .subscribed(let answer) = try bob.client.request(
                    Subscribe(subscriptions: [Subscription(log: .group(groupID), after: SequenceNumber(rawValue: 4))]))
            else { throw FakeServer.Failure(description: "not subscribed") }
            #expect(answer.results.first?.error == ErrorCode.none)
            guard case .entry(let frame) = try bob.client.connection.expect().1 else {
                throw FakeServer.Failure(description: "no entry")
            }
            if case .commit(let staged) = try bob.group.group.process(frame.entry.payload, psks: bob.device.psks) {
                try bob.group.group.merge(staged)
            }
            #expect(try !bob.group.isActive)
            guard case .pong = try bob.client.request(Ping(data: [1])) else {
                throw FakeServer.Failure(description: "something after the removal")
            }
        }
    }
}
