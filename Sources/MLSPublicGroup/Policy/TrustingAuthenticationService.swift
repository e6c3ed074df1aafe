public import MLSCodec
import TLSPresentation

/// Takes every credential of the given types at its word, and lets a member keep its identity and never change it.
///
/// For tests, for a relay that leaves authentication to the members, and for groups whose members compare their keys by
/// other means. A basic credential is its identity; any other is its whole encoding, so that a renewed certificate needs
/// a service that can tell whose it is.
public struct TrustingAuthenticationService: AuthenticationService {
    /// Credentials of other types are not valid.
    public var credentialTypes: Set<CredentialType>
    /// Whether two members with the same identity are taken for the same client.
    public var identitiesAreUnique: Bool

    public init(credentialTypes: Set<CredentialType> = [.basic, .x509], identitiesAreUnique: Bool = false) {
        self.credentialTypes = credentialTypes
        self.identitiesAreUnique = identitiesAreUnique
    }

    public func isValid(_ credential: Credential, signatureKey: [UInt8], in place: CredentialPlace) -> Bool {
        credentialTypes.contains(credential.credentialType)
    }

    public func identity(of credential: Credential) -> [UInt8] { credential.encoded }

    public func clientID(of leafNode: LeafNode) -> [UInt8]? {
        identitiesAreUnique ? identity(of: leafNode.credential) : nil
    }
}
