import CLinux
import Glibc
import TLSPresentation

extension ClientSocket {
    /// Connects; the delegate hears `socketDidOpen` or `socket(_:didClose:)`, never before this returns.
    /// - Precondition: it was not called before.
    public func connect() {
        loop.preconditionOnLoopThread()
        guard case .idle = state else { preconditionFailure("a socket connects once") }
        token = loop.register(self)
        state = .resolving
        connectDeadline = ContinuousClock.now.advanced(by: options.timeout)
        deadline = loop.schedule(at: connectDeadline) { [weak self] in self?.finish(.timedOut) }
        if let address = SocketAddress(literal: url.host, port: url.port) {
            addresses = [address]
            tryNextAddress(after: .timedOut)
        } else {
            loop.resolver.resolve(url.host, port: url.port) { [weak self] in self?.didResolve($0) }
        }
    }

    private func didResolve(_ answer: Resolver.Answer) {
        guard case .resolving = state else { return }
        switch answer {
        case .success(let found):
            addresses = found
            tryNextAddress(after: .timedOut)
        case .failure(let error): finish(error)
        }
    }

    /// Goes through the addresses until a connection is under way.
    /// - Parameter error: why the address before failed; the reason to close if there is no other.
    private func tryNextAddress(after error: TransportError) {
        var lastError = error
        while !addresses.isEmpty {
            closeDescriptor()
            let address = addresses.removeFirst()
            state = .connecting
            do throws(TransportError) {
                try beginConnecting(to: address)
                return limitAttempt()
            } catch {
                lastError = error
            }
        }
        finish(lastError)
    }

    private func beginConnecting(to address: SocketAddress) throws(TransportError) {
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        descriptor = try SystemCall.check("socket") { socket(address.domain, type, 0) }
        try SystemCall.setOption(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, to: 1)
        if let byteCount = options.receiveBufferByteCount {
            try SystemCall.setOption(descriptor, SOL_SOCKET, SO_RCVBUF, to: byteCount)
        }
        if let local = options.localAddress, local.family == address.family {
            try SystemCall.setOption(descriptor, SOL_SOCKET, SO_REUSEADDR, to: 1)
            if local.family == .v4 {
                try SystemCall.setOption(descriptor, Int32(IPPROTO_IP), IP_BIND_ADDRESS_NO_PORT, to: 1)
            }
            try SystemCall.check("bind") { unsafe local.withSockaddr { unsafe bind(descriptor, $0, $1) } }
        }
        let result = unsafe address.withSockaddr { unsafe Glibc.connect(descriptor, $0, $1) }
        let code = errno
        guard result == 0 || code == EINPROGRESS || code == EINTR else { throw .system(call: "connect", code: code) }
        try loop.poller.add(descriptor, token: token, interest: .write)
        interest = .write
    }

    /// An address that does not answer leaves its share of the time to those behind it.
    private func limitAttempt() {
        guard !addresses.isEmpty else { return }
        let share = ContinuousClock.now.duration(to: connectDeadline) / (addresses.count + 1)
        let attempt = descriptor
        loop.schedule(after: share) { [weak self] in
            guard let self, case .connecting = state, descriptor == attempt else { return }
            tryNextAddress(after: .timedOut)
        }
    }

    func finishConnecting() {
        let code = SystemCall.pendingError(of: descriptor)
        guard code == 0 else { return tryNextAddress(after: .system(call: "connect", code: code)) }
        addresses = []
        guard url.scheme.isSecure else { return beginUpgrading() }
        do throws(TransportError) {
            var context = options.tls
            if context == nil { context = try TLSClientContext.system() }
            guard let context else { preconditionFailure("one of the two is there") }
            tls = try TLSSession(context, descriptor: descriptor, host: url.host)
        } catch {
            return finish(error)
        }
        state = .securing
        secure()
    }

    /// Goes on with the TLS handshake.
    func secure() {
        guard let tls else { preconditionFailure("a session is made before it is secured") }
        switch tls.connect() {
        case .wantsRead: setInterest(.read)
        case .wantsWrite: setInterest(.write)
        case .done: beginUpgrading()
        case .failed(let error): finish(error)
        }
    }

    private func beginUpgrading() {
        state = .upgrading
        updateInterest()
        guard url.scheme.isWebSocket else { return open() }
        let handshake = WebSocketHandshake()
        self.handshake = handshake
        prepareOutput()
        output.append(sealed: handshake.request(for: url).rawSpan)
        flush()
    }

    /// Collects the response to the WebSocket handshake.
    /// - Returns: how many bytes of `piece` belong to it, once it is whole and what it has to be.
    func upgrade(with piece: RawSpan) -> Int? {
        guard let handshake else { preconditionFailure("a handshake is begun before its answer comes") }
        let before = responseHead.count
        let room = WebSocketHandshake.maxHeadByteCount - before
        responseHead.append(contentsOf: [UInt8](piece.extracting(first: room)))
        guard let headByteCount = WebSocketHandshake.headByteCount(responseHead) else {
            if responseHead.count == WebSocketHandshake.maxHeadByteCount {
                finish(.upgradeRefused(reason: "the head is longer than \(WebSocketHandshake.maxHeadByteCount) bytes"))
            }
            return nil
        }
        do throws(TransportError) {
            try handshake.check(head: responseHead[..<headByteCount])
        } catch {
            finish(error)
            return nil
        }
        responseHead = []
        self.handshake = nil
        open()
        return headByteCount - before
    }

    private func open() {
        guard case .upgrading = state else { return }
        state = .open
        cancelDeadline()
        delegate?.socketDidOpen(self)
    }

    func cancelDeadline() {
        if let deadline { loop.cancel(deadline) }
        deadline = nil
    }
}
