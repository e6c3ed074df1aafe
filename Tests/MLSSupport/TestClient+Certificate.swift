public import MLSCodec
import MLSCrypto
import TLSPresentation

extension TestClient {
    /// A certificate that this client signs for another one's key, or for its own. P-256 and Ed25519.
    public func certificate(for subject: TestClient) throws -> Certificate {
        let toBeSigned = DER.sequence([
            // serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo of version 1.
            [0x02, 0x01, 0x01], signatureAlgorithm, name,
            DER.sequence([DER.time("260101000000Z"), DER.time("491231235959Z")]), subject.name,
            DER.sequence([subject.keyAlgorithm, DER.bitString(subject.signingKey.publicKey.bytes)]),
        ])
        let signature = try signingKey.sign(toBeSigned.rawSpan)
        return Certificate(certData: DER.sequence([toBeSigned, signatureAlgorithm, DER.bitString(signature)]))
    }

    private var isEd25519: Bool { signingKey.scheme == .ed25519 }

    private var signatureAlgorithm: [UInt8] {
        isEd25519 ? DER.sequence([DER.ed25519]) : DER.sequence([DER.ecdsaWithSHA256])
    }

    private var keyAlgorithm: [UInt8] {
        isEd25519 ? DER.sequence([DER.ed25519]) : DER.sequence([DER.ecPublicKey, DER.prime256v1])
    }

    /// A Name with this client's as its common name.
    private var name: [UInt8] {
        let text: [UInt8] = if case .basic(let identity) = credential { identity } else { [] }
        return DER.sequence([DER.value(0x31, DER.sequence([DER.commonName, DER.value(0x0c, text)]))])
    }
}
