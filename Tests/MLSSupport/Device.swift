public import MLS
public import MLSCodec
import MLSCrypto
import MLSPublicGroup

/// A client that does what it should: it makes KeyPackages, creates groups and joins them.
public struct Device: Sendable {
    public let suite: CipherSuite
    public var identity: ClientIdentity
    public var configuration: GroupConfiguration
    public var psks = PSKsInMemory()

    public static let configuration = GroupConfiguration(policy: TestGroup.policy)

    public init(
        _ name: String, suite: CipherSuite = .mls128DHKEMP256AES128GCMSHA256P256,
        configuration: GroupConfiguration = configuration
    ) throws {
        self.suite = suite
        self.configuration = configuration
        identity = try Self.identity(name, suite: suite)
    }

    /// Somebody of that name with a fresh key.
    public static func identity(_ name: String, suite: CipherSuite) throws -> ClientIdentity {
        ClientIdentity(
            credential: .basic(identity: Array(name.utf8)), signingKey: try SigningKey.generate(suite.signatureScheme))
    }

    /// This device, who wants to be added somewhere.
    public func applies(
        leafExtensions: [Extension] = [], extensions: [Extension] = [], isLastResort: Bool = false
    ) throws -> Applicant {
        Applicant(
            device: self,
            secrets: try KeyPackageSecrets(
                suite: suite, identity: identity, lifetime: TestClient.lifetime, leafExtensions: leafExtensions,
                extensions: extensions, isLastResort: isLastResort, configuration: configuration))
    }

    public func creates(
        _ groupID: [UInt8]? = nil, extensions: [Extension] = [], leafExtensions: [Extension] = []
    ) throws -> GroupMember {
        try GroupMember(
            self,
            Group(
                creating: groupID, suite: suite, extensions: extensions, identity: identity,
                lifetime: TestClient.lifetime, leafExtensions: leafExtensions, configuration: configuration))
    }

    /// - Returns: a member once the others have taken the Commit, which comes along.
    public func joinsExternally(
        _ groupInfo: [UInt8], ratchetTree: RatchetTree? = nil, options: ExternalCommitOptions = ExternalCommitOptions()
    ) throws -> (member: GroupMember, messages: CommitMessages) {
        let new = try Group.joinExternally(
            groupInfo, ratchetTree: ratchetTree, identity: identity, options: options, psks: psks,
            configuration: configuration)
        let messages = new.messages
        return (GroupMember(self, new.group), messages)
    }
}

/// A device with a KeyPackage that it has published.
public struct Applicant: Sendable {
    public let device: Device
    public let secrets: KeyPackageSecrets

    public init(device: Device, secrets: KeyPackageSecrets) {
        self.device = device
        self.secrets = secrets
    }

    public var keyPackage: KeyPackage { secrets.keyPackage }
    public var add: Proposal { .add(Add(keyPackage: keyPackage)) }

    /// - Parameter ratchetTree: where the Welcome does not have it.
    public func joins(
        _ welcome: [UInt8], ratchetTree: RatchetTree? = nil, knownGroupIDs: Set<[UInt8]> = []
    ) throws -> GroupMember {
        try GroupMember(
            device,
            Group(
                joining: welcome, keyPackages: [secrets], ratchetTree: ratchetTree, identity: device.identity,
                psks: device.psks, knownGroupIDs: knownGroupIDs, configuration: device.configuration))
    }
}
