import Dispatch
import Glibc

/// Standard input, read where waiting holds up nobody.
enum Input {
    /// How long after an escape character the rest of a sequence may take, in milliseconds: more than a slow line needs,
    /// less than a person notices.
    private static let escapeTimeout: Int32 = 50

    /// Whole lines, until the input ends.
    static func lines() -> AsyncStream<String> {
        let (stream, continuation) = AsyncStream<String>.makeStream()
        DispatchQueue(label: "input").async {
            while let line = readLine(strippingNewline: true) { continuation.yield(line) }
            continuation.finish()
        }
        return stream
    }

    /// Keys of a terminal, those together that came together, until the input ends.
    static func keys() -> AsyncStream<[Key]> {
        let (stream, continuation) = AsyncStream<[Key]>.makeStream()
        DispatchQueue(label: "input").async {
            var parser = KeyParser()
            while let keys = read(&parser) { continuation.yield(keys) }
            continuation.finish()
        }
        return stream
    }

    /// The next keys; nil at the end.
    private static func read(_ parser: inout KeyParser) -> [Key]? {
        var waiting = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
        if parser.isWaiting, poll(&waiting, 1, escapeTimeout) == 0 { return parser.flush() }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = Glibc.read(STDIN_FILENO, &buffer, buffer.count)
        if count < 0, errno == EINTR || errno == EAGAIN { return [] }
        return count > 0 ? parser.feed(buffer[..<count]) : nil
    }
}
