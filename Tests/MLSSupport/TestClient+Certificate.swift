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

/// As much of X.690 as a certificate needs.
private enum DER {
    static let ed25519: [UInt8] = [0x06, 3, 0x2b, 0x65, 0x70]
    static let ecPublicKey: [UInt8] = [0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01]
    static let prime256v1: [UInt8] = [0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]
    static let ecdsaWithSHA256: [UInt8] = [0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]
    static let commonName: [UInt8] = [0x06, 3, 0x55, 0x04, 0x03]

    static func value(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
        let count = content.count
        let length: [UInt8] =
            count < 0x80
            ? [UInt8(count)] : count < 0x100 ? [0x81, UInt8(count)] : [0x82, UInt8(count >> 8), UInt8(count & 0xff)]
        return [tag] + length + content
    }

    static func sequence(_ values: [[UInt8]]) -> [UInt8] { value(0x30, values.flatMap { $0 }) }

    static func bitString(_ bytes: [UInt8]) -> [UInt8] { value(0x03, [0] + bytes) }

    static func time(_ text: String) -> [UInt8] { value(0x17, Array(text.utf8)) }
}
