import Foundation
import MLSCodec
import MLSCrypto
import RelayAuthority
import RelayCredentials
import TLSPresentation
import TestSupport
import Testing

@Suite("An authority issues credentials (RFC 9750 sections 4 and 7)")
struct IssuingTests {
    private static let now = AuthorityFixture.now
    private static let schemes = SignatureScheme.known
    private let fixture: AuthorityFixture
    private let authority: CertificateAuthority

    init() throws {
        fixture = try AuthorityFixture()
        authority = try fixture.authority()
    }

    @Test("S3-2: an issued credential proves whose the key is, for keys of every scheme", arguments: schemes)
    func issues(scheme: SignatureScheme) throws {
        let subject = try AuthorityFixture.subject("Zoë", "phone 1")
        let certified = try CertifiedKey(authority, subject, scheme: scheme)
        let verified = try certified.verify(AuthorityFixture.verifier(authority))
        #expect(verified.subject == subject)
        #expect(verified.serial == certified.issued.serial)
        #expect(verified.notBefore == certified.issued.notBefore)
        #expect(verified.notAfter == certified.issued.notAfter)
        #expect(certified.issued.notBefore == Self.now - AuthorityConfiguration.backdating)
        #expect(certified.issued.notAfter == Self.now + 30 * AuthorityFixture.day)
        guard case .x509(let certificates) = certified.issued.credential else {
            Issue.record("not X.509")
            return
        }
        #expect(certificates.count == 2)
        // What RFC 9420 itself asks of a chain.
        let chain = try CertificateChain(certificates)
        try chain.checkSignatures()
        #expect(try chain.signaturePublicKey(scheme: scheme) == certified.key.publicKey.bytes)
        #expect(try chain.signatureScheme() == scheme)
    }

    @Test("the openssl command takes what is issued, by the strict rules of RFC 5280", arguments: schemes)
    func openssl(scheme: SignatureScheme) async throws {
        let certified = try CertifiedKey(authority, AuthorityFixture.subject("alice", "phone"), scheme: scheme)
        guard case .x509(let certificates) = certified.issued.credential else {
            Issue.record("not X.509")
            return
        }
        let pem = certificates[0].certData.pem
        let leaf = fixture.parent.path + "/leaf.pem"
        try pem.write(toFile: leaf, atomically: true, encoding: .utf8)
        let fixture = fixture
        let (code, output) = try await onThread {
            let openssl = try ToolProcess(
                "/usr/bin/openssl",
                [
                    "verify", "-x509_strict", "-no-CApath", "-no-CAstore", "-attime", "\(Self.now)", "-CAfile",
                    fixture.path("root.pem"), "-untrusted", fixture.path("issuing.pem"), leaf,
                ])
            return (try openssl.wait(), openssl.errors)
        }
        #expect(code == 0, "\(output)")
    }

    @Test("names of the greatest lengths fit, for a relay of the longest name")
    func longNames() throws {
        let server = String(repeating: "ë", count: 127)
        let other = try AuthorityFixture()
        let authority = try other.authority(server: server)
        let subject = try CredentialSubject(
            userName: Array(repeating: 0x25, count: 255), clientName: Array(repeating: 0x2f, count: 64))
        let certified = try CertifiedKey(authority, subject)
        #expect(try certified.verify(AuthorityFixture.verifier(authority, server: server)).subject == subject)
    }

    @Test("a credential is valid from its first second to its last")
    func edges() throws {
        let certified = try CertifiedKey(authority, AuthorityFixture.subject("alice"), lifetime: 100)
        let verifier = try AuthorityFixture.verifier(authority)
        let first = Self.now - AuthorityConfiguration.backdating
        // The authorities began at that second too.
        try certified.verify(verifier, at: first)
        try certified.verify(verifier, at: Self.now + 100)
        #expect(throws: CredentialError.notYetValid) { try certified.verify(verifier, at: first - 1) }
        #expect(throws: CredentialError.expired) { try certified.verify(verifier, at: Self.now + 101) }
    }

