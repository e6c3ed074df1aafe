import MLSCodec
import MLSCrypto
import MLSTestSupport
import RelayCredentials
import TLSPresentation
import Testing

@Suite("Credentials are verified offline (RFC 9750 sections 4 and 7, RFC 5280 section 6)")
struct CredentialVerifierTests {
    private typealias Part = ForgedCertificate.Extension
    private static let now = ForgedChain.now
    private let chain: ForgedChain

    init() throws { chain = try ForgedChain() }

    /// Expects a refusal by the rules of paths, of the certificate at `index`.
    private func expectNotTrusted(
        _ index: Int, _ chain: ForgedChain, _ credential: Credential? = nil,
        _ location: SourceLocation = #_sourceLocation
    ) throws {
        do {
            try chain.verify(credential)
            Issue.record("accepted", sourceLocation: location)
        } catch CredentialError.chainRefused(.certificateNotTrusted(let refused, _)) {
            #expect(refused == index, sourceLocation: location)
        }
    }

    @Test("S3-2: a chain to the root proves who has a key, with the root in it or without")
    func valid() throws {
        let alice = try chain.verify()
        #expect(alice.subject.userName == Array("alice".utf8))
        #expect(alice.subject.clientName == Array("phone".utf8))
        #expect(alice.notBefore == Self.now - 10 && alice.notAfter == Self.now + 10)
        #expect(alice.serial == [0x42])
        let key = chain.leafKey.publicKey.bytes
        let root = try chain.rootBytes()
        let verifier = try CredentialVerifier(serverName: ForgedChain.server, root: root, acceptsBasic: false)
        let certificates = [try chain.leafBytes(), try chain.issuingBytes()]
        for certificates in [certificates, certificates + [root]] {
            let verified = try verifier.verify(
                ForgedChain.credential(certificates), signatureKey: key, scheme: nil, at: Self.now)
            #expect(verified == alice)
        }
    }

    @Test("both ends of the time of a certificate belong to it (RFC 5280 section 4.1.2.5)")
    func dates() throws {
        for time in [Self.now - 10, Self.now + 10] { try chain.verify(at: time) }
        for time in [0, Self.now - 11] {
            #expect(throws: CredentialError.notYetValid) { try chain.verify(at: time) }
        }
        for time in [Self.now + 11, UInt64.max] {
            #expect(throws: CredentialError.expired) { try chain.verify(at: time) }
        }
        try chain.verify(at: nil)
        var ended = chain
        ended.issuing.dates.notAfter = Self.now - 1
        #expect(throws: CredentialError.expired) { try ended.verify() }
        try ended.verify(at: Self.now - 1)
        ended = chain
        ended.root.dates.notBefore = Self.now + 1
        #expect(throws: CredentialError.notYetValid) { try ended.verify() }
    }

    @Test("clocks may differ by as much as is configured, and by no second more")
    func clockSkew() throws {
        let (key, credential) = (chain.leafKey.publicKey.bytes, try chain.credential())
        let verifier = try chain.verifier(clockSkew: 5)
        for time in [Self.now - 15, Self.now + 15] {
            _ = try verifier.verify(credential, signatureKey: key, scheme: nil, at: time)
        }
        for (time, error) in [(Self.now - 16, CredentialError.notYetValid), (Self.now + 16, .expired)] {
            #expect(throws: error) { try verifier.verify(credential, signatureKey: key, scheme: nil, at: time) }
        }
        // Neither sum nor difference may run over.
        let widest = try chain.verifier(clockSkew: .max)
        for time in [0, UInt64.max] {
            _ = try widest.verify(credential, signatureKey: key, scheme: nil, at: time)
        }
    }

