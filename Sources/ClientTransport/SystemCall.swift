import CLinux
import Glibc

/// The one way in which results of the operating system are looked at.
enum SystemCall {
    /// What became of reading or writing without waiting.
    enum Transfer: Equatable {
        case bytes(Int)
        /// Nothing can be transferred now.
        case wouldBlock
        /// Reading: the peer sends nothing more.
        case end
        case failed(Int32)
    }

    /// The result of `call`, again for as long as a signal interrupts it; throws where it is negative.
    @discardableResult
    static func check(_ name: StaticString, _ call: () -> Int32) throws(TransportError) -> Int32 {
        while true {
            let result = call()
            if result >= 0 { return result }
            let code = errno
            if code != EINTR { throw .system(call: "\(name)", code: code) }
        }
    }

    static func receive(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) -> Transfer {
        while true {
            let count = unsafe recv(descriptor, buffer.baseAddress, buffer.count, 0)
            if count > 0 { return .bytes(count) }
            if count == 0 { return .end }
            let code = errno
            if code == EINTR { continue }
            return code == EAGAIN || code == EWOULDBLOCK ? .wouldBlock : .failed(code)
        }
    }

    static func send(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Transfer {
        while true {
            let count = unsafe Glibc.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
            if count >= 0 { return .bytes(count) }
            let code = errno
            if code == EINTR { continue }
            return code == EAGAIN || code == EWOULDBLOCK ? .wouldBlock : .failed(code)
        }
    }

    static func setOption(_ descriptor: Int32, _ level: Int32, _ option: Int32, to value: Int32) throws(TransportError)
    {
        var value = value
        let result = unsafe setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
        if result != 0 { throw .system(call: "setsockopt", code: errno) }
    }

    /// The error that a non-blocking `connect` ended with; 0 if it succeeded.
    static func pendingError(of descriptor: Int32) -> Int32 {
        var code: Int32 = 0
        var byteCount = socklen_t(MemoryLayout<Int32>.size)
        let result = unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &byteCount)
        return result == 0 ? code : errno
    }

    /// Closes `descriptor`: the kernel gives it up whatever it returns, and nobody could do better.
    static func close(_ descriptor: Int32) { _ = Glibc.close(descriptor) }

    static func message(of code: Int32) -> String {
        // glibc keeps the text per thread.
        guard let text = unsafe strerror(code) else { return "error \(code)" }
        return unsafe String(cString: text)
    }
}
