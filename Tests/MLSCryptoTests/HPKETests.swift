import MLSCodec
import MLSCrypto
import TLSPresentation
import Testing

@Suite("HPKE")
struct HPKETests {
    static let kems: [KEM] = [.x25519, .x448, .p256, .p384, .p521]
    let info = Array("info".utf8)
    let data = Array("data".utf8)
    let plaintext = Array("attack at dawn".utf8)

    private static func bytes(_ hex: String) throws -> [UInt8] { try #require([UInt8](hex: hex)) }

    @Test("RFC 9180's example of suite 1's algorithms (appendix A.1.1)")
    func example() throws {
        let secret = try Self.bytes("6db9df30aa07dd42ee5e8181afdb977e538f5e1fec8a06223f33f7013e525037")
        let ephemeralSecret = try Self.bytes("7268600d403fce431561aef583ee1613527cff655c1343f29812e66706df3234")
        let info = try Self.bytes("4f6465206f6e2061204772656369616e2055726e")
        let ciphertexts = try [
            "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a",
            "af2d7e9ac9ae7e270f46ba1f975be53c09f8d875bdc8535458c2494e8a6eab251c03d0c22a56b8ca42c2063b84",
        ].map(Self.bytes)
        let exportContexts: [[UInt8]] = [[], [0], Array("TestContext".utf8)]

        var crypto = try CipherSuiteContext(allSuites[0])
        let ephemeral = try crypto.deriveKeyPair(ephemeralSecret.rawSpan)
        let kemOutput = ephemeral.publicKeyBytes
        #expect(kemOutput.hex == "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431")
        let key = try crypto.deriveKeyPair(secret.rawSpan)
        #expect(key.publicKeyBytes.hex == "3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d")
        let privateKey = try key.privateKeyBytes().copy
        #expect(privateKey.hex == "4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8")

        var recipient = try HPKERecipient(kemOutput.rawSpan, key: key, info: info.rawSpan, crypto: &crypto)
        for (count, ciphertext) in ciphertexts.enumerated() {
            let data = Array("Count-\(count)".utf8)
            let opened = try recipient.open(ciphertext.rawSpan, authenticating: data.rawSpan, crypto: &crypto).copy
            #expect(opened == Array("Beauty is truth, truth beauty".utf8))
        }
        let exports = exportContexts.map { recipient.export($0.rawSpan, byteCount: 32, crypto: &crypto).copy.hex }
        #expect(
            exports == [
                "3853fe2b4035195a573ffc53856e77058e15d9ea064de3e59f4961d0095250ee",
                "2e8f0b54673c7029649d4eb9d5e33bf1872cf76d623ff164ac185da9e88c21a5",
                "e9e43065102c3836401bed8c3c3c75ae46be1639869391d62c61f1ec7af54931",
            ])
    }

