import Foundation
import Glibc
import Logging
import RelayServer
import RelayTransport
import Synchronization
import TestSupport

/// A relay in the test's own process, on loopback ports and in a directory of its own.
final class RunningRelay: Sendable {
    let server: RelayServer
    let directory: String

    init(
        loops: Int = 1, directory: String? = nil, log: LogLines? = nil,
        _ change: (inout ServerConfiguration) -> Void = { _ in }
    ) throws {
        self.directory = directory ?? FileManager.default.temporaryDirectory.path + "/relay-\(UUID().uuidString)"
        let addresses = ["ws://127.0.0.1:0", "tcp://127.0.0.1:0"].compactMap(ListenAddress.init)
        var configuration = ServerConfiguration(
            transport: TransportConfiguration(listeners: addresses, loopCount: loops), dataDirectory: self.directory)
        configuration.shutdownGraceMilliseconds = 1000
        configuration.transport.closeTimeoutMilliseconds = 500
        change(&configuration)
        var logger = Logger(label: "relay") { _ in LineCollector(lines: log) }
        logger.logLevel = log == nil ? .critical : .info
        server = try RelayServer(configuration, logger: logger)
    }

    func port(_ scheme: Scheme) -> UInt16 { server.addresses.first { $0.scheme == scheme }?.port ?? 0 }

    func connect(_ scheme: Scheme, upgrade: Bool = true) throws -> BlockingClient {
        try BlockingClient(port: port(scheme), isWebSocket: scheme.isWebSocket, upgrade: upgrade)
    }

    func stop() { server.shutDown() }
}

/// What a relay has logged.
final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])
    func append(_ line: String) { lines.withLock { $0.append(line) } }
    var all: [String] { lines.withLock { $0 } }
}

/// Keeps lines: the message, then what belongs to it, sorted.
private struct LineCollector: LogHandler {
    let lines: LogLines?
    var logLevel = Logger.Level.info
    var metadata: Logger.Metadata = [:]

    init(lines: LogLines?) { self.lines = lines }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let data = (event.metadata ?? [:]).map { "\($0.key)=\($0.value)" }.sorted()
        lines?.append((["\(event.message)"] + data).joined(separator: " "))
    }
}

/// Runs `body` on a thread of its own, where it may wait, with a relay that is stopped afterwards.
func withRelay<Value: Sendable>(
    loops: Int = 1, log: LogLines? = nil, _ change: @escaping @Sendable (inout ServerConfiguration) -> Void = { _ in },
    _ body: @escaping @Sendable (RunningRelay) throws -> Value
) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        startThread {
            continuation.resume(
                with: Result {
                    let relay = try RunningRelay(loops: loops, log: log, change)
                    defer {
                        relay.stop()
                        // What is left is a temporary folder.
                        try? FileManager.default.removeItem(atPath: relay.directory)
                    }
                    return try body(relay)
                })
        }
    }
}

/// Who may do what with a file.
func fileMode(_ path: String) throws -> UInt16 {
    var status = stat()
    guard stat(path, &status) == 0 else { throw FakeServer.Failure(description: "no \(path)") }
    return UInt16(status.st_mode & 0o7777)
}
