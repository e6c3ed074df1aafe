public import Foundation
import Glibc
import Synchronization

/// An executable of this package, run as a process of its own and watched.
///
/// Its calls may wait; a test that must not hold up others makes them on a thread of its own (`onThread`).
public final class ToolProcess: Sendable {
    public struct Failure: Error, CustomStringConvertible {
        public let description: String
        public init(_ description: String) { self.description = description }
    }

    private struct State {
        var output: [UInt8] = []
        var errors: [UInt8] = []
        var outputEnded = false
        var errorsEnded = false
        var status: Int32?
        var isInputClosed = false
    }

    public let processID: pid_t
    /// Where its standard input is written to; nil where that is empty.
    private let input: Int32?
    private let state = Mutex(State())
    private let changed = Condition()

    /// Starts `executable` with `arguments`; a name without a path is one of this package's executables.
    /// - Parameter hasInput: whether `write` gives it something to read.
    public init(
        _ executable: String, _ arguments: [String], environment: [String: String] = [:], hasInput: Bool = false
    ) throws {
        let path = executable.hasPrefix("/") ? executable : Self.productDirectory + "/" + executable
        guard access(path, X_OK) == 0 else { throw Failure("\(path) is not there: build the whole package first") }
        var (output, errors) = ([Int32](repeating: 0, count: 2), [Int32](repeating: 0, count: 2))
        // Closed in children: one that another test starts at this moment would keep them open, and hold up the end. Sockets,
        // because C's headers hide the call that makes a pipe so from Swift.
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, type, 0, &output) == 0, socketpair(AF_UNIX, type, 0, &errors) == 0 else {
            throw Failure("socketpair: errno \(errno)")
        }
        var inputs: [Int32] = [-1, -1]
        if hasInput {
            guard socketpair(AF_UNIX, type, 0, &inputs) == 0 else { throw Failure("socketpair: errno \(errno)") }
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if hasInput {
            posix_spawn_file_actions_adddup2(&actions, inputs[1], 0)
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        posix_spawn_file_actions_adddup2(&actions, output[1], 1)
        posix_spawn_file_actions_adddup2(&actions, errors[1], 2)
        // Settings of a relay that whoever runs the tests has are not the tests'.
        let inherited = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("MLSRELAY_") }
            .merging(environment) { $1 }
        let argv = ([path] + arguments).map { strdup($0) } + [nil]
        let envp = inherited.map { strdup("\($0)=\($1)") } + [nil]
        defer { for string in argv + envp { free(string) } }
        var spawned = pid_t()
        let code = posix_spawn(&spawned, path, &actions, nil, argv, envp)
        close(output[1])
        close(errors[1])
        if hasInput { close(inputs[1]) }
        guard code == 0 else { throw Failure("\(path): errno \(code)") }
        let processID = spawned
        self.processID = processID
        input = hasInput ? inputs[0] : nil
        startThread { [self, descriptor = output[0]] in gather(descriptor, isErrors: false) }
        startThread { [self, descriptor = errors[0]] in gather(descriptor, isErrors: true) }
        startThread { [self] in
            var status: Int32 = 0
            while waitpid(processID, &status, 0) < 0, errno == EINTR {}
            // As a shell says it: the exit code, or 128 and the signal.
            let code = status & 0x7f == 0 ? status >> 8 & 0xff : 128 + (status & 0x7f)
            state.withLock { $0.status = code }
            changed.signal()
        }
    }

    /// Where the package's executables are: beside the bundle of tests.
    public static var productDirectory: String {
        let arguments = ProcessInfo.processInfo.arguments
        let bundle = arguments.first { $0.hasSuffix(".xctest") } ?? arguments[0]
        return URL(fileURLWithPath: bundle).deletingLastPathComponent().path
    }

