public import MLSCodec
public import MLSCrypto

/// Verifies credentials against a relay's root, without asking anybody: RFC 9750 sections 4 and 7, for relay and clients
/// alike. It knows of no revocation.
///
/// An X.509 credential is its client's where the chain leads to the root, the certificate is about the leaf's key, and
/// names a client of this relay. A basic credential is a name that its holder gave itself. Where they are accepted,
/// whoever keeps the keys that it sees, and notices another one, has trust on first use; and where a user may have
/// either, somebody else can come with a basic one.
public struct CredentialVerifier: Sendable {
    /// Certificates in a chain: the client's, the issuing authority's, and the root, which need not be there.
    public static let maxCertificateCount = 3

    public let serverName: ServerName
    /// Nil where no X.509 credential is accepted.
    public let roots: CertificateRoots?
    /// Whether a basic credential is taken at its word.
    public let acceptsBasic: Bool
    /// How many seconds others' clocks may be ahead of or behind this one.
    public let clockSkew: UInt64

    /// - Parameter root: in DER; nil where no X.509 credential is accepted.
    /// - Throws: `serverNameInvalid`, `rootMalformed`.
    public init(
        serverName: String, root: [UInt8]?, acceptsBasic: Bool, clockSkew: UInt64 = 3600
    ) throws(CredentialError) {
        try self.init(
            serverName: serverName, roots: root.map { [$0] } ?? [], acceptsBasic: acceptsBasic, clockSkew: clockSkew)
    }

    /// With several roots, as while one takes the place of another.
    /// - Throws: `serverNameInvalid`, `rootMalformed`.
    public init(
        serverName: String, roots: [[UInt8]], acceptsBasic: Bool, clockSkew: UInt64 = 3600
    ) throws(CredentialError) {
        self.serverName = try ServerName(serverName)
        do {
            self.roots = roots.isEmpty ? nil : try CertificateRoots(roots)
        } catch {
            throw .rootMalformed
        }
        self.acceptsBasic = acceptsBasic
        self.clockSkew = clockSkew
    }

    /// Checks that `credential` belongs to the holder of `signatureKey`.
    ///
    /// Cost: two verifications of a signature for a certificate; for a basic credential nothing.
    /// - Parameter signatureKey: as a leaf has it.
    /// - Parameter scheme: what the key is of; nil for whatever the certificate says. A key is of one scheme only.
    /// - Parameter time: in seconds since 1970; nil where it does not matter when the credential was valid.
    /// - Throws: `typeNotAccepted`, `certificateCount`, `chainRefused`, `expired`, `notYetValid`, `keyDiffers`,
    ///   `subjectCount`, `subjectMalformed`, `otherServer`; `userNameInvalid` of a basic credential.
    public func verify(
        _ credential: Credential, signatureKey: [UInt8], scheme: SignatureScheme?, at time: UInt64?
    ) throws(CredentialError) -> VerifiedCredential {
        switch credential {
        case .basic(let identity) where acceptsBasic:
            return VerifiedCredential(subject: try CredentialSubject(userName: identity), dates: nil, serial: nil)
        case .x509(let certificates):
            guard let roots else { throw .typeNotAccepted(.x509) }
            return try verify(certificates, signatureKey, scheme, time, roots)
        case .basic, .other: throw .typeNotAccepted(credential.credentialType)
        }
    }

    private func verify(
        _ certificates: [Certificate], _ signatureKey: [UInt8], _ scheme: SignatureScheme?, _ time: UInt64?,
        _ roots: CertificateRoots
    ) throws(CredentialError) -> VerifiedCredential {
        // Before anything is parsed: a chain is as long as whoever sends it likes.
        guard (1...Self.maxCertificateCount).contains(certificates.count) else {
            throw .certificateCount(certificates.count)
        }
        let chain = try Self.orRefuse { () throws(CryptoError) in try CertificateChain(certificates) }
        // "The public key encoded in the subjectPublicKeyInfo of the end-entity certificate MUST be identical to the
        // signature_key" (RFC 9420 section 5.3). It is also what costs least.
        let keyScheme = try Self.orRefuse { () throws(CryptoError) in try chain.signatureScheme() }
        guard scheme == nil || scheme == keyScheme else { throw .keyDiffers }
        let key = try Self.orRefuse { () throws(CryptoError) in try chain.signaturePublicKey(scheme: keyScheme) }
        guard key == signatureKey else { throw .keyDiffers }

        try Self.orRefuse { () throws(CryptoError) in
            try chain.verify(trusting: roots, at: time, clockSkew: clockSkew)
        }
        let dates = try Self.orRefuse { () throws(CryptoError) in try chain.dates() }
        return VerifiedCredential(
            subject: try Self.subject(of: chain, serverName), dates: dates, serial: chain.serialNumber)
    }

    private static func orRefuse<Value>(
        _ body: () throws(CryptoError) -> Value
    ) throws(CredentialError) -> Value {
        do { return try body() } catch { throw refusal(error) }
    }

    private static func refusal(_ error: CryptoError) -> CredentialError {
        switch error {
        case .certificateExpired: .expired
        case .certificateNotYetValid: .notYetValid
        case .invalidKey: .keyDiffers
        default: .chainRefused(error)
        }
    }

    /// Whose `credential` says that it is; nobody has verified it. An X.509 credential names a client of this relay in
    /// its first certificate, and a basic one a user with its whole identity.
    /// - Throws: as `verify`, of the subject alone.
    public func claimedSubject(of credential: Credential) throws(CredentialError) -> CredentialSubject {
        switch credential {
        case .basic(let identity): return try CredentialSubject(userName: identity)
        case .x509(let certificates):
            guard let first = certificates.first else { throw .certificateCount(0) }
            let endEntity: CertificateChain
            do { endEntity = try CertificateChain([first]) } catch { throw .chainRefused(error) }
            return try Self.subject(of: endEntity, serverName)
        case .other(let type, _): throw .typeNotAccepted(type)
        }
    }

    private static func subject(
        of chain: CertificateChain, _ serverName: ServerName
    ) throws(CredentialError) -> CredentialSubject {
        let uris = chain.subjectURIs
        guard uris.count == 1 else { throw .subjectCount(uris.count) }
        return try CredentialSubject(uri: uris[0], of: serverName)
    }
}
