import MLSCodec
import MLSCrypto
import TLSPresentation
import TestSupport
import Testing

/// The seven suites of RFC 9420 section 17.1.
let allSuites = (1...7).map { CipherSuite(rawValue: $0) }

extension SecretBytes {
    /// A copy for comparing.
    var copy: [UInt8] { [UInt8](bytes) }
}

@Suite("Cipher suites and key derivation")
struct KeyDerivationTests {
    @Test("each suite has the algorithms of RFC 9420 section 17.1")
    func algorithms() throws {
        let kems: [KEM] = [.x25519, .p256, .x25519, .x448, .p521, .x448, .p384]
        let aeads: [AEADAlgorithm] = [
            .aes128GCM, .aes128GCM, .chaCha20Poly1305, .aes256GCM, .aes256GCM, .chaCha20Poly1305, .aes256GCM,
        ]
        let hashes: [HashAlgorithm] = [.sha256, .sha256, .sha256, .sha512, .sha512, .sha512, .sha384]
        #expect(try allSuites.map { try $0.kem } == kems)
        #expect(try allSuites.map { try $0.aeadAlgorithm } == aeads)
        #expect(try allSuites.map { try $0.hashAlgorithm } == hashes)
        #expect(aeads.map(\.keyByteCount) == [16, 16, 32, 32, 32, 32, 32])
        #expect(aeads.allSatisfy { $0.nonceByteCount == 12 && $0.tagByteCount == 16 })
        #expect(kems.map(\.publicKeyByteCount) == [32, 65, 32, 56, 133, 56, 97])
        #expect(kems.map(\.privateKeyByteCount) == [32, 32, 32, 56, 66, 56, 48])
        // HPKE's KDF is the suite's, which is why one context does for both.
        #expect(zip(kems, hashes).allSatisfy { $0.sharedSecretByteCount == $1.byteCount })
    }

    @Test("an unknown suite has no context, nor has GREASE", arguments: [0, 8, 0x0a0a] as [UInt16])
    func unknownSuite(rawValue: UInt16) {
        let suite = CipherSuite(rawValue: rawValue)
        #expect(throws: CryptoError.unsupportedCipherSuite(suite)) { _ = try CipherSuiteContext(suite) }
        #expect(throws: CryptoError.unsupportedCipherSuite(suite)) { try suite.kem }
        #expect(throws: CryptoError.unsupportedCipherSuite(suite)) { try suite.aeadAlgorithm }
    }

