public import MLSCrypto
public import TLSPresentation

/// The first frame of a connection: which versions the client speaks. PROTOCOL.md section 4.1.
/// ```
/// struct { ProtocolVersion versions<V>; } Hello;
/// ```
public struct Hello: FrameBody {
    public static let type = FrameType.hello
    public var versions: [ProtocolVersion]
    public init(versions: [ProtocolVersion]) { self.versions = versions }
    public init(from reader: inout Reader) throws(DecodingError) { versions = try reader.vector() }
    public func encode(into writer: inout Writer) { writer.vector(versions) }
}

/// The relay's answer to Hello. PROTOCOL.md section 4.2.
/// ```
/// struct { ProtocolVersion version; opaque server_name<V>; opaque nonce[32]; Limits limits; } Challenge;
/// ```
public struct Challenge: FrameBody {
    public static let type = FrameType.challenge
    public var version: ProtocolVersion
    public var serverName: [UInt8]
    /// Fresh for every connection, 32 bytes.
    public var nonce: [UInt8]
    public var limits: Limits

    /// - Precondition: `nonce` has 32 bytes.
    public init(version: ProtocolVersion, serverName: [UInt8], nonce: [UInt8], limits: Limits) {
        precondition(nonce.count == WireLimits.nonceByteCount, "a nonce of 32 bytes")
        self.version = version
        self.serverName = serverName
        self.nonce = nonce
        self.limits = limits
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        version = try ProtocolVersion(from: &reader)
        serverName = try reader.opaque()
        nonce = try reader.bytes(count: WireLimits.nonceByteCount)
        limits = try Limits(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        version.encode(into: &writer)
        writer.opaque(serverName)
        writer.raw(nonce)
        limits.encode(into: &writer)
    }
}

/// Who a client is: the name of its user, and the signature key that alone is its own. PROTOCOL.md section 4.3.
/// ```
/// struct { opaque name<V>; SignatureScheme scheme; opaque signature_key<V>; } Identity;
/// ```
public struct Identity: TLSCodable, Hashable, Sendable {
    /// The user's: UTF-8, 1 to 255 bytes, no control characters.
    public var name: [UInt8]
    public var scheme: SignatureScheme
    /// As RFC 9420 section 5.1.1 encodes it.
    public var signatureKey: [UInt8]

    public init(name: [UInt8], scheme: SignatureScheme, signatureKey: [UInt8]) {
        self.name = name
        self.scheme = scheme
        self.signatureKey = signatureKey
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        name = try reader.opaque()
        scheme = try SignatureScheme(from: &reader)
        signatureKey = try reader.opaque()
    }
    public func encode(into writer: inout Writer) {
        writer.opaque(name)
        scheme.encode(into: &writer)
        writer.opaque(signatureKey)
    }

    /// Whether `name` is one that a relay registers a user under.
    public static func isValidName(_ name: [UInt8]) -> Bool {
        (1...WireLimits.maxNameByteCount).contains(name.count) && isText(name)
    }

    /// Whether `name` is one that a user may give a client.
    public static func isValidClientName(_ name: [UInt8]) -> Bool {
        name.count <= WireLimits.maxClientNameByteCount && isText(name)
    }

    /// Whether `bytes` are UTF-8 without control characters.
    public static func isText(_ bytes: [UInt8]) -> Bool {
        guard let text = String(validating: bytes, as: UTF8.self) else { return false }
        // The general category Cc, whole.
        return !text.unicodeScalars.contains { $0.value < 0x20 || (0x7f...0x9f).contains($0.value) }
    }
}

/// What a client signs to show that the key is its own. PROTOCOL.md section 4.3.
/// ```
/// struct {
///   ProtocolVersion version;
///   opaque server_name<V>;
///   opaque nonce[32];
///   FrameType purpose;
///   Identity identity;
///   select (AuthenticationTBS.purpose) {
///     case register:
///       opaque client_name<V>;
///       Admission admission;
///     case authenticate:
///       struct {};
///   };
/// } AuthenticationTBS;
/// ```
public struct AuthenticationTBS: TLSEncodable {
    /// The label of the signature, with `SignatureLabel.prefix` before it.
    public static let label = "Authentication"

