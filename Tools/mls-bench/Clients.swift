import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup

/// Those who take part in what is measured.
struct Clients {
    let suite: CipherSuite
    let configuration: GroupConfiguration
    let lifetime: Lifetime
    private(set) var identities: [ClientIdentity] = []
    private(set) var keyPackages: [KeyPackageSecrets] = []

    /// - Parameter count: how many there are, each with a KeyPackage.
    init(_ count: Int, _ suite: CipherSuite, _ configuration: GroupConfiguration) throws {
        self.suite = suite
        self.configuration = configuration
        let now = configuration.policy.clock?() ?? 0
        lifetime = Lifetime(notBefore: now - 3600, notAfter: now + 30 * 86_400)
        var crypto = try CipherSuiteContext(suite)
        for number in 0..<count {
            let identity = try identity(number)
            identities.append(identity)
            keyPackages.append(try keyPackage(of: identity, &crypto))
        }
    }

    func identity(_ number: Int) throws -> ClientIdentity {
        ClientIdentity(
            credential: .basic(identity: Array("client-\(number)".utf8)),
            signingKey: try SigningKey.generate(suite.signatureScheme))
    }

    func keyPackage(of identity: ClientIdentity, _ crypto: inout CipherSuiteContext) throws -> KeyPackageSecrets {
        try KeyPackageSecrets(
            identity: identity, lifetime: lifetime, leafExtensions: [], extensions: [], isLastResort: false,
            configuration: configuration, crypto: &crypto)
    }

    /// A group with the first client alone.
    func makeGroup() throws -> Group {
        try Group(
            creating: nil, suite: suite, identity: identities[0], lifetime: lifetime, configuration: configuration)
    }

    /// A Commit that adds all others.
    var additions: CommitOptions { CommitOptions(keyPackages[1...].map { .add(Add(keyPackage: $0.keyPackage)) }) }

    /// The group that a client joins.
    func join(_ number: Int, _ welcome: [UInt8]) throws -> Group {
        try Group(
            joining: welcome, keyPackages: [keyPackages[number]], identity: identities[number],
            configuration: configuration)
    }
}
