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

    struct EncryptWithLabel: Decodable {
        let priv: Hex
        let pub: Hex
        let label: String
        let context: Hex
        let plaintext: Hex
        let kem_output: Hex
        let ciphertext: Hex
    }

    struct ExpandWithLabel: Decodable {
        let secret: Hex
        let label: String
        let context: Hex
        let length: Int
        let out: Hex
    }

    struct DeriveSecret: Decodable {
        let secret: Hex
        let label: String
        let out: Hex
    }

    struct DeriveTreeSecret: Decodable {
        let secret: Hex
        let label: String
        let generation: UInt32
        let length: Int
        let out: Hex
    }

    let cipher_suite: UInt16
    let ref_hash: RefHash
    let sign_with_label: SignWithLabel
    let encrypt_with_label: EncryptWithLabel
    let expand_with_label: ExpandWithLabel
    let derive_secret: DeriveSecret
    let derive_tree_secret: DeriveTreeSecret

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

    @Test("ExpandWithLabel, DeriveSecret and DeriveTreeSecret of every suite (RFC 9420 sections 8 and 9.1)")
    func derivations() throws {
        for basics in try CryptoBasics.all() {
            var crypto = try CipherSuiteContext(basics.suite)
            let expand = basics.expand_with_label
            let expanded = crypto.expandWithLabel(
                expand.secret.bytes.rawSpan, label: expand.label, context: expand.context.bytes.rawSpan,
                byteCount: expand.length
            ).copy
            #expect(expanded == expand.out.bytes)
            let secret = basics.derive_secret
            let derived = crypto.deriveSecret(secret.secret.bytes.rawSpan, label: secret.label).copy
            #expect(derived == secret.out.bytes)
            let tree = basics.derive_tree_secret
            let derivedForTree = crypto.deriveTreeSecret(
                tree.secret.bytes.rawSpan, label: tree.label, generation: tree.generation, byteCount: tree.length
            ).copy
            #expect(derivedForTree == tree.out.bytes)
        }
    }

    @Test("EncryptWithLabel of every suite: it decrypts, and so does one of our own (RFC 9420 section 5.1.3)")
    func encryptWithLabel() throws {
        for basics in try CryptoBasics.all() {
            let vector = basics.encrypt_with_label
            var crypto = try CipherSuiteContext(basics.suite)
            let kem = try basics.suite.kem
            let key = try HPKEPrivateKey(privateKey: vector.priv.bytes.rawSpan, kem: kem)
            #expect(key.publicKeyBytes == vector.pub.bytes)
            let both = try HPKEPrivateKey(
                privateKey: vector.priv.bytes.rawSpan, publicKey: vector.pub.bytes.rawSpan, kem: kem)
            let saved = try both.privateKeyBytes().copy
            #expect(saved == vector.priv.bytes && both.publicKeyBytes == vector.pub.bytes)
            let theirs = HPKECiphertext(kemOutput: vector.kem_output.bytes, ciphertext: vector.ciphertext.bytes)
            let publicKey = try HPKEPublicKey(vector.pub.bytes.rawSpan, kem: kem)
            let ours = try crypto.encryptWithLabel(
                vector.plaintext.bytes.rawSpan, to: publicKey, label: vector.label,
                context: vector.context.bytes.rawSpan)
            #expect(ours != theirs)
            for ciphertext in [theirs, ours] {
                for key in [key, both] {
                    let plaintext = try crypto.decryptWithLabel(
                        ciphertext, key: key, label: vector.label, context: vector.context.bytes.rawSpan
                    ).copy
                    #expect(plaintext == vector.plaintext.bytes)
                }
                #expect(throws: CryptoError.notAuthentic) {
                    _ = try crypto.decryptWithLabel(
                        ciphertext, key: key, label: vector.label + ".", context: vector.context.bytes.rawSpan)
                }
                #expect(throws: CryptoError.notAuthentic) {
                    _ = try crypto.decryptWithLabel(ciphertext, key: key, label: vector.label, context: RawSpan())
                }
            }
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