    @Test("HKDF gives RFC 5869's first and third examples")
    func hkdf() throws {
        var crypto = try CipherSuiteContext(allSuites[0])
        let input = [UInt8](repeating: 0x0b, count: 22)
        let key = crypto.extract(salt: [UInt8](0...12).rawSpan, inputKeyMaterial: input.rawSpan)
        let keyHex = key.copy.hex
        #expect(keyHex == "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5")
        let output = crypto.expand(key.bytes, info: [UInt8](0xf0...0xf9).rawSpan, byteCount: 42)
        let outputHex = output.copy.hex
        #expect(
            outputHex == "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865")
        let unsalted = crypto.extract(salt: RawSpan(), inputKeyMaterial: input.rawSpan)
        let plain = crypto.expand(unsalted.bytes, info: RawSpan(), byteCount: 42)
        let plainHex = plain.copy.hex
        #expect(
            plainHex == "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8")
    }

    @Test("an empty salt is a salt of zeros, also after another key, and after forgetting it", arguments: allSuites)
    func emptySalt(suite: CipherSuite) throws {
        var crypto = try CipherSuiteContext(suite)
        let input: [UInt8] = [1, 2, 3]
        let zero = SecretBytes.zero(byteCount: crypto.hashByteCount)
        let salted = crypto.extract(salt: zero.bytes, inputKeyMaterial: input.rawSpan).copy
        _ = crypto.extract(salt: input.rawSpan, inputKeyMaterial: input.rawSpan)
        let unsalted = crypto.extract(salt: RawSpan(), inputKeyMaterial: input.rawSpan).copy
        crypto.forget()
        let again = crypto.extract(salt: RawSpan(), inputKeyMaterial: input.rawSpan).copy
        #expect(salted == unsalted && salted == again)
    }

    @Test("a shorter output is the beginning of a longer one", arguments: allSuites)
    func lengths(suite: CipherSuite) throws {
        var crypto = try CipherSuiteContext(suite)
        let key = SecretBytes(randomByteCount: crypto.hashByteCount)
        let longest = crypto.expand(key.bytes, info: RawSpan(), byteCount: 255 * crypto.hashByteCount).copy
        for byteCount in [0, 1, 16, 31, 32, 33, 48, 63, 64, 65, 128, 200] {
            let output = crypto.expand(key.bytes, info: RawSpan(), byteCount: byteCount).copy
            #expect(output == Array(longest.prefix(byteCount)))
        }
    }

    @Test("a MAC holds for its own key, data and bytes only", arguments: allSuites)
    func mac(suite: CipherSuite) throws {
        var crypto = try CipherSuiteContext(suite)
        let (key, data): ([UInt8], [UInt8]) = ([1, 2, 3], [4, 5])
        let tag = crypto.mac(key: key.rawSpan, data: data.rawSpan)
        #expect(tag.count == crypto.hashByteCount)
        func holds(_ tag: [UInt8], _ key: [UInt8], _ data: [UInt8]) -> Bool {
            crypto.verifyMAC(tag.rawSpan, key: key.rawSpan, data: data.rawSpan)
        }
        var broken = tag
        broken[tag.count - 1] ^= 1
        let answers = [
            holds(tag, key, data), holds(broken, key, data), holds([], key, data), holds(tag + [0], key, data),
            holds(Array(tag.dropLast()), key, data), holds(tag, [1, 2], data), holds(tag, key, [4]),
        ]
        #expect(answers == [true, false, false, false, false, false, false])
    }

    /// OpenSSL's HMAC of RFC 4231's text of case 6, with keys of as many bytes 0xaa; 131 are RFC 4231's.
    static let macs: [(suite: Int, keyByteCount: Int, mac: String)] = [
        (0, 64, "84332a7580ed3cf75de83c644c8d2c1c262ad90e0190e5c5ae4b82b2102e8e75"),
        (0, 65, "c62955a96944ff68deabbc0eab6192065c1c55bb8ddee16151ed5337f911eab9"),
        (0, 131, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"),
        (6, 131, "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952"),
        (
            3, 128,
            "3509e3c2f595a04cded036836e06094146d866a0834de4839f4c349292e8a03e"
                + "91f29070f7e414b64f286c29aacd4c19baebcda0d529abcbfb6caf189fb3079f"
        ),
        (
            3, 129,
            "43a4b1f8caa79d9bd189d279990481e79a3096d8ec2aec3901f2bf8a894c8946"
                + "2c21a3e902207de792fce9bfb2d52beb04289022ebaacfbadc99bae86d3c7c6d"
        ),
        (
            3, 131,
            "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
                + "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598"
        ),
    ]

    @Test("a MAC's key is filled up to a block, or hashed where it is longer (RFC 2104 section 2)", arguments: macs)
    func macKeys(suite: Int, keyByteCount: Int, mac: String) throws {
        var crypto = try CipherSuiteContext(allSuites[suite])
        let key = [UInt8](repeating: 0xaa, count: keyByteCount)
        let data = Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8)
        #expect(crypto.mac(key: key.rawSpan, data: data.rawSpan).hex == mac)
    }

    @Test("a secret compares by all of its bytes, and does not tell them")
    func secrets() {
        let secret = SecretBytes(copying: ([1, 2, 3] as [UInt8]).rawSpan)
        let answers = ([[1, 2, 3], [1, 2, 4], [1, 2], []] as [[UInt8]]).map { secret.isEqual(to: $0.rawSpan) }
        #expect(answers == [true, false, false, false])
        let description = secret.description
        #expect(description == "<redacted>")
        let (first, second) = (SecretBytes(randomByteCount: 32).copy, SecretBytes(randomByteCount: 32).copy)
        #expect(first.count == 32 && first != second)
        #expect(SecretBytes.zero(byteCount: 2).copy == [0, 0])
        let empty = SecretBytes(copying: RawSpan()).isEqual(to: RawSpan())
        #expect(empty)
    }
}

extension CipherSuiteContext {
    borrowing func suiteHash(_ bytes: [UInt8]) -> [UInt8] { hashAlgorithm.hash(bytes.rawSpan) }
}
