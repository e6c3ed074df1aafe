import MLSCrypto
import RelayWire
import TLSPresentation
import TestSupport
import Testing

@Suite("Identities (PROTOCOL.md section 4.3)")
struct IdentityTests {
    @Test(
        "a name of 1 to 255 bytes of UTF-8 without control characters is valid",
        arguments: [
            "a", "alice", " ", "b\u{f6}b", "日本", "👩‍👩‍👧", "a\u{300}", "\u{a0}", "\u{200d}", "\u{10ffff}",
            String(repeating: "x", count: 255), String(repeating: "é", count: 127) + "x",
        ])
    func valid(name: String) {
        #expect(Identity.isValidName(Array(name.utf8)))
    }

    @Test(
        "an empty or longer name, one with a control character and one that is not UTF-8 are not",
        arguments: [
            [], Array(repeating: 0x78, count: 256), Array(String(repeating: "é", count: 128).utf8),
            [0], [0x0a], [0x61, 0x09], [0x1f], [0x7f], [0xc2, 0x80], [0x61, 0xc2, 0x9f],
            [0xff], [0xc3], [0x61, 0x80], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80],
        ] as [[UInt8]])
    func invalid(name: [UInt8]) {
        #expect(!Identity.isValidName(name))
    }

    @Test("a client's name may be empty, and has at most 64 bytes of the same")
    func clientNames() {
        for name in ["", "Laptop", String(repeating: "x", count: 64), String(repeating: "é", count: 32)] {
            #expect(Identity.isValidClientName(Array(name.utf8)))
        }
        for name: [UInt8] in [[0], [0xff], Array(repeating: 0x78, count: 65)] {
            #expect(!Identity.isValidClientName(name))
        }
    }

    @Test("what is signed has the bytes of the vectors, and the signatures hold")
    func signedStructures() throws {
        var structures: Set<String> = []
        for golden in try GoldenAuthentication.all() {
            let (label, content) = try signed(golden)
            structures.insert(golden.structure)
            #expect(content == golden.content.bytes, "\(golden.name)")

            var signContent = Writer()
            signContent.opaque((SignatureLabel.prefix + label).utf8)
            signContent.opaque(content)
            #expect(signContent.bytes == golden.sign_content.bytes, "\(golden.name)")

            let identity = try Identity(golden.tbs.field(golden.structure == "RotationTBS" ? "old" : "identity"))
            // The client that admits another is the one of the other vectors.
            guard golden.structure != "AdmissionTBS" else { continue }
            let key = try SignaturePublicKey(identity.signatureKey.rawSpan, scheme: identity.scheme)
            let signature = golden.signature.bytes
            let isValid = key.verifyWithLabel(
                label, content: content.rawSpan, signature: signature.rawSpan, prefix: SignatureLabel.prefix)
            #expect(isValid, "\(golden.name)")
        }
        #expect(structures == ["AuthenticationTBS", "AdmissionTBS", "RotationTBS"])
    }

    /// The label and the content that the code signs for what a vector says.
    private func signed(_ golden: GoldenAuthentication) throws -> (label: String, content: [UInt8]) {
        let tbs = golden.tbs
        switch golden.structure {
        case "AuthenticationTBS":
            let noLimits = Limits(
                maxFrameByteCount: 0, maxMessageByteCount: 0, maxMessagesPerPublish: 0, maxRequestsInFlight: 0,
                maxSubscriptions: 0, idleTimeoutMilliseconds: 0)
            let challenge = Challenge(
                version: try tbs.registered("version"), serverName: try tbs.opaque("server_name"),
                nonce: try tbs.opaque("nonce"), limits: noLimits)
            let purpose = try #require(FrameType(rawValue: try tbs.integer("purpose")))
            let identity = try Identity(tbs.field("identity"))
            guard purpose == .register else {
                let content = AuthenticationTBS(challenge: challenge, purpose: purpose, identity: identity)
                return (AuthenticationTBS.label, content.encoded)
            }
            let content = AuthenticationTBS(
                challenge: challenge, purpose: purpose, identity: identity, clientName: try tbs.opaque("client_name"),
                admission: try Admission(tbs.field("admission")))
            return (AuthenticationTBS.label, content.encoded)
        case "AdmissionTBS":
            let content = AdmissionTBS(
                serverName: try tbs.opaque("server_name"), identity: try Identity(tbs.field("identity")),
                clientName: try tbs.opaque("client_name"), client: try tbs.registered("client"),
                notAfter: try tbs.registered("not_after"))
            return (AdmissionTBS.label, content.encoded)
        default:
            let content = RotationTBS(
                serverName: try tbs.opaque("server_name"), client: try tbs.registered("client"),
                old: try Identity(tbs.field("old")), new: try Identity(tbs.field("new")))
            return (RotationTBS.label, content.encoded)
        }
    }
}
