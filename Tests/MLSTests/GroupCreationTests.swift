import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import MLSTestSupport
import TLSPresentation
import Testing

@Suite("Creating groups (RFC 9420 section 11)")
struct GroupCreationTests {
    private static let customType = ExtensionType(rawValue: 0xf001)
    private static let custom = Extension(extensionType: customType, extensionData: [7])

    /// Of clients that know `customType`.
    private static var configuration: GroupConfiguration {
        var configuration = Device.configuration
        configuration.policy.clientSupport?.extensionTypes = [customType]
        return configuration
    }

    @Test("a new group has its creator alone, in epoch 0 (section 11)", arguments: allSuites)
    func creation(suite: CipherSuite) throws {
        let alice = try Device("Alice", suite: suite).creates()
        #expect(alice.epoch == 0)
        #expect(alice.leaf == LeafIndex(0))
        #expect(alice.roster.map(\.signatureKey) == [alice.device.identity.signingKey.publicKey.bytes])
        #expect(alice.groupContext.confirmedTranscriptHash.isEmpty)
        #expect(alice.groupContext.cipherSuite == suite)
        #expect(alice.isActive)
    }

    @Test("a group's name is random where none is given, and so are its secrets (section 11)")
    func names() throws {
        let device = try Device("Alice")
        let (first, second, named) = (try device.creates(), try device.creates(), try device.creates([1, 2]))
        #expect(first.groupContext.groupID != second.groupContext.groupID)
        #expect(first.groupContext.groupID.count == 32)
        #expect(first.epochAuthenticator != second.epochAuthenticator)
        #expect(named.groupContext.groupID == [1, 2])
    }

    @Test("a creator who does not support its group's extensions is refused (section 13.4)")
    func unsupportedExtensions() throws {
        let device = try Device("Alice")
        expectRefusal(.memberSupportsExtensions) { try device.creates(extensions: [Self.custom]) }
    }

    @Test("a custom extension of the group is in everybody's GroupContext (section 13.4)")
    func customExtension() throws {
        let group = try Conversation(
            ["Alice", "Bob"], extensions: [Self.custom], configuration: Self.configuration)
        try group.expectAgreement()
        #expect(group[1].groupContext.extensions == [Self.custom])
    }

    @Test("who does not support a custom extension of the group cannot be added, nor join by itself (section 13.4)")
    func joinersWithoutSupport() throws {
        let group = try Conversation(
            ["Alice", "Bob"], extensions: [Self.custom], configuration: Self.configuration)
        let eve = try Device("Eve")
        let add = try eve.applies().add
        expectRefusal(.memberSupportsExtensions) { try group[0].commit(CommitOptions([add])) }
        let groupInfo = try group[0].groupInfo()
        expectRefusal(.joinerSupportsExtensions) { try eve.joinsExternally(groupInfo).member.epoch }
    }

    @Test("an extension of a leaf node is listed in its capabilities, and stays when keys are renewed (section 7.2)")
    func leafExtensions() throws {
        let alice = try Device("Alice", configuration: Self.configuration).creates(leafExtensions: [Self.custom])
        #expect(alice.leafNode?.extensions.contains(Self.custom) == true)
        #expect(alice.leafNode?.capabilities.extensions.contains(Self.customType) == true)
        let messages = try alice.commit()
        try alice.follow(messages.commit)
        #expect(alice.leafNode?.extensions.contains(Self.custom) == true)

        var options = CommitOptions()
        options.leafExtensions = [Extension(ApplicationID([1]))]
        try alice.follow(alice.commit(options).commit)
        #expect(alice.leafNode?.extensions == [Extension(ApplicationID([1]))])
    }

    @Test("GREASE is sent in capabilities, leaf nodes and KeyPackages, and nobody minds (section 13.5)")
    func grease() throws {
        let group = try Conversation(["Alice", "Bob"])
        let bob = try #require(group[0].publicGroup.tree.leafNode(at: group[1].leaf))
        #expect(bob.capabilities.cipherSuites.contains { isGREASE($0.rawValue) })
        #expect(bob.capabilities.extensions.contains { isGREASE($0.rawValue) })
        #expect(bob.capabilities.proposals.contains { isGREASE($0.rawValue) })
        #expect(bob.capabilities.credentials.contains { isGREASE($0.rawValue) })
        #expect(bob.extensions.contains { isGREASE($0.extensionType.rawValue) })
        let keyPackage = try group.device("Carol").applies().keyPackage
        #expect(keyPackage.extensions.contains { isGREASE($0.extensionType.rawValue) })
        try group.expectAgreement()
    }

    @Test("no GREASE is sent where none is wanted (section 13.5)")
    func noGREASE() throws {
        var configuration = Device.configuration
        configuration.sendsGREASE = false
        let keyPackage = try Device("Alice", configuration: configuration).applies().keyPackage
        #expect(keyPackage.extensions.isEmpty)
        #expect(keyPackage.leafNode.extensions.isEmpty)
        #expect(!keyPackage.leafNode.capabilities.proposals.contains { isGREASE($0.rawValue) })
        #expect(keyPackage.leafNode.capabilities.proposals == [.selfRemove])
    }

    @Test("who cannot do what the group requires cannot be added (section 11.1)")
    func requiredCapabilities() throws {
        let required = Extension(RequiredCapabilities(proposalTypes: [.selfRemove], credentialTypes: [.basic]))
        let group = try Conversation(["Alice", "Bob"], extensions: [required])
        try group.expectAgreement()
        var configuration = Device.configuration
        configuration.policy.clientSupport?.proposalTypes = []
        let eve = try Device("Eve", configuration: configuration)
        let add = try eve.applies().add
        expectRefusal(.requiredCapabilities) { try group[0].commit(CommitOptions([add])) }
        let groupInfo = try group[0].groupInfo()
        expectRefusal(.requiredCapabilities) { try eve.joinsExternally(groupInfo).member.epoch }
    }
}
