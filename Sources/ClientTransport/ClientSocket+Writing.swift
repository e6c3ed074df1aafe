import CLinux
import Glibc

extension ClientSocket {
    /// Gives the output a buffer, where it has none.
    func prepareOutput() {
        if output.bytes.capacity == 0 { output.adopt(loop.takeBuffer()) }
    }

    /// Sends what is there, as far as the kernel takes it.
    func flush() {
        isFlushScheduled = false
        switch state {
        case .upgrading, .open, .closing: break
        case .idle, .resolving, .connecting, .securing, .closed: return
        }
        guard !isWriteBlocked else { return }
        if url.scheme.isWebSocket && state != .upgrading { output.sealMessage(loop.randomPool.nextMask) }
        while output.pendingByteCount > 0 {
            guard sendOnce() else { return updateInterest() }
        }
        if output.bytes.capacity > 0 { loop.giveBack(output.release()) }
        updateInterest()
        if state == .closing { didFlushLast() }
        if mustTellDrain && state == .open {
            mustTellDrain = false
            delegate?.socketDidDrain(self)
        }
    }

    /// One call of `send`, or of OpenSSL's.
    /// - Returns: whether to go on.
    private func sendOnce() -> Bool {
        let transfer: TLSSession.Transfer
        if let tls {
            transfer = unsafe output.withSealedBytes { unsafe tls.write($0) }
        } else {
            switch unsafe output.withSealedBytes({ unsafe SystemCall.send(descriptor, $0) }) {
            case .bytes(let count): transfer = .bytes(count)
            case .wouldBlock, .end: transfer = .wouldBlock(wantsWrite: true)
            case .failed(let code): transfer = .failed(.system(call: "send", code: code))
            }
        }
        switch transfer {
        case .bytes(let count):
            output.didSend(count)
            loop.statistics.writeCount += 1
            loop.statistics.writtenByteCount += UInt64(count)
            return true
        case .wouldBlock(let wantsWrite):
            // Where OpenSSL has to read first, the next thing that comes flushes again.
            isWriteBlocked = wantsWrite
            mustTellDrain = true
            return false
        case .end:
            didFailSending(.closedByPeer(closeCode: nil, reason: ""))
            return false
        case .failed(let error):
            didFailSending(error)
            return false
        }
    }

    /// The peer may have said why before it closed: that is read before the error is told.
    private func didFailSending(_ error: TransportError) {
        output = OutputBuffer()
        if state == .open && !isReadingPaused && !isReceiving { receive() }
        finish(error)
    }
}
