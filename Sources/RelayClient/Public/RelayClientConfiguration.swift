/// How a `RelayClient` connects, and what it does by itself.
public struct RelayClientConfiguration: Sendable {
    // Whom to trust.
    /// A file with the certificate authorities (PEM) to trust on `wss:` and `tls:`; nil for those of this machine.
    public var certificateAuthorities: String?
    /// The root of the relay's Authentication Service, a certificate in DER, if it came by another way; nil to take what
    /// the relay says when this device registers, and to keep that.
    public var authorityRoot: [UInt8]?

    // Patience.
    /// How long a request may take, lost connections and all.
    public var requestTimeout: Duration = .seconds(30)
    /// How long to wait before a lost connection is made again: at first, and at most.
    public var reconnectDelay: ClosedRange<Duration> = .milliseconds(500) ... .seconds(30)

    // KeyPackages. RFC 9750 section 5.1.
    /// How many KeyPackages are to lie at the relay, so that this device can be added to groups while it is away.
    public var keyPackageCount = 50
    /// How long a KeyPackage may be used.
    public var keyPackageLifetime: Duration = .seconds(30 * 86_400)

    // Groups.
    /// How old this device's keys in a group may become before they are renewed. RFC 9420 section 16.6.
    public var keyUpdateInterval: Duration = .seconds(7 * 86_400)
    /// How long a member waits, after those that come before it, before it commits what somebody has proposed: the first
    /// in turn does at once.
    public var commitDelay: Duration = .milliseconds(500)
    /// Whether delivered and acknowledged messages are told.
    public var followsReceipts = true
    /// How often the histories that members have seen are compared, besides with each message.
    public var headCheckInterval: Duration = .seconds(300)
    /// How long after a first finding it is checked again before it is reported.
    public var secondCheckDelay: Duration = .seconds(3)
    /// How many epochs back messages can be read that come late. RFC 9420 section 15.3.
    public var pastEpochCount = 16
    /// To what multiple of bytes messages are padded, so that their length says less. RFC 9420 section 15.1.
    public var paddingByteCount = 64

    public init() {}
}
