import ClientTransport
import MLSCrypto
import RelayWire
import TLSPresentation

/// One client of the relay: it registers an identity of its own, sends requests, and compares the entries that come.
final class RelayConnection {
    enum State {
        case connecting, greeting, authenticating, ready
        case closed(TransportError)
    }

    let number: Int
    private(set) var state = State.connecting
    private(set) var client = ClientNumber.relay
    var publisher: Publisher?
    /// Called when it may send requests.
    var whenReady: ((RelayConnection) -> Void)?
    /// Called when it first has what the relay had answered by then.
    var whenCaughtUp: (() -> Void)?
    /// When `connect` was called.
    private(set) var connectedAt: UInt64 = 0

    private unowned let run: Run
    private let name: [UInt8]
    private let key: SigningKey
    private let counts: UnsafeMutablePointer<DeliveryCounts>
    /// Where the times from sending to delivery go.
    var latency: UnsafeMutablePointer<LatencyRecorder>
    /// The kernel's receive buffer, where it must not be the usual one.
    var receiveBufferByteCount: Int32?
    private var socket: ClientSocket?
    private var isClosing = false
    /// The one request, publishes aside, that is waiting for its answer.
    private var pending: (id: RequestID, take: (Frame) -> Void)?
    private var requestCount: UInt32 = 0

    // The logs that it follows, in memory of its own for the sake of speed.
    private var cursors = UnsafeMutableBufferPointer<LogCursor>(start: nil, count: 0)
    private var chains: [ChainCheck] = []
    /// The cursor of the entry before: entries of one log come together.
    private var recent = 0

    /// Above those of publishes.
    private static let firstRequestID: UInt32 = 1 << 31 + 1

    init(_ run: Run, number: Int) throws(LoadError) {
        self.run = run
        self.number = number
        counts = run.counts
        latency = run.latency.recorder
        name = Array("load-\(run.name)-\(number)".utf8)
        do throws(CryptoError) {
            key = try SigningKey.generate(.ed25519)
        } catch {
            throw .setup("no key: \(error)")
        }
    }

    deinit {
        for cursor in cursors { cursor.deallocate() }
        cursors.deinitialize()
        cursors.deallocate()
    }

    var isReady: Bool { if case .ready = state { true } else { false } }
    var isClosed: Bool { if case .closed = state { true } else { false } }

    func connect() {
        connectedAt = monotonicNanoseconds()
        var options = run.target.options(forConnection: number)
        options.receiveBufferByteCount = receiveBufferByteCount
        let socket = ClientSocket(run.loop, url: run.target.url, options: options, delegate: self)
        self.socket = socket
        socket.connect()
    }

    func close() {
        isClosing = true
        socket?.close()
    }

    func pauseReading() { socket?.pauseReading() }

    func resumeReading() { socket?.resumeReading() }

    // MARK: Requests

    /// - Returns: whether it was taken.
    func send(_ frames: RawSpan) -> Bool { socket?.send(frames) ?? false }

    /// Sends a request; `take` gets its answer, whatever it is.
    /// - Precondition: the one before was answered.
    func request(_ body: some FrameBody, _ take: @escaping (Frame) -> Void) {
        precondition(pending == nil, "one request at a time")
        requestCount += 1
        let id = RequestID(rawValue: Self.firstRequestID + requestCount)
        pending = (id, take)
        send(body, id)
    }

    private func send(_ body: some FrameBody, _ id: RequestID) {
        guard send(body.frame(id).rawSpan) else {
            return run.fail(.connection("a socket takes no \(type(of: body).type)"))
        }
    }

    /// Follows `groups` from their beginning, and calls `then` when the relay has said that it does.
    func follow(_ groups: [GroupFeed], then: @escaping () -> Void) {
        precondition(cursors.isEmpty, "a connection follows once")
        cursors = .allocate(capacity: groups.count)
        for (index, group) in groups.enumerated() {
            cursors.initializeElement(at: index, to: LogCursor(group.state))
            if run.target.verifiesChain { chains.append(ChainCheck(of: group.name)) }
        }
        let subscriptions = groups.map { Subscription(log: $0.name, after: .zero) }
        request(Subscribe(subscriptions: subscriptions)) { [run] answer in
            guard case .subscribed(let subscribed) = answer, subscribed.results.count == groups.count else {
                return run.fail(.refused("Subscribe", answer))
            }
            for (group, result) in zip(groups, subscribed.results) {
                guard result.error == .none, result.log == group.log else {
                    return run.fail(.setup("a subscription was refused: \(result.error)"))
                }
            }
            then()
        }
    }

    /// Whether everything up to the end of each log has come.
    func hasAll(of last: (UnsafeMutablePointer<GroupState>) -> UInt64) -> Bool {
        cursors.allSatisfy { $0.next > last($0.group) }
    }

