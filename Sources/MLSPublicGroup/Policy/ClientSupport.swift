public import MLSCodec

/// What the client that validates understands itself, beyond the defaults of RFC 9420 section 7.2.
public struct ClientSupport: Hashable, Sendable {
    /// Extensions of a GroupContext.
    public var extensionTypes: Set<ExtensionType>
    public var proposalTypes: Set<ProposalType>
    /// There are no defaults for these.
    public var credentialTypes: Set<CredentialType>

    public init(
        extensionTypes: Set<ExtensionType> = [], proposalTypes: Set<ProposalType> = [.selfRemove],
        credentialTypes: Set<CredentialType> = [.basic, .x509]
    ) {
        self.extensionTypes = extensionTypes
        self.proposalTypes = proposalTypes
        self.credentialTypes = credentialTypes
    }

    /// Whether a client with this support can do what `required` asks of every member. RFC 9420 section 11.1.
    func satisfies(_ required: RequiredCapabilities) -> Bool {
        required.extensionTypes.allSatisfy { $0.isDefault || extensionTypes.contains($0) }
            && required.proposalTypes.allSatisfy { $0.isDefault || proposalTypes.contains($0) }
            && required.credentialTypes.allSatisfy(credentialTypes.contains)
    }
}
