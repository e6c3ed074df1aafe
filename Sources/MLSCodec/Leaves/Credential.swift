public import TLSPresentation

/// How a client proves its identity. RFC 9420 section 5.3.
/// ```
/// struct {
///     CredentialType credential_type;
///     select (Credential.credential_type) {
///         case basic: opaque identity<V>;
///         case x509: Certificate certificates<V>;
///     };
/// } Credential;
/// ```
public enum Credential: Hashable, Sendable {
    case basic(identity: [UInt8])
    /// A chain: the client's own certificate first, each of the others certifying the one before it.
    case x509(certificates: [Certificate])
    /// A credential of a type that RFC 9420 does not define. It does not say how long one is either; it is taken to be
    /// one vector, as the credentials of all drafts and of other implementations' applications are.
    case other(CredentialType, content: [UInt8])

    public var credentialType: CredentialType {
        switch self {
        case .basic: .basic
        case .x509: .x509
        case .other(let type, _): type
        }
    }
}

extension Credential: TLSCodable {
    public init(from reader: inout Reader) throws(DecodingError) {
        let type = try CredentialType(from: &reader)
        switch type {
        case .basic: self = .basic(identity: try reader.opaque())
        case .x509: self = .x509(certificates: try reader.vector())
        default: self = .other(type, content: try reader.opaque())
        }
    }

    public func encode(into writer: inout Writer) {
        credentialType.encode(into: &writer)
        switch self {
        case .basic(let identity): writer.opaque(identity)
        case .x509(let certificates): writer.vector(certificates)
        case .other(_, let content): writer.opaque(content)
        }
    }
}