    private func gather(_ descriptor: Int32, isErrors: Bool) {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            state.withLock { state in
                switch (isErrors, count > 0) {
                case (false, true): state.output += buffer[..<count]
                case (true, true): state.errors += buffer[..<count]
                case (false, false): state.outputEnded = true
                case (true, false): state.errorsEnded = true
                }
            }
            changed.signal()
            guard count > 0 else { break }
        }
        close(descriptor)
    }

    public var output: String { state.withLock { String(decoding: $0.output, as: UTF8.self) } }
    public var errors: String { state.withLock { String(decoding: $0.errors, as: UTF8.self) } }

    /// Waits until standard output has a whole line that `matches` takes, and returns what it made of it.
    /// - Throws: when the output ends or `seconds` pass before.
    public func line<Value>(within seconds: Double = 60, _ matches: (Substring) -> Value?) throws -> Value {
        let deadline = Date(timeIntervalSinceNow: seconds)
        while true {
            let (text, isOver) = state.withLock { (String(decoding: $0.output, as: UTF8.self), $0.outputEnded) }
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast(
                text.hasSuffix("\n") ? 0 : 1)
            for line in lines { if let value = matches(line) { return value } }
            guard !isOver else { throw Failure("the process ended: \(text)\(errors)") }
            guard changed.wait(until: deadline) else { throw Failure("no such line in \(seconds) s: \(text)\(errors)") }
        }
    }

    /// Waits for a whole line of standard output, counted from 0.
    /// - Throws: when the output ends or `seconds` pass before.
    public func line(number: Int, within seconds: Double = 60) throws -> String {
        let deadline = Date(timeIntervalSinceNow: seconds)
        while true {
            let (text, isOver) = state.withLock { (String(decoding: $0.output, as: UTF8.self), $0.outputEnded) }
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            if number < lines.count { return String(lines[number]) }
            guard !isOver else { throw Failure("the process ended: \(text)\(errors)") }
            guard changed.wait(until: deadline) else {
                throw Failure("no line \(number) in \(seconds) s: \(text)\(errors)")
            }
        }
    }

    /// Writes to its standard input.
    /// - Throws: where it has none, or reads no more.
    public func write(_ text: String) throws {
        guard let input, !state.withLock({ $0.isInputClosed }) else { throw Failure("no standard input") }
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            // Not `write`: its signal would end the tests.
            let count = bytes.withUnsafeBytes { Glibc.send(input, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Failure("write: errno \(errno)") }
            bytes.removeFirst(count)
        }
    }

    /// Ends its standard input.
    public func closeInput() {
        let isOpen = state.withLock { state in
            defer { state.isInputClosed = true }
            return !state.isInputClosed
        }
        if isOpen, let input { close(input) }
    }

    /// Waits until standard error says `text`.
    public func waitForError(_ text: String, within seconds: Double = 60) throws {
        let deadline = Date(timeIntervalSinceNow: seconds)
        while !errors.contains(text) {
            guard !state.withLock({ $0.errorsEnded }), changed.wait(until: deadline) else {
                throw Failure("it did not say \(text): \(errors)")
            }
        }
    }

    /// Waits for the end, with all output gathered; returns the exit code, 128 + N after signal N.
    public func wait(within seconds: Double = 60) throws -> Int32 {
        let deadline = Date(timeIntervalSinceNow: seconds)
        while true {
            let (status, isOver) = state.withLock { ($0.status, $0.outputEnded && $0.errorsEnded) }
            if let status, isOver { return status }
            guard changed.wait(until: deadline) else { throw Failure("still running after \(seconds) s: \(errors)") }
        }
    }

    public func send(signal: Int32) {
        // Not after its end: the number may be another's by then.
        state.withLock { if $0.status == nil { _ = kill(processID, signal) } }
    }

    /// A condition that remembers one signal for each waiter that comes.
    private final class Condition: Sendable {
        private let condition = NSConditionBox()
        func signal() { condition.signal() }
        func wait(until deadline: Date) -> Bool { condition.wait(until: deadline) }
    }

    // @unchecked: NSCondition is made for use by any thread; `count` is touched under its lock.
    private final class NSConditionBox: @unchecked Sendable {
        private let condition = NSCondition()
        private var count = 0
        private var seen = 0

        func signal() {
            condition.lock()
            count += 1
            condition.broadcast()
            condition.unlock()
        }

        /// Returns false when `deadline` has passed without a change.
        func wait(until deadline: Date) -> Bool {
            condition.lock()
            defer { condition.unlock() }
            while seen == count { if !condition.wait(until: deadline) { return false } }
            seen = count
            return true
        }
    }
}

