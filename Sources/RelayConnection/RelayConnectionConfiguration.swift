public import ClientTransport
public import RelayWire

/// How a `RelayConnection` connects, waits and buffers.
public struct RelayConnectionConfiguration: Sendable {
    /// How to register the identity where the relay does not know it; nil to fail there with `identityUnknown`. A relay
    /// that knows it does not look at this.
    public var registration: Registration?
    /// The name that the relay has to have, which is part of what is signed; nil for any. Another one ends the client.
    public var expectedServerName: [UInt8]?
    /// How long a request may take, lost connections and all, unless it says otherwise.
    public var requestTimeout: Duration = .seconds(30)
    /// How many entries of a log may be on the way or wait for whoever iterates: a slow reader stops its own log alone.
    public var window = 1024
    /// How long to wait before a connection is tried again.
    public var backoff = Backoff()
    /// How long nothing may come before the relay is asked whether it is there; a third of the relay's own patience if
    /// that is less.
    public var pingInterval: Duration = .seconds(20)
    /// How long it may take to answer that.
    public var pingTimeout: Duration = .seconds(10)
    public var socket = ConnectOptions()
    /// The loop to live on; nil for the one of the process. It has to run for as long as the client is there.
    public var loop: LoopMailbox?

    public init() {}

    /// Whether to register the identity; as a client without a name, by a relay that lets everybody in, unless
    /// `registration` says otherwise.
    public var registers: Bool {
        get { registration != nil }
        set { registration = newValue ? registration ?? Registration() : nil }
    }
}

/// What a client says of itself when it registers. PROTOCOL.md section 4.3.
public struct Registration: Hashable, Sendable {
    /// What the user calls this client: at most 64 bytes of UTF-8 without control characters, perhaps none.
    public var clientName: [UInt8]
    /// Why it may register.
    public var admission: Admission

    public init(clientName: [UInt8] = [], admission: Admission = .open) {
        self.clientName = clientName
        self.admission = admission
    }
}

/// Waiting times that grow from one failure to the next, and differ from client to client.
public struct Backoff: Hashable, Sendable {
    public var initial: Duration
    public var maximum: Duration

    public init(initial: Duration = .milliseconds(500), maximum: Duration = .seconds(30)) {
        self.initial = initial
        self.maximum = maximum
    }

    /// The longest wait after the failure number `attempt`, from 0 on: doubled each time.
    func limit(attempt: Int) -> Duration { min(maximum, initial * (1 << min(attempt, 20))) }

    /// A wait between half of the limit and the limit: many clients of one relay do not come back at once.
    func delay(attempt: Int, using generator: inout some RandomNumberGenerator) -> Duration {
        limit(attempt: attempt) * Double.random(in: 0.5...1, using: &generator)
    }
}
