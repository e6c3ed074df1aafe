public import MLSCodec
import TLSPresentation

/// The certificates of an X.509 credential: the client's own, which is the end entity's, first. RFC 9420 section 5.3.
///
/// What is checked here is what RFC 9420 says of a chain: that each certificate is signed by the next, and that the
/// first has the client's key. That it leads to somebody trusted, and that names, dates, constraints and revocation
/// are right, is for the Authentication Service (RFC 9750 section 6), which has the certificates' bytes. Until it has
/// agreed, a chain proves nothing: anybody can make one.
public struct CertificateChain: Sendable {
    /// Invariant: not empty.
    private let certificates: [X509Certificate]

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
