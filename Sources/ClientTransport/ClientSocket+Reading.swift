import CLinux
import Glibc
import RelayWire
import TLSPresentation
import WebSocketFraming

extension ClientSocket {
    /// Reads once what there is, into the loop's buffer, and hands it on.
    func receive() {
        precondition(!isReceiving, "the buffer of a read is not read into again")
        isReceiving = true
        defer { isReceiving = false }
        let buffer = unsafe loop.receiveBuffer
        var count = 0
        let ending =
            unsafe tls == nil
            ? receivePlain(into: buffer, &count) : receiveSecured(into: buffer, &count)
        loop.statistics.readCount += 1
        loop.statistics.readByteCount += UInt64(count)
        if count > 0 { unsafe take(RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: buffer[..<count]))) }
        if let ending { end(ending) } else { updateInterest() }
    }

    /// How reading came to an end.
    private enum Ending {
        case peerClosed
        case failed(TransportError)
    }

    private func receivePlain(into buffer: UnsafeMutableRawBufferPointer, _ count: inout Int) -> Ending? {
        switch unsafe SystemCall.receive(descriptor, into: buffer) {
        case .bytes(let received):
            count = received
            return nil
        case .wouldBlock: return nil
        case .end: return .peerClosed
        case .failed(let code): return .failed(.system(call: "recv", code: code))
        }
    }

    private func receiveSecured(into buffer: UnsafeMutableRawBufferPointer, _ count: inout Int) -> Ending? {
        guard let tls else { preconditionFailure("only with a session") }
        readWantsWrite = false
        // A read gives at most one record.
        while count < buffer.count {
            switch unsafe tls.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[count...])) {
            case .bytes(let received): count += received
            case .wouldBlock(let wantsWrite):
                readWantsWrite = wantsWrite
                return nil
            case .end: return .peerClosed
            case .failed(let error): return .failed(error)
            }
        }
        // OpenSSL may hold more, of which epoll does not know.
        scheduleRead()
        return nil
    }

    private func end(_ ending: Ending) {
        switch (ending, state) {
        case (_, .closed): break
        case (_, .closing): finish(.closedLocally)
        case (.failed(let error), _): finish(error)
        case (.peerClosed, .upgrading): finish(.upgradeRefused(reason: "the relay closed the connection"))
        case (.peerClosed, _):
            finish(.closedByPeer(closeCode: nil, reason: assembler.isPartial ? "inside of a frame" : ""))
        }
    }

    private func take(_ piece: RawSpan) {
        var start = 0
        if case .upgrading = state {
            guard let headByteCount = upgrade(with: piece) else { return }
            start = headByteCount
        }
        let frames = piece.extracting(start..<piece.byteCount)
        if url.scheme.isWebSocket { takeWebSocket(frames) } else { deliver(frames) }
    }

    private func takeWebSocket(_ piece: RawSpan) {
        var position = 0
        while state == .open || state == .closing {
            do throws(WebSocketError) {
                switch try receiver.next(piece, position: &position) {
                case .needsMore: return
                case .data(let range, _, let endsMessage):
                    deliver(piece.extracting(range))
                    if endsMessage && assembler.isPartial {
                        violate(1002, "a message that ends inside of a frame")
                    }
                case .ping(let payload): answerPing(payload)
                case .pong: delegate?.socketDidReceiveControl(self)
                case .close(let code, let reason): didReceiveClose(code, String(decoding: reason, as: UTF8.self))
                }
            } catch {
                violate(error.closeCode.rawValue, "\(error)")
            }
        }
    }

    /// Hands on whole frames, in place where they are; keeps the beginning of one that is not whole.
    private func deliver(_ piece: RawSpan) {
        var position = 0
        do throws(DecodingError) {
            if assembler.isPartial, state == .open {
                guard let frame = try assembler.complete(with: piece, position: &position) else { return }
                try deliverWhole(frame.rawSpan, &position, keepsRest: false)
            }
            if state == .open { try deliverWhole(piece, &position, keepsRest: true) }
        } catch {
            violate(error.isOversize ? 1009 : 1002, "\(error)")
        }
    }

    /// Delivers the frames of `piece` from `position` on, if any is whole.
    /// - Parameter keepsRest: whether `piece` is the stream itself; else it is one frame that was put together.
    private func deliverWhole(_ piece: RawSpan, _ position: inout Int, keepsRest: Bool) throws(DecodingError) {
        let rest = keepsRest ? piece.extracting(position..<piece.byteCount) : piece
        var frames = ReceivedFrames(rest, maxFrameByteCount: options.maxFrameByteCount)
        if frames.hasNext {
            delegate?.socket(self, didReceive: &frames)
            while frames.next() != nil {}
        }
        guard state == .open, keepsRest else { return }
        try frames.check()
        assembler.keep(rest.extracting(frames.consumedByteCount..<rest.byteCount))
    }

    private func answerPing(_ payload: [UInt8]) {
        // A peer that pings and does not read gets no answers that pile up.
        if state == .open, output.pendingByteCount < options.maxPendingByteCount {
            prepareOutput()
            output.append(control: 0xa, payload: payload, loop.randomPool.nextMask)
            scheduleFlush()
        }
        delegate?.socketDidReceiveControl(self)
    }
}

extension DecodingError {
    fileprivate var isOversize: Bool {
        if case .invalidLength(_, let byteCount) = reason { return byteCount >= FrameHeader.byteCount }
        return false
    }
}
