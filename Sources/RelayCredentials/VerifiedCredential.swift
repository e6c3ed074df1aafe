public import MLSCrypto

/// What a credential proved.
public struct VerifiedCredential: Hashable, Sendable {
    public let subject: CredentialSubject
    /// From when until when the certificate is valid; nil for a basic credential, which proved nothing and does not end.
    public let dates: CertificateDates?
    /// The certificate's number, by which it may be revoked; nil for a basic credential.
    public let serial: [UInt8]?

    public var notBefore: UInt64? { dates?.notBefore }
    public var notAfter: UInt64? { dates?.notAfter }
}
