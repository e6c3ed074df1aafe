import Glibc

/// What the tool knows about who reads its output.
enum Terminal {
    /// Columns of the terminal that standard output is; nil where it is none.
    static var width: Int? {
        var size = winsize()
        guard isatty(STDOUT_FILENO) == 1, ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else {
            return nil
        }
        return Int(size.ws_col)
    }

    static var isErrorATerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// Writes to standard error, past any buffer.
    static func writeError(_ text: String) {
        var text = text
        text.withUTF8 { bytes in _ = write(STDERR_FILENO, bytes.baseAddress, bytes.count) }
    }

    /// Ends the tool because a command could not be carried out.
    static func fail(_ message: String) -> Never {
        fflush(nil)
        writeError("mlsrelay-tool: \(message)\n")
        exit(2)
    }
}

/// A bar on standard error, for what takes long: shown on a terminal only, and not before a while.
struct ProgressBar {
    private static let barWidth = 30
    private let title: String
    private let isShown: Bool
    private let start = ContinuousClock.now
    private var lastShown: ContinuousClock.Instant?

    init(_ title: String) {
        self.title = title
        isShown = Terminal.isErrorATerminal
    }

    mutating func show(_ done: Int, of total: Int) {
        let now = ContinuousClock.now
        guard isShown, now - start > .milliseconds(500), now - (lastShown ?? start) > .milliseconds(100) else { return }
        lastShown = now
        Terminal.writeError("\r" + Self.line(title, done, of: total) + "\u{1b}[K")
    }

    /// Takes the bar away.
    mutating func clear() {
        if lastShown != nil { Terminal.writeError("\r\u{1b}[K") }
        lastShown = nil
    }

    static func line(_ title: String, _ done: Int, of total: Int) -> String {
        let share = total > 0 ? min(1, Double(done) / Double(total)) : 1
        let filled = Int(share * Double(barWidth))
        let bar = String(repeating: "#", count: filled) + String(repeating: "-", count: barWidth - filled)
        return "\(title) [\(bar)] \(Int(share * 100)) %"
    }
}
