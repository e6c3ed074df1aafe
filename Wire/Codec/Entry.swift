public import MLSCrypto
public import TLSPresentation

/// What an entry's payload is. PROTOCOL.md section 6.
public struct EntryKind: TLSRegistered, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// An MLSMessage that a client published.
    public static let message = Self(rawValue: 1)
    /// An `IdentityNotice`.
    public static let identity = Self(rawValue: 2)
    /// A `GroupNotice`.
    public static let groupCreated = Self(rawValue: 3)
    /// A `KeyPackageNotice`.
    public static let keyPackageHandedOut = Self(rawValue: 4)

    public var description: String {
        switch self {
        case .message: "message"
        case .identity: "identity"
        case .groupCreated: "group_created"
        case .keyPackageHandedOut: "key_package_handed_out"
        default: "kind \(rawValue)"
        }
    }
}

/// All of an entry but its chain hash and payload. PROTOCOL.md section 6.
public struct EntryHeader: Hashable, Sendable {
    public var log: LogNumber
    public var sequenceNumber: SequenceNumber
    /// Never before the time of the entry before.
    public var time: Timestamp
    /// Who published it; `.relay` for what the relay itself says.
    public var sender: ClientNumber
    public var kind: EntryKind

    public static let byteCount = 4 * 8 + 1

    public init(log: LogNumber, sequenceNumber: SequenceNumber, time: Timestamp, sender: ClientNumber, kind: EntryKind)
    {
        self.log = log
        self.sequenceNumber = sequenceNumber
        self.time = time
        self.sender = sender
        self.kind = kind
    }

    /// Writes the header's `byteCount` bytes to `target`, which must have room for them.
    @unsafe func write(to target: UnsafeMutableRawPointer) {
        unsafe target.storeBytes(of: log.rawValue.bigEndian, as: UInt64.self)
        unsafe target.storeBytes(of: sequenceNumber.rawValue.bigEndian, toByteOffset: 8, as: UInt64.self)
        unsafe target.storeBytes(of: time.rawValue.bigEndian, toByteOffset: 16, as: UInt64.self)
        unsafe target.storeBytes(of: sender.rawValue.bigEndian, toByteOffset: 24, as: UInt64.self)
        unsafe target.storeBytes(of: kind.rawValue, toByteOffset: 32, as: UInt8.self)
    }
}

/// One entry of a log. PROTOCOL.md section 6.
/// ```
/// struct { uint64 log; uint64 seq; uint64 time; uint64 sender; EntryKind kind; opaque chain[32];
///          opaque payload<V>; } Entry;
/// ```
/// The store keeps an entry as the frame that subscribers receive, `Entry.frame`.
public struct Entry: TLSCodable, Hashable, Sendable {
    public var header: EntryHeader
    public var chain: SHA256Digest
    public var payload: [UInt8]

    public init(header: EntryHeader, chain: SHA256Digest, payload: [UInt8]) {
        self.header = header
        self.chain = chain
        self.payload = payload
    }

    public init(from reader: inout Reader) throws(DecodingError) {
        let view = try EntryView(from: &reader)
        self.init(header: view.header, chain: view.chain, payload: [UInt8](view.payload))
    }

    public func encode(into writer: inout Writer) {
        writer.integer(header.log.rawValue)
        writer.integer(header.sequenceNumber.rawValue)
        writer.integer(header.time.rawValue)
        writer.integer(header.sender.rawValue)
        writer.integer(header.kind.rawValue)
        chain.encode(into: &writer)
        writer.opaque(payload)
    }

    /// Bytes of the frame, length included, of an entry whose payload has `payloadByteCount` bytes.
    public static func frameByteCount(payloadByteCount: Int) -> Int {
        let body = bodyByteCount(payloadByteCount: payloadByteCount)
        return Writer.varintByteCount(body) + body
    }

    private static func bodyByteCount(payloadByteCount: Int) -> Int {
        FrameHeader.byteCount + EntryHeader.byteCount + 32 + Writer.varintByteCount(payloadByteCount) + payloadByteCount
    }

