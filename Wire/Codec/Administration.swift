public import TLSPresentation

/// What an operator wants, as a number. PROTOCOL.md section 7.8.
public enum AdministrationType: UInt8, TLSEnumerated, Hashable, Sendable, CaseIterable {
    case createToken = 1
    case revokeToken = 2
    case listTokens = 3
    case suspendUser = 4
    case resumeUser = 5
    case revokeClient = 6
    case voidCommit = 7
    case deleteGroup = 8

    public static var enumerationName: StaticStringName { "AdministrationType" }
}

/// Does what operators alone may do. PROTOCOL.md section 7.8.
/// ```
/// struct {
///   AdministrationType type;
///   select (Administer.type) {
///     case create_token:
///       uint32 uses;
///       uint64 not_after;
///       opaque note<V>;
///     case revoke_token:
///       uint64 token;
///     case list_tokens:
///       struct {};
///     case suspend_user:
///       opaque name<V>;
///     case resume_user:
///       opaque name<V>;
///     case revoke_client:
///       uint64 client;
///       RevocationReason reason;
///     case void_commit:
///       uint64 log;
///       uint64 seq;
///       opaque text<V>;
///     case delete_group:
///       uint64 log;
///   };
/// } Administer;
/// ```
public struct Administer: FrameBody {
    public static let type = FrameType.administer

    public enum Action: Hashable, Sendable {
        /// A token that admits `uses` clients until `notAfter`; `note` is the operator's own, at most 255 bytes.
        case createToken(uses: UInt32, notAfter: Timestamp, note: [UInt8])
        case revokeToken(TokenNumber)
        case listTokens
        case suspendUser(name: [UInt8])
        case resumeUser(name: [UInt8])
        case revokeClient(ClientNumber, RevocationReason)
        case voidCommit(log: LogNumber, sequenceNumber: SequenceNumber, text: [UInt8])
        case deleteGroup(LogNumber)

        public var type: AdministrationType {
            switch self {
            case .createToken: .createToken
            case .revokeToken: .revokeToken
            case .listTokens: .listTokens
            case .suspendUser: .suspendUser
            case .resumeUser: .resumeUser
            case .revokeClient: .revokeClient
            case .voidCommit: .voidCommit
            case .deleteGroup: .deleteGroup
            }
        }
    }

    public var action: Action

    public init(_ action: Action) { self.action = action }

    public init(from reader: inout Reader) throws(DecodingError) {
        switch try AdministrationType(from: &reader) {
        case .createToken:
            let uses = try reader.uint32()
            let notAfter = try Timestamp(from: &reader)
            let note = try reader.opaque(atMost: WireLimits.maxNoteByteCount, "Administer.note")
            action = .createToken(uses: uses, notAfter: notAfter, note: note)
        case .revokeToken:
            action = .revokeToken(try TokenNumber(from: &reader))
        case .listTokens:
            action = .listTokens
        case .suspendUser:
            action = .suspendUser(name: try reader.opaque())
        case .resumeUser:
            action = .resumeUser(name: try reader.opaque())
        case .revokeClient:
            let client = try ClientNumber(from: &reader)
            action = .revokeClient(client, try RevocationReason(from: &reader))
        case .voidCommit:
            let log = try LogNumber(from: &reader)
            let sequenceNumber = try SequenceNumber(from: &reader)
            let text = try reader.opaque(atMost: WireLimits.maxReasonByteCount, "Administer.text")
            action = .voidCommit(log: log, sequenceNumber: sequenceNumber, text: text)
        case .deleteGroup:
            action = .deleteGroup(try LogNumber(from: &reader))
        }
    }

    public func encode(into writer: inout Writer) {
        action.type.encode(into: &writer)
        switch action {
        case .createToken(let uses, let notAfter, let note):
            writer.integer(uses)
            notAfter.encode(into: &writer)
            writer.opaque(note)
        case .revokeToken(let token):
            token.encode(into: &writer)
        case .listTokens:
            break
        case .suspendUser(let name), .resumeUser(let name):
            writer.opaque(name)
        case .revokeClient(let client, let reason):
            client.encode(into: &writer)
            reason.encode(into: &writer)
        case .voidCommit(let log, let sequenceNumber, let text):
            log.encode(into: &writer)
            sequenceNumber.encode(into: &writer)
            writer.opaque(text)
        case .deleteGroup(let log):
            log.encode(into: &writer)
        }
    }
}

/// A token that admits clients; the token itself is told once, when it is made. PROTOCOL.md section 7.8.
/// ```
/// struct { uint64 token; uint32 uses; uint64 not_after; opaque note<V>; } TokenDescription;
/// ```
public struct TokenDescription: TLSCodable, Hashable, Sendable {
    public var token: TokenNumber
    /// How many clients it still admits.
    public var uses: UInt32
    public var notAfter: Timestamp
    public var note: [UInt8]

    public init(token: TokenNumber, uses: UInt32, notAfter: Timestamp, note: [UInt8]) {
        self.token = token
        self.uses = uses
        self.notAfter = notAfter
        self.note = note
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        token = try TokenNumber(from: &reader)
        uses = try reader.uint32()
        notAfter = try Timestamp(from: &reader)
        note = try reader.opaque(atMost: WireLimits.maxNoteByteCount, "TokenDescription.note")
    }
    public func encode(into writer: inout Writer) {
        token.encode(into: &writer)
        writer.integer(uses)
        notAfter.encode(into: &writer)
        writer.opaque(note)
    }
}

/// The answer to Administer. PROTOCOL.md section 7.8.
/// ```
/// struct { opaque token<V>; TokenDescription tokens<V>; } Administered;
/// ```
public struct Administered: FrameBody {
    public static let type = FrameType.administered
    /// After `create_token` the token, else empty.
    public var token: [UInt8]
    /// After `create_token` that one, after `list_tokens` all, else none.
    public var tokens: [TokenDescription]

    public init(token: [UInt8] = [], tokens: [TokenDescription] = []) {
        self.token = token
        self.tokens = tokens
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        token = try reader.opaque(atMost: WireLimits.maxTokenByteCount, "Administered.token")
        tokens = try reader.vector()
    }
    public func encode(into writer: inout Writer) {
        writer.opaque(token)
        writer.vector(tokens)
    }
}
