import Foundation
import Glibc
import Synchronization
import TestSupport

@testable import mlsrelay_chat

/// A program on a terminal, and what its screen shows.
final class PseudoTerminal: Sendable {
    private struct State {
        var output: [UInt8] = []
        var screen: TestScreen
        var isOver = false
        var status: Int32?
    }

    let processID: pid_t
    private let master: Int32
    /// Kept open, so that the terminal's settings can be read when the program has ended.
    private let slave: Int32
    private let state: Mutex<State>
    private let changed = Wakening()

    init(
        _ executable: String, _ arguments: [String], environment: [String: String] = [:], width: Int = 80,
        height: Int = 24
    ) throws {
        var (master, slave) = (Int32(-1), Int32(-1))
        var size = winsize(ws_row: UInt16(height), ws_col: UInt16(width), ws_xpixel: 0, ws_ypixel: 0)
        guard openpty(&master, &slave, nil, nil, &size) == 0 else {
            throw ToolProcess.Failure("openpty: errno \(errno)")
        }
        for descriptor in [master, slave] { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        (self.master, self.slave) = (master, slave)
        state = Mutex(State(screen: TestScreen(width: width, height: height)))
        let path = ToolProcess.productDirectory + "/" + executable
        processID = try Self.spawn(path, arguments, environment, on: slave)
        startReading()
    }

    private static func spawn(
        _ path: String, _ arguments: [String], _ environment: [String: String], on slave: Int32
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for descriptor in Int32(0)...2 { posix_spawn_file_actions_adddup2(&actions, slave, descriptor) }
        let inherited = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("MLSRELAY_") }
            .merging(environment) { $1 }
        let argv = ([path] + arguments).map { strdup($0) } + [nil]
        let envp = inherited.map { strdup("\($0)=\($1)") } + [nil]
        defer { for string in argv + envp { free(string) } }
        var spawned = pid_t()
        let code = posix_spawn(&spawned, path, &actions, nil, argv, envp)
        guard code == 0 else { throw ToolProcess.Failure("\(path): errno \(code)") }
        return spawned
    }

    private func startReading() {
        Thread { [self] in
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = read(master, &buffer, buffer.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { break }
                state.withLock {
                    $0.output += buffer[..<count]
                    $0.screen.feed(buffer[..<count])
                }
                changed.signal()
            }
        }.start()
        Thread { [self] in
            var status: Int32 = 0
            while waitpid(processID, &status, 0) < 0, errno == EINTR {}
            let code = status & 0x7f == 0 ? status >> 8 & 0xff : 128 + (status & 0x7f)
            state.withLock { $0.status = code }
            changed.signal()
        }.start()
    }

    var rows: [String] { state.withLock { $0.screen.rows } }
    var output: String { state.withLock { String(decoding: $0.output, as: UTF8.self) } }

    /// Waits until the screen is as `condition` says.
    func shows(_ what: String, within seconds: Double = 60, _ condition: @escaping @Sendable ([String]) -> Bool)
        async throws
    {
        try await wait(within: seconds, what) { condition($0.screen.rows) ? true : nil }
    }

    /// Waits until a row has `text` in it.
    func shows(_ text: String) async throws {
        try await shows(text) { rows in rows.contains { $0.contains(text) } }
    }

    /// Waits until `text` was written, screen or not.
    func writes(_ text: String) async throws {
        try await wait(within: 60, text) { String(decoding: $0.output, as: UTF8.self).contains(text) ? true : nil }
    }

    /// Waits for the end; returns the status.
    func ended() async throws -> Int32 { try await wait(within: 60, "the end") { $0.status } }

    @discardableResult
    private func wait<Value: Sendable>(
        within seconds: Double, _ what: String, _ find: @escaping @Sendable (borrowing State) -> Value?
    ) async throws -> Value {
        let deadline = Date(timeIntervalSinceNow: seconds)
        return try await onThread { [self] in
            while true {
                if let value = state.withLock({ find($0) }) { return value }
                guard changed.wait(until: deadline) else {
                    throw ToolProcess.Failure("not within \(seconds) s: \(what): \(rows.joined(separator: "\n"))")
                }
            }
        }
    }

