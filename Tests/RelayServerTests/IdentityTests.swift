import MLSCodec
import MLSCrypto
import RelayCore
import RelayCredentials
import RelayServer
import RelayTransport
import RelayWire
import TLSPresentation
import TestSupport
import Testing

@Suite("The Authentication Service (PROTOCOL.md sections 4.3, 7.7, 7.8)", .timeLimit(.minutes(3)))
struct IdentityTests {
    private static func withRoot(_ configuration: inout ServerConfiguration) {
        configuration.rules.operators = [Array("root".utf8)]
    }

    // MARK: Credentials

    @Test("S3-2, RFC 9750 4, 7: a client gets a certificate for its key, which anybody verifies without the relay")
    func certificate() async throws {
        try await withRelay { relay in
            let alice = try IdentityClient.registered("alice", "phone", at: relay)
            guard case .authority(let authority) = try alice.request(FetchAuthority()),
                case .credential(let answer) = try alice.request(IssueCredential())
            else { throw FakeServer.Failure(description: "no credential") }
            relay.stop()
            #expect(authority.credentials == .either)
            #expect(authority.serverName == Array("mlsrelay".utf8))
            let verifier = try CredentialVerifier(
                serverName: "mlsrelay", root: authority.rootCertificate, acceptsBasic: false)
            let credential = try Credential(decoding: answer.credential)
            let key = alice.identity.signatureKey
            let now = answer.notBefore.rawValue / 1000 + 600
            let verified = try verifier.verify(credential, signatureKey: key, scheme: .ed25519, at: now)
            #expect(
                verified.subject
                    == (try CredentialSubject(userName: Array("alice".utf8), clientName: Array("phone".utf8))))
            #expect(verified.notAfter.map { $0 * 1000 } == answer.notAfter.rawValue)
            // Nobody else's key is certified by it, and not for ever.
            let other = try SigningKey.generate(.ed25519).publicKey.bytes
            #expect(throws: CredentialError.self) {
                _ = try verifier.verify(credential, signatureKey: other, scheme: .ed25519, at: now)
            }
            #expect(throws: CredentialError.expired) {
                _ = try verifier.verify(
                    credential, signatureKey: key, scheme: .ed25519, at: answer.notAfter.rawValue / 1000 + 7200)
            }
        }
    }

    @Test("where the rule is basic there is no authority, and the credential is the user's name")
    func basic() async throws {
        try await withRelay({ $0.credentials.rule = .basic }) { relay in
            let alice = try IdentityClient.registered("alice", at: relay)
            guard case .authority(let authority) = try alice.request(FetchAuthority()),
                case .credential(let answer) = try alice.request(IssueCredential())
            else { throw FakeServer.Failure(description: "no credential") }
            #expect(authority.rootCertificate.isEmpty)
            #expect(authority.credentials == .basic)
            #expect(try Credential(decoding: answer.credential) == .basic(identity: Array("alice".utf8)))
            #expect([answer.notBefore.rawValue, answer.notAfter.rawValue] == [0, 0])
        }
    }

    @Test("S3-9: keys of the authority are files of their owner's alone, and stay when the relay starts again")
    func authorityKeys() async throws {
        let directory = try TemporaryDirectory()
        let roots = try await withRelay({ $0.credentials.authorityDirectory = directory.path + "/keys" }) { relay in
            var roots: [[UInt8]] = []
            let alice = try IdentityClient.registered("alice", at: relay)
            guard case .authority(let first) = try alice.request(FetchAuthority()) else { return roots }
            roots.append(first.rootCertificate)
            relay.stop()
            let again = try RunningRelay(directory: relay.directory) {
                $0.credentials.authorityDirectory = directory.path + "/keys"
            }
            defer { again.stop() }
            let bob = try IdentityClient.registered("bob", at: again)
            guard case .authority(let second) = try bob.request(FetchAuthority()) else { return roots }
            return roots + [second.rootCertificate]
        }
        #expect(roots.count == 2 && roots[0] == roots[1] && !roots[0].isEmpty)
        for file in ["root-key.pem", "issuing-key.pem"] {
            #expect(try fileMode(directory.path + "/keys/" + file) == 0o600)
        }
    }

    // MARK: Clients

    @Test("S3-3: a client admits another of its user, by its signature for just that one")
    func admission() async throws {
        try await withRelay { relay in
            let alice = try IdentityClient.registered("alice", at: relay)
            let mallory = try IdentityClient.registered("mallory", at: relay)
            let phone = try IdentityClient("alice", "phone", at: relay)
            /// The answer to a registration that ends, and a new connection for the next.
            func code(_ client: IdentityClient, _ admission: Admission) throws -> ErrorCode? {
                let code = try client.register(admission).errorCode
                try client.reconnect()
                return code
            }
            #expect(try code(phone, .open) == .identityTaken)
            let forged: [(inout AdmissionTBS) -> Void] = [
                { $0.serverName = [] }, { $0.clientName = [] }, { $0.identity.name = Array("mallory".utf8) },
                { $0.client = mallory.number }, { $0.notAfter = Timestamp(rawValue: 1) },
            ]
            for change in forged { #expect(try code(phone, alice.admit(phone, change)) == .admissionInvalid) }
            #expect(try code(phone, mallory.admit(phone)) == .admissionInvalid)
            #expect(try code(phone, alice.admit(phone, notAfter: Timestamp(rawValue: 1))) == .admissionInvalid)
            let admission = try alice.admit(phone)
            // Somebody else who saw it has another key.
            #expect(try code(IdentityClient("alice", "phone", at: relay), admission) == .admissionInvalid)
            let number = try phone.register(admission).ready.client
            #expect(number != alice.number)
            // The answer was lost: it registers again, or just authenticates.
            try phone.reconnect()
            #expect(try phone.register(admission).ready.client == number)
            #expect(try phone.authenticate().ready.client == number)
        }
    }

    @Test("RFC 9750 4: a key is rotated by both keys' signatures, and connections stay")
    func rotation() async throws {
        try await withRelay { relay in
            let alice = try IdentityClient.registered("alice", at: relay)
            let old = alice.key
            let new = try SigningKey.generate(.ecdsaSecp256r1SHA256)
            let rotation = try alice.rotation(to: new)
            #expect(try alice.request(rotation).isDone)
            // The answer was lost.
            #expect(try alice.request(rotation).isDone)
            #expect(try alice.authenticate().errorCode == .identityUnknown)
            alice.key = new
            #expect(try alice.authenticate().ready.client == alice.number)
            // Back to a key that was is none.
            #expect(try alice.request(alice.rotation(to: old)).errorCode == .keyInUse)

            let newer = try SigningKey.generate(.ed25519)
            var forged: [RotateKey] = [try alice.rotation(to: newer, serverName: "another")]
            for change in [\RotateKey.signatureByOld, \.signatureByNew] {
                var rotation = try alice.rotation(to: newer)
                rotation[keyPath: change] = []
                forged.append(rotation)
            }
            var noKey = try alice.rotation(to: newer)
            noKey.signatureKey = [1]
            for rotation in forged + [noKey] {
                #expect(try alice.request(rotation).errorCode == .authenticationFailed)
                // It was the last that the connection heard.
                #expect(try alice.connection.next() == nil)
                _ = try alice.authenticate().ready
            }
        }
    }

    @Test("two rotations of one transaction: the second one's key is no longer the client's, and its connection ends")
    func racingRotations() async throws {
        try await withRelay { relay in
            let alice = try IdentityClient.registered("alice", at: relay)
            let rotations = try (0..<2).map { _ in try alice.rotation(to: SigningKey.generate(.ed25519)) }
            // Both leave before either is answered, so that both are verified with the old key.
            let frames = rotations.enumerated().flatMap { $1.frame(RequestID(rawValue: UInt32(100 + $0))) }
            try alice.connection.send(frames)
            guard case .done = try alice.connection.expect().1 else {
                throw FakeServer.Failure(description: "the first rotation was not carried out")
            }
            #expect(try alice.connection.expectEnd() == .authenticationFailed)
        }
    }

    @Test("N-15: a revoked client's connections end wherever they are, and it does not come back")
    func revocation() async throws {
        try await withRelay(loops: 2) { relay in
            let alice = try IdentityClient.registered("alice", at: relay)
            let phone = try IdentityClient("alice", "phone", at: relay)
            _ = try phone.register(alice.admit(phone)).ready
            // Four connections of one client: on both loops, as chance has it.
            let others = try (0..<4).map { _ in
                let other = try IdentityClient("alice", "phone", key: phone.key, at: relay)
                _ = try other.authenticate().ready
                return other
            }
            #expect(try alice.request(RevokeClient(client: phone.number, reason: .lost)).isDone)
            for client in others + [phone] { #expect(try client.connection.expectEnd() == .clientRevoked) }
            #expect(try phone.authenticate().errorCode == .clientRevoked)
            try phone.reconnect()
            #expect(try phone.register(alice.admit(phone)).errorCode == .clientRevoked)
            let entries = try alice.read(.inbox(of: alice.number))
            #expect(entries.map(\.header.kind) == [.clientRevoked])
            #expect(try alice.request(RevokeClient(client: alice.number, reason: .retired)).errorCode == .lastClient)
        }
    }

    // MARK: Operators

    @Test("an operator makes a token, and whoever has it comes in (S0-1)")
    func tokens() async throws {
        let directory = try TemporaryDirectory()
        try await withRelay(Self.withRoot) { relay in
            _ = directory
            let root = try IdentityClient.registered("root", at: relay)
            let alice = try IdentityClient.registered("alice", at: relay)
            let action = Administer.Action.createToken(uses: 1, notAfter: Timestamp(rawValue: 0), note: [])
            #expect(try alice.request(Administer(action)).errorCode == .notPermitted)
            guard case .administered(let made) = try root.request(Administer(action)) else {
                throw FakeServer.Failure(description: "no token")
            }
            #expect(made.token.count == 16)
            relay.stop()
            let closed = try RunningRelay(directory: relay.directory) { $0.rules.registration = .token }
            defer { closed.stop() }
            let bob = try IdentityClient("bob", at: closed)
            #expect(try bob.register().errorCode == .admissionRequired)
            try bob.reconnect()
            #expect(try bob.register(.token([1])).errorCode == .admissionInvalid)
            try bob.reconnect()
            _ = try bob.register(.token(made.token)).ready
            #expect(
                try IdentityClient("carol", at: closed).register(.token(made.token)).errorCode == .admissionInvalid)
            // Whoever is registered needs none.
            let known = try IdentityClient("alice", key: alice.key, at: closed)
            _ = try known.register().ready
        }
    }

    @Test("a suspended user's connections end, and no new ones are let in until it is resumed")
    func suspension() async throws {
        try await withRelay(loops: 2, Self.withRoot) { relay in
            let root = try IdentityClient.registered("root", at: relay)
            let alice = try IdentityClient.registered("alice", at: relay)
            let name = Array("alice".utf8)
            #expect(try root.request(Administer(.suspendUser(name: name))).errorCode == nil)
            #expect(try alice.connection.expectEnd() == .userSuspended)
            #expect(try alice.authenticate().errorCode == .userSuspended)
            #expect(try root.request(Administer(.resumeUser(name: name))).errorCode == nil)
            _ = try alice.authenticate().ready
        }
    }

    @Test("a closed directory is followed and searched by operators alone; names can be looked up")
    func closedDirectory() async throws {
        try await withRelay({
            Self.withRoot(&$0)
            $0.rules.directory = .closed
        }) { relay in
            let root = try IdentityClient.registered("root", at: relay)
            let alice = try IdentityClient.registered("alice", at: relay)
            func results(_ client: IdentityClient) throws -> [ErrorCode] {
                let logs: [LogName] = [.directory, .groups]
                let request = Subscribe(subscriptions: logs.map { Subscription(log: $0, after: .zero, until: .zero) })
                guard case .subscribed(let answer) = try client.request(request) else { return [] }
                return answer.results.map(\.error)
            }
            #expect(try results(alice) == [.notPermitted, .notPermitted])
            #expect(try results(root) == [.none, .none])
            let search = SearchUsers(prefix: [], after: [], limit: 0)
            #expect(try alice.request(search).errorCode == .notPermitted)
            #expect(
                try root.request(search) == .userNames(UserNames(names: [Array("alice".utf8), Array("root".utf8)])))
            guard case .users(let users) = try alice.request(LookUp(names: [Array("root".utf8)])) else {
                throw FakeServer.Failure(description: "no users")
            }
            #expect(users.users.map(\.error) == [.none])
        }
    }

    @Test("S3-6: over the wire a hidden user is the same bytes as nobody")
    func hidden() async throws {
        try await withRelay { relay in
            let alice = try IdentityClient.registered("alice", at: relay)
            let bob = try IdentityClient.registered("bob1", at: relay)
            #expect(try bob.request(SetVisibility(visibility: .hidden)).isDone)
            func answer(_ name: String) throws -> [UInt8] {
                guard case .users(let users) = try alice.request(LookUp(names: [Array(name.utf8)])) else { return [] }
                return users.encoded.replacing(Array(name.utf8), with: [0])
            }
            #expect(try answer("bob1") == answer("bob2"))
            #expect(try answer("bob1") != answer("alice"))
        }
    }

    // MARK: What everybody can check

    @Test(
        "N-15, S3-1, S0-1, RFC 9750 8.4.3.1: whoever follows the directory finds every client, key, credential and revocation in it, each with its reason"
    )
    func audit() async throws {
        try await withRelay(loops: 2, Self.withRoot) { relay in
            let root = try IdentityClient.registered("root", at: relay)
            let alice = try IdentityClient.registered("alice", at: relay)
            let bob = try IdentityClient.registered("bob", "desk", at: relay)
            var certificates: [SHA256Digest] = []
            func certify(_ client: IdentityClient) throws {
                guard case .credential(let answer) = try client.request(IssueCredential()),
                    case .x509(let chain) = try Credential(decoding: answer.credential), let first = chain.first
                else { throw FakeServer.Failure(description: "no credential") }
                certificates.append(SHA256.hash(first.certData))
            }
            for client in [alice, bob] { try certify(client) }
            let phone = try IdentityClient("alice", "phone", at: relay)
            _ = try phone.register(alice.admit(phone)).ready
            let new = try SigningKey.generate(.ed25519)
            #expect(try phone.request(phone.rotation(to: new)).isDone)
            phone.key = new
            try certify(phone)
            let tablet = try IdentityClient("alice", "tablet", at: relay)
            _ = try tablet.register(phone.admit(tablet)).ready
            #expect(try alice.request(RevokeClient(client: phone.number, reason: .lost)).isDone)
            #expect(try root.request(Administer(.suspendUser(name: Array("bob".utf8)))).errorCode == nil)
            // Whatever was refused left no trace.
            #expect(try IdentityClient("alice", at: relay).register().errorCode == .identityTaken)
            #expect(try IdentityClient("eve\n", at: relay).register().errorCode == .nameInvalid)

            var auditor = DirectoryAuditor(serverName: "mlsrelay")
            for entry in try tablet.read(.directory) { try auditor.take(entry) }
            #expect(Set(auditor.clients.keys) == Set([root, alice, bob, phone, tablet].map(\.number)))
            #expect(Set(auditor.clients.values.flatMap(\.certificateHashes)) == Set(certificates))
            for client in [root, alice, bob, phone, tablet] {
                #expect(auditor.clients[client.number]?.identity == client.identity)
            }
            // What the relay says is what the directory says, and where it says that the directory ends.
            let names = ["root", "alice", "bob", "nobody"].map { Array($0.utf8) }
            guard case .users(let users) = try tablet.request(LookUp(names: names)),
                case .authority(let authority) = try tablet.request(FetchAuthority())
            else { throw FakeServer.Failure(description: "no users") }
            #expect(users.users == names.map(auditor.lookUp))
            #expect(authority.directoryLast == auditor.last)
            #expect(authority.directoryChain == auditor.hash)
        }
    }

    @Test("S0-1: nothing is carried out for somebody who has not authenticated, and nothing of it stays")
    func unauthenticated() async throws {
        try await withRelay { relay in
            let alice = try IdentityClient.registered("alice", at: relay)
            let bodies: [(BlockingClient) throws -> Void] = [
                { try $0.send(Publish(messages: [[1]])) },
                { try $0.send(CreateGroup(groupID: [1], epoch: Epoch(rawValue: 0))) },
                { try $0.send(RevokeClient(client: alice.number, reason: .lost)) },
                { try $0.send(SetVisibility(visibility: .hidden)) }, { try $0.send(IssueCredential()) },
                { try $0.send(LookUp(names: [])) }, { try $0.send(Administer(.listTokens)) },
                { try $0.send(FetchAuthority()) },
            ]
            for send in bodies {
                for saysHello in [false, true] {
                    let stranger = try relay.connect(.tcp)
                    if saysHello { _ = try stranger.hello() }
                    try send(stranger)
                    #expect(try stranger.expectEnd() == .unexpectedFrame)
                }
            }
            #expect(try alice.read(.directory).count == 1)
            #expect(try alice.authenticate().ready.client == alice.number)
        }
    }
}
