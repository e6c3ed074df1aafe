import Logging
import Metrics
import MLSCrypto
import RelayAuthority
import RelayCore
import RelayStore
import RelayTransport
import RelayWire
import Synchronization
import TLSPresentation
import WebSocketFraming

/// The sessions of one service loop. Everything happens on the loop's thread, but for `put`.
///
/// A turn: frames come, and become answers, or commands for the writer; outcomes of the writer come, and become answers and
/// grown logs; at the end of the turn commands are handed over and every session gets what there is for it, in one write.
// @unchecked: all but `inbox` is the loop thread's.
final class RelayLoop: ServiceLoopDelegate, @unchecked Sendable {
    /// What other threads send to a loop.
    enum Message: Sendable {
        case outcome(OutcomeBatch)
        /// Clients are told to go; writes are refused from now on.
        case goAway
        /// Connections are closed.
        case close
        /// The certificate may be another one: new connections get it.
        case reloadCertificate
    }

    let loop: ServiceLoop
    let configuration: ServerConfiguration
    let metrics: RelayMetrics
    let logger: Logger
    let reader: StoreReader
    private let inbox = Inbox<Message>()
    private let writer: @Sendable (CommandBatch) -> Void
    private let http: HTTPSurface
    let keyPackages: KeyPackagePolicy
    /// Who issues certificates; nil where there are none.
    let authority: CertificateAuthority?
    var authorityTendedAt: UInt64 = 0
    let limits: Limits
    let peers: PeerLimits
    /// By slot and generation of connections.
    var requestRates = RateLimiter<UInt64>()

    var sha256 = SHA256()
    var chain = Chain()
    /// Commands of this turn.
    var commands = CommandBatch()
    var fanOut = FanOut()
    private(set) var isGoingAway = false
    private var byteCountInFlight = 0
    /// Sessions that wait until the writer has less of this loop.
    private var stalled: [Session] = []
    private var framesReceived = 0
    private var refusedConnectionCount = 0
    /// Who is given receipts, and what is to be told to the writer about deliveries.
    var receipts = ReceiptBoard()
    /// Logs that this loop's sessions follow, all together.
    var subscriptionCount = 0
    /// Requests that the writer has; 0 when the loop owes nobody an answer.
    let requestsInFlight = Atomic<Int>(0)
    /// What there is on this loop, as of its last tick.
    struct Counts: Sendable {
        var connections: [Scheme: Int] = [:]
        var sessions = 0
        var subscriptions = 0
    }
    let counts = Mutex(Counts())
    /// Whether clients were told to go: no command comes after that.
    private let hasSaidGoAway = Atomic<Bool>(false)
    /// Whether a command may still come from this loop, or an answer to it. Any thread may ask.
    var owesAnswers: Bool {
        !hasSaidGoAway.load(ordering: .acquiring) || requestsInFlight.load(ordering: .acquiring) > 0
    }
    /// Connections that have a session.
    let connectionCount = Atomic<Int>(0)

    init(
        loop: ServiceLoop, configuration: ServerConfiguration, store: Store, metrics: RelayMetrics, logger: Logger,
        http: HTTPSurface, keyPackages: KeyPackagePolicy, authority: CertificateAuthority?, peers: PeerLimits,
        writer: @escaping @Sendable (CommandBatch) -> Void
    ) throws(StoreError) {
        self.loop = loop
        self.configuration = configuration
        self.metrics = metrics
        self.logger = logger
        self.writer = writer
        self.http = http
        self.peers = peers
        self.keyPackages = keyPackages
        self.authority = authority
        reader = try StoreReader(store)
        limits = Limits(
            maxFrameByteCount: UInt32(configuration.transport.maxFrameByteCount),
            maxMessageByteCount: UInt32(configuration.publish.maxMessageByteCount),
            maxMessagesPerPublish: UInt32(configuration.publish.maxMessagesPerPublish),
            maxRequestsInFlight: UInt32(configuration.session.maxRequestsInFlight),
            maxSubscriptions: UInt32(configuration.session.maxSubscriptions),
            idleTimeoutMilliseconds: configuration.session.idleTimeoutMilliseconds)
        loop.delegate = self
    }

    /// Called by any thread.
    func put(_ message: Message) { if inbox.put(message) { loop.wake() } }

    // MARK: Connections

    func opened(_ connection: Connection) {
        connection.context = Session(
            connection: connection, now: loop.now, writeByteCount: configuration.session.maxWriteByteCount)
        connectionCount.add(1, ordering: .relaxed)
        metrics.connectionsOpened.increment()
    }

