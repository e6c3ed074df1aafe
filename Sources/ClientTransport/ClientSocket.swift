import RelayWire
import TLSPresentation
import WebSocketFraming

/// A connection to a relay that carries whole frames: raw TCP or a WebSocket, with or without TLS.
///
/// Confined to its loop. One use: `connect`, then frames both ways, then closed. While nothing is under way it holds
/// no buffer. Everything that comes from the peer is checked against a limit before it is kept.
public final class ClientSocket {
    enum State {
        case idle, resolving, connecting, securing, upgrading, open
        /// Closed by this side: what is to be sent is sent, what comes is dropped, until the peer closes as well.
        case closing
        case closed
    }

    public let loop: ClientLoop
    public let url: RelayURL
    /// A number for whoever has many sockets with one delegate.
    public var tag = 0

    /// Bytes of a WebSocket message, at most, unless one frame has more. A relay takes as many as the largest frame of a
    /// client has, and says in its Challenge how many that are. PROTOCOL.md section 2.
    public var maxMessageByteCount = 64 << 10

    let options: ConnectOptions
    var delegate: (any ClientSocketDelegate)?
    var state = State.idle
    var token: UInt64 = 0
    var descriptor: Int32 = -1
    /// What epoll reports of it; nil where epoll does not have it.
    var interest: EventPoller.Interest?
    /// For connecting and for closing, one after the other.
    var deadline: DeadlineID?

    // While connecting.
    var addresses: [SocketAddress] = []
    var connectDeadline = ContinuousClock.Instant.now
    var tls: TLSSession?
    var handshake: WebSocketHandshake?
    var responseHead: [UInt8] = []

    // While open.
    var receiver = WebSocketReceiver(role: .client)
    var assembler: FrameAssembler
    var output = OutputBuffer()
    /// The kernel takes nothing now; epoll will say when it does.
    var isWriteBlocked = false
    /// Somebody waits for the output to become empty.
    var mustTellDrain = false
    /// OpenSSL must write before it can read on.
    var readWantsWrite = false
    /// The loop's buffer holds what is being delivered.
    var isReceiving = false
    var isFlushScheduled = false
    var isReadScheduled = false
    /// Whether `pauseReading` holds.
    public internal(set) var isReadingPaused = false

    /// A socket that is not connected yet.
    public init(_ loop: ClientLoop, url: RelayURL, options: ConnectOptions, delegate: any ClientSocketDelegate) {
        loop.preconditionOnLoopThread()
        self.loop = loop
        self.url = url
        self.options = options
        self.delegate = delegate
        assembler = FrameAssembler(maxFrameByteCount: options.maxFrameByteCount)
    }

    /// Whether frames can be sent.
    public var isOpen: Bool { state == .open }

    /// Bytes that were given to `send` and that the kernel has not taken yet.
    public var pendingByteCount: Int { output.pendingByteCount }

    /// Sends whole frames, with their lengths: those of one turn of the loop together, on a WebSocket as one message.
    /// - Returns: false where the socket is not open or too much is pending already; then nothing has happened.
    public func send(_ frames: RawSpan) -> Bool {
        loop.preconditionOnLoopThread()
        guard state == .open else { return false }
        guard output.pendingByteCount + frames.byteCount <= options.maxPendingByteCount else {
            mustTellDrain = true
            return false
        }
        prepareOutput()
        if url.scheme.isWebSocket {
            appendToMessages(frames)
        } else {
            output.append(sealed: frames)
        }
        scheduleFlush()
        return true
    }

    /// Sends whole frames, with their lengths. See `send(_: RawSpan)`.
    public func send(_ frames: [UInt8]) -> Bool { send(frames.rawSpan) }

    private func appendToMessages(_ frames: RawSpan) {
        var start = 0
        while start < frames.byteCount {
            var end = frames.byteCount
            if end - start > maxMessageByteCount {
                // The next frame alone. What is not one is our own fault.
                guard case .frame(let body)? = try? FrameSplitter.step(frames, from: start, maxByteCount: .max) else {
                    preconditionFailure("whole frames are sent")
                }
                end = body.upperBound
            }
            output.append(
                toMessage: frames.extracting(start..<end), maxByteCount: maxMessageByteCount, loop.randomPool.nextMask)
            start = end
        }
    }

    /// Stops reading, so that the kernel's buffer fills and the peer has to wait. What the present read has taken is
    /// still delivered.
    public func pauseReading() {
        loop.preconditionOnLoopThread()
        isReadingPaused = true
        updateInterest()
    }

    public func resumeReading() {
        loop.preconditionOnLoopThread()
        guard isReadingPaused else { return }
        isReadingPaused = false
        updateInterest()
        // OpenSSL may hold what epoll does not know of.
        if tls != nil { scheduleRead() }
    }

    // MARK: For the loop

    func handle(_ event: EventPoller.Event) {
        switch state {
        case .connecting: finishConnecting()
        case .securing: secure()
        case .upgrading, .open, .closing:
            if event.isWritable { isWriteBlocked = false }
            if event.isWritable || (tls != nil && output.pendingByteCount > 0) { flush() }
            if isReadingPaused && state != .closing {
                // Epoll reports a failure for as long as it lasts: it is looked at when reading goes on.
                if event.hasFailed { detach() }
            } else if event.isReadable || event.hasFailed || (readWantsWrite && event.isWritable) {
                receive()
            }
        case .idle, .resolving, .closed: break
        }
    }

    func scheduleFlush() {
        guard !isFlushScheduled else { return }
        isFlushScheduled = true
        loop.flushLater(self)
    }

    func scheduleRead() {
        guard !isReadScheduled else { return }
        isReadScheduled = true
        loop.readLater(self)
    }

    func readAgain() {
        isReadScheduled = false
        if state == .closing || (!isReadingPaused && (state == .upgrading || state == .open)) { receive() }
    }

    /// Tells epoll what to report, if that has changed.
    func updateInterest() {
        var wanted: EventPoller.Interest = []
        switch state {
        case .upgrading, .open, .closing:
            if !isReadingPaused || state == .closing { wanted.insert(.read) }
            if isWriteBlocked || readWantsWrite { wanted.insert(.write) }
            setInterest(wanted)
        case .idle, .resolving, .connecting, .securing, .closed: break
        }
    }

    func setInterest(_ wanted: EventPoller.Interest) {
        guard wanted != interest else { return }
        do throws(TransportError) {
            if interest == nil {
                try loop.poller.add(descriptor, token: token, interest: wanted)
            } else {
                try loop.poller.change(descriptor, token: token, interest: wanted)
            }
            interest = wanted
        } catch {
            finish(error)
        }
    }

    private func detach() {
        // It can only fail for a socket that epoll does not have, which is what is wanted.
        try? loop.poller.remove(descriptor)
        interest = nil
    }
}