    /// Writes the entry's frame, `frameByteCount` bytes, to `target`, which must have room for them.
    @unsafe public static func writeFrame(
        to target: UnsafeMutableRawPointer, header: EntryHeader, chain: SHA256Digest, payload: RawSpan
    ) {
        var next = unsafe target
        unsafe writeVarint(bodyByteCount(payloadByteCount: payload.byteCount), to: &next)
        unsafe next.storeBytes(of: FrameType.entry.rawValue, as: UInt8.self)
        unsafe next.storeBytes(of: 0, toByteOffset: 1, as: UInt32.self)
        unsafe next += FrameHeader.byteCount
        unsafe header.write(to: next)
        unsafe next += EntryHeader.byteCount
        unsafe chain.copyBytes(to: next)
        unsafe next += 32
        unsafe writeVarint(payload.byteCount, to: &next)
        unsafe payload.withUnsafeBytes { bytes in
            if let start = bytes.baseAddress { unsafe next.copyMemory(from: start, byteCount: bytes.count) }
        }
    }

    @unsafe private static func writeVarint(_ value: Int, to next: inout UnsafeMutableRawPointer) {
        switch Writer.varintByteCount(value) {
        case 1: unsafe next.storeBytes(of: UInt8(value), as: UInt8.self)
        case 2: unsafe next.storeBytes(of: (UInt16(value) | 0x4000).bigEndian, as: UInt16.self)
        default: unsafe next.storeBytes(of: (UInt32(value) | 0x8000_0000).bigEndian, as: UInt32.self)
        }
        unsafe next += Writer.varintByteCount(value)
    }
}

/// An entry read in place: the payload stays where it is.
public struct EntryView: ~Escapable {
    public let header: EntryHeader
    public let chain: SHA256Digest
    public let payload: RawSpan

    /// Reads the body of an `Entry` frame, after its frame header.
    @_lifetime(copy reader)
    public init(from reader: inout Reader) throws(DecodingError) {
        header = EntryHeader(
            log: LogNumber(rawValue: try reader.uint64()),
            sequenceNumber: SequenceNumber(rawValue: try reader.uint64()),
            time: Timestamp(rawValue: try reader.uint64()),
            sender: ClientNumber(rawValue: try reader.uint64()),
            kind: EntryKind(rawValue: try reader.uint8()))
        chain = SHA256Digest(try reader.span(byteCount: 32))
        payload = try reader.opaqueSpan()
    }
}

/// The payload of an `identity` entry in the directory. PROTOCOL.md section 6.
/// ```
/// struct { uint64 client; opaque name<V>; SignatureScheme scheme; opaque signature_key<V>; } IdentityNotice;
/// ```
public struct IdentityNotice: TLSCodable, Hashable, Sendable {
    public var client: ClientNumber
    public var identity: Identity

    public init(client: ClientNumber, identity: Identity) {
        self.client = client
        self.identity = identity
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        client = try ClientNumber(from: &reader)
        identity = try Identity(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        client.encode(into: &writer)
        identity.encode(into: &writer)
    }
}

/// The payload of a `group_created` entry. PROTOCOL.md section 6.
/// ```
/// struct { uint64 log; uint64 creator; uint64 epoch; opaque group_id<V>; } GroupNotice;
/// ```
public struct GroupNotice: TLSCodable, Hashable, Sendable {
    public var log: LogNumber
    public var creator: ClientNumber
    public var epoch: Epoch
    public var groupID: [UInt8]

    public init(log: LogNumber, creator: ClientNumber, epoch: Epoch, groupID: [UInt8]) {
        self.log = log
        self.creator = creator
        self.epoch = epoch
        self.groupID = groupID
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        log = try LogNumber(from: &reader)
        creator = try ClientNumber(from: &reader)
        epoch = try Epoch(from: &reader)
        groupID = try reader.opaque()
    }
    public func encode(into writer: inout Writer) {
        log.encode(into: &writer)
        creator.encode(into: &writer)
        epoch.encode(into: &writer)
        writer.opaque(groupID)
    }
}

/// The payload of a `key_package_handed_out` entry. PROTOCOL.md section 6.
/// ```
/// struct { uint64 seq; uint64 recipient; } KeyPackageNotice;
/// ```
public struct KeyPackageNotice: TLSCodable, Hashable, Sendable {
    /// Where in the same log the KeyPackage stands.
    public var sequenceNumber: SequenceNumber
    /// Who got it.
    public var recipient: ClientNumber

    public init(sequenceNumber: SequenceNumber, recipient: ClientNumber) {
        self.sequenceNumber = sequenceNumber
        self.recipient = recipient
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        sequenceNumber = try SequenceNumber(from: &reader)
        recipient = try ClientNumber(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        sequenceNumber.encode(into: &writer)
        recipient.encode(into: &writer)
    }
}
