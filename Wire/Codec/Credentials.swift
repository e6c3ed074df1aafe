public import MLSCrypto
public import TLSPresentation

/// Asks for a credential for the client's key. PROTOCOL.md section 7.7.
/// ```
/// struct { } IssueCredential;
/// ```
public struct IssueCredential: FrameBody {
    public static let type = FrameType.issueCredential
    public init() {}
    public init(from reader: inout Reader) throws(DecodingError) {}
    public func encode(into writer: inout Writer) {}
}

/// The answer to IssueCredential. PROTOCOL.md section 7.7.
/// ```
/// struct { opaque credential<V>; uint64 not_before; uint64 not_after; } CredentialAnswer;
/// ```
public struct CredentialAnswer: FrameBody {
    public static let type = FrameType.credential
    /// An MLS Credential (RFC 9420 section 5.3).
    public var credential: [UInt8]
    /// 0 for a basic credential.
    public var notBefore: Timestamp
    /// 0 for a basic credential.
    public var notAfter: Timestamp

    public init(credential: [UInt8], notBefore: Timestamp, notAfter: Timestamp) {
        self.credential = credential
        self.notBefore = notBefore
        self.notAfter = notAfter
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        credential = try reader.opaque()
        notBefore = try Timestamp(from: &reader)
        notAfter = try Timestamp(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        writer.opaque(credential)
        notBefore.encode(into: &writer)
        notAfter.encode(into: &writer)
    }
}

/// Replaces the client's signature key. PROTOCOL.md section 7.7.
/// ```
/// struct { SignatureScheme scheme; opaque signature_key<V>; opaque signature_by_old<V>; opaque signature_by_new<V>; }
///          RotateKey;
/// ```
public struct RotateKey: FrameBody {
    public static let type = FrameType.rotateKey
    public var scheme: SignatureScheme
    /// The new key. As RFC 9420 section 5.1.1 encodes it.
    public var signatureKey: [UInt8]
    /// Over a `RotationTBS`.
    public var signatureByOld: [UInt8]
    /// Over the same `RotationTBS`.
    public var signatureByNew: [UInt8]

    public init(scheme: SignatureScheme, signatureKey: [UInt8], signatureByOld: [UInt8], signatureByNew: [UInt8]) {
        self.scheme = scheme
        self.signatureKey = signatureKey
        self.signatureByOld = signatureByOld
        self.signatureByNew = signatureByNew
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        scheme = try SignatureScheme(from: &reader)
        signatureKey = try reader.opaque()
        signatureByOld = try reader.opaque()
        signatureByNew = try reader.opaque()
    }
    public func encode(into writer: inout Writer) {
        scheme.encode(into: &writer)
        writer.opaque(signatureKey)
        writer.opaque(signatureByOld)
        writer.opaque(signatureByNew)
    }
}

/// What the old and the new key of a client sign when one replaces the other. PROTOCOL.md section 7.7.
/// ```
/// struct { opaque server_name<V>; uint64 client; Identity old; Identity new; } RotationTBS;
/// ```
public struct RotationTBS: TLSEncodable, Hashable, Sendable {
    /// The label of the signatures, with `SignatureLabel.prefix` before it.
    public static let label = "Rotation"

    public var serverName: [UInt8]
    public var client: ClientNumber
    public var old: Identity
    public var new: Identity

    public init(serverName: [UInt8], client: ClientNumber, old: Identity, new: Identity) {
        self.serverName = serverName
        self.client = client
        self.old = old
        self.new = new
    }
    public func encode(into writer: inout Writer) {
        writer.opaque(serverName)
        client.encode(into: &writer)
        old.encode(into: &writer)
        new.encode(into: &writer)
    }
}

/// Why a client was revoked. PROTOCOL.md section 7.7.
public enum RevocationReason: UInt8, TLSEnumerated, Hashable, Sendable, CaseIterable {
    case unspecified = 0
    case lost = 1
    case compromised = 2
    case retired = 3
    /// The operator did it.
    case `operator` = 4

    public static var enumerationName: StaticStringName { "RevocationReason" }
}

/// Revokes a client of the same user, for ever. PROTOCOL.md section 7.7.
/// ```
/// struct { uint64 client; RevocationReason reason; } RevokeClient;
/// ```
public struct RevokeClient: FrameBody {
    public static let type = FrameType.revokeClient
    public var client: ClientNumber
    public var reason: RevocationReason