    @Test("both sides of every suite read each other's messages in order, and export the same", arguments: allSuites)
    func contexts(suite: CipherSuite) throws {
        var crypto = try CipherSuiteContext(suite)
        let key = try HPKEPrivateKey.generate(crypto.kem)
        var sender = try HPKESender(to: key.publicKey(), info: info.rawSpan, crypto: &crypto)
        let kemOutput = sender.kemOutput
        #expect(kemOutput.count == crypto.kem.publicKeyByteCount)
        var recipient = try HPKERecipient(kemOutput.rawSpan, key: key, info: info.rawSpan, crypto: &crypto)
        var last: [UInt8] = []
        for count in 0..<3 {
            let message = plaintext + [UInt8(count)]
            let ciphertext = sender.seal(message.rawSpan, authenticating: data.rawSpan, crypto: &crypto)
            // One that was read already is refused, and does not count.
            #expect(throws: CryptoError.notAuthentic) {
                _ = try recipient.open(last.rawSpan, authenticating: data.rawSpan, crypto: &crypto)
            }
            let opened = try recipient.open(ciphertext.rawSpan, authenticating: data.rawSpan, crypto: &crypto).copy
            #expect(opened == message)
            last = ciphertext
        }
        let exported = sender.export(data.rawSpan, byteCount: 100, crypto: &crypto).copy
        let same = recipient.export(data.rawSpan, byteCount: 100, crypto: &crypto).copy
        let other = recipient.export(info.rawSpan, byteCount: 100, crypto: &crypto).copy
        #expect(exported == same && exported != other && exported.count == 100)
    }

    @Test(
        "a changed ciphertext, KEM output, info or authenticated data, or another key, is refused",
        arguments: allSuites)
    func tampering(suite: CipherSuite) throws {
        var crypto = try CipherSuiteContext(suite)
        let key = try HPKEPrivateKey.generate(crypto.kem)
        let other = try HPKEPrivateKey.generate(crypto.kem)
        let sealed = try crypto.sealBase(
            plaintext.rawSpan, to: key.publicKey(), info: info.rawSpan, authenticating: data.rawSpan)
        func opens(_ sealed: HPKECiphertext, _ key: HPKEPrivateKey, _ info: [UInt8], _ data: [UInt8]) -> Bool {
            do throws(CryptoError) {
                return try crypto.openBase(
                    sealed, key: key, info: info.rawSpan, authenticating: data.rawSpan
                ).isEqual(to: plaintext.rawSpan)
            } catch {
                return false
            }
        }
        #expect(opens(sealed, key, info, data))
        #expect(!opens(sealed, other, info, data))
        #expect(!opens(sealed, key, info + [0], data))
        #expect(!opens(sealed, key, info, []))
        for index in [0, sealed.ciphertext.count - 1] {
            var wrong = sealed
            wrong.ciphertext[index] ^= 1
            #expect(!opens(wrong, key, info, data))
        }
        var wrong = sealed
        wrong.kemOutput = other.publicKeyBytes
        #expect(!opens(wrong, key, info, data))
        for count in 0..<16 {
            wrong = sealed
            wrong.ciphertext.removeLast(sealed.ciphertext.count - count)
            #expect(!opens(wrong, key, info, data))
        }
        #expect(opens(sealed, key, info, data))
    }

    @Test("threads share a key, each with a context of its own", arguments: allSuites)
    func threads(suite: CipherSuite) async throws {
        let key = try HPKEPrivateKey.generate(suite.kem)
        let publicKey = try key.publicKey()
        let message = plaintext
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    var crypto = try CipherSuiteContext(suite)
                    for _ in 0..<10 {
                        let sealed = try crypto.encryptWithLabel(
                            message.rawSpan, to: publicKey, label: "label", context: message.rawSpan)
                        let opened = try crypto.decryptWithLabel(
                            sealed, key: key, label: "label", context: message.rawSpan)
                        if !opened.isEqual(to: message.rawSpan) { return false }
                    }
                    return true
                }
            }
            for try await isSame in group { #expect(isSame) }
        }
    }

    @Test("a key of another KEM is refused on both sides")
    func otherKEM() throws {
        var crypto = try CipherSuiteContext(allSuites[0])
        let key = try HPKEPrivateKey.generate(.p256)
        let publicKey = try key.publicKey()
        #expect(throws: CryptoError.invalidKey) {
            try crypto.sealBase(
                plaintext.rawSpan, to: publicKey, info: info.rawSpan, authenticating: data.rawSpan)
        }
        let ciphertext = HPKECiphertext(kemOutput: publicKey.bytes, ciphertext: plaintext)
        #expect(throws: CryptoError.invalidKey) {
            _ = try crypto.openBase(ciphertext, key: key, info: info.rawSpan, authenticating: data.rawSpan)
        }
    }
}

@Suite("Keys of KEMs")
struct KEMKeyTests {
    static func suite(of kem: KEM) throws -> CipherSuite {
        try #require(try allSuites.first { try $0.kem == kem })
    }

