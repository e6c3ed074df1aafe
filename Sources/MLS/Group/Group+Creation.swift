public import MLSCodec
import MLSCrypto
public import MLSPublicGroup
import TLSPresentation

/// Creating a group. RFC 9420 section 11.
extension Group {
    /// A group with its creator alone, in epoch 0.
    /// - Parameters:
    ///   - groupID: unique to the Delivery Service; nil for a random one.
    ///   - extensions: of the GroupContext.
    ///   - lifetime: of the creator's leaf node, which is one as a KeyPackage has.
    ///   - leafExtensions: of the creator's leaf node.
    public init(
        creating groupID: [UInt8]? = nil, suite: CipherSuite, extensions: [Extension] = [], identity: ClientIdentity,
        lifetime: Lifetime, leafExtensions: [Extension] = [], configuration: GroupConfiguration
    ) throws(GroupError) {
        var crypto = try GroupError.crypto { () throws(CryptoError) in
            try CipherSuiteContext(suite, randomSource: configuration.randomSource)
        }
        let leafKey = try GroupError.crypto { () throws(CryptoError) in try crypto.generateKeyPair() }
        let capabilities = configuration.capabilities(
            credential: identity.credential, extensions: leafExtensions, crypto: crypto)
        let leafNode = try LeafNode(
            signing: .keyPackage(lifetime), encryptionKey: leafKey.publicKeyBytes, identity: identity,
            capabilities: capabilities,
            extensions: leafExtensions + configuration.greaseExtension(listed: capabilities.extensions))
        let (groupContext, tree) = try PublicGroup.newGroup(
            groupID: groupID ?? crypto.randomBytes(32), suite: suite, extensions: extensions, creator: leafNode,
            policy: configuration.policy)
        // "Epoch secret: A fresh random value of size KDF.Nh"
        let epochSecret = crypto.randomSecret(byteCount: crypto.hashByteCount)
        let secrets = EpochSecrets(epochSecret: epochSecret.bytes, crypto: &crypto)
        let noHash: [UInt8] = []
        let tag = secrets.confirmationTag(confirmedTranscriptHash: noHash.rawSpan, crypto: &crypto)
        let publicGroup = try PublicGroup(
            unchecked: groupContext, tree: tree, confirmationTag: tag, policy: configuration.policy)
        crypto.forget()
        self.init(
            publicGroup, identity: identity, configuration: configuration,
            privateKeys: TreeKEMPrivateKeys(leaf: LeafIndex(0), leafKey: leafKey), secrets: secrets, crypto: crypto)
    }
}