    @Test("S3-8: a certificate about another key than the leaf's, or of another scheme, is refused")
    func keys() throws {
        let verifier = try chain.verifier()
        let credential = try chain.credential()
        let other = try SigningKey.generate(.ed25519).publicKey.bytes
        #expect(throws: CredentialError.keyDiffers) {
            try verifier.verify(credential, signatureKey: other, scheme: .ed25519, at: Self.now)
        }
        #expect(throws: CredentialError.keyDiffers) {
            try verifier.verify(
                credential, signatureKey: chain.leafKey.publicKey.bytes, scheme: .ecdsaSecp256r1SHA256, at: Self.now)
        }
        #expect(throws: CredentialError.keyDiffers) {
            try verifier.verify(credential, signatureKey: [], scheme: nil, at: Self.now)
        }
    }

    @Test("S3-8: another root's chain is refused, also one with the same names, or with the same key identifiers")
    func otherRoot() throws {
        var other = try ForgedChain()
        let credential = try other.credential()
        let key = other.leafKey.publicKey.bytes
        let verifier = try chain.verifier()
        do {
            _ = try verifier.verify(credential, signatureKey: key, scheme: nil, at: Self.now)
            Issue.record("accepted")
        } catch CredentialError.chainRefused {}
        // The names and identifiers of the true authorities, with a key of one's own.
        other.issuing.extensions[3] = .authorityKey(chain.rootKey.publicKey)
        let claimed = try other.credential()
        #expect(throws: CredentialError.chainRefused(.certificateNotSigned(index: 1))) {
            try verifier.verify(claimed, signatureKey: key, scheme: nil, at: Self.now)
        }
        other.leaf.extensions[1] = .authorityKey(chain.issuingKey.publicKey)
        let mixed = ForgedChain.credential([try other.leafBytes(), try chain.issuingBytes()])
        #expect(throws: CredentialError.chainRefused(.certificateNotSigned(index: 0))) {
            try verifier.verify(mixed, signatureKey: key, scheme: nil, at: Self.now)
        }
        // A root that the chain brings along is nobody's.
        let complete = ForgedChain.credential([
            try other.leafBytes(), try other.issuingBytes(), try other.rootBytes(),
        ])
        #expect(throws: CredentialError.self) {
            try verifier.verify(complete, signatureKey: key, scheme: nil, at: Self.now)
        }
    }

    @Test("of several roots each is trusted, as while one takes the place of another")
    func severalRoots() throws {
        let other = try ForgedChain()
        let verifier = try CredentialVerifier(
            serverName: ForgedChain.server, roots: [try other.rootBytes(), try chain.rootBytes()], acceptsBasic: false)
        for chain in [chain, other] {
            let credential = try chain.credential()
            _ = try verifier.verify(
                credential, signatureKey: chain.leafKey.publicKey.bytes, scheme: nil, at: Self.now)
        }
        #expect(throws: CredentialError.rootMalformed) {
            try CredentialVerifier(serverName: "r", root: [0x30, 0], acceptsBasic: false)
        }
    }

    @Test("roots that are used once are given in DER, and a wrong one is told by its place behind the chain")
    func rootsInDER() throws {
        let certificates = [try chain.leafBytes(), try chain.issuingBytes()].map { Certificate(certData: $0) }
        let parsed = try CertificateChain(certificates)
        let (root, other) = (try chain.rootBytes(), try ForgedChain().rootBytes())
        try parsed.verify(trusting: [other, root], at: Self.now)
        #expect(throws: CryptoError.certificateExpired(index: 0)) {
            try parsed.verify(trusting: [root], at: Self.now + 11)
        }
        try parsed.verify(trusting: [root], at: Self.now + 11, clockSkew: 1)
        #expect(throws: CryptoError.malformedCertificate(index: 3)) {
            try parsed.verify(trusting: [root, []], at: Self.now)
        }
        for roots in [[], [other], [certificates[1].certData], [certificates[0].certData]] {
            #expect(throws: CryptoError.self) { try parsed.verify(trusting: roots, at: Self.now) }
        }
        #expect(try parsed.dates() == chain.leaf.dates)
        #expect(parsed.serialNumber == [0x42])
        #expect(parsed.subjectURIs == [Array("mlsrelay://relay.example/alice/phone".utf8)])
    }

    @Test("the certificates are the path, in its order, with nothing beside it (RFC 9420 section 5.3)")
    func order() throws {
        let (leaf, issuing) = (try chain.leafBytes(), try chain.issuingBytes())
        try expectNotTrusted(0, chain, ForgedChain.credential([leaf]))
        #expect(throws: CredentialError.keyDiffers) { try chain.verify(ForgedChain.credential([issuing, leaf])) }
        try expectNotTrusted(1, chain, ForgedChain.credential([leaf, leaf, issuing]))
        let stranger = try ForgedChain().issuingBytes()
        try expectNotTrusted(2, chain, ForgedChain.credential([leaf, issuing, stranger]))
        try expectNotTrusted(1, chain, ForgedChain.credential([leaf, stranger, issuing]))
        #expect(throws: CredentialError.certificateCount(0)) { try chain.verify(ForgedChain.credential([])) }
        let many = ForgedChain.credential(Array(repeating: leaf, count: 1000))
        #expect(throws: CredentialError.certificateCount(1000)) { try chain.verify(many) }
        let garbage = ForgedChain.credential([leaf, [1, 2, 3]])
        #expect(throws: CredentialError.chainRefused(.malformedCertificate(index: 1))) { try chain.verify(garbage) }
    }

    @Test("no client can issue: neither with its own certificate nor below it")
    func leafAsAuthority() throws {
        let mallory = try SigningKey.generate(.ed25519)
        var below = chain.leaf
        below.extensions[1] = .authorityKey(chain.leafKey.publicKey)
        let forged = try below.signed(by: chain.leafKey, about: mallory.publicKey)
        let credential = ForgedChain.credential([forged, try chain.leafBytes(), try chain.issuingBytes()])
        let verifier = try chain.verifier()
        #expect(throws: CredentialError.self) {
            try verifier.verify(credential, signatureKey: mallory.publicKey.bytes, scheme: nil, at: Self.now)
        }
        // With names that fit too: then what is missing is that it is an authority.
        var named = chain
        named.leaf.subject = "alice"
        named.leaf.extensions.append(.subjectKey(named.leafKey.publicKey))
        below.issuer = "alice"
        let fitting = ForgedChain.credential([
            try below.signed(by: named.leafKey, about: mallory.publicKey), try named.leafBytes(),
            try named.issuingBytes(),
        ])
        do {
            _ = try named.verifier().verify(
                fitting, signatureKey: mallory.publicKey.bytes, scheme: nil, at: Self.now)
            Issue.record("accepted")
        } catch CredentialError.chainRefused(.certificateNotTrusted(index: 1, _)) {}
    }

    @Test("an authority's certificate is no client's, and a client's has to be for signatures")
    func endEntity() throws {
        var wrong = chain
        wrong.leaf.subject = "alice"
        wrong.leaf.extensions += [.basicConstraints(pathLength: nil), .subjectKey(chain.leafKey.publicKey)]
        try expectNotTrusted(0, wrong)
        wrong = chain
        // keyEncipherment.
        wrong.leaf.extensions[0] = .keyUsage(0x20)
        try expectNotTrusted(0, wrong)
    }

    @Test("an authority has to be one: constraints, use of its key, length of the path")
    func authorities() throws {
        var wrong = chain
        wrong.issuing.extensions.remove(at: 0)
        try expectNotTrusted(1, wrong)
        wrong = chain
        wrong.issuing.extensions[1] = .keyUsage(0x80)
        #expect(throws: CredentialError.self) { try wrong.verify() }
        wrong = chain
        wrong.root.extensions[0] = .basicConstraints(pathLength: 0)
        // OpenSSL blames the authority above which there may be no other.
        #expect(throws: CredentialError.self) { try wrong.verify() }
        wrong = chain
        wrong.leaf.extensions.append(Part([0x2a, 0x03], isCritical: true, [0x05, 0]))
        try expectNotTrusted(0, wrong)
        wrong.leaf.extensions[3] = Part([0x2a, 0x03], isCritical: false, [0x05, 0])
        try wrong.verify()
    }

    @Test("a client's certificate has one URI, which names a client of this relay")
    func names() throws {
        var wrong = chain
        wrong.leaf.subject = "alice"
        wrong.leaf.extensions.removeLast()
        #expect(throws: CredentialError.subjectCount(0)) { try wrong.verify() }
        wrong.leaf.extensions = chain.leafExtensions([
            "mlsrelay://relay.example/alice/phone", "mlsrelay://relay.example/bob/phone",
        ])
        #expect(throws: CredentialError.subjectCount(2)) { try wrong.verify() }
        wrong.leaf.extensions[2] = .subjectNames([(tag: 2, name: "mlsrelay://relay.example/alice/phone")])
        #expect(throws: CredentialError.subjectCount(0)) { try wrong.verify() }
        // Two extensions of a kind are not a certificate's (RFC 5280 section 4.2).
        wrong.leaf.extensions = chain.leaf.extensions + [chain.leaf.extensions[2]]
        #expect(throws: CredentialError.self) { try wrong.verify() }
        wrong.leaf.extensions[2] = .subjectNames([
            (tag: 2, name: "alice.example"), (tag: 6, name: "mlsrelay://relay.example/alice/phone"),
        ])
        wrong.leaf.extensions.removeLast()
        try wrong.verify()

        wrong.leaf.extensions = chain.leafExtensions(["mlsrelay://other.example/alice/phone"])
        #expect(throws: CredentialError.otherServer) { try wrong.verify() }
        wrong.leaf.extensions = chain.leafExtensions(["https://relay.example/alice/phone"])
        #expect(throws: CredentialError.subjectMalformed) { try wrong.verify() }
        wrong.leaf.extensions = chain.leafExtensions(["mlsrelay://relay.example/alice/phone\0"])
        #expect(throws: CredentialError.subjectMalformed) { try wrong.verify() }
        // Without a subject the names are all there is, and critical (section 4.2.1.6).
        wrong = chain
        wrong.leaf.extensions[2] = .subjectNames(
            [(tag: 6, name: "mlsrelay://relay.example/alice/phone")], isCritical: false)
        try expectNotTrusted(0, wrong)
    }

    @Test("one changed byte, wherever it is, never gives another client or key, nor the same with other certificates")
    func tampered() throws {
        let chain = try ForgedChain()
        let verifier = try chain.verifier()
        let key = chain.leafKey.publicKey.bytes
        let certificates = [try chain.leafBytes(), try chain.issuingBytes()]
        for which in certificates.indices {
            for index in certificates[which].indices {
                for change: UInt8 in [0x01, 0x80, 0xff] {
                    var wrong = certificates
                    wrong[which][index] ^= change
                    let credential = ForgedChain.credential(wrong)
                    let result = try? verifier.verify(credential, signatureKey: key, scheme: nil, at: Self.now)
                    if result != nil { Issue.record("certificate \(which), byte \(index), \(change)") }
                }
            }
        }
    }

    @Test("a basic credential is its user's name, where those are accepted")
    func basic() throws {
        let verifier = try CredentialVerifier(serverName: "relay.example", root: nil, acceptsBasic: true)
        let alice = try verifier.verify(
            .basic(identity: Array("alice".utf8)), signatureKey: [], scheme: .ed25519, at: Self.now)
        #expect(alice.subject.userName == Array("alice".utf8))
        #expect(alice.subject.clientName.isEmpty)
        #expect(alice.dates == nil && alice.serial == nil)
        #expect(throws: CredentialError.userNameInvalid) {
            try verifier.verify(.basic(identity: []), signatureKey: [], scheme: nil, at: nil)
        }
        #expect(throws: CredentialError.userNameInvalid) {
            try verifier.verify(.basic(identity: [0xff]), signatureKey: [], scheme: nil, at: nil)
        }
        let strict = try chain.verifier()
        #expect(throws: CredentialError.typeNotAccepted(.basic)) {
            try strict.verify(.basic(identity: [0x61]), signatureKey: [], scheme: nil, at: nil)
        }
        let certificate = try chain.credential()
        #expect(throws: CredentialError.typeNotAccepted(.x509)) {
            try verifier.verify(certificate, signatureKey: [], scheme: nil, at: nil)
        }
        let other = CredentialType(rawValue: 0xf000)
        #expect(throws: CredentialError.typeNotAccepted(other)) {
            try verifier.verify(.other(other, content: []), signatureKey: [], scheme: nil, at: nil)
        }
    }
}
