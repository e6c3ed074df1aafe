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

    @Test("what is signed has the bytes of the vectors")
    func authenticationTBS() throws {
        for golden in try GoldenAuthentication.all() {
            let purpose = try #require(FrameType(rawValue: try golden.tbs.integer("purpose")))
            let noLimits = Limits(
                maxFrameByteCount: 0, maxMessageByteCount: 0, maxMessagesPerPublish: 0, maxRequestsInFlight: 0,
                maxSubscriptions: 0, idleTimeoutMilliseconds: 0)
            let tbs = AuthenticationTBS(
                challenge: Challenge(
                    version: try golden.tbs.registered("version"), serverName: try golden.tbs.opaque("server_name"),
                    nonce: try golden.tbs.opaque("nonce"), limits: noLimits),
                purpose: purpose, identity: try Identity(golden.tbs.field("identity")))
            #expect(tbs.encoded == golden.authentication_tbs.bytes, "\(golden.name)")

            var signContent = Writer()
            signContent.opaque((SignatureLabel.prefix + AuthenticationTBS.label).utf8)
            signContent.opaque(tbs.encoded)
            #expect(signContent.bytes == golden.sign_content.bytes, "\(golden.name)")
        }
    }
}
