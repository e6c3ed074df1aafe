import Foundation
import Glibc
import Logging
import RelayServer
import RelayTransport
import Synchronization
import TestSupport

/// A relay in the test's own process, on a loopback port and in a directory of its own. It can end and come back on both.
final class RunningRelay: Sendable {
    let directory: String
    let port: UInt16
    private let change: @Sendable (inout ServerConfiguration) -> Void
    private let server: Mutex<RelayServer?>

    /// Starts; waits for the disk, so not on a thread of Swift's pool.
    private init(directory: String, _ change: @escaping @Sendable (inout ServerConfiguration) -> Void) throws {
        self.directory = directory
        self.change = change
        let server = try Self.makeServer(directory, port: 0, change)
        port = server.addresses.first?.port ?? 0
        self.server = Mutex(server)
    }

    static func start(
        _ change: @escaping @Sendable (inout ServerConfiguration) -> Void = { _ in }
    ) async throws -> RunningRelay {
        let directory = temporaryPath("relay")
        return try await onOwnThread { try RunningRelay(directory: directory, change) }
    }

    private static func makeServer(
        _ directory: String, port: UInt16, _ change: (inout ServerConfiguration) -> Void
    ) throws -> RelayServer {
        let address = ListenAddress(scheme: .tcp, host: "127.0.0.1", port: port)
        var configuration = ServerConfiguration(
            transport: TransportConfiguration(listeners: [address]), dataDirectory: directory)
        configuration.shutdownGraceMilliseconds = 200
        configuration.transport.closeTimeoutMilliseconds = 100
        configuration.session.receiptIntervalMilliseconds = 20
        change(&configuration)
        return try RelayServer(configuration, logger: Logger(label: "relay") { _ in SwiftLogNoOpLogHandler() })
    }

    var url: String { "tcp://127.0.0.1:\(port)" }

    func stop() async { await onOwnThread { self.server.withLock { $0.take() }?.shutDown() } }

    /// Ends, and comes back with the same port and store.
    func restart() async throws {
        await stop()
        try await onOwnThread {
            let server = try Self.makeServer(self.directory, port: self.port, self.change)
            self.server.withLock { $0 = server }
        }
    }
}

/// Runs `body` with a relay that is stopped afterwards, and whose directory is removed.
func withRelay<Value: Sendable>(
    _ change: @escaping @Sendable (inout ServerConfiguration) -> Void = { _ in },
    _ body: (RunningRelay) async throws -> Value
) async throws -> Value {
    let relay = try await RunningRelay.start(change)
    let result: Result<Value, any Error>
    do { result = .success(try await body(relay)) } catch { result = .failure(error) }
    await relay.stop()
    // What is left is a temporary folder.
    try? FileManager.default.removeItem(atPath: relay.directory)
    return try result.get()
}

/// A path that nobody else has.
func temporaryPath(_ name: String) -> String {
    FileManager.default.temporaryDirectory.path + "/\(name)-\(UUID().uuidString)"
}

/// Runs what waits on a thread of its own.
func onOwnThread<Value: Sendable, Failure: Error>(
    _ body: @escaping @Sendable () throws(Failure) -> Value
) async throws(Failure) -> Value {
    let result = await withCheckedContinuation { (continuation: CheckedContinuation<Result<Value, Failure>, Never>) in
        startThread { continuation.resume(returning: Result(catching: body)) }
    }
    return try result.get()
}
