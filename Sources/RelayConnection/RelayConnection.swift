public import ClientTransport
public import RelayWire

/// A client of one relay: an identity, and a connection that comes back whenever it is lost.
///
/// Requests wait for a connection and are sent again on the next one where that is harmless, until their time is over.
/// Logs that are followed go on where they were. What cannot be mended (an identity that the relay refuses, a version
/// that it does not speak, a certificate that is not to be trusted) ends the client, with that error for everybody.
///
/// The actor lives on its loop: its code runs on the loop's thread, beside its socket, and nothing is carried between
/// threads but the batches of entries that readers take out.
public actor RelayConnection {
    /// What the client is doing.
    public enum State: Hashable, Sendable {
        /// Not connected, and not about to be.
        case idle
        case connecting
        case ready(ClientNumber)
        /// The connection was lost for this reason; it is tried again after so long.
        case waiting(Duration, RelayConnectionError)
        /// For good: closed, or ended by this error.
        case ended(RelayConnectionError)
    }

    public nonisolated let url: RelayURL
    public nonisolated let identity: ConnectionIdentity
    let configuration: RelayConnectionConfiguration
    nonisolated let mailbox: LoopMailbox

    public private(set) var state = State.idle
    /// What the relay accepts; nil while there is no connection.
    public internal(set) var limits: Limits?
    /// The relay's name, as its operator chose it; nil until the first connection is ready.
    public internal(set) var serverName: [UInt8]?
    /// The client's number, once the relay has said it.
    public internal(set) var clientNumber: ClientNumber?

    // The connection.
    private let linkOwner: LinkOwner
    var lastLinkNumber = 0
    var hasBeenReady = false
    var readySince: ContinuousClock.Instant?
    /// The relay is going: nothing more is sent on this connection.
    var isDraining = false
    /// Failures one after the other.
    var attempt = 0
    var reconnectDeadline: DeadlineID?
    var keepAliveDeadline: DeadlineID?
    var lastPing: ContinuousClock.Instant?

    // Who waits for what.
    var table = RequestTable()
    var connectWaiters: [Int: CheckedContinuation<Result<Void, RelayConnectionError>, Never>] = [:]
    /// Subscriptions that wait for their first results.
    var batches: [Int: SubscriptionBatch] = [:]
    var closeWaiters: [CheckedContinuation<Void, Never>] = []
    private let observers = StateObservers()
    let receiptsObservers = ReceiptsObservers()
    private var lastID = 0

    // Logs.
    var followers: [FollowerID: LogFollower] = [:]
    var followersByLog: [RelayLog: FollowerID] = [:]
    /// Those that the relay follows on the present connection.
    var followersByNumber: [LogNumber: FollowerID] = [:]
    /// Credit that is about to be given.
    var credit: [LogNumber: SequenceNumber] = [:]
    var chain = Chain()

    public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe mailbox.asUnownedSerialExecutor() }

    /// A client that is not connected yet.
    /// - Throws: `connectionFailed` where the process cannot have a loop.
    public init(
        url: RelayURL, identity: ConnectionIdentity,
        configuration: RelayConnectionConfiguration = RelayConnectionConfiguration()
    ) throws(RelayConnectionError) {
        self.url = url
        self.identity = identity
        self.configuration = configuration
        do throws(TransportError) {
            mailbox = if let loop = configuration.loop { loop } else { try ClientLoop.sharedThread() }
        } catch {
            throw RelayConnectionError(error, wasReady: false)
        }
        linkOwner = LinkOwner(mailbox)
    }

    /// The present connection.
    var link: Link? {
        get { linkOwner.link }
        set { linkOwner.link = newValue }
    }

    // MARK: Life

    /// Connects, and returns once the relay knows who this is; at once where that is so already.
    ///
    /// The first connection is tried once. After it has succeeded, lost ones are made again until `close`.
    public func connect() async throws(RelayConnectionError) {
        switch state {
        case .ready: return
        case .ended(let error): throw error
        case .idle: startConnecting()
        case .connecting, .waiting: break
        }
        let id = makeID()
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { connectWaiters[id] = $0 }
        } onCancel: {
            enqueue { $0.cancelConnect(id) }
        }
        try result.get()
    }

    /// Closes the connection and ends the client: whoever waits gets `closed`, iterations end.
    public func close() async {
        end(RelayConnectionError(.closed, "the client was closed"))
        if link != nil { await withCheckedContinuation { closeWaiters.append($0) } }
    }

    /// The present state and all that follow, until the client ends. A reader that is slow misses the oldest.
    public func states() -> AsyncStream<State> {
        observers.add(after: state)
    }

    /// What the relay pushes from now on about how far members are, until the client ends; nothing is left out, so a
    /// reader has to keep up.
    ///
    /// A relay pushes on the connection on which FollowReceipts was asked: that is to be asked again on the next one.
    public func receipts() -> AsyncStream<Receipts> { receiptsObservers.add() }

    private func cancelConnect(_ id: Int) {
        connectWaiters.removeValue(forKey: id)?.resume(returning: .failure(.cancelled))
        // Nobody else wants a connection that was never there.
        if connectWaiters.isEmpty && !hasBeenReady { link?.fail(.cancelled) }
    }

    // MARK: For the other files

    /// Runs `body` on the client's loop, soon and in order.
    nonisolated func enqueue(_ body: @escaping @Sendable (isolated RelayConnection) -> Void) {
        mailbox.enqueue { [self] _ in assumeIsolated(body) }
    }

    func setState(_ state: State) {
        self.state = state
        observers.tell(state)
    }

    func resumeConnectWaiters(_ result: Result<Void, RelayConnectionError>) {
        let waiters = connectWaiters
        connectWaiters = [:]
        for waiter in waiters.values { waiter.resume(returning: result) }
    }

    /// Throws unless there is a connection, or one is to come.
    func checkUsable() throws(RelayConnectionError) {
        switch state {
        case .idle: throw RelayConnectionError(.notConnected, "the client is not connected")
        case .ended(let error): throw error
        case .connecting, .ready, .waiting: break
        }
    }

    func makeID() -> Int {
        lastID += 1
        return lastID
    }
}

extension RelayConnectionError {
    static let cancelled = RelayConnectionError(.cancelled, "the task was cancelled")
    static let timedOut = RelayConnectionError(.timedOut, "the relay did not answer in time")
}
