import CLibwebsockets
import Glibc
import RelayWire
import TLSPresentation
public import WebSocketFraming

/// A socket and what has come and gone on it, from the acceptance to the close.
///
/// Belongs to its service loop's thread. An idle connection holds no buffer.
public final class Connection {
    /// Where the bytes of a connection are in their protocol.
    enum Phase {
        /// An HTTP head is coming.
        case handshake
        /// Frames come and go.
        case open
        /// The last bytes are on their way; what comes is thrown away until `deadline`.
        case closing(deadline: UInt64)
        /// To be closed in this turn.
        case doomed
        case closed
    }

    /// Who this is on its loop; see `ServiceLoop.connection(_:)`.
    public let slot: UInt32
    public let generation: UInt32
    public let scheme: Scheme
    public let address: PeerAddress
    unowned let loop: ServiceLoop
    /// Bytes of the largest frame body that is taken now.
    public var maxFrameByteCount = WireLimits.maxFrameByteCountBeforeReady
    /// What the layer above keeps for this connection.
    public var context: AnyObject?

    var wsi: OpaquePointer?
    var phase: Phase
    /// After TLS lws gives a peer `timeout_secs` for an HTTP request, and ends the time itself only when one has come:
    /// here it ends with the first bytes, whatever they are.
    var isTimedByLibwebsockets: Bool
    /// When something came last, by the loop's clock.
    public internal(set) var lastHeard: UInt64
    /// Whether libwebsockets still holds bytes that the socket did not take.
    public private(set) var isBlocked = false
    /// Whether the layer above has asked not to be given more frames.
    private var isPaused = false
    private var isReading = true

    private var receiver: WebSocketReceiver?
    /// A head or a relay frame as far as it has come, or frames that wait for `resume`.
    private var partial: [UInt8] = []
    /// The byte until which `partial` must grow before a look at it is worth while.
    private var partialTarget = 0
    /// Bytes from the socket that nobody has looked at, because the connection is paused.
    private var heldBack: [UInt8] = []
    /// A WebSocket message has ended at the end of `partial`, looked at only after `resume`.
    private var messageEndsAtPartial = false

    init(slot: UInt32, generation: UInt32, scheme: Scheme, address: PeerAddress, loop: ServiceLoop) {
        self.slot = slot
        self.generation = generation
        self.scheme = scheme
        self.address = address
        self.loop = loop
        phase = scheme.isWebSocket ? .handshake : .open
        lastHeard = loop.now
        isTimedByLibwebsockets = scheme.isEncrypted
        if scheme.isWebSocket { receiver = WebSocketReceiver(role: .server) }
    }

    public var isOpen: Bool { if case .open = phase { true } else { false } }

    // MARK: Output

    /// Room that `write` needs before the first byte, for the header of a WebSocket message.
    public static let headroom = WebSocketFrameHeader.maxUnmaskedByteCount

    /// Writes whole frames with one system call, as one WebSocket message where it is one.
    ///
    /// What the socket does not take is kept and sent by libwebsockets; until then `isBlocked`, and nothing more may be
    /// written. The same bytes may be written to any number of connections of this loop.
    /// - Parameters:
    ///   - frames: the first byte; the `headroom` bytes before it are overwritten.
    /// - Precondition: open and not blocked.
    public func write(_ frames: UnsafeMutableRawPointer, byteCount: Int) {
        precondition(isOpen && !isBlocked, "only an open connection that is not blocked takes frames")
        guard scheme.isWebSocket else {
            send(frames, byteCount: byteCount)
            return
        }
        let header = WebSocketFrameHeader(opcode: .binary, payloadByteCount: byteCount)
        let start = frames - header.byteCount
        header.write(to: start)
        send(start, byteCount: header.byteCount + byteCount)
    }

    private func send(_ bytes: UnsafeMutableRawPointer, byteCount: Int) {
        guard let wsi else { return }
        let code = lws_write(
            wsi, bytes.assumingMemoryBound(to: UInt8.self), byteCount, mlsrelay_lws_write_raw())
        if code < 0 {
            doom()
            return
        }
        noteBlocking()
    }

    private func send(_ bytes: [UInt8]) {
        var bytes = bytes
        bytes.withUnsafeMutableBytes { buffer in
            if let start = buffer.baseAddress { send(start, byteCount: buffer.count) }
        }
    }

