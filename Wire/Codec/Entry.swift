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
    /// A `CredentialNotice`.
    public static let credentialIssued = Self(rawValue: 5)
    /// A `KeyRotationNotice`.
    public static let keyRotated = Self(rawValue: 6)
    /// A `RevocationNotice`.
    public static let clientRevoked = Self(rawValue: 7)
    /// A `SuspensionNotice`.
    public static let userSuspended = Self(rawValue: 8)
    /// A `GroupChangeNotice`.
    public static let groupChanged = Self(rawValue: 9)
    /// A `RoleNotice`.
    public static let roleChanged = Self(rawValue: 10)
    /// A `VoidNotice`.
    public static let commitVoided = Self(rawValue: 11)
    /// A `DeletionNotice`.
    public static let groupDeleted = Self(rawValue: 12)
    /// A `MemberChangeNotice`.
    public static let memberChanged = Self(rawValue: 13)
    /// An `InvitationNotice`.
    public static let invitation = Self(rawValue: 16)
    /// An `InvitationAnswerNotice`.
    public static let invitationAnswer = Self(rawValue: 17)
    /// A `RemovalNotice`.
    public static let removed = Self(rawValue: 18)
    /// An `EmptyNotice`.
    public static let groupEmpty = Self(rawValue: 19)
    /// A `VoidedWelcomeNotice`.
    public static let welcomeVoided = Self(rawValue: 20)
    /// A `LowPoolNotice`.
    public static let poolLow = Self(rawValue: 21)
    /// A `LastResortNotice`.
    public static let lastResortUsed = Self(rawValue: 22)
    /// An `ExpiryNotice`.
    public static let credentialExpiring = Self(rawValue: 23)
    /// A `ReservationNotice`.
    public static let keyPackageReserved = Self(rawValue: 24)
    /// A `ReservationNotice`.
    public static let keyPackageReturned = Self(rawValue: 25)
    /// A `KeyPackageExpiryNotice`.
    public static let keyPackageExpired = Self(rawValue: 26)

    /// Every kind that this version of the protocol has, with its name as PROTOCOL.md writes it.
    public static let names: [(kind: EntryKind, name: String)] = [
        (.message, "message"), (.identity, "identity"), (.groupCreated, "group_created"),
        (.keyPackageHandedOut, "key_package_handed_out"), (.credentialIssued, "credential_issued"),
        (.keyRotated, "key_rotated"), (.clientRevoked, "client_revoked"), (.userSuspended, "user_suspended"),
        (.groupChanged, "group_changed"), (.roleChanged, "role_changed"), (.commitVoided, "commit_voided"),
        (.groupDeleted, "group_deleted"), (.memberChanged, "member_changed"), (.invitation, "invitation"),
        (.invitationAnswer, "invitation_answer"), (.removed, "removed"), (.groupEmpty, "group_empty"),
        (.welcomeVoided, "welcome_voided"), (.poolLow, "pool_low"), (.lastResortUsed, "last_resort_used"),
        (.credentialExpiring, "credential_expiring"), (.keyPackageReserved, "key_package_reserved"),
        (.keyPackageReturned, "key_package_returned"), (.keyPackageExpired, "key_package_expired"),
    ]

    public var description: String { Self.names.first { $0.kind == self }?.name ?? "kind \(rawValue)" }
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

    init(from reader: inout Reader) throws(DecodingError) {
        log = LogNumber(rawValue: try reader.uint64())
        sequenceNumber = SequenceNumber(rawValue: try reader.uint64())
        time = Timestamp(rawValue: try reader.uint64())
        sender = ClientNumber(rawValue: try reader.uint64())
        kind = EntryKind(rawValue: try reader.uint8())
    }
    func encode(into writer: inout Writer) {
        writer.integer(log.rawValue)
        writer.integer(sequenceNumber.rawValue)
        writer.integer(time.rawValue)
        writer.integer(sender.rawValue)
        writer.integer(kind.rawValue)
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
        header.encode(into: &writer)
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
        unsafe writeFrameStart(
            bodyByteCount: bodyByteCount(payloadByteCount: payload.byteCount), type: .entry, to: &next)
        unsafe header.write(to: next)
        unsafe next += EntryHeader.byteCount
        unsafe chain.copyBytes(to: next)
        unsafe next += 32
        unsafe writeVarint(payload.byteCount, to: &next)
        unsafe payload.withUnsafeBytes { bytes in
            if let start = bytes.baseAddress { unsafe next.copyMemory(from: start, byteCount: bytes.count) }
        }
    }

    /// Writes the length and the header of a frame that is pushed, and moves behind them.
    @unsafe static func writeFrameStart(bodyByteCount: Int, type: FrameType, to next: inout UnsafeMutableRawPointer) {
        unsafe writeVarint(bodyByteCount, to: &next)
        unsafe next.storeBytes(of: type.rawValue, as: UInt8.self)
        unsafe next.storeBytes(of: 0, toByteOffset: 1, as: UInt32.self)
        unsafe next += FrameHeader.byteCount
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
        header = try EntryHeader(from: &reader)
        chain = SHA256Digest(try reader.span(byteCount: 32))
        payload = try reader.opaqueSpan()
    }
}