    /// Each log ends at what `last` says: what did not come is lost.
    func endLogs(_ last: (UnsafeMutablePointer<GroupState>) -> UInt64) {
        for cursor in cursors { cursor.end(at: last(cursor.group), counts) }
    }
}

// MARK: What comes

extension RelayConnection: ClientSocketDelegate {
    func socketDidOpen(_ socket: ClientSocket) {
        state = .greeting
        send(Hello(versions: [.v1]), RequestID(rawValue: 1))
    }

    func socket(_ socket: ClientSocket, didReceive frames: inout ReceivedFrames) {
        let now = monotonicNanoseconds()
        while let body = frames.next() {
            body.withUnsafeBytes { bytes in
                switch bytes[0] {
                case FrameType.entry.rawValue: take(entry: bytes, at: now)
                case FrameType.published.rawValue: publisher?.published(bytes, at: now)
                default: take(other: bytes)
                }
            }
        }
        publisher?.pump()
        run.pumpMarked()
        if let whenCaughtUp, hasAll(of: { $0.pointee.acknowledgedCount }) {
            self.whenCaughtUp = nil
            whenCaughtUp()
        }
    }

    @inline(__always)
    private func take(entry body: UnsafeRawBufferPointer, at now: UInt64) {
        guard let base = body.baseAddress, body.count > EntryLayout.payload,
            let index = cursorIndex(load64(base, EntryLayout.log))
        else {
            counts.pointee.corrupted += 1
            return
        }
        guard let message = cursors[index].take(base, byteCount: body.count, counts) else { return }
        let sent = message.publisher.pointee.messages.advanced(by: Int(message.counter))
        latency.pointee.add(now &- sent.pointee.time)
        sent.pointee.deliveryCount += 1
        if sent.pointee.deliveryCount == cursors[index].group.pointee.subscriberCount {
            complete(message.counter, of: message.publisher)
        }
        if !chains.isEmpty, !chains[index].isNext(body) { counts.pointee.corrupted += 1 }
    }

    @inline(__always)
    private func cursorIndex(_ log: UInt64) -> Int? {
        if recent < cursors.count, cursors[recent].group.pointee.log == log { return recent }
        guard let found = cursors.firstIndex(where: { $0.group.pointee.log == log }) else { return nil }
        recent = found
        return found
    }

    /// The last subscriber has the message `counter`, and so has all before it.
    private func complete(_ counter: UInt64, of state: UnsafeMutablePointer<PublisherState>) {
        state.pointee.completedCount = max(state.pointee.completedCount, counter + 1)
        guard !state.pointee.isMarked, let publisher = state.pointee.publisher else { return }
        state.pointee.isMarked = true
        run.mark(publisher.takeUnretainedValue())
    }

    private func take(other body: UnsafeRawBufferPointer) {
        do throws(DecodingError) {
            let (id, frame) = try Frame.decode(RawSpan(_unsafeBytes: body))
            try take(frame, id)
        } catch {
            run.fail(.connection("the relay sent what is no frame: \(error)"))
        }
    }

    private func take(_ frame: Frame, _ id: RequestID) throws(DecodingError) {
        switch (frame, state) {
        case (.ping(let ping), _): send(Pong(data: ping.data), .none)
        case (.goAway, _): run.fail(.connection("the relay is going away"))
        case (.challenge(let challenge), .greeting): authenticate(challenge)
        case (.ready(let ready), .authenticating):
            state = .ready
            client = ready.client
            whenReady?(self)
            whenReady = nil
            run.wake()
        case (let frame, _) where id == pending?.id:
            let take = pending?.take
            pending = nil
            take?(frame)
            run.wake()
        case (.error(let error), _):
            if let publisher, id != .none, case .ready = state { return publisher.refused(id, error) }
            run.fail(.connection("the relay says: \(error)"))
        default: run.fail(.connection("the relay sent a \(type(of: frame.body).type) that nobody asked for"))
        }
    }

    private func authenticate(_ challenge: Challenge) {
        let identity = Identity(name: name, scheme: key.scheme, signatureKey: key.publicKey.bytes)
        let signed = AuthenticationTBS(challenge: challenge, purpose: .register, identity: identity).encoded
        do throws(CryptoError) {
            let signature = try key.signWithLabel(
                AuthenticationTBS.label, content: signed.rawSpan, prefix: SignatureLabel.prefix)
            state = .authenticating
            send(Register(identity: identity, signature: signature), RequestID(rawValue: 2))
        } catch {
            run.fail(.setup("no signature: \(error)"))
        }
    }

    func socket(_ socket: ClientSocket, didClose reason: TransportError) {
        state = .closed(reason)
        self.socket = nil
        if !isClosing { run.fail(.connection("connection \(number): \(reason)")) }
        run.connectionDidClose(self)
    }
}
