import COpenSSL
import MLSCodec
import MLSCrypto
import RelayCredentials
import TLSPresentation

/// A certificate of the authority's own, root or issuing.
struct AuthorityCertificate: Sendable {
    let parsed: X509Certificate
    let bytes: [UInt8]
    let dates: CertificateDates

    /// - Throws: `malformed`; `otherServer` where it says that it is another relay's. One from elsewhere may say nothing.
    init(_ bytes: [UInt8], path: String, server: ServerName) throws(AuthorityError) {
        guard let parsed = X509Certificate(bytes.rawSpan) else {
            throw .malformed(path: path, reason: "it is not a certificate in DER")
        }
        let chain: CertificateChain
        do {
            chain = try CertificateChain([Certificate(certData: bytes)])
            dates = try chain.dates()
        } catch { throw .malformed(path: path, reason: "\(error)") }
        defer { OpenSSL.drainErrors() }
        guard unsafe X509_check_ca(parsed.pointer) == 1 else {
            throw .malformed(path: path, reason: "it is not an authority's certificate")
        }
        let names = chain.subjectURIs.filter { $0.starts(with: ServerName.uriScheme) }
        guard names.allSatisfy({ $0 == server.uri }) else { throw .otherServer(path: path) }
        self.parsed = parsed
        self.bytes = bytes
    }

    /// Whether it is about `key`, of which both halves are there.
    func isAbout(_ key: borrowing EVPKey) -> Bool {
        defer { OpenSSL.drainErrors() }
        return unsafe X509_check_private_key(parsed.pointer, key.pointer) == 1
    }

    /// Whether its key is of the kind that all of an authority's are.
    func hasAuthorityKey() throws(AuthorityError) -> Bool {
        try AuthorityError.crypto { () throws(CryptoError) in try parsed.hasKey(of: .ecdsaSecp256r1SHA256) }
    }
}
