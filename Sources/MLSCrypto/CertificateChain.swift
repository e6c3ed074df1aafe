public import MLSCodec
import TLSPresentation

/// The certificates of an X.509 credential: the client's own, which is the end entity's, first. RFC 9420 section 5.3.
///
/// What RFC 9420 itself says of a chain is that each certificate is signed by the next (`checkSignatures`), and that the
/// first has the client's key (`signaturePublicKey`). That proves nothing: anybody can make such a chain. That it leads
/// to somebody trusted is the Authentication Service's to ask (RFC 9750 section 4), with `verify`; whom the names mean
/// and what has been revoked, it alone knows.
public struct CertificateChain: Sendable {
    /// Invariant: not empty.
    let certificates: [X509Certificate]

    /// Parses each of the certificates, which are DER and nothing else.
    /// - Throws: `malformedCertificate` with the index of the first that is not, 0 also where there is none.
    public init(_ certificates: [Certificate]) throws(CryptoError) {
        if certificates.isEmpty { throw .malformedCertificate(index: 0) }
        var parsed: [X509Certificate] = []
        for (index, certificate) in certificates.enumerated() {
            guard let one = X509Certificate(certificate.certData.rawSpan) else {
                throw .malformedCertificate(index: index)
            }
            parsed.append(one)
        }
        self.certificates = parsed
    }

    /// The key of the end entity as a leaf's `signature_key` has it, with which it must agree: EdDSA raw, ECDSA an
    /// uncompressed point, however the certificate has it. RFC 9420 section 5.1.1.
    /// - Throws: `unsupportedSignatureScheme`; `invalidKey` where the certificate's key is not one of `scheme`.
    public func signaturePublicKey(scheme: SignatureScheme) throws(CryptoError) -> [UInt8] {
        try certificates[0].publicKey(of: SignatureAlgorithm(scheme).keyFormat)
    }

    /// The scheme of the end entity's key: a key of one is not a key of another.
    /// - Throws: `invalidKey` where no cipher suite of RFC 9420 has such keys.
    public func signatureScheme() throws(CryptoError) -> SignatureScheme {
        for scheme in SignatureScheme.known where try certificates[0].hasKey(of: scheme) {
            return scheme
        }
        throw .invalidKey
    }

    /// Checks that each certificate is signed by the one that follows it. The last may be signed by anybody.
    ///
    /// Issuers may have keys of any kind that OpenSSL knows. Cost: a verification for each certificate but the last.
    /// - Throws: `certificateNotSigned` with the index of the first that is not.
    public func checkSignatures() throws(CryptoError) {
        for index in certificates.indices.dropLast() where !certificates[index].isSigned(by: certificates[index + 1]) {
            throw .certificateNotSigned(index: index)
        }
    }
}
