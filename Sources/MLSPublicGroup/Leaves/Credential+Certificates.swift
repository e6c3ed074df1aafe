import MLSCodec

extension Credential {
    /// What RFC 9420 section 5.3 says of an X.509 credential by itself. Paths, names, expiry and revocation are the
    /// Authentication Service's.
    func checkCertificates(signatureKey: [UInt8]) throws(GroupError) {
        guard case .x509(let certificates) = self else { return }

        // "The chain is ordered such that the first entry (certificates[0]) is the end-entity certificate."
        guard !certificates.isEmpty else { throw .refused(.x509Chain) }

        // "The public key encoded in the subjectPublicKeyInfo of the end-entity certificate MUST be identical to the
        // signature_key in the LeafNode containing this credential." Nothing reads certificates yet.
        throw .refused(.x509Chain)
    }
}
