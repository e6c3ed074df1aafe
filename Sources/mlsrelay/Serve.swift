import ArgumentParser
import Foundation
import Glibc
import Logging
import Metrics
import Prometheus
import RelayCore
import RelayServer
import RelaySettings
import RelayStore
import RelayTransport

struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the relay, until SIGTERM or SIGINT.",
        discussion: """
            Without options it listens on this machine only and keeps its data under the current directory.

            Every setting can also stand in the environment, --max-frame-size as MLSRELAY_MAX_FRAME_SIZE, or in a JSON file, \
            as "max-frame-size". The command line goes before the environment, the environment before the file. A list is \
            separated by commas in the environment. A SIZE is in bytes, or in KiB, MiB, GiB or TiB: 64KiB. A TIME has a \
            unit, ms, s, min or h: 500ms.

            EXAMPLES:
              Try it out:
                mlsrelay serve
              Serve the world, with a certificate:
                mlsrelay serve --listen wss://0.0.0.0 --listen tls://0.0.0.0 \\
                  --certificate fullchain.pem --key privkey.pem --data /var/lib/mlsrelay
              The same from a file, which is looked at first:
                mlsrelay serve --config /etc/mlsrelay.json --check
                mlsrelay serve --config /etc/mlsrelay.json
              where /etc/mlsrelay.json is
                { "listen": ["wss://0.0.0.0", "tls://0.0.0.0"],
                  "certificate": "fullchain.pem", "key": "privkey.pem",
                  "data": "/var/lib/mlsrelay", "max-message-size": "256KiB" }

            SIGTERM or SIGINT lets the relay answer what it has been sent and end with status 0; a second ends it at once. \
            SIGHUP lets it read its certificate again, for new connections. On the WebSocket port GET /healthz says whether it works, and GET /metrics tells Prometheus how.
            """)

    @Option(
        help: ArgumentHelp("A JSON file with settings. Also: MLSRELAY_CONFIG in the environment.", valueName: "FILE"))
    var config: String?

    @Flag(
        help: """
            Look whether the relay could start so: settings, certificate, data directory and addresses. Ends with 0 or 1. A \
            relay that runs with the same settings is in its way.
            """)
    var check = false

    // The titles of the help, which an attribute cannot take from a generic parameter.
    @OptionGroup(title: ListeningSettings.title) var listening: SettingOptions<ListeningSettings>
    @OptionGroup(title: IdentitySettings.title) var identities: SettingOptions<IdentitySettings>
    @OptionGroup(title: StorageSettings.title) var storage: SettingOptions<StorageSettings>
    @OptionGroup(title: PublishingSettings.title) var publishing: SettingOptions<PublishingSettings>
    @OptionGroup(title: InvitationSettings.title) var invitations: SettingOptions<InvitationSettings>
    @OptionGroup(title: GroupSettings.title) var groups: SettingOptions<GroupSettings>
    @OptionGroup(title: DeliverySettings.title) var delivery: SettingOptions<DeliverySettings>
    @OptionGroup(title: ConnectionSettings.title) var connections: SettingOptions<ConnectionSettings>
    @OptionGroup(title: LimitSettings.title) var limits: SettingOptions<LimitSettings>
    @OptionGroup(title: LoggingSettings.title) var logging: SettingOptions<LoggingSettings>

    func run() throws {
        // Before any thread starts: each inherits what is blocked here, so that only `wait` takes these.
        let signals = Signals(SIGTERM, SIGINT, SIGHUP)
        let settings = try loadSettings()
        let logger = Logger(label: "mlsrelay") { _ in
            LineLog(format: settings.logFormat, logLevel: Logger.Level(rawValue: settings.logLevel.rawValue) ?? .info)
        }
        for name in SettingSources.unknownVariables(in: ProcessInfo.processInfo.environment) {
            logger.warning("a variable in the environment is no setting", metadata: ["name": "\(name)"])
        }
        if check { return try checkOnly(settings) }

        raiseDescriptorLimit(settings, logger)
        let metrics = PrometheusMetrics()
        MetricsSystem.bootstrap(metrics)
        let server = try start(settings, logger, metrics)
        announce(server, settings, logger)

        var signal = signals.wait()
        while signal == SIGHUP {
            server.reloadCertificate()
            signal = signals.wait()
        }
        logger.notice("ending", metadata: ["signal": "\(String(cString: strsignal(signal)))"])
        signals.letTheNextEndTheProcess()
        server.shutDown()
        logger.notice("ended")
    }

    // MARK: Settings

    private func loadSettings() throws -> Settings {
        let arguments = [
            listening.values, identities.values, storage.values, publishing.values, invitations.values, groups.values,
            delivery.values, connections.values, limits.values, logging.values,
        ].reduce(into: [:]) { $0.merge($1) { $1 } }
        do throws(SettingErrors) {
            return try SettingSources(
                arguments: arguments, environment: ProcessInfo.processInfo.environment, file: config
            ).settings()
        } catch {
            for error in error.all { complain(error.description) }
            throw ExitCode(check ? 1 : ExitStatus.of(error))
        }
    }

    // MARK: Check

    private func checkOnly(_ settings: Settings) throws {
        var problems = ServiceLoop.check(settings.server.transport).map(\.description)
        do throws(StoreError) {
            try Store.checkUsable(settings.server.dataDirectory, configuration: settings.server.store)
        } catch {
            problems.append(error.description)
        }
        if let problem = settings.server.authorityProblem() { problems.append(problem) }
        for problem in problems { complain(problem) }
        guard problems.isEmpty else { throw ExitCode(1) }
        print("mlsrelay could start with these settings")
    }

    private func complain(_ problem: String) {
        let line = Array("mlsrelay: \(problem)\n".utf8)
        _ = write(STDERR_FILENO, line, line.count)
    }

    // MARK: Start

    private func start(_ settings: Settings, _ logger: Logger, _ metrics: PrometheusMetrics) throws -> RelayServer {
        do throws(RelayServer.StartError) {
            return try RelayServer(settings.server, logger: logger, metrics: metrics)
        } catch {
            logger.critical("\(error.description)")
            throw ExitCode(ExitStatus.of(error))
        }
    }

    private func announce(_ server: RelayServer, _ settings: Settings, _ logger: Logger) {
        let (configuration, session, publish) = (settings.server, settings.server.session, settings.server.publish)
        logger.notice(
            "mlsrelay \(RelayServer.version) runs",
            metadata: [
                "data": "\(configuration.dataDirectory)", "loops": "\(configuration.transport.loopCount)",
                "max-store-size": "\(configuration.store.maxByteCount)",
                "max-frame-size": "\(configuration.transport.maxFrameByteCount)",
                "max-message-size": "\(publish.maxMessageByteCount)",
                "max-connections":
                    "\(configuration.transport.maxConnectionsPerLoop * configuration.transport.loopCount)",
                "max-subscriptions": "\(session.maxSubscriptions)",
                "idle-timeout": "\(session.idleTimeoutMilliseconds)ms",
            ])
        for address in server.addresses {
            logger.notice("listening", metadata: ["url": "\(address)"])
            // For programs that start a relay: this line, on standard output, does not change.
            print("listening on \(address)")
        }
        // All streams: `stdout` is a variable of C's.
        fflush(nil)
    }

    /// A descriptor for each connection: what the system allows is taken, whatever the shell has set.
    private func raiseDescriptorLimit(_ settings: Settings, _ logger: Logger) {
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0 else { return }
        let before = limit.rlim_cur
        limit.rlim_cur = limit.rlim_max
        if setrlimit(resource, &limit) != 0 { limit.rlim_cur = before }
        logger.info("file descriptors", metadata: ["limit": "\(limit.rlim_cur)", "before": "\(before)"])
        let transport = settings.server.transport
        let wanted = transport.maxConnectionsPerLoop * transport.loopCount
        if limit.rlim_cur < rlim_t(wanted) {
            logger.notice(
                "fewer file descriptors than connections are allowed; beyond, connections are refused",
                metadata: ["limit": "\(limit.rlim_cur)", "max-connections": "\(wanted)"])
        }
    }
}

/// The signals that end the process, and SIGHUP, which lets it read its certificate again.
struct Signals {
    private var set = sigset_t()

    /// Blocks them for this thread and those that it starts.
    init(_ signals: Int32...) {
        sigemptyset(&set)
        for signal in signals { sigaddset(&set, signal) }
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Waits for the next.
    func wait() -> Int32 {
        var set = set
        var signal: Int32 = 0
        while sigwait(&set, &signal) != 0 {}
        return signal
    }

    /// The default of each is to kill; a certificate that is renewed meanwhile is none of that.
    func letTheNextEndTheProcess() {
        var set = set
        sigdelset(&set, SIGHUP)
        pthread_sigmask(SIG_UNBLOCK, &set, nil)
    }
}
