import Foundation
import MLSCodec
import MLSCrypto
import RelayAuthority
import RelayCredentials
import TestSupport
import Testing

@Suite("An authority's keys are files of their own (S3-9, RFC 9750 section 8.4.3)")
struct AuthorityDirectoryTests {
    private static let now = AuthorityFixture.now
    private static let day = AuthorityFixture.day
    private static let all = ["issuing-key.pem", "issuing.pem", "root-key.pem", "root.pem"]
    private let fixture: AuthorityFixture
    private let alice: CredentialSubject

    init() throws {
        fixture = try AuthorityFixture()
        alice = try AuthorityFixture.subject("alice")
    }

    private func path(_ name: String) -> String { fixture.path(name) }

    @Test("S3-9: the first start makes two keys and two certificates, and nobody else may read the keys")
    func firstStart() throws {
        let root = try fixture.authority().rootCertificate
        #expect(try fixture.snapshot().keys.sorted() == Self.all)
        for name in Self.all where name.hasSuffix("key.pem") { #expect(try fixture.mode(of: name) == 0o600) }
        #expect(try fixture.mode(of: ".") == 0o700)
        #expect(root.pem == String(decoding: try fixture.contents("root.pem"), as: UTF8.self))
    }

    @Test("a later start changes nothing, and its credentials lead to the same root")
    func laterStart() throws {
        let first = try fixture.authority()
        let files = try fixture.snapshot()
        let second = try fixture.authority(at: Self.now + Self.day)
        #expect(try fixture.snapshot() == files)
        #expect(second.rootCertificate == first.rootCertificate)
        try CertifiedKey(second, alice).verify(AuthorityFixture.verifier(first))
    }

    @Test("S3-9: a key that others may read, and a directory that others may write to, are refused")
    func permissions() throws {
        _ = try fixture.authority()
        for name in ["root-key.pem", "issuing-key.pem"] {
            for mode in [0o640, 0o604, 0o620, 0o601] {
                try fixture.setMode(mode, of: name)
                let expected = AuthorityError.accessTooWide(path: path(name), mode: 0o100000 | UInt32(mode))
                #expect(throws: expected) { try fixture.authority() }
            }
            try fixture.setMode(0o400, of: name)
            _ = try fixture.authority()
        }
        for mode in [0o720, 0o702] {
            try fixture.setMode(mode, of: ".")
            #expect(throws: AuthorityError.self) { try fixture.authority() }
        }
        try fixture.setMode(0o755, of: ".")
        _ = try fixture.authority()
        let error = AuthorityError.accessTooWide(path: "/k", mode: 0o100644)
        #expect("\(error)" == "/k is open to others (mode 644): allow its owner alone")
    }

    @Test("S3-9, RFC 9750 section 8.4.3: without the root key everything works while the issuing certificate lasts")
    func offlineRoot() throws {
        let first = try fixture.authority()
        let rootKey = try fixture.contents("root-key.pem")
        try fixture.remove("root-key.pem")
        // It goes on as it is, and starts again.
        try CertifiedKey(first, alice).verify(AuthorityFixture.verifier(first))
        let end = Self.now + AuthorityConfiguration.defaultIssuingLifetime
        let files = try fixture.snapshot()
        for time in [Self.now, end - Self.day, end] {
            let authority = try fixture.authority(at: time)
            #expect(try authority.renewIfNeeded(at: time) == false)
            try CertifiedKey(authority, alice, at: time).verify(AuthorityFixture.verifier(first), at: time)
        }
        #expect(try fixture.snapshot() == files)

        let authority = try fixture.authority(at: end - Self.day)
        let warning = AuthorityWarning.issuingCertificateEnds(notAfter: end, rootKeyPath: path("root-key.pem"))
        #expect(authority.warning(at: end - Self.day) == warning)
        #expect(authority.warning(at: end - AuthorityConfiguration.defaultWarningTime) == nil)
        #expect("\(warning)".contains("put the root key back as \(path("root-key.pem"))"))
        do {
            _ = try fixture.authority(at: end + 1)
            Issue.record("started")
        } catch AuthorityError.rootKeyNeeded(let path, _) {
            #expect(path == self.path("root-key.pem"))
        }
        #expect(throws: AuthorityError.self) { try authority.renewIfNeeded(at: end + 1) }

        // Brought back, it renews; and can go again.
        try fixture.put(rootKey, in: "root-key.pem")
        #expect(try authority.renewIfNeeded(at: end + 1))
        try fixture.remove("root-key.pem")
        #expect(authority.warning(at: end + 1) == nil)
        try CertifiedKey(authority, alice, at: end + 1).verify(AuthorityFixture.verifier(first), at: end + 1)
        _ = try fixture.authority(at: end + 1)
    }

    @Test("S3-9: the issuing key is replaced when half of its time is over, and what it issued stays valid")
    func renewal() throws {
        let authority = try fixture.authority()
        let verifier = try AuthorityFixture.verifier(authority)
        let (key, certificate) = (try fixture.contents("issuing-key.pem"), try fixture.contents("issuing.pem"))
        let before = try CertifiedKey(authority, alice, lifetime: 500 * Self.day)
        let half = Self.now + AuthorityConfiguration.defaultIssuingLifetime / 2
        #expect(try authority.renewIfNeeded(at: half - Self.day) == false)
        #expect(try fixture.contents("issuing-key.pem") == key)
        let time = half + Self.day
        #expect(try authority.renewIfNeeded(at: time))
        #expect(try authority.renewIfNeeded(at: time) == false)
        #expect(try fixture.contents("issuing-key.pem") != key)
        #expect(try fixture.contents("issuing.pem") != certificate)
        try before.verify(verifier, at: time)
        let after = try CertifiedKey(authority, alice, at: time, lifetime: .max)
        #expect(after.issued.notAfter == time + AuthorityConfiguration.defaultIssuingLifetime)
        try after.verify(verifier, at: time)
        // A start renews too.
        let later = time + AuthorityConfiguration.defaultIssuingLifetime - Self.day
        let restarted = try fixture.authority(at: later)
        #expect(restarted.rootCertificate == authority.rootCertificate)
        #expect(restarted.warning(at: later) == nil)
        try CertifiedKey(restarted, alice, at: later).verify(verifier, at: later)
    }

    @Test("near the root's end nothing outlives it, and no start renews in vain")
    func rootEnd() throws {
        let authority = try fixture.authority()
        let end = Self.now + AuthorityConfiguration.defaultRootLifetime
        let near = end - 100 * Self.day
        let restarted = try fixture.authority(at: near)
        let files = try fixture.snapshot()
        _ = try fixture.authority(at: end - 10 * Self.day)
        #expect(try fixture.snapshot() == files)
        let certified = try CertifiedKey(restarted, alice, at: near, lifetime: .max)
        #expect(certified.issued.notAfter == end)
        try certified.verify(AuthorityFixture.verifier(authority), at: end)
        #expect(
            restarted.warning(at: near) == .rootCertificateEnds(notAfter: end, path: path("root.pem")))
        #expect(throws: AuthorityError.ended(path: path("root.pem"), notAfter: end)) {
            try fixture.authority(at: end + 1)
        }
        #expect(throws: AuthorityError.self) { try fixture.authority(at: Self.now - Self.day) }
    }

    @Test("lifetimes are as configured, and none is zero")
    func configuration() throws {
        let configuration = AuthorityConfiguration(rootLifetime: 1000, issuingLifetime: 100, warningTime: 10)
        let authority = try fixture.authority(configuration: configuration)
        let certified = try CertifiedKey(authority, alice)
        #expect(certified.issued.notAfter == Self.now + 100)
        #expect(authority.warning(at: Self.now + 90) == nil)
        #expect(authority.warning(at: Self.now + 91) != nil)
        let other = try AuthorityFixture()
        for wrong in [AuthorityConfiguration(rootLifetime: 0), AuthorityConfiguration(issuingLifetime: 0)] {
            #expect(throws: AuthorityError.lifetimeInvalid) { try other.authority(configuration: wrong) }
        }
        let endless = AuthorityConfiguration(rootLifetime: .max, issuingLifetime: .max)
        try CertifiedKey(other.authority(configuration: endless), alice, lifetime: .max).verify(
            AuthorityFixture.verifier(other.authority(configuration: endless)))
    }

    @Test("a start that died between two files is finished by the next", arguments: 1...4)
    func crashes(fileCount: Int) throws {
        _ = try fixture.authority()
        // The order in which they are written.
        for name in ["root-key.pem", "root.pem", "issuing-key.pem", "issuing.pem"].dropFirst(fileCount) {
            try fixture.remove(name)
        }
        try fixture.put(Data("half a ke".utf8), in: "issuing-key.pem.new")
        let authority = try fixture.authority()
        try CertifiedKey(authority, alice).verify(AuthorityFixture.verifier(authority))
        if fileCount < 4 { #expect(try fixture.snapshot().keys.sorted() == Self.all) }
    }

    @Test("a root key that is elsewhere is used where it is, and not copied")
    func linkedRootKey() throws {
        let first = try fixture.authority()
        let elsewhere = fixture.parent.path + "/safe.pem"
        try FileManager.default.moveItem(atPath: path("root-key.pem"), toPath: elsewhere)
        try FileManager.default.createSymbolicLink(atPath: path("root-key.pem"), withDestinationPath: elsewhere)
        // The certificate is made anew: another one of the same key, so that both lead to the same clients.
        try fixture.remove("root.pem")
        let before = try CertifiedKey(first, alice)
        let second = try fixture.authority()
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: path("root-key.pem")) == elsewhere)
        try before.verify(AuthorityFixture.verifier(second))
        let time = Self.now + AuthorityConfiguration.defaultIssuingLifetime
        #expect(try second.renewIfNeeded(at: time))
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: path("root-key.pem")) == elsewhere)
        // Taken away with what it is on, the link leads nowhere.
        try FileManager.default.removeItem(atPath: elsewhere)
        try CertifiedKey(fixture.authority(at: time), alice, at: time).verify(
            AuthorityFixture.verifier(first), at: time)
    }

    @Test("a renewal that died between key and certificate is made again")
    func crashedRenewal() throws {
        let authority = try fixture.authority()
        let certificate = try fixture.contents("issuing.pem")
        let time = Self.now + AuthorityConfiguration.defaultIssuingLifetime * 2 / 3
        #expect(try authority.renewIfNeeded(at: time))
        try fixture.put(certificate, in: "issuing.pem")
        let restarted = try fixture.authority(at: time)
        try CertifiedKey(restarted, alice, at: time).verify(AuthorityFixture.verifier(authority), at: time)
    }

    @Test("files that do not belong together, or are no keys and certificates, are refused, and stay as they are")
    func refused() throws {
        _ = try fixture.authority()
        let good = try fixture.snapshot()
        let other = try AuthorityFixture()
        _ = try other.authority()
        let foreign = try other.snapshot()
        func expect(
            _ changes: [String: Data?] = [:], without missing: [String] = [], at line: Int = #line,
            _ matches: (AuthorityError) -> Bool
        ) throws {
            for (name, contents) in good { try fixture.put(contents, in: name) }
            for (name, contents) in changes { try fixture.put(#require(contents), in: name) }
            for name in missing { try fixture.remove(name) }
            let files = try fixture.snapshot()
            do {
                _ = try fixture.authority()
                Issue.record("started, line \(line)")
            } catch let error as AuthorityError {
                #expect(matches(error), "\(error), line \(line)")
                #expect(!"\(error)".isEmpty)
            }
            #expect(try fixture.snapshot() == files, "line \(line)")
        }
        try expect(["root-key.pem": foreign["root-key.pem"]]) {
            $0 == .keyDiffers(keyPath: path("root-key.pem"), certificatePath: path("root.pem"))
        }
        try expect(["issuing-key.pem": foreign["issuing-key.pem"]], without: ["root-key.pem"]) {
            $0 == .keyDiffers(keyPath: path("issuing-key.pem"), certificatePath: path("issuing.pem"))
        }
        try expect(["issuing-key.pem": foreign["issuing-key.pem"], "issuing.pem": foreign["issuing.pem"]]) {
            if case .chainRefused(path("issuing.pem"), .chainRefused(.certificateNotTrusted(index: 1, _))) = $0 {
                true
            } else {
                false
            }
        }
        for missing in ["issuing-key.pem", "issuing.pem"] {
            try expect(without: [missing, "root-key.pem"]) {
                if case .rootKeyNeeded(path("root-key.pem"), _) = $0 { true } else { false }
            }
        }
        try expect(without: ["root.pem", "root-key.pem"]) {
            if case .rootKeyNeeded(path("root-key.pem"), _) = $0 { true } else { false }
        }
        for name in Self.all {
            let wrongs = [
                Data(), Data("-----BEGIN".utf8), Data(repeating: 0x41, count: 1 << 17), Data(repeating: 0, count: 100),
                name.hasSuffix("key.pem") ? good["root.pem"] : good["root-key.pem"],
            ]
            for wrong in wrongs {
                try expect([name: wrong]) { if case .malformed(path(name), _) = $0 { true } else { false } }
            }
        }
        for (name, contents) in good { try fixture.put(contents, in: name) }
        #expect(throws: AuthorityError.otherServer(path: path("root.pem"))) {
            try fixture.authority(server: "other.example")
        }
        #expect(throws: AuthorityError.serverNameInvalid) { try fixture.authority(server: "") }
        #expect(throws: AuthorityError.self) {
            try CertificateAuthority(directory: "/dev/null", serverName: "r", at: Self.now)
        }
        #expect(throws: AuthorityError.self) {
            try CertificateAuthority(directory: path("missing/authority"), serverName: "r", at: Self.now)
        }
    }

    @Test("a key with a password is refused, and nobody is asked for it")
    func password() async throws {
        _ = try fixture.authority()
        let (input, output) = (path("issuing-key.pem"), path("encrypted"))
        let code = try await onThread {
            try ToolProcess(
                "/usr/bin/openssl",
                ["pkcs8", "-topk8", "-in", input, "-out", output, "-passout", "pass:secret"]
            ).wait()
        }
        try #require(code == 0)
        try fixture.put(fixture.contents("encrypted"), in: "issuing-key.pem")
        #expect(throws: AuthorityError.self) { try fixture.authority() }
    }
}
