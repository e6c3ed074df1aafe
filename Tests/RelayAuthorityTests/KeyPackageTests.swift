import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import MLSTestSupport
import RelayAuthority
import RelayCredentials
import TLSPresentation
import Testing

@Suite("KeyPackages and groups with credentials of a relay's authority")
struct KeyPackageTests {
    private static let now = AuthorityFixture.now
    private let authority: CertificateAuthority
    private let service: RelayAuthenticationService

    init() throws {
        authority = try AuthorityFixture().authority()
        service = RelayAuthenticationService(
            verifier: try AuthorityFixture.verifier(authority), clock: { Self.now })
    }

    private func policy(_ service: RelayAuthenticationService? = nil) -> ValidationPolicy {
        ValidationPolicy(clock: { Self.now }, authenticationService: service ?? self.service)
    }

    private func certified(
        _ user: String, _ client: String, suite: CipherSuite, at time: UInt64 = now, lifetime: UInt64 = 30 * 86_400
    ) throws -> CertifiedKey {
        try CertifiedKey(
            authority, AuthorityFixture.subject(user, client), scheme: suite.signatureScheme, at: time,
            lifetime: lifetime)
    }

    /// A device that says of itself what the credential says.
    private func device(
        _ certified: CertifiedKey, _ credential: Credential? = nil, suite: CipherSuite
    ) throws -> Device {
        var device = try Device(
            "nobody", suite: suite, configuration: GroupConfiguration(policy: policy()))
        device.identity = ClientIdentity(
            credential: credential ?? certified.issued.credential, signingKey: certified.key)
        return device
    }

    @Test(
        "S3-5, N-9, RFC 9750 6.11: a KeyPackage with an issued credential is valid, in every cipher suite",
        arguments: UInt16(1)...7)
    func valid(suite: UInt16) throws {
        let suite = CipherSuite(rawValue: suite)
        let device = try device(certified("alice", "phone", suite: suite), suite: suite)
        try device.applies().keyPackage.validate(policy: policy())
    }

    @Test(
        "S3-5, S3-8: a KeyPackage with somebody else's credential, or one that the authority has not issued, is refused",
        arguments: UInt16(1)...7)
    func refused(suite: UInt16) throws {
        let suite = CipherSuite(rawValue: suite)
        let alice = try certified("alice", "phone", suite: suite)
        let mallory = try certified("mallory", "phone", suite: suite)
        // What a relay would have to do to read what is meant for Alice: her name with a key of its own.
        let substituted = try TestClient("nobody", suite: suite, signingKey: mallory.key).keyPackage(leaf: {
            $0.credential = alice.issued.credential
        })
        expectRefusal(.x509Key) { try substituted.validate(policy: policy()) }
        // A chain that is in order, from an authority of its own.
        let other = try AuthorityFixture().authority()
        let forged = try CertifiedKey(
            other, AuthorityFixture.subject("alice", "phone"), scheme: suite.signatureScheme)
        let package = try TestClient("nobody", suite: suite, signingKey: forged.key).keyPackage(leaf: {
            $0.credential = forged.issued.credential
        })
        expectRefusal(.credential) { try package.validate(policy: policy()) }
        // A name that nobody vouches for.
        let basic = try TestClient("alice", suite: suite).keyPackage()
        expectRefusal(.credential) { try basic.validate(policy: policy()) }
        var trusting = service
        trusting.verifier = try CredentialVerifier(
            serverName: AuthorityFixture.server, root: authority.rootCertificate, acceptsBasic: true)
        try basic.validate(policy: policy(trusting))
    }

    @Test("RFC 9750 section 6.5: whose credential has expired, or is not valid yet, is not added")
    func expired() throws {
        let suite = CipherSuite.mls128DHKEMX25519AES128GCMSHA256Ed25519
        for (time, lifetime) in [(Self.now - 50, UInt64(40)), (Self.now + 1000, 1000)] {
            let certified = try certified("alice", "phone", suite: suite, at: time, lifetime: lifetime)
            let package = try TestClient("nobody", suite: suite, signingKey: certified.key).keyPackage(leaf: {
                $0.credential = certified.issued.credential
            })
            expectRefusal(.credential) { try package.validate(policy: policy()) }
        }
    }

    @Test("S3-3: a user's clients are in a group with others, renew their certificates, and none is there twice")
    func group() throws {
        let suite = CipherSuite.mls128DHKEMP256AES128GCMSHA256P256
        let first = try device(certified("alice", "phone", suite: suite), suite: suite)
        let alice = try first.creates()
        let others = try [("alice", "laptop"), ("bob", "phone")].map { user, client in
            try device(certified(user, client, suite: suite), suite: suite).applies()
        }
        let messages = try alice.commit(CommitOptions(others.map(\.add)))
        try alice.follow(messages.commit)
        let welcome = try #require(messages.welcome)
        let bob = try others[1].joins(welcome)
        #expect(bob.publicGroup.roster.count == 3)

        // Another of the same name is the same client, whatever its key.
        let twin = try device(certified("bob", "phone", suite: suite), suite: suite).applies()
        #expect(throws: GroupError.self) { try alice.commit(CommitOptions([twin.add])) }

        // A renewed certificate, with a new key.
        let renewed = try certified("bob", "phone", suite: suite)
        var options = CommitOptions()
        options.identity = ClientIdentity(credential: renewed.issued.credential, signingKey: renewed.key)
        let renewal = try bob.commit(options)
        for member in [alice, bob] { try member.follow(renewal.commit) }
        // Somebody else's certificate does not make a member somebody else.
        let carol = try certified("carol", "phone", suite: suite)
        options.identity = ClientIdentity(credential: carol.issued.credential, signingKey: carol.key)
        #expect(throws: GroupError.self) { try bob.commit(options) }
    }
}