    @Test("no credential outlives the issuing certificate, and none is without a lifetime")
    func lifetimes() throws {
        let end = Self.now + AuthorityConfiguration.defaultIssuingLifetime
        for lifetime in [AuthorityConfiguration.defaultIssuingLifetime + 1, UInt64.max] {
            let certified = try CertifiedKey(authority, AuthorityFixture.subject("alice"), lifetime: lifetime)
            #expect(certified.issued.notAfter == end)
            try certified.verify(AuthorityFixture.verifier(authority), at: end)
        }
        #expect(throws: AuthorityError.lifetimeInvalid) {
            try CertifiedKey(authority, AuthorityFixture.subject("alice"), lifetime: 0)
        }
        _ = try CertifiedKey(authority, AuthorityFixture.subject("alice"), at: end, lifetime: 1)
        #expect(throws: AuthorityError.ended(path: fixture.path("issuing.pem"), notAfter: end)) {
            try CertifiedKey(authority, AuthorityFixture.subject("alice"), at: end + 1)
        }
        let begin = Self.now - AuthorityConfiguration.backdating
        #expect(throws: AuthorityError.notYetValid(path: fixture.path("issuing.pem"), notBefore: begin)) {
            try CertifiedKey(authority, AuthorityFixture.subject("alice"), at: begin - 1)
        }
    }

    @Test("what is not a key of its scheme gets no credential", arguments: schemes)
    func invalidKeys(scheme: SignatureScheme) throws {
        let good = try SigningKey.generate(scheme).publicKey.bytes
        var wrong: [[UInt8]] = [[], [0], Array(good.dropLast()), good + [0]]
        if good[0] == 4, good.count > 57 { wrong.append([4] + [UInt8](repeating: 0xff, count: good.count - 1)) }
        let subject = try AuthorityFixture.subject("alice")
        for key in wrong {
            #expect(throws: AuthorityError.invalidKey) {
                try authority.issue(subject, scheme: scheme, signatureKey: key, at: Self.now, lifetime: 1)
            }
        }
        #expect(throws: AuthorityError.invalidKey) {
            try authority.issue(
                subject, scheme: SignatureScheme(rawValue: 0x0804), signatureKey: good, at: Self.now, lifetime: 1)
        }
    }

    @Test("another relay's authority, also one of the same name, proves nothing here (S3-8)")
    func otherAuthority() throws {
        let certified = try CertifiedKey(authority, AuthorityFixture.subject("alice"))
        let other = try AuthorityFixture().authority()
        let verifier = try AuthorityFixture.verifier(other)
        do {
            try certified.verify(verifier)
            Issue.record("accepted")
        } catch CredentialError.chainRefused(.certificateNotTrusted(index: 1, _)) {}
        let elsewhere = try AuthorityFixture.verifier(authority, server: "elsewhere.example")
        #expect(throws: CredentialError.otherServer) { try certified.verify(elsewhere) }
        let key = try SigningKey.generate(.ed25519).publicKey.bytes
        #expect(throws: CredentialError.keyDiffers) {
            try AuthorityFixture.verifier(authority).verify(
                certified.issued.credential, signatureKey: key, scheme: .ed25519, at: Self.now)
        }
    }

    @Test("one changed byte in an issued credential is refused, wherever it is", arguments: schemes)
    func tampered(scheme: SignatureScheme) throws {
        let certified = try CertifiedKey(authority, AuthorityFixture.subject("alice", "phone"), scheme: scheme)
        let verifier = try AuthorityFixture.verifier(authority)
        let encoded = certified.issued.credential.encoded
        for index in encoded.indices {
            var wrong = encoded
            wrong[index] ^= 1 << UInt8(index % 8)
            guard let credential = try? Credential(decoding: wrong) else { continue }
            let result = try? verifier.verify(
                credential, signatureKey: certified.key.publicKey.bytes, scheme: scheme, at: Self.now)
            if result != nil { Issue.record("byte \(index)") }
        }
    }

    @Test("serial numbers are of twenty bytes, positive, and none comes twice, from several threads at a time")
    func threads() async throws {
        let authority = authority
        let serials = try await withThrowingTaskGroup(of: [[UInt8]].self) { group in
            for thread in 0..<4 {
                group.addTask {
                    try await onThread {
                        let verifier = try AuthorityFixture.verifier(authority)
                        return try (0..<50).map { index in
                            let certified = try CertifiedKey(
                                authority, AuthorityFixture.subject("user \(thread)", "\(index)"))
                            if index % 10 == 0 { try authority.renewIfNeeded(at: Self.now) }
                            return try #require(try certified.verify(verifier).serial)
                        }
                    }
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(Set(serials).count == 200)
        #expect(serials.allSatisfy { $0.count == 20 && $0[0] < 0x80 })
    }
}

extension [UInt8] {
    /// A certificate as RFC 7468 has it.
    var pem: String {
        let lines = Data(self).base64EncodedString(options: [.lineLength64Characters, .endLineWithLineFeed])
        return "-----BEGIN CERTIFICATE-----\n\(lines)\n-----END CERTIFICATE-----\n"
    }
}