    private func noteBlocking() {
        guard let wsi, lws_partial_buffered(wsi) != 0 else { return }
        isBlocked = true
        // A peer that sends but does not read would make libwebsockets spin.
        updateReading()
        lws_callback_on_writable(wsi)
    }

    /// The socket has taken everything.
    func drained() {
        guard let wsi, lws_partial_buffered(wsi) == 0 else { return }
        guard isBlocked else { return }
        isBlocked = false
        // A peer that takes what waits is alive; while it did not, nothing of it was read either.
        lastHeard = loop.now
        updateReading()
        switch phase {
        case .open: loop.delegate?.drained(self)
        case .closing: finishClosing()
        case .handshake, .doomed, .closed: break
        }
    }

    // MARK: Input

    /// Gives no more frames to the layer above, and reads no further, until `resume`.
    public func pause() {
        isPaused = true
        updateReading()
    }

    /// Goes on where `pause` stopped.
    public func resume() {
        guard isPaused else { return }
        isPaused = false
        guard isOpen else { return }
        deliverPartial()
        if !isPaused, isOpen, !heldBack.isEmpty {
            var bytes = heldBack
            heldBack = []
            bytes.withUnsafeMutableBytes { receive($0) }
        }
        updateReading()
    }

    private func updateReading() {
        let shouldRead = !isPaused && !isBlocked
        guard let wsi, shouldRead != isReading else { return }
        isReading = shouldRead
        lws_rx_flow_control(wsi, shouldRead ? 1 : 0)
    }

    /// Takes bytes from the socket; they may be changed in place.
    func receive(_ bytes: UnsafeMutableRawBufferPointer) {
        lastHeard = loop.now
        switch phase {
        case .closing:
            receiveWhileClosing(bytes)
        case .doomed, .closed:
            break
        case .handshake:
            partial.append(contentsOf: bytes)
            handshake()
        case .open:
            if isPaused {
                heldBack.append(contentsOf: bytes)
            } else if scheme.isWebSocket {
                receiveWebSocket(bytes)
            } else {
                receiveFrames(UnsafeRawBufferPointer(bytes), endsMessage: false)
            }
        }
    }

    /// After our Close only the peer's is of interest.
    private func receiveWhileClosing(_ bytes: UnsafeMutableRawBufferPointer) {
        guard receiver != nil else { return }
        var position = 0
        do throws(WebSocketError) {
            while true {
                switch try receiver?.next(RawSpan(_unsafeBytes: UnsafeRawBufferPointer(bytes)), position: &position) {
                case .close: return doom()
                case .needsMore, nil: return
                case .data, .ping, .pong: continue
                }
            }
        } catch {
            doom()
        }
    }