    public var challenge: Challenge
    /// `register` or `authenticate`: the frame that carries the signature.
    public var purpose: FrameType
    public var identity: Identity
    /// As in the Register; not signed for an Authenticate.
    public var clientName: [UInt8]
    /// As in the Register; not signed for an Authenticate.
    public var admission: Admission

    public init(
        challenge: Challenge, purpose: FrameType, identity: Identity, clientName: [UInt8] = [],
        admission: Admission = .open
    ) {
        self.challenge = challenge
        self.purpose = purpose
        self.identity = identity
        self.clientName = clientName
        self.admission = admission
    }
    public func encode(into writer: inout Writer) {
        challenge.version.encode(into: &writer)
        writer.opaque(challenge.serverName)
        writer.raw(challenge.nonce)
        writer.integer(purpose.rawValue)
        identity.encode(into: &writer)
        if purpose == .register {
            writer.opaque(clientName)
            admission.encode(into: &writer)
        }
    }
}

/// Labels of this protocol's signatures. PROTOCOL.md section 4.3.
public enum SignatureLabel {
    /// Where RFC 9420 section 5.1.2 has "MLS 1.0 ".
    public static let prefix = "mlsrelay 1.0 "
}

/// Authenticates as a registered client. PROTOCOL.md section 4.3.
/// ```
/// struct { Identity identity; opaque signature<V>; } Authenticate;
/// ```
public struct Authenticate: FrameBody {
    public static let type = FrameType.authenticate
    public var identity: Identity
    public var signature: [UInt8]
    public init(identity: Identity, signature: [UInt8]) {
        self.identity = identity
        self.signature = signature
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        identity = try Identity(from: &reader)
        signature = try reader.opaque()
    }
    public func encode(into writer: inout Writer) {
        identity.encode(into: &writer)
        writer.opaque(signature)
    }
}

/// The client is who it says it is; requests may come. PROTOCOL.md section 4.4.
/// ```
/// struct { uint64 client; uint64 time; } Ready;
/// ```
public struct Ready: FrameBody {
    public static let type = FrameType.ready
    public var client: ClientNumber
    /// The relay's clock.
    public var time: Timestamp
    public init(client: ClientNumber, time: Timestamp) {
        self.client = client
        self.time = time
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        client = try ClientNumber(from: &reader)
        time = try Timestamp(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        client.encode(into: &writer)
        time.encode(into: &writer)
    }
}

/// Asks the other side for a Pong with the same data. PROTOCOL.md section 4.5.
/// ```
/// struct { opaque data<V>; } Ping;
/// ```
public struct Ping: FrameBody {
    public static let type = FrameType.ping
    public var data: [UInt8]
    public init(data: [UInt8]) { self.data = data }
    public init(from reader: inout Reader) throws(DecodingError) { data = try decodePingData(&reader) }
    public func encode(into writer: inout Writer) { writer.opaque(data) }
}

/// The answer to a Ping. PROTOCOL.md section 4.5.
/// ```
/// struct { opaque data<V>; } Pong;
/// ```
public struct Pong: FrameBody {
    public static let type = FrameType.pong
    public var data: [UInt8]
    public init(data: [UInt8]) { self.data = data }
    public init(from reader: inout Reader) throws(DecodingError) { data = try decodePingData(&reader) }
    public func encode(into writer: inout Writer) { writer.opaque(data) }
}

private func decodePingData(_ reader: inout Reader) throws(DecodingError) -> [UInt8] {
    let data = try reader.opaque()
    guard data.count <= WireLimits.maxPingByteCount else {
        throw reader.error(.invalidLength(type: "Ping.data", byteCount: data.count))
    }
    return data
}

/// The relay is about to close the connection for no fault of the client's. PROTOCOL.md section 4.6.
/// ```
/// struct { uint32 grace_ms; opaque text<V>; } GoAway;
/// ```
public struct GoAway: FrameBody {
    public static let type = FrameType.goAway
    /// How long the relay still answers what it has received, in milliseconds.
    public var graceMilliseconds: UInt32
    public var text: [UInt8]
    public init(graceMilliseconds: UInt32, text: [UInt8]) {
        self.graceMilliseconds = graceMilliseconds
        self.text = text
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        graceMilliseconds = try reader.uint32()
        text = try reader.opaque()
    }
    public func encode(into writer: inout Writer) {
        writer.integer(graceMilliseconds)
        writer.opaque(text)
    }
}
