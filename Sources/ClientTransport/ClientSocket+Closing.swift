import CLinux
import Glibc

extension ClientSocket {
    /// Closes in good order: what was given to `send` is sent, and nothing is received any more. The delegate hears
    /// `socket(_:didClose:)` once the peer has closed as well, or after `ConnectOptions.closeTimeout`.
    /// - Parameter code: for a WebSocket. RFC 6455 section 7.4.
    public func close(code: UInt16 = 1000) {
        loop.preconditionOnLoopThread()
        switch state {
        case .idle, .closing, .closed: return
        case .resolving, .connecting, .securing, .upgrading: return finish(.closedLocally)
        case .open: break
        }
        state = .closing
        assembler.reset()
        if url.scheme.isWebSocket { appendClose(code) }
        deadline = loop.schedule(after: options.closeTimeout) { [weak self] in self?.finish(.closedLocally) }
        updateInterest()
        scheduleFlush()
    }

    /// Closes at once; what was not sent is lost. The delegate hears `socket(_:didClose:)`.
    public func abort() {
        loop.preconditionOnLoopThread()
        if case .idle = state { return }
        finish(.closedLocally)
    }

    /// Everything is sent: on raw TCP the end of the stream says that it is over.
    func didFlushLast() {
        guard !url.scheme.isWebSocket else { return }
        tls?.shutDown()
        // It fails only where the connection is gone already.
        _ = shutdown(descriptor, Int32(SHUT_WR))
    }

    func didReceiveClose(_ code: UInt16?, _ reason: String) {
        if state == .closing { return finish(.closedLocally) }
        appendClose(code ?? 1000)
        flush()
        finish(.closedByPeer(closeCode: code, reason: reason))
    }

    /// The peer has sent what it must not.
    func violate(_ closeCode: UInt16, _ reason: String) {
        guard state == .open else { return finish(.closedLocally) }
        if url.scheme.isWebSocket {
            appendClose(closeCode)
            flush()
        }
        finish(.protocolViolation(closeCode: closeCode, reason: reason))
    }

    private func appendClose(_ code: UInt16) {
        prepareOutput()
        let payload = [UInt8(truncatingIfNeeded: code >> 8), UInt8(truncatingIfNeeded: code)]
        output.append(control: 0x8, payload: payload, loop.randomPool.nextMask)
    }

    /// Ends the socket, once, and tells the delegate at the end of the turn.
    func finish(_ reason: TransportError) {
        switch state {
        case .idle, .closed: return
        case .open, .closing: tls?.shutDown()
        case .resolving, .connecting, .securing, .upgrading: break
        }
        state = .closed
        cancelDeadline()
        tls = nil
        closeDescriptor()
        loop.unregister(token: token)
        output = OutputBuffer()
        assembler.reset()
        responseHead = []
        addresses = []
        loop.perform { [self] in
            let delegate = delegate
            self.delegate = nil
            delegate?.socket(self, didClose: reason)
        }
    }

    /// Closing takes it out of epoll as well.
    func closeDescriptor() {
        guard descriptor >= 0 else { return }
        SystemCall.close(descriptor)
        descriptor = -1
        interest = nil
    }
}
