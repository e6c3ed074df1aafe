import RelayWire

/// How a `ClientSocket` connects.
public struct ConnectOptions: Sendable {
    /// How long it may take until frames can be sent: name, connection, TLS and WebSocket together.
    public var timeout: Duration = .seconds(10)
    /// How long the peer may take to close after `close()`.
    public var closeTimeout: Duration = .seconds(2)
    /// Whom to trust on `wss` and `tls`; nil for the authorities that this machine trusts.
    public var tls: TLSClientContext?
    /// The address to connect from, of the relay's family; nil to leave it to the kernel. Its port is usually 0: then
    /// one is chosen when the relay's address is known, so that each local address has all of them for each relay.
    public var localAddress: SocketAddress?
    /// Bytes of the largest frame body that is taken from the peer.
    public var maxFrameByteCount = WireLimits.maxFrameByteCount
    /// Bytes that may wait to be sent: `send` refuses what would exceed it. A frame of the largest size fits.
    public var maxPendingByteCount = WireLimits.maxFrameByteCount + 1 << 20
    /// The kernel's receive buffer, in bytes; nil to leave it to the kernel. A small one shows what a slow reader does.
    public var receiveBufferByteCount: Int32?

    public init() {}
}
