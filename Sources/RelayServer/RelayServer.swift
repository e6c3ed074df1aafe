import Glibc
public import Logging
public import Prometheus
public import RelayStore
public import RelayTransport
import RelayWire
import Synchronization

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
    private let health = Health()
    private let targets = Targets()
    private let configuration: ServerConfiguration
    private let logger: Logger

    /// Of this program; the protocol and the store have their own.
    public static let version = "0.1.0"

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
    /// - Parameter metrics: what `/metrics` shows, and what the relay counts with.
    public init(
        _ configuration: ServerConfiguration, logger: Logger, metrics registry: PrometheusMetrics = PrometheusMetrics()
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

        let metrics = RelayMetrics(registry)
        let http = HTTPSurface(health: health, metrics: registry)
        let targets = targets
        do throws(StoreError) {
            let writer = try WriterThread(
                store: store, limits: configuration.core, loopCount: loops.count, metrics: metrics, health: health,
                logger: logger,
                deliver: { loop, outcome in targets.loops[loop].put(.outcome(outcome)) })
            var relayLoops: [RelayLoop] = []
            for loop in loops {
                relayLoops.append(
                    try RelayLoop(
                        loop: loop, configuration: configuration, store: store, metrics: metrics, logger: logger,
                        http: http, writer: { writer.put(.commands($0)) }))
            }
            self.writer = writer
            self.relayLoops = relayLoops
        } catch { throw .store(error) }
        targets.loops = relayLoops
        let gauges = RelayGauges(registry)
        registry.beforeScrape { [weak self] in
            guard let self else { return }
            gauges.set(self.relayLoops, self.writer, store)
        }
        writer.start()
        for loop in loops { loop.start() }
    }

    /// The loops, as the writer sees them.
    // @unchecked: written before the threads start and after they have ended.
    private final class Targets: @unchecked Sendable {
        var loops: [RelayLoop] = []
    }

    /// Tells all clients to go, carries out what they have sent, answers it, closes and ends. Returns when all is done.
    public func shutDown() {
        health.ending()
        for loop in relayLoops { loop.put(.goAway) }
        let deadline = ContinuousClock.now + .milliseconds(Int(configuration.shutdownGraceMilliseconds))
        // A loop that has said so takes no more commands; what it has taken is with the writer or answered.
        while relayLoops.contains(where: \.owesAnswers), ContinuousClock.now < deadline { usleep(1000) }
        writer.stop()
        for loop in relayLoops { loop.put(.close) }
        let end = ContinuousClock.now + .milliseconds(Int(configuration.transport.closeTimeoutMilliseconds) + 500)
        while relayLoops.contains(where: { $0.connectionCount.load(ordering: .relaxed) > 0 }), ContinuousClock.now < end {
            usleep(1000)
        }
        for loop in loops { loop.stop() }
        // Writer and loops hold each other by this: without an end, the store would stay open with them.
        targets.loops = []
    }
}
