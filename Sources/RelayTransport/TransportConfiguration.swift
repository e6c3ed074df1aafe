/// What the transport accepts, and where.
public struct TransportConfiguration: Sendable {
    public var listeners: [ListenAddress]
    /// The certificate chain and its key, PEM files, for `wss` and `tls`.
    public var certificatePath: String?
    public var privateKeyPath: String?
    /// Service loops, a thread each.
    public var loopCount: Int
    /// Connections of one loop; more are closed as they come.
    public var maxConnectionsPerLoop = 100_000
    /// Bytes of the largest frame body.
    public var maxFrameByteCount = 4 << 20
    /// How long a connection that ends may take to say goodbye.
    public var closeTimeoutMilliseconds: UInt64 = 2000
    /// How long an HTTP head may take.
    public var handshakeTimeoutMilliseconds: UInt64 = 10_000

    var needsCertificate: Bool { listeners.contains { $0.scheme.isEncrypted } }

    public init(listeners: [ListenAddress], loopCount: Int = 1) {
        self.listeners = listeners
        self.loopCount = loopCount
    }
}
