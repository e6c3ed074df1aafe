import Glibc

/// The terminal that standard input and output are: all that is not a value in this program is here.
///
/// While the screen is on the terminal gives each key at once and shows nothing by itself; how it was before comes back on
/// every way out of the process.
final class Terminal: @unchecked Sendable {  // `isScreenOn` is touched by the main task alone
    static var isThere: Bool { isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1 }

    /// The other screen, pasting in brackets, no wrapping at the margin.
    private static let enter = "\u{1b}[?1049h\u{1b}[?2004h\u{1b}[?7l\u{1b}[2J"
    private static let leave = "\u{1b}[0m\u{1b}[?7h\u{1b}[?2004l\u{1b}[?25h\u{1b}[?1049l"

    private var isScreenOn = false

    /// - Throws: where standard input is no terminal.
    init() throws {
        guard tcgetattr(STDIN_FILENO, Restoration.settings) == 0 else { throw StartError("There is no terminal.") }
        Restoration.install(leaving: Self.leave)
    }

    var size: ScreenSize {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
            return ScreenSize(width: 80, height: 24)
        }
        return ScreenSize(width: Int(size.ws_col), height: Int(size.ws_row))
    }

    func turnScreenOn() {
        guard !isScreenOn else { return }
        var settings = Restoration.settings.pointee
        cfmakeraw(&settings)
        Restoration.isNeeded.pointee = 1
        // What was typed before is typed.
        tcsetattr(STDIN_FILENO, TCSADRAIN, &settings)
        isScreenOn = true
        write(Array(Self.enter.utf8))
    }

    func turnScreenOff() {
        guard isScreenOn else { return }
        isScreenOn = false
        Restoration.restore()
    }

    /// Stops the process as ctrl-z does elsewhere; returns when it goes on.
    func suspend() {
        turnScreenOff()
        kill(getpid(), SIGSTOP)
        turnScreenOn()
    }

    func write(_ bytes: [UInt8]) { StandardOutput.write(bytes) }

    /// Asks for a line that is not shown while it is typed; nil at the end of input.
    static func askSecret(_ prompt: String) -> String? {
        guard tcgetattr(STDIN_FILENO, Restoration.settings) == 0 else { return ask(prompt) }
        // A signal here ends the process: the terminal shows what is typed again all the same.
        Restoration.install(leaving: "")
        var hidden = Restoration.settings.pointee
        hidden.c_lflag &= ~tcflag_t(ECHO)
        Restoration.isNeeded.pointee = 1
        // Before the question, so that nothing of the answer is shown.
        tcsetattr(STDIN_FILENO, TCSADRAIN, &hidden)
        let answer = ask(prompt)
        Restoration.isNeeded.pointee = 0
        tcsetattr(STDIN_FILENO, TCSADRAIN, Restoration.settings)
        StandardOutput.write([0x0a])
        return answer
    }

    static func ask(_ prompt: String) -> String? {
        StandardOutput.write(Array(prompt.utf8))
        return readLine(strippingNewline: true)
    }
}

/// Standard output, or another, past any buffer.
enum StandardOutput {
    static func write(_ bytes: [UInt8], to descriptor: Int32 = STDOUT_FILENO) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            guard count > 0 else { return }
            rest.removeFirst(count)
        }
    }
}

/// Gives the terminal back as it was, also from within a signal: what is needed for that lies in memory of its own, which
/// is never freed, and is touched by calls only that a signal handler may make.
private enum Restoration {
    nonisolated(unsafe) static let settings = make(termios())
    nonisolated(unsafe) static let isNeeded = make(sig_atomic_t(0))
    /// What is written, and how much of it.
    nonisolated(unsafe) private static var sequence = UnsafeMutablePointer<UInt8>.allocate(capacity: 64)
    nonisolated(unsafe) private static var sequenceCount = 0
    nonisolated(unsafe) private static let isInstalled = make(sig_atomic_t(0))

    private static func make<Value>(_ value: Value) -> UnsafeMutablePointer<Value> {
        let pointer = UnsafeMutablePointer<Value>.allocate(capacity: 1)
        pointer.initialize(to: value)
        return pointer
    }

    static func install(leaving text: String) {
        sequenceCount = min(64, text.utf8.count)
        for (index, byte) in text.utf8.prefix(64).enumerated() { sequence[index] = byte }
        guard isInstalled.pointee == 0 else { return }
        isInstalled.pointee = 1
        atexit { Restoration.restore() }
        // Faults of this program, which it does not survive; and what asks it to end, until somebody hears that.
        let faults = [SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGABRT]
        for number in faults + [SIGINT, SIGTERM, SIGHUP, SIGQUIT] { restoreAndDie(of: number) }
    }

    private static func restoreAndDie(of number: Int32) {
        signal(number) { number in
            Restoration.restore()
            signal(number, SIG_DFL)
            raise(number)
        }
    }

    static func restore() {
        guard isNeeded.pointee == 1 else { return }
        isNeeded.pointee = 0
        _ = Glibc.write(STDOUT_FILENO, sequence, sequenceCount)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, settings)
    }
}
