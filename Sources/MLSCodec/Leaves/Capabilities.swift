public import TLSPresentation

/// What a client understands, unknown and GREASE values included. RFC 9420 section 7.2.
/// ```
/// struct {
///     ProtocolVersion versions<V>;
///     CipherSuite cipher_suites<V>;
///     ExtensionType extensions<V>;
///     ProposalType proposals<V>;
///     CredentialType credentials<V>;
/// } Capabilities;
/// ```
public struct Capabilities: Hashable, Sendable {
    public var versions: [ProtocolVersion]
    public var cipherSuites: [CipherSuite]
    public var extensions: [ExtensionType]
    public var proposals: [ProposalType]
    public var credentials: [CredentialType]

    public init(
        versions: [ProtocolVersion] = [], cipherSuites: [CipherSuite] = [], extensions: [ExtensionType] = [],
        proposals: [ProposalType] = [], credentials: [CredentialType] = []
    ) {
        self.versions = versions
        self.cipherSuites = cipherSuites
        self.extensions = extensions
        self.proposals = proposals
        self.credentials = credentials
    }
}

extension Capabilities: TLSCodable {
    public init(from reader: inout Reader) throws(DecodingError) {
        versions = try reader.vector()
        cipherSuites = try reader.vector()
        extensions = try reader.vector()
        proposals = try reader.vector()
        credentials = try reader.vector()
    }

    public func encode(into writer: inout Writer) {
        writer.vector(versions)
        writer.vector(cipherSuites)
        writer.vector(extensions)
        writer.vector(proposals)
        writer.vector(credentials)
    }
}