    func closed(_ connection: Connection) {
        guard let session = session(of: connection) else { return }
        subscriptionCount -= session.followers.count
        for follower in session.followers.values {
            reportDelivered(to: follower)
            remove(follower)
        }
        unfollowReceipts(session)
        session.followers = [:]
        session.behind = []
        fanOut.forget(session)
        connection.context = nil
        connectionCount.subtract(1, ordering: .relaxed)
        metrics.connectionsClosed.increment()
    }

    func drained(_ connection: Connection) {
        guard let session = session(of: connection) else { return }
        fanOut.unblocked(session)
        updatePause(session)
    }

    func session(of connection: Connection) -> Session? { connection.context as? Session }

    func respond(to request: HTTPRequest) -> [UInt8]? { http.respond(to: request) }

    func stopping() {}

    // MARK: Frames

    func malformed(_ connection: Connection, _ reason: DecodingError.Reason) {
        guard let session = session(of: connection) else { return }
        if case .invalidLength(type: "frame", let byteCount) = reason,
            byteCount > connection.maxFrameByteCount
        {
            end(session, .frameTooLarge, "A frame has at most \(connection.maxFrameByteCount) bytes now.")
        } else {
            end(session, .malformedFrame, "Not a frame: \(DecodingError(reason, at: 0)).")
        }
    }

    func violated(_ connection: Connection, _ error: WebSocketError) {
        guard let session = session(of: connection), !session.isEnding else { return }
        answer(session, .none, RelayError(.malformedFrame, "Not a WebSocket frame that a client may send: \(error)."))
        beginEnding(session, error.closeCode)
    }

    func received(_ body: RawSpan, on connection: Connection) {
        guard let session = session(of: connection), !session.isEnding else { return }
        framesReceived += 1
        var requestID = RequestID.none
        do throws(DecodingError) {
            var frame = Reader(body)
            let header = try FrameHeader(from: &frame)
            requestID = header.requestID
            guard (header.type == FrameType.pong.rawValue) == (requestID == .none) else {
                throw DecodingError(.invalidField("request_id"), at: 1)
            }
            if case .expectingHello = session.state, body.byteCount >= WireLimits.maxHelloByteCount {
                return end(session, .frameTooLarge, "The first frame has at most 63 bytes.", requestID)
            }
            guard let type = FrameType(rawValue: header.type) else {
                answer(
                    session, requestID,
                    RelayError(.unknownFrameType, "This relay knows no frame of type \(header.type)."))
                return
            }
            if let refusal = checkRate(of: type, session) { return answer(session, requestID, refusal) }
            try handle(type, requestID, body, session)
        } catch {
            end(session, .malformedFrame, "A frame could not be read: \(error).", requestID)
        }
        updatePause(session)
    }

    private func handle(
        _ type: FrameType, _ requestID: RequestID, _ body: RawSpan, _ session: Session
    ) throws(DecodingError) {
        let content = body.extracting(FrameHeader.byteCount..<body.byteCount)
        switch (type, session.state) {
        case (.publish, .ready(let client)):
            try publish(content, requestID, session, client)
        case (.hello, .expectingHello):
            hello(try Hello(decoding: content), requestID, session)
        case (_, .expectingHello):
            end(session, .unexpectedFrame, "The first frame is Hello.", requestID)
        case (.pong, _):
            _ = try Pong(decoding: content)
        case (.ping, _):
            answer(session, requestID, Pong(data: try Ping(decoding: content).data))
        case (.register, .expectingAuthentication(let challenge)):
            register(try Register(decoding: content), challenge, requestID, session)
        case (.authenticate, .expectingAuthentication(let challenge)):
            authenticate(try Authenticate(decoding: content), challenge, requestID, session)
        case (.acknowledge, .ready(let client)):
            acknowledge(try Acknowledge(decoding: content), requestID, session, client)
        case (.fetchKeyPackages, .ready(let client)):
            fetchKeyPackages(try FetchKeyPackages(decoding: content), requestID, session, client)
        case (.subscribe, .ready(let client)):
            subscribe(try Subscribe(decoding: content), requestID, session, client)
        case (.unsubscribe, .ready):
            unsubscribe(try Unsubscribe(decoding: content), requestID, session)
        case (.credit, .ready):
            credit(try Credit(decoding: content), requestID, session)
        case (.countKeyPackages, .ready(let client)):
            _ = try CountKeyPackages(decoding: content)
            countKeyPackages(requestID, session, client)
        case (_, .ready(let client)):
            if try handleGroup(type, requestID, content, session, client) { return }
            guard try handleIdentity(type, requestID, content, session, client) else {
                return end(session, .unexpectedFrame, "A frame of type \(type) is not expected now.", requestID)
            }
        default:
            end(session, .unexpectedFrame, "A frame of type \(type) is not expected now.", requestID)
        }
    }

    // MARK: Answers

