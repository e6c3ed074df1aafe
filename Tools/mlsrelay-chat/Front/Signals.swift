import Dispatch
import Glibc

/// Signals as values.
enum Signals {
    /// Where the handler writes what has come. Set before the handler is, and never again.
    nonisolated(unsafe) private static var writeEnd: Int32 = -1

    /// The signals of these numbers as they come, which do nothing else from then on: at no moment is one lost. Called once.
    static func stream(_ numbers: [Int32]) -> AsyncStream<Int32> {
        let (stream, continuation) = AsyncStream<Int32>.makeStream()
        var ends: [Int32] = [-1, -1]
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        // Without descriptors the signals do what they did before.
        guard socketpair(AF_UNIX, type, 0, &ends) == 0 else { return stream }
        writeEnd = ends[1]
        for number in numbers { hear(number) }
        DispatchQueue(label: "signals").async { [readEnd = ends[0]] in
            while let number = next(readEnd) { continuation.yield(number) }
        }
        return stream
    }

    /// Has a signal written to the socket, which a handler may do.
    private static func hear(_ number: Int32) {
        signal(number) { number in
            let before = errno
            var byte = UInt8(truncatingIfNeeded: number)
            // A full socket has signals enough.
            _ = write(Signals.writeEnd, &byte, 1)
            errno = before
        }
    }

    private static func next(_ readEnd: Int32) -> Int32? {
        var waiting = pollfd(fd: readEnd, events: Int16(POLLIN), revents: 0)
        var byte: UInt8 = 0
        while true {
            let count = read(readEnd, &byte, 1)
            if count == 1 { return Int32(byte) }
            guard count < 0, errno == EAGAIN || errno == EINTR else { return nil }
            poll(&waiting, 1, -1)
        }
    }
}