    /// What happens to `publicKey` as a key to encrypt to, and as the ephemeral key of somebody who encrypts to us.
    private func expectRefused(_ publicKey: [UInt8], _ kem: KEM) throws {
        var crypto = try CipherSuiteContext(Self.suite(of: kem))
        let message: [UInt8] = [1]
        #expect(throws: CryptoError.invalidKey) {
            let key = try HPKEPublicKey(publicKey.rawSpan, kem: kem)
            _ = try crypto.encryptWithLabel(message.rawSpan, to: key, label: "", context: RawSpan())
        }
        let key = try HPKEPrivateKey.generate(kem)
        let ciphertext = HPKECiphertext(kemOutput: publicKey, ciphertext: [UInt8](repeating: 0, count: 17))
        #expect(throws: CryptoError.invalidKey) {
            _ = try crypto.decryptWithLabel(ciphertext, key: key, label: "", context: RawSpan())
        }
    }

    @Test("a saved private half is the same key pair, with or without its public half", arguments: HPKETests.kems)
    func save(kem: KEM) throws {
        let key = try HPKEPrivateKey.generate(kem)
        let saved = try key.privateKeyBytes()
        let savedByteCount = saved.byteCount
        #expect(savedByteCount == kem.privateKeyByteCount && key.publicKeyBytes.count == kem.publicKeyByteCount)
        let publicKey = key.publicKeyBytes
        let computed = try HPKEPrivateKey(privateKey: saved.bytes, kem: kem)
        let given = try HPKEPrivateKey(privateKey: saved.bytes, publicKey: publicKey.rawSpan, kem: kem)
        var crypto = try CipherSuiteContext(Self.suite(of: kem))
        let message: [UInt8] = [1, 2, 3]
        let sealed = try crypto.encryptWithLabel(
            message.rawSpan, to: key.publicKey(), label: "label", context: message.rawSpan)
        for key in [key, computed, given] {
            #expect(key.publicKeyBytes == publicKey)
            let isSame = try key.privateKeyBytes().isEqual(to: saved.bytes)
            #expect(isSame)
            let opened = try crypto.decryptWithLabel(
                sealed, key: key, label: "label", context: message.rawSpan
            ).copy
            #expect(opened == message)
        }
        #expect(try HPKEPrivateKey.generate(kem).publicKeyBytes != publicKey)
    }

    @Test("the same secret gives the same key pair, another one another", arguments: allSuites)
    func derive(suite: CipherSuite) throws {
        var crypto = try CipherSuiteContext(suite)
        var publicKeys: Set<[UInt8]> = []
        for byte in 0..<4 as Range<UInt8> {
            let secret = [UInt8](repeating: byte, count: crypto.hashByteCount)
            let key = try crypto.deriveKeyPair(secret.rawSpan)
            #expect(try crypto.deriveKeyPair(secret.rawSpan).publicKeyBytes == key.publicKeyBytes)
            publicKeys.insert(key.publicKeyBytes)
        }
        #expect(publicKeys.count == 4)
    }

    @Test("a public key of another length is refused", arguments: HPKETests.kems)
    func publicKeyLength(kem: KEM) throws {
        let bytes = try HPKEPrivateKey.generate(kem).publicKeyBytes
        for wrong in [[], Array(bytes.dropLast()), bytes + [0]] { try expectRefused(wrong, kem) }
    }

    @Test(
        "of a NIST curve only an uncompressed point that lies on it is a key (RFC 9180 section 7.1.4)",
        arguments: HPKETests.kems.suffix(3))
    func points(kem: KEM) throws {
        let bytes = try HPKEPrivateKey.generate(kem).publicKeyBytes
        let isOdd = bytes[bytes.count - 1] & 1
        var offCurve = bytes
        offCurve[offCurve.count - 1] ^= 1
        let compressed = [0x02 | isOdd] + bytes[1...].prefix(bytes.count / 2)
        let hybrid = [0x06 | isOdd] + bytes[1...]
        let outOfField = [0x04] + [UInt8](repeating: 0xff, count: bytes.count - 1)
        let infinity = [UInt8](repeating: 0, count: bytes.count)
        let zero = [0x04] + infinity.dropFirst()
        for wrong in [[0x00], infinity, zero, offCurve, compressed, hybrid, outOfField] as [[UInt8]] {
            try expectRefused(wrong, kem)
        }
    }

    @Test(
        "a point of small order, which makes the shared secret all zero, is refused (RFC 9180 section 7.1.4)",
        arguments: [KEM.x25519, .x448])
    func smallOrder(kem: KEM) throws {
        let zero = [UInt8](repeating: 0, count: kem.publicKeyByteCount)
        try expectRefused(zero, kem)
        try expectRefused([1] + zero.dropFirst(), kem)
        let ones = [UInt8](repeating: 0xff, count: 28)
        if kem == .x448 {
            let prime = ones + [0xfe] + ones.dropLast()
            for key in [[0xfe] + prime.dropFirst(), prime, Array(zero.prefix(28)) + ones] {
                try expectRefused(key, kem)
            }
            return
        }
        try expectRefused(zero.dropLast() + [0x80], kem)
        for first in [0xed, 0xee] as [UInt8] { try expectRefused([first] + ones + [0xff, 0xff, 0x7f], kem) }
        // Two points of order 8, and the prime less one (RFC 7748 section 6.1 and the list that it leads to).
        for hex in [
            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        ] { try expectRefused(try #require([UInt8](hex: hex)), kem) }
    }

    @Test("a private key of another length, of zero, or not below the order is refused", arguments: HPKETests.kems)
    func privateKeys(kem: KEM) throws {
        let publicKey = try HPKEPrivateKey.generate(kem).publicKeyBytes
        for count in [0, kem.privateKeyByteCount - 1, kem.privateKeyByteCount + 1] {
            let wrong = [UInt8](repeating: 1, count: count)
            #expect(throws: CryptoError.invalidKey) { try HPKEPrivateKey(privateKey: wrong.rawSpan, kem: kem) }
            #expect(throws: CryptoError.invalidKey) {
                try HPKEPrivateKey(privateKey: wrong.rawSpan, publicKey: publicKey.rawSpan, kem: kem)
            }
        }
        guard kem != .x25519 && kem != .x448 else { return }
        for byte in [0x00, 0xff] as [UInt8] {
            let wrong = [UInt8](repeating: byte, count: kem.privateKeyByteCount)
            #expect(throws: CryptoError.invalidKey) { try HPKEPrivateKey(privateKey: wrong.rawSpan, kem: kem) }
        }
    }

    @Test("a key pair does not tell its private half")
    func redacted() throws {
        let key = try HPKEPrivateKey.generate(.x25519)
        let digits = try key.privateKeyBytes().copy.hex
        #expect(!"\(key)".contains(digits) && "\(key)".contains("<redacted>"))
    }
}
