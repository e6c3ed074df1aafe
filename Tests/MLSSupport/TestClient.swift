public import MLSCodec
public import MLSCrypto
public import TLSPresentation

/// A client that signs whatever it is told to: leaf nodes, KeyPackages and messages that break one rule each.
public struct TestClient: Sendable {
    public let suite: CipherSuite
    public let credential: Credential
    public let signingKey: SigningKey

    public init(
        _ name: String, suite: CipherSuite = .mls128DHKEMP256AES128GCMSHA256P256, signingKey: SigningKey? = nil
    ) throws {
        self.suite = suite
        credential = .basic(identity: Array(name.utf8))
        self.signingKey = try signingKey ?? SigningKey.generate(suite.signatureScheme)
    }

    /// A time within the lifetime of every KeyPackage of a client here.
    public static let now: UInt64 = 1_800_000_000
    public static let lifetime = Lifetime(notBefore: now - 86_400, notAfter: now + 86_400 * 30)

    public static func capabilities(of suite: CipherSuite) -> Capabilities {
        Capabilities(
            versions: [.mls10], cipherSuites: [suite], extensions: [ExtensionType(rawValue: 0xf001), .lastResort],
            proposals: [.selfRemove, ProposalType(rawValue: 0x0a0a)], credentials: [.basic, .x509])
    }

    /// A public key that nobody has the other half of any more.
    public func freshPublicKey() throws -> [UInt8] { try HPKEPrivateKey.generate(suite.kem).publicKeyBytes }

    /// `SignWithLabel` with this client's key.
    public func sign(_ label: String, _ content: some TLSEncodable) throws -> [UInt8] {
        let bytes = content.encoded
        return try signingKey.signWithLabel(label, content: bytes.rawSpan)
    }

    /// A leaf node with a fresh key, changed as asked and then signed.
    public func leafNode(
        _ source: LeafNode.Source, groupID: [UInt8] = [], leaf: LeafIndex = LeafIndex(0),
        _ change: (inout LeafNode) throws -> Void = { _ in }
    ) throws -> LeafNode {
        var leafNode = LeafNode(
            encryptionKey: try freshPublicKey(), signatureKey: signingKey.publicKey.bytes, credential: credential,
            capabilities: Self.capabilities(of: suite), source: source)
        try change(&leafNode)
        leafNode.signature = try sign(
            LeafNodeTBS.label, LeafNodeTBS(leafNode, groupID: groupID, leafIndex: leaf))
        return leafNode
    }

    /// A KeyPackage around a leaf node changed as asked and signed, itself changed and then signed.
    public func keyPackage(
        leaf changeLeaf: (inout LeafNode) throws -> Void = { _ in },
        package change: (inout KeyPackage) throws -> Void = { _ in }
    ) throws -> KeyPackage {
        var keyPackage = KeyPackage(
            cipherSuite: suite, initKey: try freshPublicKey(),
            leafNode: try leafNode(.keyPackage(Self.lifetime), changeLeaf))
        try change(&keyPackage)
        keyPackage.signature = try sign(KeyPackageTBS.label, KeyPackageTBS(keyPackage))
        return keyPackage
    }
}
