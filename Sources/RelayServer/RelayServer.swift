import Glibc
public import Logging
import MLSPublicGroup
public import Prometheus
public import RelayAuthority
import RelayCore
public import RelayCredentials
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
public final class RelayServer: Sendable {
    /// What lives from `init` to `shutDown`.
    private struct Running: Sendable {
        let loops: [ServiceLoop]
        let relayLoops: [RelayLoop]
        let writer: WriterThread
        let targets: Targets
    }

    private let running: Mutex<Running?>
    private let health = Health()
    private let configuration: ServerConfiguration

    /// Of this program; the protocol and the store have their own.
    public static let version = "0.1.0"

    /// Where the relay listens, with the ports that the kernel chose.
    public let addresses: [ListenAddress]

    /// Why a relay could not start.
    public enum StartError: Error, CustomStringConvertible {
        case store(StoreError)
        case transport(TransportError)
        case authority(AuthorityError)
        case credentials(CredentialError)

        public var description: String {
            switch self {
            case .store(let error): error.description
            case .transport(let error): error.description
            case .authority(let error): "the authority: \(error)"
            case .credentials(let error): "the server's name: \(error)"
            }
        }
    }

    /// Opens the store and the listeners, and starts.
    /// - Parameter metrics: what `/metrics` shows, and what the relay counts with.
    public init(
        _ configuration: ServerConfiguration, logger: Logger, metrics registry: PrometheusMetrics = PrometheusMetrics()
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
        let authority: CertificateAuthority?
        do throws(AuthorityError) {
            authority = try configuration.certificateAuthority(at: wallClockMilliseconds() / 1000)
        } catch { throw .authority(error) }
        let keyPackages: KeyPackagePolicy
        let groups: any AuthenticationService
        do throws(CredentialError) {
            let root = authority?.rootCertificate
            keyPackages = configuration.keyPackagePolicy(
                try configuration.authenticationService(root: root) { wallClockMilliseconds() / 1000 })
            // The writer reads old commits again: what was valid when it came stays so.
            groups = try configuration.authenticationService(root: root, clock: nil)
        } catch { throw .credentials(error) }
        let loops: [ServiceLoop]
        do throws(TransportError) {
            loops = try ServiceLoop.make(configuration.transport)
        } catch { throw .transport(error) }
        addresses = loops.first?.addresses ?? []

        let metrics = RelayMetrics(registry)
        let http = HTTPSurface(health: health, metrics: registry)
        let targets = Targets()
        let peers = PeerLimits(
            configuration.addresses, searchesPerMinute: configuration.session.maxSearchesPerMinute)
        let writer: WriterThread
        do throws(StoreError) {
            writer = try WriterThread(
                store: store, limits: configuration.core, rules: configuration.rules,
                validation: ValidationPolicy(authenticationService: groups, clientSupport: nil),
                loopCount: loops.count, metrics: metrics, health: health,
                logger: logger,
                deliver: { loop, outcome in targets.loops[loop].put(.outcome(outcome)) })
            for loop in loops {
                targets.loops.append(
                    try RelayLoop(
                        loop: loop, configuration: configuration, store: store, metrics: metrics, logger: logger,
                        http: http, keyPackages: keyPackages, authority: authority, peers: peers,
                        writer: { writer.put(.commands($0)) }))
            }
        } catch { throw .store(error) }
        running = Mutex(Running(loops: loops, relayLoops: targets.loops, writer: writer, targets: targets))
        let gauges = RelayGauges(registry)
        // Weak: gauges know the registry, which would keep the store open with them.
        registry.beforeScrape { [weak self, weak store] in
            guard let store, let running = self?.running.withLock({ $0 }) else { return }
            gauges.set(running.relayLoops, running.writer, store)
        }
        writer.start()
        for loop in loops { loop.start() }
    }

    /// The loops, as the writer sees them.
    // @unchecked: written before the threads start and after they have ended.
    private final class Targets: @unchecked Sendable {
        var loops: [RelayLoop] = []
    }

    /// Takes the certificate and its key from their files again, for connections that come from then on. What comes of it is
    /// in the log.
    public func reloadCertificate() {
        for loop in running.withLock({ $0?.relayLoops ?? [] }) { loop.put(.reloadCertificate) }
    }

    /// Tells all clients to go, carries out what they have sent, answers it, closes and ends. Returns when all is done and
    /// the data directory is free; does nothing the second time.
    public func shutDown() {
        guard let running = running.withLock({ $0.take() }) else { return }
        let (loops, writer) = (running.relayLoops, running.writer)
        health.ending()
        for loop in loops { loop.put(.goAway) }
        // A loop that has said so takes no more commands; what it has taken is with the writer or answered.
        wait(atMost: .milliseconds(Int(configuration.shutdownGraceMilliseconds))) {
            !loops.contains(where: \.owesAnswers)
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
