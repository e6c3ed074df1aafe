import MLSCodec
import MLSCrypto
import TLSPresentation
import TestSupport
import Testing

@Suite("Randomness from outside")
struct RandomSourceTests {
    private let message = Array("attack at dawn".utf8)

    @Test("the same randomness gives the same keys and ciphertexts, and they open", arguments: allSuites)
    func seeded(suite: CipherSuite) throws {
        func run(_ source: RandomSource) throws -> (publicKey: [UInt8], ciphertexts: [HPKECiphertext], secret: [UInt8])
        {
            var crypto = try CipherSuiteContext(suite, randomSource: source)
            let key = try crypto.generateKeyPair()
            let publicKey = try key.publicKey()
            let ciphertexts = try (0..<2).map { _ in
                try crypto.encryptWithLabel(message.rawSpan, to: publicKey, label: "label", context: message.rawSpan)
            }
            for ciphertext in ciphertexts {
                let opened = try crypto.decryptWithLabel(
                    ciphertext, key: key, label: "label", context: message.rawSpan)
                let isSame = opened.isEqual(to: message.rawSpan)
                #expect(isSame)
            }
            return (key.publicKeyBytes, ciphertexts, crypto.randomSecret(byteCount: 48).copy)
        }
        let (first, second) = (try run(.seeded(1)), try run(.seeded(1)))
        #expect(first == second)
        #expect(first.ciphertexts[0] != first.ciphertexts[1] && first.secret.count == 48)
        let other = try run(.seeded(2))
        #expect(first.publicKey != other.publicKey && first.ciphertexts != other.ciphertexts)
        let system = try (run(.system), run(.system))
        #expect(system.0.publicKey != system.1.publicKey && system.0.secret != system.1.secret)
    }

    @Test("a key pair from outside is DeriveKeyPair of Nsk random bytes (RFC 9180 section 7.1.3)", arguments: allSuites)
    func deriveKeyPair(suite: CipherSuite) throws {
        var crypto = try CipherSuiteContext(suite, randomSource: .seeded(3))
        let key = try crypto.generateKeyPair()
        var same = try CipherSuiteContext(suite, randomSource: .seeded(3))
        let secret = same.randomBytes(same.kem.privateKeyByteCount)
        #expect(try same.deriveKeyPair(secret.rawSpan).publicKeyBytes == key.publicKeyBytes)
    }

    @Test("a source is asked for as many bytes as are given out", arguments: [0, 1, 32, 100])
    func counts(count: Int) throws {
        let source = RandomSource { bytes in
            #expect(bytes.byteCount == count)
            for offset in 0..<bytes.byteCount { bytes.storeBytes(of: 7, toByteOffset: offset, as: UInt8.self) }
        }
        for source in [source, .system] {
            let crypto = try CipherSuiteContext(allSuites[0], randomSource: source)
            let secret = crypto.randomSecret(byteCount: count).copy
            let bytes = crypto.randomBytes(count)
            #expect(secret.count == count && bytes.count == count)
        }
    }
}
