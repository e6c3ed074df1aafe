import MLSCodec
import MLSCrypto
import TLSPresentation
import Testing

@Suite("Certificate chains")
struct CertificateChainTests {
    typealias Examples = CertificateExamples

    /// Each signed by the next; a key of each scheme.
    private static let chain = [Examples.ed25519, Examples.p256, Examples.p384, Examples.p521, Examples.ed448]
    private static let schemes: [SignatureScheme] = [
        .ed25519, .ecdsaSecp256r1SHA256, .ecdsaSecp384r1SHA384, .ecdsaSecp521r1SHA512, .ed448,
    ]
    private static let p256Point =
        "0468d7f3647b5fc31ee9ceab16fc73ae71aef5147b5f0a64397a83db59854b1eca"
        + "9e3889435b9385936204d5e55d73864902f7bb6859fd2f2cd4eed2e0d6055e9d"

    private func certificate(_ hex: String) throws -> Certificate {
        Certificate(certData: try #require([UInt8](hex: hex)))
    }

    private func chain(_ hex: String...) throws -> CertificateChain {
        try CertificateChain(hex.map(certificate))
    }

    @Test("each certificate of a chain is signed by the next, whatever their schemes")
    func signatures() throws {
        let certificates = try Self.chain.map(certificate)
        for start in certificates.indices {
            try CertificateChain(Array(certificates[start...])).checkSignatures()
        }
        for index in 0..<3 {
            var wrong = certificates
            wrong.remove(at: index + 1)
            let chain = try CertificateChain(wrong)
            #expect(throws: CryptoError.certificateNotSigned(index: index)) { try chain.checkSignatures() }
        }
        let reversed = try CertificateChain(certificates.reversed())
        #expect(throws: CryptoError.certificateNotSigned(index: 0)) { try reversed.checkSignatures() }
        // A self-signed one is signed by itself; one that OpenSSL can only verify with RSA is known too.
        try chain(Examples.ed448, Examples.ed448).checkSignatures()
        try chain(Examples.rsa, Examples.rsa).checkSignatures()
    }

    @Test("the end entity's key is as a leaf has it, and only of its own scheme (RFC 9420 section 5.1.1)")
    func publicKeys() throws {
        for (example, scheme) in zip(Self.chain, Self.schemes) {
            let chain = try chain(example)
            let bytes = try chain.signaturePublicKey(scheme: scheme)
            _ = try SignaturePublicKey(bytes.rawSpan, scheme: scheme)
            for other in Self.schemes where other != scheme {
                #expect(throws: CryptoError.invalidKey) { try chain.signaturePublicKey(scheme: other) }
            }
        }
        #expect(
            try chain(Examples.ed25519).signaturePublicKey(scheme: .ed25519).hex
                == "5b17ac6517a896d66e1c92fdaa5746f1814b955aa3aa37723975f1306de2dc1d")
        #expect(try chain(Examples.p256).signaturePublicKey(scheme: .ecdsaSecp256r1SHA256).hex == Self.p256Point)
    }

    @Test("a compressed point is given uncompressed; a curve that is spelt out, and RSA, are refused")
    func otherKeys() throws {
        let compressed = try chain(Examples.compressedPoint)
        #expect(try compressed.signaturePublicKey(scheme: .ecdsaSecp256r1SHA256).hex == Self.p256Point)
        for example in [Examples.explicitCurve, Examples.rsa] {
            let chain = try chain(example)
            for scheme in Self.schemes {
                #expect(throws: CryptoError.invalidKey) { try chain.signaturePublicKey(scheme: scheme) }
            }
        }
        let scheme = SignatureScheme(rawValue: 0x0804)
        #expect(throws: CryptoError.unsupportedSignatureScheme(scheme)) {
            try compressed.signaturePublicKey(scheme: scheme)
        }
    }

    @Test("what is not exactly one certificate in DER is refused")
    func malformed() throws {
        #expect(throws: CryptoError.malformedCertificate(index: 0)) { try CertificateChain([]) }
        let good = try certificate(Examples.ed25519)
        for count in 0..<good.certData.count {
            let cut = Certificate(certData: Array(good.certData.prefix(count)))
            #expect(throws: CryptoError.malformedCertificate(index: 0)) { try CertificateChain([cut]) }
        }
        let longer = Certificate(certData: good.certData + [0])
        #expect(throws: CryptoError.malformedCertificate(index: 1)) { try CertificateChain([good, longer]) }
        // 30 81 dd: the length of the whole in one byte. In two bytes it is not the shortest form, and so not DER.
        #expect(good.certData.prefix(2) == [0x30, 0x81])
        let long = Certificate(certData: [0x30, 0x82, 0x00] + good.certData[2...])
        #expect(throws: CryptoError.malformedCertificate(index: 0)) { try CertificateChain([long]) }
        // Nor is an indefinite length.
        let indefinite = Certificate(certData: [0x30, 0x80] + good.certData[3...] + [0, 0])
        #expect(throws: CryptoError.malformedCertificate(index: 0)) { try CertificateChain([indefinite]) }
    }

    @Test("one changed bit is refused or breaks the signature", arguments: 0..<4)
    func changed(index: Int) throws {
        let (certificate, issuer) = (try certificate(Self.chain[index]), try certificate(Self.chain[index + 1]))
        // Not every position, which would take long, but each for another certificate.
        for position in stride(from: index, to: certificate.certData.count, by: 4) {
            var wrong = certificate
            wrong.certData[position] ^= 1 << UInt8(position % 8)
            #expect(throws: CryptoError.self, "\(position)") {
                try CertificateChain([wrong, issuer]).checkSignatures()
            }
            // Whatever the key has become, it is a key or a typed error.
            for scheme in Self.schemes {
                do throws(CryptoError) {
                    let bytes = try CertificateChain([wrong]).signaturePublicKey(scheme: scheme)
                    _ = try SignaturePublicKey(bytes.rawSpan, scheme: scheme)
                } catch {}
            }
        }
    }

    @Test(
        "a changed issuer is refused, or does not certify, or only what it says of others has changed", arguments: 0..<4
    )
    func changedIssuer(index: Int) throws {
        let (certificate, issuer) = (try certificate(Self.chain[index]), try certificate(Self.chain[index + 1]))
        let key = try CertificateChain([issuer]).signaturePublicKey(scheme: Self.schemes[index + 1])
        for position in stride(from: index, to: issuer.certData.count, by: 4) {
            var wrong = issuer
            wrong.certData[position] ^= 1 << UInt8(position % 8)
            do throws(CryptoError) {
                let chain = try CertificateChain([certificate, wrong])
                try chain.checkSignatures()
                let same = try CertificateChain([wrong]).signaturePublicKey(scheme: Self.schemes[index + 1])
                #expect(same == key, "\(position)")
            } catch {}
        }
    }
}
