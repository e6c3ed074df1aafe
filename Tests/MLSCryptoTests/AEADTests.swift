import MLSCodec
import MLSCrypto
import TLSPresentation
import Testing

@Suite("AEAD")
struct AEADTests {
    /// Those of one AEAD each: AES-128-GCM, ChaCha20-Poly1305, AES-256-GCM.
    static let suites = [1, 3, 4].map { CipherSuite(rawValue: $0) }

    @Test("NIST's and RFC 8439's examples")
    func examples() throws {
        // The Galois/Counter Mode of Operation (McGrew, Viega), test case 2.
        var aes = try CipherSuiteContext(Self.suites[0])
        let zero = [UInt8](repeating: 0, count: 16)
        let nonce = [UInt8](repeating: 0, count: 12)
        let sealed = aes.seal(zero.rawSpan, key: zero.rawSpan, nonce: nonce.rawSpan, authenticating: RawSpan())
        #expect(sealed.hex == "0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf")
        let empty = aes.seal(RawSpan(), key: zero.rawSpan, nonce: nonce.rawSpan, authenticating: RawSpan())
        #expect(empty.hex == "58e2fccefa7e3061367f1d57a4e7455a")
        // RFC 8439 section 2.8.2.
        var chaCha = try CipherSuiteContext(Self.suites[1])
        let text = Array(
            "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it."
                .utf8)
        let data: [UInt8] = [0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7]
        let chaChaNonce: [UInt8] = [7, 0, 0, 0, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47]
        let ciphertext = chaCha.seal(
            text.rawSpan, key: [UInt8](0x80...0x9f).rawSpan, nonce: chaChaNonce.rawSpan, authenticating: data.rawSpan)
        #expect(ciphertext.suffix(16).hex == "1ae10b594f09e26a7e902ecbd0600691")
        #expect(ciphertext.prefix(16).hex == "d31a8d34648e60db7b86afbc53ef7ec2")
    }

    @Test("what is sealed opens, of every length, with the contexts used again and again", arguments: suites)
    func roundTrips(suite: CipherSuite) throws {
        var crypto = try CipherSuiteContext(suite)
        for byteCount in [0, 1, 15, 16, 17, 100, 1024, 65536] {
            let key = randomBytes(crypto.aeadAlgorithm.keyByteCount)
            let nonce = randomBytes(crypto.aeadAlgorithm.nonceByteCount)
            let plaintext = randomBytes(byteCount)
            for data in [[], [1], randomBytes(300)] as [[UInt8]] {
                let sealed = crypto.seal(
                    plaintext.rawSpan, key: key.rawSpan, nonce: nonce.rawSpan, authenticating: data.rawSpan)
                #expect(sealed.count == byteCount + 16)
                let opened = try crypto.open(
                    sealed.rawSpan, key: key.rawSpan, nonce: nonce.rawSpan, authenticating: data.rawSpan)
                #expect(opened == plaintext)
                crypto.forget()
                let secret = try crypto.openSecret(
                    sealed.rawSpan, key: key.rawSpan, nonce: nonce.rawSpan, authenticating: data.rawSpan
                ).copy
                #expect(secret == plaintext)
            }
        }
    }

    @Test(
        "a changed ciphertext, tag, key, nonce or authenticated data is refused, and the next true one is not",
        arguments: suites)
    func tampering(suite: CipherSuite) throws {
        var crypto = try CipherSuiteContext(suite)
        let key = randomBytes(crypto.aeadAlgorithm.keyByteCount)
        let nonce = randomBytes(crypto.aeadAlgorithm.nonceByteCount)
        let (plaintext, data) = (randomBytes(40), randomBytes(20))
        let sealed = crypto.seal(
            plaintext.rawSpan, key: key.rawSpan, nonce: nonce.rawSpan, authenticating: data.rawSpan)
        func opens(_ sealed: [UInt8], _ key: [UInt8], _ nonce: [UInt8], _ data: [UInt8]) throws -> Bool {
            do throws(CryptoError) {
                let opened = try crypto.open(
                    sealed.rawSpan, key: key.rawSpan, nonce: nonce.rawSpan, authenticating: data.rawSpan)
                return opened == plaintext
            } catch .notAuthentic {
                return false
            }
        }
        func flipped(_ bytes: [UInt8], _ index: Int) -> [UInt8] {
            var bytes = bytes
            bytes[index] ^= 1
            return bytes
        }
        for index in sealed.indices { #expect(try !opens(flipped(sealed, index), key, nonce, data)) }
        for count in 0..<sealed.count { #expect(try !opens(Array(sealed.prefix(count)), key, nonce, data)) }
        #expect(try !opens(sealed + [0], key, nonce, data))
        for index in key.indices { #expect(try !opens(sealed, flipped(key, index), nonce, data)) }
        for index in nonce.indices { #expect(try !opens(sealed, key, flipped(nonce, index), data)) }
        for index in data.indices { #expect(try !opens(sealed, key, nonce, flipped(data, index))) }
        for wrong in [[], data + [0], Array(data.dropLast())] { #expect(try !opens(sealed, key, nonce, wrong)) }
        #expect(try opens(sealed, key, nonce, data))
    }
}
