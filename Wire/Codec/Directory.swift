public import MLSCrypto
public import TLSPresentation

/// Asks for users and their clients by name. PROTOCOL.md section 7.7.
/// ```
/// struct { opaque name<V>; } UserName;
/// struct { UserName names<V>; } LookUp;
/// ```
public struct LookUp: FrameBody {
    public static let type = FrameType.lookUp
    /// At most 256.
    public var names: [[UInt8]]
    public init(names: [[UInt8]]) { self.names = names }
    public init(from reader: inout Reader) throws(DecodingError) { names = try reader.opaqueVector() }
    public func encode(into writer: inout Writer) { writer.opaqueVector(names) }
}

/// A client of a user. PROTOCOL.md section 7.7.
/// ```
/// struct { uint64 client; opaque client_name<V>; SignatureScheme scheme; opaque signature_key<V>; uint64 registered;
///          uint64 key_since; uint64 credential_not_after; } ClientDescription;
/// ```
public struct ClientDescription: TLSCodable, Hashable, Sendable {
    public var client: ClientNumber
    /// What the user calls it; UTF-8, perhaps empty.
    public var clientName: [UInt8]
    public var scheme: SignatureScheme
    public var signatureKey: [UInt8]
    public var registered: Timestamp
    /// When the key was registered or rotated in.
    public var keySince: Timestamp
    /// The end of the newest credential; 0 if there is none.
    public var credentialNotAfter: Timestamp

    public init(
        client: ClientNumber, clientName: [UInt8], scheme: SignatureScheme, signatureKey: [UInt8],
        registered: Timestamp, keySince: Timestamp, credentialNotAfter: Timestamp
    ) {
        self.client = client
        self.clientName = clientName
        self.scheme = scheme
        self.signatureKey = signatureKey
        self.registered = registered
        self.keySince = keySince
        self.credentialNotAfter = credentialNotAfter
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        client = try ClientNumber(from: &reader)
        clientName = try reader.opaque(atMost: WireLimits.maxClientNameByteCount, "ClientDescription.client_name")
        scheme = try SignatureScheme(from: &reader)
        signatureKey = try reader.opaque()
        registered = try Timestamp(from: &reader)
        keySince = try Timestamp(from: &reader)
        credentialNotAfter = try Timestamp(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        client.encode(into: &writer)
        writer.opaque(clientName)
        scheme.encode(into: &writer)
        writer.opaque(signatureKey)
        registered.encode(into: &writer)
        keySince.encode(into: &writer)
        credentialNotAfter.encode(into: &writer)
    }
}

/// What was found under one name. PROTOCOL.md section 7.7.
/// ```
/// struct { ErrorCode error; uint64 user; opaque name<V>; ClientDescription clients<V>; } UserResult;
/// ```
public struct UserResult: TLSCodable, Hashable, Sendable {
    /// `none`, or why there is nothing; then only the name is set.
    public var error: ErrorCode
    public var user: UserNumber
    public var name: [UInt8]
    /// Without those that are revoked.
    public var clients: [ClientDescription]

    public init(error: ErrorCode, user: UserNumber, name: [UInt8], clients: [ClientDescription]) {
        self.error = error
        self.user = user
        self.name = name
        self.clients = clients
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        error = try ErrorCode(from: &reader)
        user = try UserNumber(from: &reader)
        name = try reader.opaque()
        clients = try reader.vector()
    }
    public func encode(into writer: inout Writer) {
        error.encode(into: &writer)
        user.encode(into: &writer)
        writer.opaque(name)
        writer.vector(clients)
    }
}

/// The answer to LookUp, a result for each name in its order. PROTOCOL.md section 7.7.
/// ```
/// struct { UserResult users<V>; } Users;
/// ```
public struct Users: FrameBody {
    public static let type = FrameType.users
    public var users: [UserResult]
    public init(users: [UserResult]) { self.users = users }
    public init(from reader: inout Reader) throws(DecodingError) { users = try reader.vector() }
    public func encode(into writer: inout Writer) { writer.vector(users) }
}

/// Asks for names of users that begin in some way. PROTOCOL.md section 7.7.
/// ```
/// struct { opaque prefix<V>; opaque after<V>; uint16 limit; } SearchUsers;
/// ```
public struct SearchUsers: FrameBody {
    public static let type = FrameType.searchUsers
    /// Empty for all.
    public var prefix: [UInt8]
    /// Only names behind this one; empty for the first.
    public var after: [UInt8]
    /// How many names at most; 0, or above 1000, is 1000.
    public var limit: UInt16