    func answer(_ session: Session, _ requestID: RequestID, _ body: some FrameBody) {
        var writer = Writer(session.answers)
        session.answers = []
        body.writeFrame(requestID, into: &writer)
        session.answers = writer.bytes
        if let error = body as? RelayError { metrics.refused(error.code).increment() }
        fanOut.markDirty(session)
    }

    func answer(_ session: Session, _ requestID: RequestID, _ frame: EncodedFrame) {
        var writer = Writer(session.answers)
        session.answers = []
        frame.writeFrame(requestID, into: &writer)
        session.answers = writer.bytes
        fanOut.markDirty(session)
    }

    /// Says why, and closes the connection when it is said.
    func end(_ session: Session, _ code: ErrorCode, _ text: String, _ requestID: RequestID = .none) {
        guard !session.isEnding else { return }
        answer(session, requestID, RelayError(code, text))
        beginEnding(session, WebSocketCloseCode(rawValue: code.closeCode))
    }

    /// What the session has to be told is in its answers.
    func beginEnding(_ session: Session, _ code: WebSocketCloseCode) {
        session.state = .ending(code)
        session.endedAt = loop.now
        session.connection.pause()
        fanOut.markDirty(session)
    }

    // MARK: Commands

    private func publish(
        _ content: RawSpan, _ requestID: RequestID, _ session: Session, _ client: ClientNumber
    ) throws(DecodingError) {
        var publisher = Publisher(client)
        try publish(requestID, session) { (id) throws(DecodingError) in
            try commands.appendPublish(
                content, connection: id, requestID: requestID, client: client, limits: configuration.publish,
                sha256: &sha256
            ) { checkKeyPackage($0, by: &publisher) }
        }
    }

    /// Adds a command with messages.
    /// - Parameter append: adds it to `commands`, or says why it is refused.
    func publish(
        _ requestID: RequestID, _ session: Session,
        _ append: (ConnectionID) throws(DecodingError) -> RelayError?
    ) throws(DecodingError) {
        guard !isGoingAway else { return answer(session, requestID, shuttingDown) }
        let before = commands.bytes.count
        if let refusal = try append(id(of: session)) { return answer(session, requestID, refusal) }
        let byteCount = commands.bytes.count - before
        session.requestsInFlight += 1
        session.byteCountInFlight += byteCount
        byteCountInFlight += byteCount
        requestsInFlight.add(1, ordering: .relaxed)
    }

    func send(_ action: Command.Action, _ requestID: RequestID, _ session: Session, _ client: ClientNumber) {
        guard !isGoingAway else { return answer(session, requestID, shuttingDown) }
        commands.commands.append(
            Command(connection: id(of: session), requestID: requestID, client: client, action: action))
        session.requestsInFlight += 1
        requestsInFlight.add(1, ordering: .relaxed)
    }

    private var shuttingDown: RelayError { RelayError(.shuttingDown, "The relay is ending; nothing was stored.") }

    private func id(of session: Session) -> ConnectionID {
        ConnectionID(
            loop: UInt32(loop.index), slot: session.connection.slot, generation: session.connection.generation)
    }

    /// A session that has enough in flight, or does not take its answers, is read no further.
    private func updatePause(_ session: Session) {
        guard !session.isEnding else { return }
        let limits = configuration.session
        if byteCountInFlight >= limits.maxByteCountInFlightPerLoop, !session.isStalled, session.byteCountInFlight > 0 {
            session.isStalled = true
            stalled.append(session)
        }
        let mustWait =
            session.requestsInFlight >= limits.maxRequestsInFlight
            || session.byteCountInFlight >= limits.maxByteCountInFlight
            || session.answers.count >= limits.maxPendingAnswerByteCount || session.isStalled
        if mustWait { session.connection.pause() } else { session.connection.resume() }
    }

    // MARK: Outcomes

    func woken() {
        for message in inbox.takeAll() {
            switch message {
            case .outcome(let batch): take(batch)
            case .goAway: goAway()
            case .close: closeAll()
            case .reloadCertificate: reloadCertificate()
            }
        }
    }

    private func take(_ batch: OutcomeBatch) {
        for result in batch.answers {
            byteCountInFlight -= result.byteCount
            requestsInFlight.subtract(result.commandCount, ordering: .relaxed)
            guard
                let connection = loop.connection(
                    slot: result.connection.slot, generation: result.connection.generation),
                let session = session(of: connection)
            else { continue }
            session.requestsInFlight -= result.commandCount
            session.byteCountInFlight -= result.byteCount
            session.answers.append(contentsOf: batch.frames.bytes[result.frames])
            fanOut.markDirty(session)
            if case .registering = session.state {
                if let client = result.registered { becomeReady(session, client) }
                // A token that does not hold, or a name of somebody else: neither is to be guessed.
                if result.failure != nil { peers.authenticationFailed(from: connection.address) }
            }
            if let failure = result.failure, !session.isEnding {
                beginEnding(session, WebSocketCloseCode(rawValue: failure.closeCode))
            }
            updatePause(session)
        }
        // First: it says who may read what has grown.
        if !batch.effects.isEmpty { apply(batch.effects) }
        for grown in batch.grown { fanOut.grow(grown) }
        if byteCountInFlight < configuration.session.maxByteCountInFlightPerLoop / 2, !stalled.isEmpty {
            let waiting = stalled
            stalled = []
            for session in waiting { session.isStalled = false }
            for session in waiting { updatePause(session) }
        }
    }

