import MLSCodec
import MLSCrypto
import MLSPublicGroup
import TLSPresentation

/// One's own leaf nodes. RFC 9420 section 7.2.
extension LeafNode {
    /// A signed leaf node.
    /// - Parameters:
    ///   - groupID: the group, where it is for an Update or a Commit.
    ///   - leaf: its leaf there.
    init(
        signing source: Source, encryptionKey: [UInt8], identity: ClientIdentity, capabilities: Capabilities,
        extensions: [Extension], groupID: [UInt8] = [], leaf: LeafIndex = LeafIndex(0)
    ) throws(GroupError) {
        self.init(
            encryptionKey: encryptionKey, signatureKey: identity.signingKey.publicKey.bytes,
            credential: identity.credential, capabilities: capabilities, source: source, extensions: extensions)
        let content = LeafNodeTBS(self, groupID: groupID, leafIndex: leaf).encoded
        signature = try GroupError.crypto {
            () throws(CryptoError) in
            try identity.signingKey.signWithLabel(LeafNodeTBS.label, content: content.rawSpan)
        }
    }
}

extension GroupConfiguration {
    /// What one's own leaf nodes say that this client understands. RFC 9420 section 7.2.
    /// - Parameters:
    ///   - extensions: of the leaf node, which have to be listed too.
    ///   - random: picks the numbers that nobody understands.
    func capabilities(
        credential: Credential, extensions: [Extension], crypto: borrowing CipherSuiteContext
    ) -> Capabilities {
        let support = policy.clientSupport ?? ClientSupport()
        var capabilities = Capabilities(
            versions: [.mls10], cipherSuites: cipherSuites,
            extensions: support.extensionTypes.union(extensions.map(\.extensionType)).filter { !$0.isDefault }
                .sorted { $0.rawValue < $1.rawValue },
            proposals: support.proposalTypes.filter { !$0.isDefault }.sorted { $0.rawValue < $1.rawValue },
            credentials: support.credentialTypes.union([credential.credentialType])
                .sorted { $0.rawValue < $1.rawValue })
        if sendsGREASE {
            capabilities.cipherSuites.append(CipherSuite(rawValue: grease(crypto)))
            capabilities.extensions.append(ExtensionType(rawValue: grease(crypto)))
            capabilities.proposals.append(ProposalType(rawValue: grease(crypto)))
            capabilities.credentials.append(CredentialType(rawValue: grease(crypto)))
        }
        return capabilities
    }

    /// The capabilities of one's leaf node, with what this client has learnt since it was made. What it knew stays: the
    /// group may be using it.
    func extended(_ capabilities: Capabilities) -> Capabilities {
        let support = policy.clientSupport ?? ClientSupport()
        var extended = capabilities
        extended.cipherSuites += cipherSuites.filter { !capabilities.cipherSuites.contains($0) }
        extended.extensions += support.extensionTypes.sorted { $0.rawValue < $1.rawValue }
            .filter { !$0.isDefault && !capabilities.extensions.contains($0) }
        extended.proposals += support.proposalTypes.sorted { $0.rawValue < $1.rawValue }
            .filter { !$0.isDefault && !capabilities.proposals.contains($0) }
        extended.credentials += support.credentialTypes.sorted { $0.rawValue < $1.rawValue }
            .filter { !capabilities.credentials.contains($0) }
        return extended
    }

    /// An extension that nobody understands, where such are sent, for a leaf node or KeyPackage. RFC 9420 section 13.5.
    /// - Parameter listed: those that the leaf node's capabilities have: only of these may it be there.
    func greaseExtension(listed: [ExtensionType]) -> [Extension] {
        guard sendsGREASE, let type = listed.first(where: { isGREASE($0.rawValue) }) else { return [] }
        return [Extension(extensionType: type, extensionData: [])]
    }

    /// A GroupInfo's extensions with one more, of a type that none of them has.
    func withGREASE(_ extensions: [Extension], _ crypto: borrowing CipherSuiteContext) -> [Extension] {
        let type = ExtensionType(rawValue: grease(crypto))
        guard sendsGREASE, !extensions.contains(where: { $0.extensionType == type }) else { return extensions }
        return extensions + [Extension(extensionType: type, extensionData: [])]
    }

    /// One of the fifteen numbers: 0x0A0A, 0x1A1A, …, 0xEAEA.
    private func grease(_ crypto: borrowing CipherSuiteContext) -> UInt16 {
        let digit = UInt16(crypto.randomBytes(1)[0] % 15)
        return digit << 12 | digit << 4 | 0x0a0a
    }
}