    public init(prefix: [UInt8], after: [UInt8], limit: UInt16) {
        self.prefix = prefix
        self.after = after
        self.limit = limit
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        prefix = try reader.opaque()
        after = try reader.opaque()
        limit = try reader.uint16()
    }
    public func encode(into writer: inout Writer) {
        writer.opaque(prefix)
        writer.opaque(after)
        writer.integer(limit)
    }
}

/// The answer to SearchUsers, in the order of the names' bytes. PROTOCOL.md section 7.7.
/// ```
/// struct { UserName names<V>; } UserNames;
/// ```
public struct UserNames: FrameBody {
    public static let type = FrameType.userNames
    public var names: [[UInt8]]
    public init(names: [[UInt8]]) { self.names = names }
    public init(from reader: inout Reader) throws(DecodingError) { names = try reader.opaqueVector() }
    public func encode(into writer: inout Writer) { writer.opaqueVector(names) }
}

/// Who finds a user. PROTOCOL.md section 7.7.
public enum Visibility: UInt8, TLSEnumerated, Hashable, Sendable, CaseIterable {
    /// SearchUsers finds the user.
    case listed = 1
    /// Only LookUp does, by the whole name.
    case unlisted = 2
    /// Only users that share a tracked group with it do, by the whole name.
    case hidden = 3

    public static var enumerationName: StaticStringName { "Visibility" }
}

/// Sets who finds the client's user. PROTOCOL.md section 7.7.
/// ```
/// struct { Visibility visibility; } SetVisibility;
/// ```
public struct SetVisibility: FrameBody {
    public static let type = FrameType.setVisibility
    public var visibility: Visibility
    public init(visibility: Visibility) { self.visibility = visibility }
    public init(from reader: inout Reader) throws(DecodingError) { visibility = try Visibility(from: &reader) }
    public func encode(into writer: inout Writer) { visibility.encode(into: &writer) }
}

/// Asks what the relay stands for as an Authentication Service. PROTOCOL.md section 7.7.
/// ```
/// struct { } FetchAuthority;
/// ```
public struct FetchAuthority: FrameBody {
    public static let type = FrameType.fetchAuthority
    public init() {}
    public init(from reader: inout Reader) throws(DecodingError) {}
    public func encode(into writer: inout Writer) {}
}

/// Which credentials a relay takes in KeyPackages and tracked groups. PROTOCOL.md section 7.7.
public enum CredentialRule: UInt8, TLSEnumerated, Hashable, Sendable, CaseIterable {
    case x509 = 1
    case basic = 2
    case either = 3

    public static var enumerationName: StaticStringName { "CredentialRule" }
}

/// The answer to FetchAuthority. PROTOCOL.md section 7.7.
/// ```
/// struct { CredentialRule credentials; opaque root_certificate<V>; opaque server_name<V>; uint64 directory_last;
///          opaque directory_chain[32]; } Authority;
/// ```
public struct Authority: FrameBody {
    public static let type = FrameType.authority
    public var credentials: CredentialRule
    /// DER; empty if the relay issues no certificates.
    public var rootCertificate: [UInt8]
    /// That of the Challenge.
    public var serverName: [UInt8]
    /// The last entry of the directory.
    public var directoryLast: SequenceNumber
    /// The chain hash there.
    public var directoryChain: SHA256Digest

    public init(
        credentials: CredentialRule, rootCertificate: [UInt8], serverName: [UInt8], directoryLast: SequenceNumber,
        directoryChain: SHA256Digest
    ) {
        self.credentials = credentials
        self.rootCertificate = rootCertificate
        self.serverName = serverName
        self.directoryLast = directoryLast
        self.directoryChain = directoryChain
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        credentials = try CredentialRule(from: &reader)
        rootCertificate = try reader.opaque()
        serverName = try reader.opaque()
        directoryLast = try SequenceNumber(from: &reader)
        directoryChain = try SHA256Digest(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        credentials.encode(into: &writer)
        writer.opaque(rootCertificate)
        writer.opaque(serverName)
        directoryLast.encode(into: &writer)
        directoryChain.encode(into: &writer)
    }
}
