public import MLSCodec

/// A credential, with what a registry of credentials keeps of it.
public struct IssuedCredential: Hashable, Sendable {
    /// X.509: the client's certificate and the issuing authority's.
    public let credential: Credential
    /// The certificate's number, most significant byte first.
    public let serial: [UInt8]
    /// In seconds since 1970; both seconds belong to it.
    public let notBefore: UInt64
    public let notAfter: UInt64
}