    func type(_ text: String) {
        let bytes = Array(text.utf8)
        _ = bytes.withUnsafeBytes { write(master, $0.baseAddress, $0.count) }
    }

    func send(signal: Int32) {
        // Not after its end: the number may be another's by then.
        state.withLock { if $0.status == nil { _ = kill(processID, signal) } }
    }

    /// Makes the terminal another size, and says so, as a window does.
    func resize(width: Int, height: Int) {
        var size = winsize(ws_row: UInt16(height), ws_col: UInt16(width), ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(master, UInt(TIOCSWINSZ), &size)
        state.withLock { $0.screen = TestScreen(width: width, height: height) }
        send(signal: SIGWINCH)
    }

    /// Whether it shows what is typed, and gives whole lines: as a terminal is for a shell.
    var isCooked: Bool {
        var settings = termios()
        tcgetattr(slave, &settings)
        return settings.c_lflag & tcflag_t(ECHO) != 0 && settings.c_lflag & tcflag_t(ICANON) != 0
    }

    deinit {
        if state.withLock({ $0.status }) == nil { kill(processID, SIGKILL) }
        close(slave)
        close(master)
    }
}

/// Wakes whoever waits: once for each signal, so that none is missed.
final class Wakening: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    func signal() { semaphore.signal() }

    func wait(until deadline: Date) -> Bool {
        semaphore.wait(timeout: .now() + max(0, deadline.timeIntervalSinceNow)) == .success
    }
}

/// A terminal's screen, as far as the chat uses one.
struct TestScreen {
    private var cells: [[Character]]
    private var (row, column) = (0, 0)
    private var pending: [UInt8] = []
    /// Modes that are on, by their numbers.
    private(set) var modes: Set<String> = []

    init(width: Int, height: Int) { cells = Array(repeating: Array(repeating: " ", count: width), count: height) }

    var rows: [String] {
        cells.map { String($0.filter { $0 != "\0" }).reversed().drop { $0 == " " }.reversed() }.map { String($0) }
    }

    mutating func feed(_ bytes: some Collection<UInt8>) {
        pending += bytes
        let text = String(decoding: pending, as: UTF8.self)
        // What ends in the middle of a character or a sequence waits for the rest.
        if text.hasSuffix("\u{fffd}") || text.firstMatch(of: /\u{1b}(\[[0-9;?]*)?$/) != nil { return }
        pending = []
        var rest = Substring(text)
        while let first = rest.first { first == "\u{1b}" ? sequence(&rest) : put(&rest) }
    }

    private mutating func put(_ rest: inout Substring) {
        let character = rest.removeFirst()
        guard !character.isNewline, character != "\r" else { return }
        guard cells.indices.contains(row), cells[row].indices.contains(column) else { return }
        cells[row][column] = character
        // The second column of a wide character is nothing.
        if Width.of(character) == 2, column + 1 < cells[row].count { cells[row][column + 1] = "\0" }
        column += max(1, Width.of(character))
    }

    private mutating func sequence(_ rest: inout Substring) {
        guard let match = rest.prefixMatch(of: /\u{1b}\[(\?)?([0-9;]*)([A-Za-z])/) else {
            rest.removeFirst()
            return
        }
        rest = rest[match.range.upperBound...]
        let numbers = match.2.split(separator: ";").map { Int($0) ?? 0 }
        switch match.3 {
        case "H": (row, column) = ((numbers.first ?? 1) - 1, (numbers.dropFirst().first ?? 1) - 1)
        case "J": for index in cells.indices { cells[index] = blank }
        case "K": if cells.indices.contains(row) { cells[row] = blank }
        case "h": modes.insert(String(match.2))
        case "l": modes.remove(String(match.2))
        default: break
        }
    }

    private var blank: [Character] { Array(repeating: " ", count: cells.first?.count ?? 0) }
}
