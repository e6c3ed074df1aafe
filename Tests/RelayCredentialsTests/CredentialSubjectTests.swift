import RelayCredentials
import Testing

@Suite("A credential's subject, as a URI")
struct CredentialSubjectTests {
    private let server: ServerName

    init() throws { server = try ServerName("relay.example:7443") }

    private func subject(_ uri: String) throws(CredentialError) -> CredentialSubject {
        try CredentialSubject(uri: Array(uri.utf8), of: server)
    }

    @Test("all but unreserved characters is percent-encoded, and the client may have no name")
    func encoding() throws {
        let alice = try CredentialSubject(userName: Array("alice-_.~Z9".utf8))
        #expect(
            String(decoding: alice.uri(of: server), as: UTF8.self) == "mlsrelay://relay.example%3A7443/alice-_.~Z9/")
        let zoe = try CredentialSubject(userName: Array("Zoë/%".utf8), clientName: Array("my phone".utf8))
        #expect(
            String(decoding: zoe.uri(of: server), as: UTF8.self)
                == "mlsrelay://relay.example%3A7443/Zo%C3%AB%2F%25/my%20phone")
        for subject in [alice, zoe] {
            #expect(try CredentialSubject(uri: subject.uri(of: server), of: server) == subject)
        }
    }

    @Test("names of every length up to the longest come back, and no longer ones are names")
    func lengths() throws {
        for (user, client) in [(1, 0), (1, 64), (255, 0), (255, 64)] {
            // Bytes that take three each.
            let subject = try CredentialSubject(
                userName: Array(repeating: 0x20, count: user), clientName: Array(repeating: 0x25, count: client))
            #expect(try CredentialSubject(uri: subject.uri(of: server), of: server) == subject)
            let long = try ServerName(String(repeating: "/", count: 255))
            #expect(try CredentialSubject(uri: subject.uri(of: long), of: long) == subject)
        }
        let letters = { (count: Int) in [UInt8](repeating: 0x61, count: count) }
        #expect(throws: CredentialError.userNameInvalid) { try CredentialSubject(userName: []) }
        #expect(throws: CredentialError.userNameInvalid) { try CredentialSubject(userName: letters(256)) }
        #expect(throws: CredentialError.clientNameInvalid) {
            try CredentialSubject(userName: letters(1), clientName: letters(65))
        }
        #expect(throws: CredentialError.serverNameInvalid) { try ServerName("") }
        #expect(throws: CredentialError.serverNameInvalid) { try ServerName(String(repeating: "a", count: 256)) }
        let tooLong = Array("mlsrelay://relay.example%3A7443/".utf8) + letters(256) + Array("/".utf8)
        #expect(throws: CredentialError.subjectMalformed) { try CredentialSubject(uri: tooLong, of: server) }
    }

    @Test("what is not UTF-8, and control characters, are no names")
    func characters() throws {
        for bytes: [UInt8] in [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0x61, 0], [0x0a], [0x7f], [0xc2, 0x85]] {
            #expect(throws: CredentialError.userNameInvalid) { try CredentialSubject(userName: bytes) }
            #expect(throws: CredentialError.clientNameInvalid) {
                try CredentialSubject(userName: [0x61], clientName: bytes)
            }
        }
        #expect(throws: CredentialError.serverNameInvalid) { try ServerName("relay\n") }
        #expect(throws: CredentialError.subjectMalformed) { try subject("mlsrelay://relay.example%3A7443/%FF/") }
    }

    @Test(
        "there is one way to write a subject",
        arguments: [
            "", "mlsrelay:", "mlsrelay://", "mlsrelay://relay.example%3A7443",
            "mlsrelay://relay.example%3A7443/", "mlsrelay://relay.example%3A7443/alice",
            "mlsrelay://relay.example%3A7443//", "mlsrelay://relay.example%3A7443//phone",
            "mlsrelay://relay.example%3A7443/alice/phone/", "mlsrelay://relay.example%3A7443/alice/phone?q",
            "mlsrelay://relay.example%3A7443/alice/phone#f", "mlsrelay://relay.example:7443/alice/phone",
            "mlsrelay://relay.example%3a7443/alice/phone", "mlsrelay://relay.example%3A7443/%61lice/phone",
            "mlsrelay://relay.example%3A7443/Zo%c3%ab/phone", "mlsrelay://relay.example%3A7443/alice/my phone",
            "mlsrelay://relay.example%3A7443/alice/%", "mlsrelay://relay.example%3A7443/alice/%2",
            "mlsrelay://relay.example%3A7443/alice/%2G", "mlsrelay://u@relay.example%3A7443/alice/phone",
            "MLSRELAY://relay.example%3A7443/alice/phone", "https://relay.example%3A7443/alice/phone",
            "mlsrelay://relay.example%3A7443/alice/phone\0", "mlsrelay://relay.example%3A7443/Zoë/",
        ])
    func malformed(uri: String) {
        #expect(throws: CredentialError.subjectMalformed) { try subject(uri) }
    }

    @Test("a client of another relay is none of this one")
    func otherServer() throws {
        let other = "mlsrelay://relay.example/alice/phone"
        #expect(throws: CredentialError.otherServer) { try subject(other) }
        #expect(throws: CredentialError.otherServer) { try subject("mlsrelay:///alice/phone") }
        let server = try ServerName("Relay.example")
        #expect(throws: CredentialError.otherServer) { try CredentialSubject(uri: Array(other.utf8), of: server) }
    }

    @Test("a URI that is cut, or changed in one byte, is never the same subject")
    func changed() throws {
        let subject = try CredentialSubject(userName: Array("Zoë".utf8), clientName: Array("a b".utf8))
        let uri = subject.uri(of: server)
        for index in uri.indices {
            let cut = try? CredentialSubject(uri: Array(uri[..<index]), of: server)
            #expect(cut != subject)
            for byte in UInt8.min...UInt8.max where byte != uri[index] {
                var wrong = uri
                wrong[index] = byte
                let changed = try? CredentialSubject(uri: wrong, of: server)
                if changed == subject { Issue.record("\(index) \(byte)") }
            }
        }
    }
}
