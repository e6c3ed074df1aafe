public import MLSCodec
public import MLSCrypto
public import MLSPublicGroup

/// How a member of a group behaves where RFC 9420 leaves the choice.
public struct GroupConfiguration: Sendable {
    /// How handshake messages are sent. RFC 9420 section 6.
    public enum HandshakeFraming: Hashable, Sendable {
        /// Everybody who forwards them can follow the group: `PublicGroup`.
        case publicMessage
        case privateMessage
    }

    /// What is refused, when it is, and who is believed.
    public var policy: ValidationPolicy
    public var handshakeFraming: HandshakeFraming
    /// What hides the length of a PrivateMessage. RFC 9420 section 15.1.
    public var padding: Padding
    /// The suites that one's own leaf nodes list.
    public var cipherSuites: [CipherSuite]
    /// Whether numbers that nobody understands go into one's own capabilities and extensions, so that nobody comes to rely
    /// on knowing them all. RFC 9420 section 13.5.
    public var sendsGREASE: Bool
    /// How far apart messages may come, and how many keys of messages that did not come are kept.
    public var messageKeyLimits: SecretTreeLimits
    /// How many epochs back messages can still be read; each keeps its keys for as long. RFC 9420 section 15.3.
    public var maxPastEpochCount: Int
    /// How many epochs back resumption PSKs are kept. RFC 9420 section 8.6.
    public var maxResumptionPSKCount: Int
    /// How many threads encrypt a Commit's secrets for its recipients, at least 1.
    public var encryptionThreadCount: Int
    /// Where all randomness comes from.
    public var randomSource: RandomSource

    public init(
        policy: ValidationPolicy = ValidationPolicy(), handshakeFraming: HandshakeFraming = .publicMessage,
        padding: Padding = .none, cipherSuites: [CipherSuite] = (1...7).map { CipherSuite(rawValue: $0) },
        sendsGREASE: Bool = true, messageKeyLimits: SecretTreeLimits = SecretTreeLimits(), maxPastEpochCount: Int = 3,
        maxResumptionPSKCount: Int = 32, encryptionThreadCount: Int = 1, randomSource: RandomSource = .system
    ) {
        self.policy = policy
        self.handshakeFraming = handshakeFraming
        self.padding = padding
        self.cipherSuites = cipherSuites
        self.sendsGREASE = sendsGREASE
        self.messageKeyLimits = messageKeyLimits
        self.maxPastEpochCount = maxPastEpochCount
        self.maxResumptionPSKCount = maxResumptionPSKCount
        self.encryptionThreadCount = encryptionThreadCount
        self.randomSource = randomSource
    }
}
