import MLSCodec
import MLSCrypto
import TLSPresentation
import TestSupport
import Testing

/// A case of crypto-basics.json: one for each cipher suite.
struct CryptoBasics: Decodable {
    struct RefHash: Decodable {
        let label: String
        let value: Hex
        let out: Hex
    }

    struct SignWithLabel: Decodable {
        let priv: Hex
        let pub: Hex
        let content: Hex
        let label: String
        let signature: Hex
    }

    let cipher_suite: UInt16
    let ref_hash: RefHash
    let sign_with_label: SignWithLabel

    var suite: CipherSuite { CipherSuite(rawValue: cipher_suite) }

    static func all() throws -> [CryptoBasics] {
        let cases = try Vectors.load("crypto-basics.json", of: CryptoBasics.self)
        #expect(Set(cases.map(\.cipher_suite)) == Set(1...7))
        return cases
    }
}

@Suite("Official vectors: crypto-basics.json")
struct CryptoBasicsTests {
    @Test("RefHash of every suite (RFC 9420 section 5.2)")
    func refHash() throws {
        for basics in try CryptoBasics.all() {
            let out = try MLSCrypto.refHash(
                label: basics.ref_hash.label, value: basics.ref_hash.value.bytes.rawSpan, suite: basics.suite)
            #expect(out == basics.ref_hash.out.bytes)
        }
    }

    @Test("SignWithLabel of every suite: the signature holds, and so does one of our own (RFC 9420 section 5.1.2)")
    func signWithLabel() throws {
        for basics in try CryptoBasics.all() {
            let vector = basics.sign_with_label
            let scheme = try basics.suite.signatureScheme
            let publicKey = try SignaturePublicKey(vector.pub.bytes.rawSpan, scheme: scheme)
            func holds(_ signature: [UInt8], _ label: String) -> Bool {
                publicKey.verifyWithLabel(label, content: vector.content.bytes.rawSpan, signature: signature.rawSpan)
            }
            #expect(holds(vector.signature.bytes, vector.label))
            #expect(!holds(vector.signature.bytes, vector.label + "."))

            let key = try SigningKey(privateKey: vector.priv.bytes.rawSpan, scheme: scheme)
            #expect(key.publicKey.bytes == vector.pub.bytes)
            let saved = try key.privateKeyBytes()
            let savedBytes = [UInt8](saved.bytes)
            #expect(savedBytes == vector.priv.bytes)
            let own = try key.signWithLabel(vector.label, content: vector.content.bytes.rawSpan)
            #expect(holds(own, vector.label))
        }
    }

    @Test("an unknown suite is refused, GREASE too", arguments: [0, 8, 0x0a0a] as [UInt16])
    func unknownSuite(rawValue: UInt16) {
        let suite = CipherSuite(rawValue: rawValue)
        #expect(throws: CryptoError.unsupportedCipherSuite(suite)) {
            try keyPackageRef(of: ([1] as [UInt8]).rawSpan, suite: suite)
        }
        #expect(throws: CryptoError.unsupportedCipherSuite(suite)) { try suite.signatureScheme }
    }
}
