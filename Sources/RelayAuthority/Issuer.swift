import MLSCrypto

/// A private key of the authority's.
final class AuthorityKey: Sendable {
    // OpenSSL lets threads share a key that nobody changes, and nobody does after `init`.
    nonisolated(unsafe) let key: EVPKey

    init(_ key: consuming EVPKey) { unsafe self.key = key }

    /// A new one. ECDSA on P-256 is what everything verifies.
    static func generate() throws(AuthorityError) -> AuthorityKey {
        try AuthorityError.crypto { () throws(CryptoError) in
            AuthorityKey(try EVPKey(generating: .ecdsaSecp256r1SHA256))
        }
    }
}

/// A key that signs certificates, and its own.
struct Issuer: Sendable {
    let certificate: AuthorityCertificate
    let key: AuthorityKey

    /// The certificate in DER.
    func sign(_ template: CertificateTemplate, about subjectKey: borrowing EVPKey) throws(AuthorityError) -> [UInt8] {
        do { return unsafe try template.signed(by: key.key, of: certificate.parsed, about: subjectKey) } catch {
            throw .crypto(error)
        }
    }
}