/// A relay in a process of its own, on loopback ports and in a directory of its own.
public final class RelayProcess: Sendable {
    public let process: ToolProcess
    public let dataDirectory: String
    /// Scheme to URL, with the ports that the relay has.
    public let urls: [String: String]

    /// Starts `mlsrelay serve` and waits until it listens.
    /// - Parameters:
    ///   - listeners: scheme and port, 0 for any.
    ///   - certificate: certificate and key files, where a listener needs TLS.
    public init(
        dataDirectory: String, listeners: [(scheme: String, port: UInt16)] = [("ws", 0), ("tcp", 0)],
        certificate: (chain: String, key: String)? = nil, arguments: [String] = [], environment: [String: String] = [:]
    ) throws {
        self.dataDirectory = dataDirectory
        // Not every test has a credential of the relay's.
        var all = ["serve", "--data", dataDirectory, "--credentials", "either"]
        for listener in listeners { all += ["--listen", "\(listener.scheme)://127.0.0.1:\(listener.port)"] }
        if let certificate { all += ["--certificate", certificate.chain, "--key", certificate.key] }
        process = try ToolProcess("mlsrelay", all + arguments, environment: environment)
        var found: [String: String] = [:]
        for listener in listeners {
            found[listener.scheme] = try process.line { line in
                line.hasPrefix("listening on \(listener.scheme)://")
                    ? String(line.dropFirst("listening on ".count)) : nil
            }
        }
        urls = found
    }

    public func port(_ scheme: String) -> UInt16 {
        urls[scheme].flatMap { $0.split(separator: ":").last }.flatMap { UInt16($0) } ?? 0
    }

    /// Starts one in `directory`, without holding up other tests.
    public static func started(
        in directory: TemporaryDirectory, schemes: [String] = ["ws", "tcp"],
        certificate: (chain: String, key: String)? = nil,
        arguments: [String] = [], environment: [String: String] = [:]
    ) async throws -> RelayProcess {
        try await onThread {
            try RelayProcess(
                dataDirectory: directory.path + "/data", listeners: schemes.map { ($0, 0) }, certificate: certificate,
                arguments: arguments, environment: environment)
        }
    }

    /// Sends a signal and waits for the end, without holding up other tests; returns the exit code, 128 + N after signal N.
    @discardableResult
    public func ended(by signal: Int32 = SIGTERM) async throws -> Int32 {
        try await onThread { [process] in
            process.send(signal: signal)
            return try process.wait()
        }
    }

    /// The same listeners, for a relay that takes this one's place.
    public var listeners: [(scheme: String, port: UInt16)] { urls.keys.map { ($0, port($0)) } }

    /// Ends it as a crash would, and waits for that.
    public func kill() throws {
        process.send(signal: SIGKILL)
        _ = try process.wait()
    }

    /// Ends it as an operator would; returns the exit code.
    @discardableResult
    public func terminate() throws -> Int32 {
        process.send(signal: SIGTERM)
        return try process.wait()
    }

    deinit { process.send(signal: SIGKILL) }
}

/// A directory of a test's own, which goes with the value.
public final class TemporaryDirectory: Sendable {
    public let path: String

    /// - Parameter inMemory: whether it may be where a sync costs nothing, for tests that lose nothing by that.
    public init(inMemory: Bool = false) throws {
        let memory = "/dev/shm"
        let parent = inMemory && access(memory, W_OK | X_OK) == 0 ? memory : FileManager.default.temporaryDirectory.path
        path = parent + "/mlsrelay-test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    /// A certificate for 127.0.0.1, ::1 and localhost that vouches for itself, made by the openssl command.
    public func makeCertificate(named name: String = "") throws -> (chain: String, key: String) {
        let (chain, key) = ("\(path)/\(name)certificate.pem", "\(path)/\(name)key.pem")
        let openssl = try ToolProcess(
            "/usr/bin/openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key,
                "-out",
                chain, "-days", "7", "-subj", "/CN=localhost", "-addext",
                "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1",
            ])
        guard try openssl.wait() == 0 else { throw ToolProcess.Failure(openssl.errors) }
        return (chain, key)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }  // what is left is a temporary folder
}

/// Runs `body` on a thread of its own, where it may wait, without holding up other tests.
public func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        startThread { continuation.resume(with: Result(catching: body)) }
    }
}
