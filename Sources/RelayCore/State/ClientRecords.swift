import MLSCrypto
public import RelayWire
public import TLSPresentation

/// A user: a name, and what holds for all of its clients.
/// ```
/// struct { opaque name<V>; Visibility visibility; uint8 is_suspended; uint64 registered; } UserRecord;
/// ```
public struct UserRecord: TLSCodable, Hashable, Sendable {
    public var name: [UInt8]
    public var visibility: Visibility
    public var isSuspended = false
    public var registered: Timestamp

    public init(name: [UInt8], visibility: Visibility, registered: Timestamp) {
        self.name = name
        self.visibility = visibility
        self.registered = registered
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        name = try reader.opaque()
        visibility = try Visibility(from: &reader)
        isSuspended = try reader.isPresent()
        registered = try Timestamp(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        writer.opaque(name)
        visibility.encode(into: &writer)
        writer.isPresent(isSuspended)
        registered.encode(into: &writer)
    }
}

/// A client: a device of a user.
/// ```
/// struct { uint64 user; Identity identity; opaque client_name<V>; uint64 registered; uint64 key_since;
///          uint64 credential_not_before; uint64 credential_not_after; uint8 is_revoked; } ClientRecord;
/// ```
public struct ClientRecord: TLSCodable, Hashable, Sendable {
    public var user: UserNumber
    /// The user's name, and the client's key at present.
    public var identity: Identity
    public var clientName: [UInt8]
    public var registered: Timestamp
    public var keySince: Timestamp
    /// Of the last credential that was issued for its key; 0 for none.
    public var credentialNotBefore = Timestamp(rawValue: 0)
    public var credentialNotAfter = Timestamp(rawValue: 0)
    public var isRevoked = false

    public init(user: UserNumber, identity: Identity, clientName: [UInt8], registered: Timestamp) {
        self.user = user
        self.identity = identity
        self.clientName = clientName
        self.registered = registered
        keySince = registered
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        user = try UserNumber(from: &reader)
        identity = try Identity(from: &reader)
        clientName = try reader.opaque()
        registered = try Timestamp(from: &reader)
        keySince = try Timestamp(from: &reader)
        credentialNotBefore = try Timestamp(from: &reader)
        credentialNotAfter = try Timestamp(from: &reader)
        isRevoked = try reader.isPresent()
    }
    public func encode(into writer: inout Writer) {
        user.encode(into: &writer)
        identity.encode(into: &writer)
        writer.opaque(clientName)
        registered.encode(into: &writer)
        keySince.encode(into: &writer)
        credentialNotBefore.encode(into: &writer)
        credentialNotAfter.encode(into: &writer)
        writer.isPresent(isRevoked)
    }
}

/// A token that admits registrations; what clients show is `SHA-256` away from its key in the table.
/// ```
/// struct { uint64 number; uint32 uses; uint64 not_after; opaque note<V>; } TokenRecord;
/// ```
public struct TokenRecord: TLSCodable, Hashable, Sendable {
    public var number: TokenNumber
    /// How many registrations it still admits.
    public var uses: UInt32
    public var notAfter: Timestamp
    public var note: [UInt8]

    public init(number: TokenNumber, uses: UInt32, notAfter: Timestamp, note: [UInt8]) {
        self.number = number
        self.uses = uses
        self.notAfter = notAfter
        self.note = note
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        number = try TokenNumber(from: &reader)
        uses = try reader.uint32()
        notAfter = try Timestamp(from: &reader)
        note = try reader.opaque()
    }
    public func encode(into writer: inout Writer) {
        number.encode(into: &writer)
        writer.integer(uses)
        notAfter.encode(into: &writer)
        writer.opaque(note)
    }
}

extension Identity {
    /// What a signature key is looked up by: its SHA-256.
    public static func keyID(_ signatureKey: [UInt8]) -> [UInt8] {
        var sha256 = SHA256()
        return sha256.hash(signatureKey.rawSpan).bytes
    }
}
