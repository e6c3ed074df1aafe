public import TLSPresentation

/// Takes new members into a group. RFC 9420 section 12.4.3.1.
/// ```
/// struct {
///     CipherSuite cipher_suite; EncryptedGroupSecrets secrets<V>; opaque encrypted_group_info<V>;
/// } Welcome;
/// ```
public struct Welcome: Hashable, Sendable {
    public var cipherSuite: CipherSuite
    /// One for each new member.
    public var secrets: [EncryptedGroupSecrets]
    public var encryptedGroupInfo: [UInt8]

    public init(cipherSuite: CipherSuite, secrets: [EncryptedGroupSecrets], encryptedGroupInfo: [UInt8]) {
        self.cipherSuite = cipherSuite
        self.secrets = secrets
        self.encryptedGroupInfo = encryptedGroupInfo
    }
}

extension Welcome: TLSCodable {
    public init(from reader: inout Reader) throws(DecodingError) {
        cipherSuite = try CipherSuite(from: &reader)
        secrets = try reader.vector()
        encryptedGroupInfo = try reader.opaque()
    }

    public func encode(into writer: inout Writer) {
        cipherSuite.encode(into: &writer)
        writer.vector(secrets)
        writer.opaque(encryptedGroupInfo)
    }
}

/// The GroupSecrets of the one new member whose KeyPackage it names. RFC 9420 section 12.4.3.1.
/// ```
/// struct { KeyPackageRef new_member; HPKECiphertext encrypted_group_secrets; } EncryptedGroupSecrets;
/// ```
public struct EncryptedGroupSecrets: Hashable, Sendable {
    /// A KeyPackageRef.
    public var newMember: [UInt8]
    public var encryptedGroupSecrets: HPKECiphertext

    public init(newMember: [UInt8], encryptedGroupSecrets: HPKECiphertext) {
        self.newMember = newMember
        self.encryptedGroupSecrets = encryptedGroupSecrets
    }
}

extension EncryptedGroupSecrets: TLSCodable {
    public init(from reader: inout Reader) throws(DecodingError) {
        newMember = try reader.opaque()
        encryptedGroupSecrets = try HPKECiphertext(from: &reader)
    }

    public func encode(into writer: inout Writer) {
        writer.opaque(newMember)
        encryptedGroupSecrets.encode(into: &writer)
    }
}
