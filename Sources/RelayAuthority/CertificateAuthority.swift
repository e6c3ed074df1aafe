import MLSCodec
public import MLSCrypto
public import RelayCredentials
import Synchronization
import TLSPresentation

/// Issues X.509 credentials to a relay's clients: RFC 9750 sections 4 and 7, the part of the Authentication Service that
/// has keys.
///
/// Two authorities, each with a key of its own: the root, which clients are configured with, signs the issuing
/// certificate, and that the clients'. Each is a file in `directory`: `root-key.pem`, `root.pem`, `issuing-key.pem`,
/// `issuing.pem`. The root's key is read when the issuing certificate is made anew, and not kept in memory: an operator
/// may take the file away, and bring it back for that (RFC 9750 section 8.4.3). No client's private key is ever here.
///
/// Any number of threads may call it at a time. One process at a time may have the directory.
public final class CertificateAuthority: Sendable {
    public let serverName: ServerName
    public let configuration: AuthorityConfiguration
    private let directory: AuthorityDirectory
    private let root: AuthorityCertificate
    /// Whoever signs now. It may be renewed while others still sign with the one before.
    private let issuer: Mutex<Issuer>
    /// Held while the issuing certificate is made anew, which writes two files.
    private let renewal = Mutex(())

    /// Starts with what is in `directory`, and makes what is missing: on the first start everything. What it starts with
    /// has issued a certificate that a client would take.
    ///
    /// - Parameter directory: made where it is missing, but not those above it.
    /// - Parameter now: in seconds since 1970.
    public init(
        directory: String, serverName: String, at now: UInt64,
        configuration: AuthorityConfiguration = AuthorityConfiguration()
    ) throws(AuthorityError) {
        do { self.serverName = try ServerName(serverName) } catch { throw .serverNameInvalid }
        guard configuration.rootLifetime > 0, configuration.issuingLifetime > 0 else { throw .lifetimeInvalid }
        self.configuration = configuration
        self.directory = AuthorityDirectory(
            files: AuthorityFiles(directory: directory), serverName: self.serverName, configuration: configuration)
        try self.directory.files.prepare()
        root = try self.directory.root(at: now)
        let first = try self.directory.issuer(below: root, at: now)
        issuer = Mutex(first)
        try check(first, at: now)
    }

    /// What clients are configured with, in DER.
    public var rootCertificate: [UInt8] { root.bytes }

    /// Replaces the issuing key and certificate where less than half of its time is left and the root key is there: to
    /// be called about once a day. What was issued before stays valid until its own end.
    ///
    /// After a throw the authority goes on with what it has.
    /// - Returns: whether there is another issuing certificate now.
    @discardableResult
    public func renewIfNeeded(at now: UInt64) throws(AuthorityError) -> Bool {
        try renewal.withLock { _ throws(AuthorityError) in
            let current = issuer.withLock { $0 }
            guard let renewed = try directory.renewed(current, below: root, at: now) else { return false }
            try check(renewed, at: now)
            issuer.withLock { $0 = renewed }
            return true
        }
    }

    /// What an operator should do something about, if anything; the root before the issuing certificate.
    public func warning(at now: UInt64) -> AuthorityWarning? {
        let issuing = issuer.withLock { $0 }.certificate.dates
        let left = { (end: UInt64) in end > now ? end - now : 0 }
        if left(root.dates.notAfter) < configuration.issuingLifetime / 2 {
            return .rootCertificateEnds(notAfter: root.dates.notAfter, path: directory.files.path(.root))
        }
        if left(issuing.notAfter) < configuration.warningTime {
            return .issuingCertificateEnds(notAfter: issuing.notAfter, rootKeyPath: directory.files.path(.rootKey))
        }
        return nil
    }

    /// A credential that says that `signatureKey` is of `subject`. It is the caller's to know that it is: that whoever
    /// asks is that user, and has the private half.
    ///
    /// It ends with `lifetime`, or before that with the issuing certificate. Cost: one signature.
    /// - Parameter scheme: any of RFC 9420's cipher suites.
    /// - Parameter signatureKey: as a leaf has it: EdDSA raw, ECDSA an uncompressed point.
    /// - Parameter now: in seconds since 1970, as `lifetime`.
    /// - Throws: `invalidKey`, `lifetimeInvalid` where it is zero, `ended`, `notYetValid`.
    public func issue(
        _ subject: CredentialSubject, scheme: SignatureScheme, signatureKey: [UInt8], at now: UInt64, lifetime: UInt64
    ) throws(AuthorityError) -> IssuedCredential {
        let issuer = issuer.withLock { $0 }
        return try issue(subject, scheme, signatureKey, at: now, lifetime, by: issuer)
    }

    private func issue(
        _ subject: CredentialSubject, _ scheme: SignatureScheme, _ signatureKey: [UInt8], at now: UInt64,
        _ lifetime: UInt64, by issuer: Issuer
    ) throws(AuthorityError) -> IssuedCredential {
        guard lifetime > 0 else { throw .lifetimeInvalid }
        try directory.check(issuer.certificate, .issuing, at: now)
        let dates = AuthorityDirectory.dates(from: now, lifetime, within: issuer.certificate.dates)
        let key: EVPKey
        do { key = try EVPKey(publicKey: signatureKey.rawSpan, of: scheme) } catch { throw .invalidKey }
        let template = CertificateTemplate(
            role: .endEntity, commonName: [], subjectURI: subject.uri(of: serverName), dates: dates)
        let signed = try issuer.sign(template, about: key)
        let certificates = [signed, issuer.certificate.bytes].map { Certificate(certData: $0) }
        return IssuedCredential(
            credential: .x509(certificates: certificates), serial: template.serial, notBefore: dates.notBefore,
            notAfter: dates.notAfter)
    }

    /// Issues a certificate for nobody and verifies it as a client does: whatever is wrong with files that came from
    /// elsewhere is found before a client finds it.
    private func check(_ issuer: Issuer, at now: UInt64) throws(AuthorityError) {
        let key = try AuthorityError.crypto { () throws(CryptoError) in try SigningKey.generate(.ed25519).publicKey }
        do {
            let subject = try CredentialSubject(userName: Array("nobody".utf8))
            let issued = try issue(subject, key.scheme, key.bytes, at: now, 1, by: issuer)
            let verifier = try CredentialVerifier(
                serverName: serverName.description, root: root.bytes, acceptsBasic: false, clockSkew: 0)
            _ = try verifier.verify(issued.credential, signatureKey: key.bytes, scheme: key.scheme, at: now)
        } catch let error as AuthorityError {
            throw error
        } catch let error as CredentialError {
            throw .chainRefused(path: directory.files.path(.issuing), reason: error)
        } catch {
            preconditionFailure("\(error) is of neither type")
        }
    }
}
