import Foundation
public import Glibc
import Synchronization

/// A program of this package, started beside the tests: what it writes is gathered, and its end can be waited for.
///
/// A thread reads its output until all is closed and then waits for it; nothing here polls or sleeps.
// @unchecked: what changes is in `state`.
public final class ChildProcess: @unchecked Sendable {
    public enum Ending: Hashable, Sendable {
        case exited(Int32)
        case killed(signal: Int32)
    }

    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    private struct State {
        var standardOutput: [UInt8] = []
        var standardError: [UInt8] = []
        var ending: Ending?
        var waiters: [@Sendable (borrowing State) -> Bool] = []

        /// Waiters that have what they wait for go.
        mutating func tellWaiters() {
            var waiting: [@Sendable (borrowing State) -> Bool] = []
            for waiter in waiters where !waiter(self) { waiting.append(waiter) }
            waiters = waiting
        }
    }

    public let id: pid_t
    private let state = Mutex(State())

    /// The folder that the package's programs are built into: that of the tests themselves.
    public static var directory: String {
        let test = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return URL(fileURLWithPath: test ?? CommandLine.arguments[0]).deletingLastPathComponent().path
    }

    /// Starts `program`, one of this package, or any by its path.
    /// - Parameter environment: beside what the tests have, of which variables that begin with MLSRELAY_ are left out.
    public init(_ program: String, _ arguments: [String] = [], environment: [String: String] = [:]) throws {
        let path = program.contains("/") ? program : "\(Self.directory)/\(program)"
        // Sockets, because pipes cannot be made closed in children, where C's headers hide pipe2: a child that is started
        // meanwhile must not keep them open.
        var output: [Int32] = [-1, -1]
        var error: [Int32] = [-1, -1]
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, type, 0, &output) == 0, socketpair(AF_UNIX, type, 0, &error) == 0 else {
            throw Failure(description: "no sockets: \(String(cString: strerror(errno)))")
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, error[1], STDERR_FILENO)
        let inherited = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("MLSRELAY_") }
        let variables = inherited.merging(environment) { $1 }.map { strdup("\($0.key)=\($0.value)") } + [nil]
        let words = ([path] + arguments).map { strdup($0) } + [nil]
        var id = pid_t()
        let code = posix_spawn(&id, path, &actions, nil, words, variables)
        for text in variables + words { free(text) }
        posix_spawn_file_actions_destroy(&actions)
        for descriptor in [output[1], error[1]] { close(descriptor) }
        self.id = id
        guard code == 0 else {
            for descriptor in [output[0], error[0]] { close(descriptor) }
            throw Failure(description: "\(path) cannot be started: \(String(cString: strerror(code)))")
        }
        let (standardOutput, standardError) = (output[0], error[0])
        Thread.detachNewThread { [self] in follow(standardOutput, standardError) }
    }

    private func follow(_ standardOutput: Int32, _ standardError: Int32) {
        var open = [standardOutput, standardError]
        while !open.isEmpty {
            var polled = open.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            guard poll(&polled, nfds_t(polled.count), -1) > 0 else { continue }
            for descriptor in polled where descriptor.revents != 0 {
                var piece = [UInt8](repeating: 0, count: 65536)
                let count = read(descriptor.fd, &piece, piece.count)
                if count <= 0 {
                    close(descriptor.fd)
                    open.removeAll { $0 == descriptor.fd }
                    continue
                }
                state.withLock { state in
                    if descriptor.fd == standardOutput {
                        state.standardOutput += piece[..<count]
                    } else {
                        state.standardError += piece[..<count]
                    }
                    state.tellWaiters()
                }
            }
        }
        var status: Int32 = 0
        while waitpid(id, &status, 0) < 0, errno == EINTR {}
        let signal = status & 0x7f
        state.withLock { state in
            state.ending = signal == 0 ? .exited(status >> 8 & 0xff) : .killed(signal: signal)
            state.tellWaiters()
        }
    }

    public var standardOutput: String { state.withLock { String(decoding: $0.standardOutput, as: UTF8.self) } }
    public var standardError: String { state.withLock { String(decoding: $0.standardError, as: UTF8.self) } }

    public func signal(_ signal: Int32) {
        // Not after its end: the number may be another process's then.
        state.withLock { if $0.ending == nil { Glibc.kill(id, signal) } }
    }

    /// Waits for the end; what was written is complete then.
    @discardableResult
    public func end() async -> Ending {
        await wait { $0.ending }
    }

    /// Waits until standard output has so many lines that begin with `prefix`.
    /// - Throws: when the program ends before.
    public func lines(_ prefix: String, count: Int) async throws -> [String] {
        let lines: [String]? = await wait { state in
            // The last piece is a line only when it ends.
            let lines = String(decoding: state.standardOutput, as: UTF8.self)
                .split(separator: "\n", omittingEmptySubsequences: false).dropLast()
                .filter { $0.hasPrefix(prefix) }.map(String.init)
            if lines.count >= count { return .some(lines) }
            return state.ending == nil ? nil : .some(nil)
        }
        guard let lines else {
            throw Failure(description: "the program ended with \(await end()):\n\(standardError)")
        }
        return lines
    }

    private func wait<Result: Sendable>(
        _ look: @escaping @Sendable (borrowing State) -> Result?
    ) async -> Result {
        await withCheckedContinuation { continuation in
            state.withLock { state in
                if let result = look(state) { return continuation.resume(returning: result) }
                state.waiters.append { state in
                    guard let result = look(state) else { return false }
                    continuation.resume(returning: result)
                    return true
                }
            }
        }
    }
}

/// A new folder that goes with this object.
public final class TemporaryDirectory: Sendable {
    public let path: String

    public init() throws {
        var template = Array("\(FileManager.default.temporaryDirectory.path)/mlsrelay-test-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { throw ChildProcess.Failure(description: "no temporary folder: \(errno)") }
        path = String(cString: made)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }  // what stays is the system's to clean
}
