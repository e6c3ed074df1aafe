public import TLSPresentation

/// What every member of a group has to understand. RFC 9420 section 11.1.
/// ```
/// struct {
///     ExtensionType extension_types<V>;
///     ProposalType proposal_types<V>;
///     CredentialType credential_types<V>;
/// } RequiredCapabilities;
/// ```
public struct RequiredCapabilities: ExtensionBody {
    public static var extensionType: ExtensionType { .requiredCapabilities }

    public var extensionTypes: [ExtensionType]
    public var proposalTypes: [ProposalType]
    public var credentialTypes: [CredentialType]

    public init(
        extensionTypes: [ExtensionType] = [], proposalTypes: [ProposalType] = [],
        credentialTypes: [CredentialType] = []
    ) {
        self.extensionTypes = extensionTypes
        self.proposalTypes = proposalTypes
        self.credentialTypes = credentialTypes
    }

    public init(from reader: inout Reader) throws(DecodingError) {
        extensionTypes = try reader.vector()
        proposalTypes = try reader.vector()
        credentialTypes = try reader.vector()
    }

    public func encode(into writer: inout Writer) {
        writer.vector(extensionTypes)
        writer.vector(proposalTypes)
        writer.vector(credentialTypes)
    }
}
