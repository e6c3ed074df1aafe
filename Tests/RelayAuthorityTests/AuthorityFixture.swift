import Foundation
import MLSCodec
import MLSCrypto
import RelayAuthority
import RelayCredentials
import TestSupport

/// An authority's directory that goes with the value, and what is in it.
struct AuthorityFixture {
    static let now: UInt64 = 1_800_000_000
    static let day: UInt64 = 86_400
    static let server = "relay.example"

    let parent: TemporaryDirectory
    var directory: String { parent.path + "/authority" }

    init() throws { parent = try TemporaryDirectory(inMemory: true) }

    func authority(
        at now: UInt64 = now, server: String = server,
        configuration: AuthorityConfiguration = AuthorityConfiguration()
    ) throws -> CertificateAuthority {
        try CertificateAuthority(
            directory: directory, serverName: server, at: now, configuration: configuration)
    }

    func path(_ name: String) -> String { "\(directory)/\(name)" }

    func contents(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path(name))) }

    func put(_ contents: Data, in name: String, mode: Int = 0o600) throws {
        try contents.write(to: URL(fileURLWithPath: path(name)))
        try setMode(mode, of: name)
    }

    func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name)) }

    func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: path(name)) }

    func mode(of name: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path(name))
        return (attributes[.posixPermissions] as? NSNumber)?.intValue ?? -1
    }

    func setMode(_ mode: Int, of name: String) throws {
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path(name))
    }

    /// Every file's contents, by its name.
    func snapshot() throws -> [String: Data] {
        let names = try FileManager.default.contentsOfDirectory(atPath: directory)
        return Dictionary(uniqueKeysWithValues: try names.map { ($0, try contents($0)) })
    }

    static func subject(_ user: String, _ client: String = "") throws -> CredentialSubject {
        try CredentialSubject(userName: Array(user.utf8), clientName: Array(client.utf8))
    }

    static func verifier(_ authority: CertificateAuthority, server: String = server) throws -> CredentialVerifier {
        try CredentialVerifier(
            serverName: server, root: authority.rootCertificate, acceptsBasic: false, clockSkew: 0)
    }
}

/// A client's key, and what an authority says of it.
struct CertifiedKey {
    let key: SigningKey
    let issued: IssuedCredential

    init(
        _ authority: CertificateAuthority, _ subject: CredentialSubject, scheme: SignatureScheme = .ed25519,
        at now: UInt64 = AuthorityFixture.now, lifetime: UInt64 = 30 * AuthorityFixture.day
    ) throws {
        key = try SigningKey.generate(scheme)
        issued = try authority.issue(
            subject, scheme: scheme, signatureKey: key.publicKey.bytes, at: now, lifetime: lifetime)
    }

    @discardableResult
    func verify(_ verifier: CredentialVerifier, at time: UInt64 = AuthorityFixture.now) throws -> VerifiedCredential {
        try verifier.verify(
            issued.credential, signatureKey: key.publicKey.bytes, scheme: key.scheme, at: time)
    }
}
