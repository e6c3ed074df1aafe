import Glibc

/// Drives the MLS library a line at a time: a command on standard input, its answer on standard output. A test tool: it
/// does nothing that the library cannot do, and answers every error, its own included, in a line.
@main
struct InteropTool {
    static func main() {
        // Whoever reads the answers may go away: the write fails then, and this ends.
        signal(SIGPIPE, SIG_IGN)
        let interpreter = Interpreter()
        while !interpreter.isOver, let line = readLine() {
            guard let answer = interpreter.answer(to: line) else { continue }
            guard write(answer.encoded + "\n") else { exit(1) }
        }
    }

    /// Writes all of it at once, whatever standard output is.
    private static func write(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { Glibc.write(1, $0.baseAddress, $0.count) }
            if count < 0, errno != EINTR { return false }
            written += max(0, count)
        }
        return true
    }
}
