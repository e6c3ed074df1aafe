public import RelayCore
public import RelayStore
public import RelayTransport
import RelayWire

/// How a relay runs; what an operator may change.
public struct ServerConfiguration: Sendable {
    public var transport: TransportConfiguration
    /// Where the store is; created when it is not there.
    public var dataDirectory: String
    public var store = StoreConfiguration()
    public var core = CoreLimits()
    public var publish = PublishLimits()
    public var session = SessionLimits()
    public var addresses = AddressLimits()
    /// What clients sign that they log in to; at most 255 bytes.
    public var serverName = "mlsrelay"
    /// How long clients may take to go when the relay ends.
    public var shutdownGraceMilliseconds: UInt32 = 5000

    public init(transport: TransportConfiguration, dataDirectory: String) {
        self.transport = transport
        self.dataDirectory = dataDirectory
    }
}

/// What one connection may do. PROTOCOL.md section 9.
public struct SessionLimits: Hashable, Sendable {
    /// Until a client must have authenticated.
    public var helloTimeoutMilliseconds: UInt64 = 10_000
    /// A connection from which nothing came for this long ends; after half of it the relay asks with a Ping.
    public var idleTimeoutMilliseconds: UInt32 = 60_000
    /// Requests that change something and wait for their answer; the relay reads no further while there are as many.
    public var maxRequestsInFlight = 1024
    /// Bytes of messages that wait for their answer, with the same effect.
    public var maxByteCountInFlight = 8 << 20
    /// Requests of one connection in a second, and at once, that are answered from what is stored; 0 for no limit. One that
    /// goes on with all of its groups after a pause has some hundred of them.
    public var maxRequestsPerSecond = 2000
    /// LookUp and SearchUsers of one client in a minute, and at once; 0 for no limit. Each reads many records.
    public var maxSearchesPerMinute = 600
    /// Logs that one connection follows.
    public var maxSubscriptions = 20_000
    /// Bytes of answers that wait for the socket; beyond, no further requests are read.
    public var maxPendingAnswerByteCount = 1 << 20
    /// Bytes of entries that are written to one connection in one turn.
    public var maxWriteByteCount = 256 << 10
    /// The same for a connection that could not take what was written last.
    public var minWriteByteCount = 32 << 10
    /// Bytes of messages that one loop's connections may have waiting for the writer together.
    public var maxByteCountInFlightPerLoop = 128 << 20

    public init() {}
}
