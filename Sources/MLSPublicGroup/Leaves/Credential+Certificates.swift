import MLSCodec
import MLSCrypto

extension Credential {
    /// What RFC 9420 section 5.3 says of an X.509 credential by itself; nothing of any other. Paths, names, expiry and
    /// revocation are the Authentication Service's.
    func checkCertificates(signatureKey: [UInt8], suite: CipherSuite) throws(GroupError) {
        guard case .x509(let certificates) = self else { return }
        let endEntityKey: [UInt8]
        do {
            // "each entry in the certificates field represents a single DER-encoded X.509 certificate. The chain is
            // ordered such that the first entry (certificates[0]) is the end-entity certificate." A chain that is in
            // order is signed in order.
            let chain = try CertificateChain(certificates)
            try chain.checkSignatures()
            endEntityKey = try chain.signaturePublicKey(scheme: suite.signatureScheme)
        } catch .malformedCertificate, .certificateNotSigned {
            throw .refused(.x509Chain)
        } catch .invalidKey {
            throw .refused(.x509Key)
        } catch {
            throw .crypto(error)
        }

        // "The public key encoded in the subjectPublicKeyInfo of the end-entity certificate MUST be identical to the
        // signature_key in the LeafNode containing this credential."
        guard endEntityKey == signatureKey else { throw .refused(.x509Key) }
    }
}
