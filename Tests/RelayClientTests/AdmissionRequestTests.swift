import MLSCrypto
import RelayWire
import TLSPresentation
import Testing

@testable import RelayClient

@Suite("AdmissionRequest")
struct AdmissionRequestTests {
    @Test("a request is a line of text that says who asks, with white space around it or not")
    func roundTrip() throws {
        for (user, device) in [("älice", "a phone"), ("b", ""), (String(repeating: "x", count: 255), "y")] {
            let identity = try Identity.create(user: user, device: device)
            let text = identity.admissionRequest
            #expect(!text.contains { $0.isWhitespace })
            for text in [text, " \t\(text)\r\n", "\n\n\(text)"] {
                let request = try AdmissionRequest(text)
                #expect(request.user == user && request.device == device)
                #expect(request.publicKey == identity.signingKey.publicKey.bytes && request.scheme == .ed25519)
                #expect(request.fingerprint == identity.fingerprint)
            }
        }
    }

    @Test("every truncated prefix, every changed character and everything appended is refused")
    func malformed() throws {
        let text = try Identity.create(user: "alice", device: "d").admissionRequest
        var wrong = text.indices.map { String(text[..<$0]) } + [text + "A", text + "=", "\(text) \(text)"]
        for index in text.indices {
            for character in "aA_=é" where character != text[index] {
                wrong.append(text.replacingCharacters(at: index, with: character))
            }
        }
        wrong += [
            "", " ", String(repeating: "A", count: 2000), "mlsrelay-device:" + String(repeating: "A", count: 2000),
        ]
        for text in wrong {
            #expect(throws: RelayClientError(.admissionInvalid, "")) { try AdmissionRequest(text) }
        }
    }

    @Test("names, version, scheme and key are checked, where the checksum is right too")
    func hostile() throws {
        let key = try SigningKey.generate(.ed25519).publicKey.bytes
        func text(
            version: UInt8 = 1, user: [UInt8] = [97], device: [UInt8] = [], scheme: SignatureScheme = .ed25519,
            key: [UInt8], more: [UInt8] = []
        ) -> String {
            var writer = Writer()
            writer.integer(version)
            writer.opaque(user)
            writer.opaque(device)
            scheme.encode(into: &writer)
            writer.opaque(key)
            writer.raw(SHA256.hash(writer.bytes).bytes.prefix(8))
            writer.raw(more)
            return "mlsrelay-device:" + Base64URL.encode(writer.bytes)
        }
        #expect(try AdmissionRequest(text(key: key)).user == "a")
        let wrong = [
            text(version: 0, key: key), text(version: 2, key: key), text(user: [], key: key),
            text(user: [0xff], key: key), text(user: [10], key: key),
            text(user: [UInt8](repeating: 97, count: 256), key: key), text(device: [0], key: key),
            text(device: [UInt8](repeating: 97, count: 65), key: key),
            text(scheme: .ecdsaSecp256r1SHA256, key: key), text(scheme: SignatureScheme(rawValue: 7), key: key),
            text(key: []), text(key: key + [0]), text(key: Array(key.dropLast())), text(key: key, more: [0]),
        ]
        for text in wrong {
            #expect(throws: RelayClientError(.admissionInvalid, "")) { try AdmissionRequest(text) }
        }
    }

    @Test("base64url is RFC 4648's without padding, and each text has one meaning")
    func base64() {
        let examples = [
            ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE"),
            ("foobar", "Zm9vYmFy"),
        ]
        for (plain, text) in examples {
            #expect(Base64URL.encode(Array(plain.utf8)) == text)
            #expect(Base64URL.decode(text) == Array(plain.utf8))
        }
        #expect(Base64URL.encode([0xfb, 0xff]) == "-_8")
        #expect(Base64URL.decode("-_8") == [0xfb, 0xff])
        for wrong in ["Z", "Zm9vY", "Zh", "Zm9", "Zg==", "Zm8=", "+/8", "Z g", "Zm9v\n"] {
            #expect(Base64URL.decode(wrong) == nil, "\(wrong)")
        }
        for count in 0..<50 {
            let bytes = randomBytes(count)
            #expect(Base64URL.decode(Base64URL.encode(bytes)) == bytes)
        }
    }
}

extension String {
    fileprivate func replacingCharacters(at index: Index, with character: Character) -> String {
        String(self[..<index]) + String(character) + String(self[self.index(after: index)...])
    }
}
