public import TLSPresentation

/// Limits that the protocol itself sets. PROTOCOL.md section 9.
public enum WireLimits {
    /// Bytes of the largest frame body that any relay may accept: 16 MiB.
    public static let maxFrameByteCount = 16 << 20
    /// Bytes of the largest frame body before Ready: whoever has not said who it is gets no memory of the relay's.
    public static let maxFrameByteCountBeforeReady = 16 << 10
    /// Bytes of a Hello frame with its length: its first byte stays below 0x40, which no HTTP method begins with.
    public static let maxHelloByteCount = 63
    /// Bytes of a user's name, at least 1.
    public static let maxNameByteCount = 255
    /// Bytes of a client's name.
    public static let maxClientNameByteCount = 64
    /// Bytes of a token that admits clients.
    public static let maxTokenByteCount = 64
    /// Bytes of an operator's note about a token.
    public static let maxNoteByteCount = 255
    /// Bytes of a group's name, and of its alias.
    public static let maxGroupNameByteCount = 255
    /// Bytes of what an inviter tells whom it invites.
    public static let maxInfoByteCount = 1024
    /// Bytes of a text that says why a commit is denied or void: it becomes an entry.
    public static let maxReasonByteCount = 1024
    /// Names in a LookUp.
    public static let maxNamesPerLookUp = 256
    /// Names in UserNames, groups in a GroupList.
    public static let maxSearchResultCount = 1000
    /// Heads in a CheckHeads: the answer has a line for every member of each group.
    public static let maxHeadsPerCheck = 256
    /// Bytes of the winning commit's Entry in an EpochDetail.
    public static let maxEntryInDetailByteCount = 64 << 10
    /// Bytes of a group id, at least 1: with its prefix it is a key of the store.
    public static let maxGroupIDByteCount = 255
    /// Bytes of the data in a ping.
    public static let maxPingByteCount = 64
    /// Bytes of the relay's name.
    public static let maxServerNameByteCount = 255
    /// Requests in a FetchKeyPackages: with 32 KiB each their answer still fits into a frame.
    public static let maxKeyPackageRequests = 256
    /// Bytes of a challenge's nonce.
    public static let nonceByteCount = 32
}

/// What a relay told its client that it accepts. PROTOCOL.md section 9.
/// ```
/// struct { uint32 max_frame_byte_count; uint32 max_message_byte_count; uint32 max_messages_per_publish;
///          uint32 max_requests_in_flight; uint32 max_subscriptions; uint32 idle_timeout_ms; } Limits;
/// ```
public struct Limits: TLSCodable, Hashable, Sendable {
    /// Bytes of the largest frame body.
    public var maxFrameByteCount: UInt32
    /// Bytes of the largest MLSMessage.
    public var maxMessageByteCount: UInt32
    public var maxMessagesPerPublish: UInt32
    /// Requests of one connection without their answer; the relay reads no further while there are more.
    public var maxRequestsInFlight: UInt32
    /// Subscriptions of one connection.
    public var maxSubscriptions: UInt32
    /// A connection from which nothing came for this long ends, in milliseconds.
    public var idleTimeoutMilliseconds: UInt32

    public init(
        maxFrameByteCount: UInt32, maxMessageByteCount: UInt32, maxMessagesPerPublish: UInt32,
        maxRequestsInFlight: UInt32, maxSubscriptions: UInt32, idleTimeoutMilliseconds: UInt32
    ) {
        self.maxFrameByteCount = maxFrameByteCount
        self.maxMessageByteCount = maxMessageByteCount
        self.maxMessagesPerPublish = maxMessagesPerPublish
        self.maxRequestsInFlight = maxRequestsInFlight
        self.maxSubscriptions = maxSubscriptions
        self.idleTimeoutMilliseconds = idleTimeoutMilliseconds
    }

    public init(from reader: inout Reader) throws(DecodingError) {
        maxFrameByteCount = try reader.uint32()
        maxMessageByteCount = try reader.uint32()
        maxMessagesPerPublish = try reader.uint32()
        maxRequestsInFlight = try reader.uint32()
        maxSubscriptions = try reader.uint32()
        idleTimeoutMilliseconds = try reader.uint32()
    }

    public func encode(into writer: inout Writer) {
        writer.integer(maxFrameByteCount)
        writer.integer(maxMessageByteCount)
        writer.integer(maxMessagesPerPublish)
        writer.integer(maxRequestsInFlight)
        writer.integer(maxSubscriptions)
        writer.integer(idleTimeoutMilliseconds)
    }
}
