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
// @unchecked: immutable after `start`; the members have their own rules.
public final class RelayServer: @unchecked Sendable {
    private let store: Store
    private let loops: [ServiceLoop]
    private let relayLoops: [RelayLoop]
    private let writer: WriterThread
    private let configuration: ServerConfiguration
    private let logger: Logger

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
        self.logger = logger
        LibwebsocketsLog.setHandler { line in
            logger.warning("libwebsockets", metadata: ["line": "\(line.filter { !$0.isNewline })"])
        }
        // A peer that is gone is an error of the write, not a signal to the process.
        signal(SIGPIPE, SIG_IGN)
        do throws(StoreError) {
            store = try Store(configuration.dataDirectory, access: .relay, configuration: configuration.store)
        } catch { throw .store(error) }
        do throws(TransportError) {
            loops = try ServiceLoop.make(configuration.transport)
        } catch { throw .transport(error) }
        addresses = loops.first?.addresses ?? []

        let metrics = RelayMetrics()
        let targets = Targets()
        do throws(StoreError) {
            let writer = try WriterThread(
                store: store, limits: configuration.core, loopCount: loops.count, metrics: metrics, logger: logger,
                deliver: { loop, outcome in targets.loops[loop].put(.outcome(outcome)) })
            var relayLoops: [RelayLoop] = []
            for loop in loops {
                relayLoops.append(
                    try RelayLoop(
                        loop: loop, configuration: configuration, store: store, metrics: metrics, logger: logger,
                        writer: { writer.put(.commands($0)) }, httpResponder: httpResponder))
            }
            self.writer = writer
            self.relayLoops = relayLoops
        } catch { throw .store(error) }
        targets.loops = relayLoops
        writer.start()
        for loop in loops { loop.start() }
    }

    /// The loops, as the writer sees them.
    // @unchecked: written once, before the threads start.
    private final class Targets: @unchecked Sendable {
        var loops: [RelayLoop] = []
    }

    /// Tells all clients to go, carries out what they have sent, answers it, closes and ends. Returns when all is done.
    public func shutDown() {
        for loop in relayLoops { loop.put(.goAway) }
        let deadline = ContinuousClock.now + .milliseconds(Int(configuration.shutdownGraceMilliseconds))
        // The writer has everything that came before: what loops have handed over is carried out before it ends.
        while relayLoops.contains(where: { $0.requestsInFlight.load(ordering: .relaxed) > 0 }), ContinuousClock.now < deadline {
            usleep(1000)
        }
        writer.stop()
        for loop in relayLoops { loop.put(.close) }
        let end = ContinuousClock.now + .milliseconds(Int(configuration.transport.closeTimeoutMilliseconds) + 500)
        while relayLoops.contains(where: { $0.connectionCount.load(ordering: .relaxed) > 0 }), ContinuousClock.now < end {
            usleep(1000)
        }
        for loop in loops { loop.stop() }
    }
}