    func becomeReady(_ session: Session, _ client: ClientNumber) {
        session.state = .ready(client)
        session.connection.maxFrameByteCount = configuration.transport.maxFrameByteCount
        metrics.sessionsAuthenticated.increment()
    }

    private func reloadCertificate() {
        do throws(TransportError) {
            try loop.reloadCertificate()
            logger.notice("the certificate is read again", metadata: ["loop": "\(loop.index)"])
        } catch {
            logger.error(
                "the certificate cannot be read again: the one before stays", metadata: ["reason": "\(error)"])
        }
    }

    private func goAway() {
        guard !isGoingAway else { return }
        isGoingAway = true
        let frame = GoAway(
            graceMilliseconds: configuration.shutdownGraceMilliseconds, text: Array("The relay is ending.".utf8))
        loop.forEachOpenConnection { connection in
            guard let session = session(of: connection), !session.isEnding else { return }
            answer(session, .none, frame)
        }
        hasSaidGoAway.store(true, ordering: .releasing)
    }

    /// What is answered already is still written.
    private func closeAll() {
        loop.forEachOpenConnection { connection in
            guard let session = session(of: connection), !session.isEnding else { return }
            beginEnding(session, .goingAway)
        }
    }

    // MARK: Time

    func tick() {
        let limits = configuration.session
        let now = loop.now
        var counts = Counts()
        counts.subscriptions = subscriptionCount
        loop.forEachOpenConnection { connection in
            guard let session = session(of: connection) else { return }
            counts.connections[connection.scheme, default: 0] += 1
            if session.client != nil { counts.sessions += 1 }
            if case .ending(let code) = session.state {
                // A peer that does not read its last frame is not waited for.
                if session.endedAt + configuration.transport.closeTimeoutMilliseconds <= now {
                    connection.close(code)
                }
                return
            }
            if session.client == nil, session.openedAt + limits.helloTimeoutMilliseconds <= now {
                return end(session, .timedOut, "No authentication within \(limits.helloTimeoutMilliseconds) ms.")
            }
            let idleTimeout = UInt64(limits.idleTimeoutMilliseconds)
            if connection.lastHeard + idleTimeout <= now, !connection.isBlocked, session.requestsInFlight == 0 {
                end(session, .timedOut, "Nothing came for \(idleTimeout) ms.")
            } else if connection.lastHeard + idleTimeout / 2 <= now, session.pingedAt <= connection.lastHeard {
                session.pingedAt = now
                answer(session, .none, Ping(data: [0]))
            }
        }
        self.counts.withLock { $0 = counts }
        metrics.framesReceived.increment(by: framesReceived)
        framesReceived = 0
        metrics.connectionsRefused.increment(by: loop.refusedConnectionCount - refusedConnectionCount)
        refusedConnectionCount = loop.refusedConnectionCount
        fanOut.report(to: metrics)
        passReceipts(at: now)
        tendAuthority()
    }

    // MARK: The end of a turn

    func endTurn() -> Bool {
        if !commands.isEmpty {
            // The next turn's buffers are likely to be as large.
            var next = CommandBatch()
            next.bytes.reserveCapacity(min(commands.bytes.count, 1 << 20))
            swap(&next, &commands)
            writer(next)
        }
        do throws(StoreError) {
            var hasMore = try fanOut.run(reader, configuration.session)
            for session in fanOut.takeRelieved() {
                updatePause(session)
                hasMore = true
            }
            for session in fanOut.takeOutrun() {
                end(session, .timedOut, "Entries that were not read in time are no longer kept: subscribe again.")
                hasMore = true
            }
            return hasMore
        } catch {
            logger.critical("the store cannot be read", metadata: ["reason": "\(error)"])
            http.health.readingFailed(at: monotonicMilliseconds())
            loop.forEachOpenConnection { connection in
                guard let session = session(of: connection) else { return }
                end(session, .storageFailed, "The relay's storage failed.")
                connection.close(.goingAway)
            }
            return false
        }
    }

    func remove(_ follower: Follower) {
        follower.log.remove(follower)
        fanOut.dropIfUnfollowed(follower.log)
    }
}