    private func receiveWebSocket(_ bytes: UnsafeMutableRawBufferPointer) {
        var position = 0
        while isOpen {
            if isPaused {
                heldBack.append(
                    contentsOf: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[position...]))
                return
            }
            do throws(WebSocketError) {
                let span = RawSpan(_unsafeBytes: UnsafeRawBufferPointer(bytes))
                guard let event = try receiver?.next(span, position: &position) else { return }
                switch event {
                case .data(let range, let mask, let endsMessage):
                    let piece = UnsafeMutableRawBufferPointer(rebasing: bytes[range])
                    if let mask { applyWebSocketMask(mask, to: piece) }
                    receiveFrames(UnsafeRawBufferPointer(piece), endsMessage: endsMessage)
                case .ping(let payload): answerPing(payload)
                case .pong: break
                case .close(let code, _): return answerClose(code)
                case .needsMore: return
                }
            } catch {
                loop.delegate?.violated(self, error)
                return
            }
        }
    }

    private func answerPing(_ payload: [UInt8]) {
        // A blocked peer that goes on pinging gets no pong: it would only have to be kept.
        guard !isBlocked else { return }
        send([0x8a, UInt8(payload.count)] + payload)
    }

    private func answerClose(_ code: UInt16?) {
        // Section 5.5.1: the Close is echoed; then the server closes the socket.
        if !isBlocked { send(WebSocketFrameHeader.closeFrame(code.map(WebSocketCloseCode.init) ?? .normal)) }
        doom()
    }

    /// Finds the frames in a piece of the stream: those that are whole in it are given on in place.
    private func receiveFrames(_ bytes: UnsafeRawBufferPointer, endsMessage: Bool) {
        guard partial.isEmpty else {
            partial.append(contentsOf: bytes)
            messageEndsAtPartial = endsMessage
            // A large frame that comes in many pieces is looked at again only when it may be whole.
            if partial.count >= partialTarget || endsMessage { deliverPartial() }
            return
        }
        let used = deliver(bytes)
        guard isOpen else { return }
        let rest = bytes[used...]
        if !rest.isEmpty { partial = Array(UnsafeRawBufferPointer(rebasing: rest)) }
        messageEndsAtPartial = endsMessage
        checkMessageEnd()
    }

    private func deliverPartial() {
        guard !partial.isEmpty else { return }
        // Taken out, because a frame's handling may close the connection and look at `partial`.
        let bytes = partial
        partial = []
        let used = bytes.withUnsafeBytes { deliver($0) }
        guard isOpen else { return }
        partial = used == 0 ? bytes : Array(bytes[used...])
        checkMessageEnd()
    }

    /// A WebSocket message holds whole frames. PROTOCOL.md section 2.
    private func checkMessageEnd() {
        guard messageEndsAtPartial, !isPaused else { return }
        messageEndsAtPartial = false
        if !partial.isEmpty { loop.delegate?.malformed(self, .truncated) }
    }

    /// Gives on the whole frames at the beginning of `bytes`.
    /// - Returns: how many bytes they took.
    private func deliver(_ bytes: UnsafeRawBufferPointer) -> Int {
        let span = RawSpan(_unsafeBytes: bytes)
        var position = 0
        partialTarget = 0
        while position < bytes.count, isOpen, !isPaused {
            do throws(DecodingError) {
                switch try FrameSplitter.step(span, from: position, maxByteCount: maxFrameByteCount)
                {
                case .frame(let body):
                    position = body.upperBound
                    loop.delegate?.received(span.extracting(body), on: self)
                case .incomplete(let target):
                    partialTarget = target - position
                    return position
                }
            } catch {
                loop.delegate?.malformed(self, error.reason)
                return position
            }
        }
        return position
    }

    // MARK: HTTP

    private func handshake() {
        let request: HTTPRequest
        let end: Int
        do throws(HTTPRequest.Failure) {
            guard let found = try HTTPRequest.endOfHead(partial) else { return }
            end = found
            request = try HTTPRequest(head: partial[..<end])
        } catch .headTooLarge {
            return respond(httpResponse("431 Request Header Fields Too Large", body: "the head is too large\n"))
        } catch {
            return respond(httpResponse("400 Bad Request", body: "not an HTTP/1.1 request\n"))
        }
        switch WebSocketUpgrade(request) {
        case .accepted(let response):
            var rest = Array(partial[end...])
            partial = []
            send(response)
            guard case .handshake = phase else { return }
            phase = .open
            loop.delegate?.opened(self)
            if !rest.isEmpty { rest.withUnsafeMutableBytes { receive($0) } }
        case .refused(let response):
            respond(response)
        case .none:
            respond(loop.delegate?.respond(to: request) ?? httpResponse("404 Not Found", body: "not found\n"))
        }
    }

    private func respond(_ response: [UInt8]) {
        receiver = nil
        partial = []
        send(response)
        beginClosing()
    }

    // MARK: Closing

    /// Ends the connection: over WebSocket with a Close frame, then, when the peer has closed too or after the close
    /// timeout, the socket. Frames that were written before still arrive.
    public func close(_ code: WebSocketCloseCode) {
        switch phase {
        case .open:
            if scheme.isWebSocket, !isBlocked { send(WebSocketFrameHeader.closeFrame(code)) }
            beginClosing()
        case .handshake: doom()
        case .closing, .doomed, .closed: break
        }
    }

    private func beginClosing() {
        switch phase {
        case .doomed, .closed, .closing: return
        case .open, .handshake: break
        }
        partial = []
        heldBack = []
        isPaused = false
        phase = .closing(deadline: loop.now + loop.configuration.closeTimeoutMilliseconds)
        loop.closing.append(self)
        updateReading()
        if !isBlocked { finishClosing() }
    }

    /// Everything is with the kernel. Without a Close frame of the peer to wait for, the end of the stream says goodbye: a
    /// close with unread bytes would reset the connection, and the peer might lose what was sent last.
    private func finishClosing() {
        guard let wsi, receiver == nil else { return }
        shutdown(lws_get_socket_fd(wsi), Int32(SHUT_WR))
    }

    /// To be closed before the loop waits again.
    func doom() {
        switch phase {
        case .doomed, .closed: return
        case .handshake, .open, .closing: break
        }
        phase = .doomed
        loop.doomed.append(self)
    }
}
