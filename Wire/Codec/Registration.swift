public import TLSPresentation

/// How a registration is admitted, as a number. PROTOCOL.md section 4.3.
public enum AdmissionType: UInt8, TLSEnumerated, Hashable, Sendable, CaseIterable {
    /// By nothing: the relay lets everybody in.
    case open = 0
    /// By a token of the operator's.
    case token = 1
    /// By another client of the same user.
    case client = 2

    public static var enumerationName: StaticStringName { "AdmissionType" }
}

/// Why a new client may register. PROTOCOL.md section 4.3.
/// ```
/// struct {
///   AdmissionType type;
///   select (Admission.type) {
///     case open:
///       struct {};
///     case token:
///       opaque token<V>;
///     case client:
///       uint64 client;
///       uint64 not_after;
///       opaque signature<V>;
///   };
/// } Admission;
/// ```
public enum Admission: TLSCodable, Hashable, Sendable {
    case open
    /// At most 64 bytes. In an `IdentityNotice` the token's number instead: who reads the directory must not learn a token.
    case token([UInt8])
    /// A client of the same user signed an `AdmissionTBS`, which holds until `notAfter`.
    case client(ClientNumber, notAfter: Timestamp, signature: [UInt8])

    public var type: AdmissionType {
        switch self {
        case .open: .open
        case .token: .token
        case .client: .client
        }
    }

    public init(from reader: inout Reader) throws(DecodingError) {
        switch try AdmissionType(from: &reader) {
        case .open:
            self = .open
        case .token:
            self = .token(try reader.opaque(atMost: WireLimits.maxTokenByteCount, "Admission.token"))
        case .client:
            let client = try ClientNumber(from: &reader)
            let notAfter = try Timestamp(from: &reader)
            self = .client(client, notAfter: notAfter, signature: try reader.opaque())
        }
    }
    public func encode(into writer: inout Writer) {
        type.encode(into: &writer)
        switch self {
        case .open:
            break
        case .token(let token):
            writer.opaque(token)
        case .client(let client, let notAfter, let signature):
            client.encode(into: &writer)
            notAfter.encode(into: &writer)
            writer.opaque(signature)
        }
    }
}

/// What a client signs that admits another client of its user. PROTOCOL.md section 4.3.
/// ```
/// struct { opaque server_name<V>; Identity identity; opaque client_name<V>; uint64 client; uint64 not_after; }
///          AdmissionTBS;
/// ```
public struct AdmissionTBS: TLSEncodable, Hashable, Sendable {
    /// The label of the signature, with `SignatureLabel.prefix` before it.
    public static let label = "Admission"

    public var serverName: [UInt8]
    /// That of the client to be admitted.
    public var identity: Identity
    public var clientName: [UInt8]
    /// The client that signs.
    public var client: ClientNumber
    public var notAfter: Timestamp

    public init(
        serverName: [UInt8], identity: Identity, clientName: [UInt8], client: ClientNumber, notAfter: Timestamp
    ) {
        self.serverName = serverName
        self.identity = identity
        self.clientName = clientName
        self.client = client
        self.notAfter = notAfter
    }
    public func encode(into writer: inout Writer) {
        writer.opaque(serverName)
        identity.encode(into: &writer)
        writer.opaque(clientName)
        client.encode(into: &writer)
        notAfter.encode(into: &writer)
    }
}

/// Registers a client on its first use, and authenticates. PROTOCOL.md section 4.3.
/// ```
/// struct { Identity identity; opaque client_name<V>; Admission admission; opaque signature<V>; } Register;
/// ```
public struct Register: FrameBody {
    public static let type = FrameType.register
    public var identity: Identity
    /// What the user calls this client: at most 64 bytes of UTF-8 without control characters, perhaps none.
    public var clientName: [UInt8]
    public var admission: Admission
    /// Over an `AuthenticationTBS`.
    public var signature: [UInt8]

    public init(identity: Identity, clientName: [UInt8] = [], admission: Admission = .open, signature: [UInt8]) {
        self.identity = identity
        self.clientName = clientName
        self.admission = admission
        self.signature = signature
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        identity = try Identity(from: &reader)
        clientName = try reader.opaque(atMost: WireLimits.maxClientNameByteCount, "Register.client_name")
        admission = try Admission(from: &reader)
        signature = try reader.opaque()
    }
    public func encode(into writer: inout Writer) {
        identity.encode(into: &writer)
        writer.opaque(clientName)
        admission.encode(into: &writer)
        writer.opaque(signature)
    }
}