    public init(client: ClientNumber, reason: RevocationReason) {
        self.client = client
        self.reason = reason
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        client = try ClientNumber(from: &reader)
        reason = try RevocationReason(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        client.encode(into: &writer)
        reason.encode(into: &writer)
    }
}

/// The payload of a `credential_issued` entry in the directory. PROTOCOL.md section 6.3.
/// ```
/// struct { uint64 client; opaque serial<V>; uint64 not_before; uint64 not_after; opaque certificate_hash[32]; }
///          CredentialNotice;
/// ```
public struct CredentialNotice: TLSCodable, Hashable, Sendable {
    public var client: ClientNumber
    /// The certificate's serial number.
    public var serial: [UInt8]
    public var notBefore: Timestamp
    public var notAfter: Timestamp
    /// SHA-256 of the certificate, DER.
    public var certificateHash: SHA256Digest

    public init(
        client: ClientNumber, serial: [UInt8], notBefore: Timestamp, notAfter: Timestamp, certificateHash: SHA256Digest
    ) {
        self.client = client
        self.serial = serial
        self.notBefore = notBefore
        self.notAfter = notAfter
        self.certificateHash = certificateHash
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        client = try ClientNumber(from: &reader)
        serial = try reader.opaque()
        notBefore = try Timestamp(from: &reader)
        notAfter = try Timestamp(from: &reader)
        certificateHash = try SHA256Digest(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        client.encode(into: &writer)
        writer.opaque(serial)
        notBefore.encode(into: &writer)
        notAfter.encode(into: &writer)
        certificateHash.encode(into: &writer)
    }
}

/// The payload of a `key_rotated` entry in the directory. PROTOCOL.md section 6.3.
/// ```
/// struct { uint64 client; Identity identity; opaque signature_by_old<V>; opaque signature_by_new<V>; }
///          KeyRotationNotice;
/// ```
public struct KeyRotationNotice: TLSCodable, Hashable, Sendable {
    public var client: ClientNumber
    /// The identity with its new key.
    public var identity: Identity
    /// Over a `RotationTBS`, by the key before.
    public var signatureByOld: [UInt8]
    /// Over the same `RotationTBS`.
    public var signatureByNew: [UInt8]

    public init(client: ClientNumber, identity: Identity, signatureByOld: [UInt8], signatureByNew: [UInt8]) {
        self.client = client
        self.identity = identity
        self.signatureByOld = signatureByOld
        self.signatureByNew = signatureByNew
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        client = try ClientNumber(from: &reader)
        identity = try Identity(from: &reader)
        signatureByOld = try reader.opaque()
        signatureByNew = try reader.opaque()
    }
    public func encode(into writer: inout Writer) {
        client.encode(into: &writer)
        identity.encode(into: &writer)
        writer.opaque(signatureByOld)
        writer.opaque(signatureByNew)
    }
}

/// The payload of a `client_revoked` entry. PROTOCOL.md section 6.3.
/// ```
/// struct { uint64 client; uint64 by; RevocationReason reason; } RevocationNotice;
/// ```
public struct RevocationNotice: TLSCodable, Hashable, Sendable {
    /// Who was revoked.
    public var client: ClientNumber
    /// A client of the same user, or `.relay` for an operator or for a lifetime that is over.
    public var by: ClientNumber
    public var reason: RevocationReason

    public init(client: ClientNumber, by: ClientNumber, reason: RevocationReason) {
        self.client = client
        self.by = by
        self.reason = reason
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        client = try ClientNumber(from: &reader)
        by = try ClientNumber(from: &reader)
        reason = try RevocationReason(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        client.encode(into: &writer)
        by.encode(into: &writer)
        reason.encode(into: &writer)
    }
}

/// The payload of a `user_suspended` entry in the directory. PROTOCOL.md section 6.3.
/// ```
/// struct { uint64 user; uint8 is_suspended; } SuspensionNotice;
/// ```
public struct SuspensionNotice: TLSCodable, Hashable, Sendable {
    public var user: UserNumber
    /// False: the user may connect again.
    public var isSuspended: Bool

    public init(user: UserNumber, isSuspended: Bool) {
        self.user = user
        self.isSuspended = isSuspended
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        user = try UserNumber(from: &reader)
        isSuspended = try reader.isPresent()
    }
    public func encode(into writer: inout Writer) {
        user.encode(into: &writer)
        writer.isPresent(isSuspended)
    }
}

/// The payload of a `credential_expiring` entry in an inbox. PROTOCOL.md section 6.3.
/// ```
/// struct { uint64 not_after; } ExpiryNotice;
/// ```
public struct ExpiryNotice: TLSCodable, Hashable, Sendable {
    public var notAfter: Timestamp

    public init(notAfter: Timestamp) { self.notAfter = notAfter }
    public init(from reader: inout Reader) throws(DecodingError) { notAfter = try Timestamp(from: &reader) }
    public func encode(into writer: inout Writer) { notAfter.encode(into: &writer) }
}
