import MLSCodec
import MLSCrypto
import MLSTestSupport
import RelayCredentials
import TLSPresentation

/// A root, an issuing authority and a client, of which each thing can be wrong. Made without the relay's own authority.
struct ForgedChain {
    typealias Part = ForgedCertificate.Extension

    static let now = TestClient.now
    static let server = "relay.example"

    let rootKey: SigningKey
    let issuingKey: SigningKey
    let leafKey: SigningKey
    var root: ForgedCertificate
    var issuing: ForgedCertificate
    var leaf: ForgedCertificate

    init() throws {
        rootKey = try SigningKey.generate(.ecdsaSecp256r1SHA256)
        issuingKey = try SigningKey.generate(.ecdsaSecp256r1SHA256)
        leafKey = try SigningKey.generate(.ed25519)
        let dates = CertificateDates(notBefore: Self.now - 1000, notAfter: Self.now + 1000)
        root = ForgedCertificate(
            issuer: "root", subject: "root", dates: dates,
            extensions: [.basicConstraints(pathLength: 1), .keyUsage(0x04), .subjectKey(rootKey.publicKey)])
        issuing = ForgedCertificate(
            issuer: "root", subject: "issuing", dates: dates,
            extensions: [
                .basicConstraints(pathLength: 0), .keyUsage(0x04), .subjectKey(issuingKey.publicKey),
                .authorityKey(rootKey.publicKey),
            ])
        leaf = ForgedCertificate(
            issuer: "issuing", subject: "", dates: CertificateDates(notBefore: Self.now - 10, notAfter: Self.now + 10),
            extensions: [])
        leaf.extensions = leafExtensions(["mlsrelay://relay.example/alice/phone"])
    }

    /// What a leaf with these URIs has.
    func leafExtensions(_ uris: [String]) -> [Part] {
        [
            .keyUsage(0x80), .authorityKey(issuingKey.publicKey),
            .subjectNames(uris.map { (tag: 6, name: $0) }),
        ]
    }

    func rootBytes() throws -> [UInt8] { try root.signed(by: rootKey, about: rootKey.publicKey) }
    func issuingBytes() throws -> [UInt8] { try issuing.signed(by: rootKey, about: issuingKey.publicKey) }
    func leafBytes() throws -> [UInt8] { try leaf.signed(by: issuingKey, about: leafKey.publicKey) }

    func credential() throws -> Credential { Self.credential([try leafBytes(), try issuingBytes()]) }

    static func credential(_ certificates: [[UInt8]]) -> Credential {
        .x509(certificates: certificates.map { Certificate(certData: $0) })
    }

    func verifier(server: String = ForgedChain.server, clockSkew: UInt64 = 0) throws -> CredentialVerifier {
        try CredentialVerifier(
            serverName: server, root: try rootBytes(), acceptsBasic: false, clockSkew: clockSkew)
    }

    @discardableResult
    func verify(_ credential: Credential? = nil, at time: UInt64? = now) throws -> VerifiedCredential {
        try verifier().verify(
            credential ?? self.credential(), signatureKey: leafKey.publicKey.bytes, scheme: .ed25519, at: time)
    }
}
