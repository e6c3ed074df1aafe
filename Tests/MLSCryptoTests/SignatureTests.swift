import MLSCodec
import MLSCrypto
import TLSPresentation
import Testing

@Suite("Signatures and their keys")
struct SignatureTests {
    static let schemes: [SignatureScheme] = [
        .ed25519, .ed448, .ecdsaSecp256r1SHA256, .ecdsaSecp384r1SHA384, .ecdsaSecp521r1SHA512,
    ]
    let message: [UInt8] = Array("attack at dawn".utf8)

    // Spans stay out of `#expect`, whose expansion cannot hold them.
    private func holds(_ signature: [UInt8], _ message: [UInt8], _ key: SignaturePublicKey) -> Bool {
        key.verify(signature: signature.rawSpan, message: message.rawSpan)
    }
    private func holds(
        _ signature: [UInt8], _ message: [UInt8], publicKey: [UInt8], _ scheme: SignatureScheme
    ) -> Bool {
        verify(signature: signature.rawSpan, message: message.rawSpan, publicKey: publicKey.rawSpan, scheme: scheme)
    }

    @Test("a new key signs; its saved private half is the same key", arguments: schemes)
    func generateAndSave(scheme: SignatureScheme) throws {
        let key = try SigningKey.generate(scheme)
        let saved = try key.privateKeyBytes()
        let restored = try SigningKey(privateKey: saved.bytes, scheme: scheme)
        #expect(restored.publicKey.bytes == key.publicKey.bytes)
        for signer in [key, restored] {
            let signature = try signer.sign(message.rawSpan)
            #expect(holds(signature, message, key.publicKey))
            #expect(holds(signature, message, publicKey: key.publicKey.bytes, scheme))
        }
        #expect(try SigningKey.generate(scheme).publicKey.bytes != key.publicKey.bytes)
    }

    @Test("a signature over the empty message holds", arguments: schemes)
    func emptyMessage(scheme: SignatureScheme) throws {
        let key = try SigningKey.generate(scheme)
        let empty: [UInt8] = []
        let signature = try key.sign(empty.rawSpan)
        #expect(holds(signature, empty, key.publicKey))
    }

    @Test("a signature holds for its own message, key and bytes only", arguments: schemes)
    func otherwise(scheme: SignatureScheme) throws {
        let key = try SigningKey.generate(scheme)
        let other = try SigningKey.generate(scheme)
        let signature = try key.sign(message.rawSpan)
        #expect(!holds(signature, message + [0], key.publicKey))
        #expect(!holds(signature, message, other.publicKey))
        var broken = signature
        broken[broken.count - 1] ^= 1
        for wrong in [[], broken, signature + [0], Array(signature.dropLast())] {
            #expect(!holds(wrong, message, key.publicKey))
        }
    }

    @Test("a public key of another length is refused", arguments: schemes)
    func publicKeyLength(scheme: SignatureScheme) throws {
        let bytes = try SigningKey.generate(scheme).publicKey.bytes
        for wrong in [[], Array(bytes.dropLast()), bytes + [0]] {
            #expect(throws: CryptoError.invalidKey) { try SignaturePublicKey(wrong.rawSpan, scheme: scheme) }
            #expect(!holds(message, message, publicKey: wrong, scheme))
        }
    }

    @Test(
        "of a NIST curve only an uncompressed point that lies on it is a key (RFC 9420 section 5.1.1)",
        arguments: schemes.suffix(3))
    func points(scheme: SignatureScheme) throws {
        let bytes = try SigningKey.generate(scheme).publicKey.bytes
        let isOdd = bytes[bytes.count - 1] & 1
        var offCurve = bytes
        offCurve[offCurve.count - 1] ^= 1
        let coordinate = bytes[1...].prefix(bytes.count / 2)
        let hybrid = [0x06 | isOdd] + bytes[1...]
        let outOfField = [0x04] + [UInt8](repeating: 0xff, count: bytes.count - 1)
        for wrong in [[0x00], offCurve, [0x02 | isOdd] + coordinate, hybrid, outOfField] as [[UInt8]] {
            #expect(throws: CryptoError.invalidKey) { try SignaturePublicKey(wrong.rawSpan, scheme: scheme) }
        }
    }

    @Test("a private key of another length, of zero, or not below the order is refused", arguments: schemes)
    func privateKeys(scheme: SignatureScheme) throws {
        let byteCount = try SigningKey.generate(scheme).privateKeyBytes().byteCount
        for count in [0, byteCount - 1, byteCount + 1] {
            let wrong = [UInt8](repeating: 1, count: count)
            #expect(throws: CryptoError.invalidKey) { try SigningKey(privateKey: wrong.rawSpan, scheme: scheme) }
        }
        guard scheme != .ed25519 && scheme != .ed448 else { return }
        for byte in [0x00, 0xff] as [UInt8] {
            let wrong = [UInt8](repeating: byte, count: byteCount)
            #expect(throws: CryptoError.invalidKey) { try SigningKey(privateKey: wrong.rawSpan, scheme: scheme) }
        }
    }

    @Test("an unknown scheme is refused")
    func unknownScheme() {
        let scheme = SignatureScheme(rawValue: 0x0804)
        #expect(throws: CryptoError.unsupportedSignatureScheme(scheme)) { try SigningKey.generate(scheme) }
        #expect(!holds(message, message, publicKey: message, scheme))
    }

    @Test("threads sign and verify with one key", arguments: schemes)
    func threads(scheme: SignatureScheme) async throws {
        let key = try SigningKey.generate(scheme)
        let message = message
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for thread in 0..<4 as Range<UInt8> {
                group.addTask {
                    let message = message + [thread]
                    for _ in 0..<10 {
                        let signature = try key.sign(message.rawSpan)
                        if !key.publicKey.verify(signature: signature.rawSpan, message: message.rawSpan) {
                            return false
                        }
                    }
                    return true
                }
            }
            for try await isValid in group { #expect(isValid) }
        }
    }

    @Test("a label, and what it begins with, is signed along (RFC 9420 section 5.1.2)")
    func labels() throws {
        let key = try SigningKey.generate(.ed25519)
        let signature = try key.signWithLabel("Challenge", content: message.rawSpan, prefix: "mlsrelay 1.0 ")
        func holds(_ label: String, _ prefix: String) -> Bool {
            key.publicKey.verifyWithLabel(
                label, content: message.rawSpan, signature: signature.rawSpan, prefix: prefix)
        }
        #expect(holds("Challenge", "mlsrelay 1.0 "))
        #expect(!holds("Challenge", SignContent.mlsLabelPrefix))
        #expect(!holds("Register", "mlsrelay 1.0 "))
        let content = SignContent(label: "Challenge", content: message.rawSpan, prefix: "mlsrelay 1.0 ")
        #expect(self.holds(signature, content.encoded, key.publicKey))
        #expect(try SignContent(decoding: content.encoded) == content)
    }

    @Test("a signing key does not tell its private half")
    func redacted() throws {
        let key = try SigningKey.generate(.ed25519)
        let saved = try key.privateKeyBytes()
        let digits = [UInt8](saved.bytes).hex
        #expect(!"\(key)".contains(digits) && "\(key)".contains("<redacted>"))
    }
}
