import Glibc
public import Logging
public import RelayStore
public import RelayTransport
import RelayWire
import Synchronization
public import WebSocketFraming

/// A running relay: its threads, and what they send each other.
///
/// | thread        | file           | does                                                                  |
/// |---------------|----------------|-----------------------------------------------------------------------|
/// | relay-loop-N  | RelayLoop      | sockets, frames, sessions, reads, fan-out; owns its connections        |
/// | relay-writer  | WriterThread   | commands in batches, one transaction and one sync each; alone writes   |
///
/// Loops send the writer `WriterThread.Message`, a batch of commands a turn; the writer sends every loop `RelayLoop.Message`, the
/// answers for its connections and the logs that have grown. Nothing else is shared but the store, which loops only read.
public final class RelayServer: Sendable {
    /// What lives from `init` to `shutDown`.
    private struct Running: Sendable {
        let loops: [ServiceLoop]
        let relayLoops: [RelayLoop]
        let writer: WriterThread
        let targets: Targets
    }

    private let running: Mutex<Running?>
    private let configuration: ServerConfiguration

    /// Where the relay listens, with the ports that the kernel chose.
    public let addresses: [ListenAddress]

    /// Why a relay could not start.
    public enum StartError: Error, CustomStringConvertible {
        case store(StoreError)
        case transport(TransportError)

        public var description: String {
            switch self {
            case .store(let error): error.description
            case .transport(let error): error.description
            }
        }
    }

    /// Opens the store and the listeners, and starts.
    /// - Parameter httpResponder: answers HTTP requests that ask for no WebSocket with a whole response; called on any
    ///   loop's thread.
    public init(
        _ configuration: ServerConfiguration, logger: Logger,
        httpResponder: @escaping @Sendable (HTTPRequest) -> [UInt8]? = { _ in nil }
    ) throws(StartError) {
        self.configuration = configuration
        LibwebsocketsLog.setHandler { line in
            logger.warning("libwebsockets", metadata: ["line": "\(line.filter { !$0.isNewline })"])
        }
        // A peer that is gone is an error of the write, not a signal to the process.
        signal(SIGPIPE, SIG_IGN)
        let store: Store
        do throws(StoreError) {
            store = try Store(configuration.dataDirectory, access: .relay, configuration: configuration.store)
        } catch { throw .store(error) }
        let loops: [ServiceLoop]
        do throws(TransportError) {
            loops = try ServiceLoop.make(configuration.transport)
        } catch { throw .transport(error) }
        addresses = loops.first?.addresses ?? []

        let metrics = RelayMetrics()
        let targets = Targets()
        let writer: WriterThread
        do throws(StoreError) {
            writer = try WriterThread(
                store: store, limits: configuration.core, loopCount: loops.count, metrics: metrics, logger: logger,
                deliver: { loop, outcome in targets.loops[loop].put(.outcome(outcome)) })
            for loop in loops {
                targets.loops.append(
                    try RelayLoop(
                        loop: loop, configuration: configuration, store: store, metrics: metrics, logger: logger,
                        writer: { writer.put(.commands($0)) }, httpResponder: httpResponder))
            }
        } catch { throw .store(error) }
        running = Mutex(Running(loops: loops, relayLoops: targets.loops, writer: writer, targets: targets))
        writer.start()
        for loop in loops { loop.start() }
    }

    /// The loops, as the writer sees them.
    // @unchecked: written before the threads start and after they have ended.
    private final class Targets: @unchecked Sendable {
        var loops: [RelayLoop] = []
    }

    /// Tells all clients to go, carries out what they have sent, answers it, closes and ends. Returns when all is done and
    /// the data directory is free; does nothing the second time.
    public func shutDown() {
        guard let running = running.withLock({ $0.take() }) else { return }
        let (loops, writer) = (running.relayLoops, running.writer)
        for loop in loops { loop.put(.goAway) }
        // The writer has everything that came before: what loops have handed over is carried out before it ends.
        wait(atMost: .milliseconds(Int(configuration.shutdownGraceMilliseconds))) {
            loops.allSatisfy { $0.requestsInFlight.load(ordering: .relaxed) == 0 }
        }
        writer.stop()
        for loop in loops { loop.put(.close) }
        wait(atMost: .milliseconds(Int(configuration.transport.closeTimeoutMilliseconds) + 500)) {
            loops.allSatisfy { $0.connectionCount.load(ordering: .relaxed) == 0 }
        }
        for loop in running.loops { loop.stop() }
        // Loops know the writer, and the writer the loops.
        running.targets.loops = []
    }

    private func wait(atMost limit: Duration, until isDone: () -> Bool) {
        let deadline = ContinuousClock.now + limit
        while !isDone(), ContinuousClock.now < deadline { usleep(1000) }
    }
}
