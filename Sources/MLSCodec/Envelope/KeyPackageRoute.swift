import TLSPresentation

/// What a KeyPackage says about its client. RFC 9420 section 10.
public struct KeyPackageRoute: Hashable, Sendable {
    public let cipherSuite: CipherSuite
    public let credentialType: CredentialType
    /// What the credential holds: a basic one's identity, an X.509 one's certificates.
    public let credentialIdentity: Range<Int>
    public let signatureKey: Range<Int>
    /// Nil where the leaf node is not one of a KeyPackage, so that the KeyPackage is not valid.
    public let lifetime: Lifetime?
    /// Whether it has the extension that lets it be handed out again.
    public let isLastResort: Bool
    /// The KeyPackage itself, of which a KeyPackageRef is the hash.
    public let keyPackage: Range<Int>

    init(from reader: inout Reader) throws(DecodingError) {
        let start = reader.byteOffset
        try ProtocolVersion.expectMLS10(&reader)
        cipherSuite = try CipherSuite(from: &reader)
        // init_key
        _ = try reader.opaqueRange()
        let leafNode = try Walk.leafNode(&reader)
        credentialType = leafNode.credentialType
        credentialIdentity = leafNode.credentialIdentity
        signatureKey = leafNode.signatureKey
        lifetime = leafNode.lifetime
        isLastResort = try Walk.extensions(&reader).contains(.lastResort)
        // signature
        _ = try reader.opaqueRange()
        keyPackage = start..<reader.byteOffset
    }
}
