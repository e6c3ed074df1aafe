public import MLSCodec
public import MLSCrypto
public import MLSPublicGroup
import TLSPresentation

/// A KeyPackage of one's own, with the private keys that nobody else has: what a Welcome is opened with.
/// RFC 9420 section 10.
///
/// The private init key is deleted once the group is joined (section 10): whoever stores this deletes it then, unless it
/// is a last-resort KeyPackage.
public struct KeyPackageSecrets: Sendable {
    public let keyPackage: KeyPackage
    /// Names it in a Welcome. RFC 9420 section 5.2.
    public let ref: [UInt8]
    public let initKey: HPKEPrivateKey
    public let leafKey: HPKEPrivateKey

    /// A new KeyPackage.
    /// - Parameters:
    ///   - lifetime: when it may be used.
    ///   - leafExtensions: of the leaf node; their types are listed in its capabilities.
    ///   - isLastResort: whether it may be handed out again when no other is left.
    public init(
        suite: CipherSuite, identity: ClientIdentity, lifetime: Lifetime, leafExtensions: [Extension] = [],
        extensions: [Extension] = [], isLastResort: Bool = false, configuration: GroupConfiguration
    ) throws(GroupError) {
        var crypto = try GroupError.crypto { () throws(CryptoError) in
            try CipherSuiteContext(suite, randomSource: configuration.randomSource)
        }
        try self.init(
            identity: identity, lifetime: lifetime, leafExtensions: leafExtensions, extensions: extensions,
            isLastResort: isLastResort, configuration: configuration, crypto: &crypto)
    }

    /// The same with contexts that are kept: for whoever makes many.
    package init(
        identity: ClientIdentity, lifetime: Lifetime, leafExtensions: [Extension], extensions: [Extension],
        isLastResort: Bool, configuration: GroupConfiguration, crypto: inout CipherSuiteContext
    ) throws(GroupError) {
        let initKey: HPKEPrivateKey
        let leafKey: HPKEPrivateKey
        do throws(CryptoError) {
            initKey = try crypto.generateKeyPair()
            leafKey = try crypto.generateKeyPair()
        } catch { throw .crypto(error) }
        let extensions = extensions + (isLastResort ? [Extension(LastResort())] : [])
        // Section 10: the types of a KeyPackage's own extensions are in the leaf node's capabilities, too.
        let capabilities = configuration.capabilities(
            credential: identity.credential, extensions: leafExtensions + extensions, crypto: crypto)
        let grease = configuration.greaseExtension(listed: capabilities.extensions)
        let leafNode = try LeafNode(
            signing: .keyPackage(lifetime), encryptionKey: leafKey.publicKeyBytes, identity: identity,
            capabilities: capabilities, extensions: leafExtensions + grease)
        var keyPackage = KeyPackage(
            cipherSuite: crypto.suite, initKey: initKey.publicKeyBytes, leafNode: leafNode,
            extensions: extensions + grease)
        let content = KeyPackageTBS(keyPackage).encoded
        keyPackage.signature = try GroupError.crypto { () throws(CryptoError) in
            try identity.signingKey.signWithLabel(KeyPackageTBS.label, content: content.rawSpan)
        }
        try self.init(keyPackage, initKey: initKey, leafKey: leafKey)
    }

    /// A KeyPackage that was made before, with its private keys.
    public init(
        _ keyPackage: KeyPackage, initKey: HPKEPrivateKey, leafKey: HPKEPrivateKey
    ) throws(GroupError) {
        self.keyPackage = keyPackage
        self.initKey = initKey
        self.leafKey = leafKey
        let encoded = keyPackage.encoded
        ref = try GroupError.crypto { () throws(CryptoError) in
            try keyPackageRef(of: encoded.rawSpan, suite: keyPackage.cipherSuite)
        }
    }
}
