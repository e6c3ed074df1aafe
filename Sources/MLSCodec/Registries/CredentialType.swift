public import TLSPresentation

/// How a client proves its identity, from the open registry "MLS Credential Types". RFC 9420 section 17.5.
public struct CredentialType: TLSRegistered, Hashable, Sendable {
    public let rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    public static let basic = CredentialType(rawValue: 0x0001)
    public static let x509 = CredentialType(rawValue: 0x0002)
}

extension CredentialType: CustomStringConvertible {
    /// The registry's name, or the number.
    public var description: String {
        switch self {
        case .basic: "basic"
        case .x509: "x509"
        default: registryDescription(of: rawValue)
        }
    }
}
