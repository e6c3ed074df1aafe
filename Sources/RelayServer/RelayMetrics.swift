import Glibc
import Metrics
import Prometheus
import RelayStore
import RelayTransport
import RelayWire
import Synchronization

/// What the relay counts. No label names a user, client, group or address.
///
/// Counted once a batch or a turn, not once a message; refusals one by one, with counters that are there beforehand.
struct RelayMetrics: Sendable {
    let connectionsOpened: Counter
    let connectionsClosed: Counter
    let connectionsRefused: Counter
    let sessionsAuthenticated: Counter
    let framesReceived: Counter
    let entriesPushed: Counter
    let bytesPushed: Counter
    let writesBlocked: Counter
    let commandsApplied: Counter
    let transactions: Counter
    let transactionsFailed: Counter
    let transactionDuration: Timer
    let transactionCommands: Recorder
    let divergences: Counter
    private let entriesAppended: [LogKind: Counter]
    private let refusals: [ErrorCode: Counter]
    private let otherRefusals: Counter
    private let registry: PrometheusMetrics

    init(_ metrics: PrometheusMetrics) {
        registry = metrics
        metrics.describe(
            Self.commitsRefused,
            "Commits that were refused, by the error's name and the rule of RFC 9420 that they break.")
        func counter(_ name: String, _ help: String, _ dimensions: [(String, String)] = []) -> Counter {
            metrics.describe(name, help)
            return Counter(label: name, dimensions: dimensions, factory: metrics)
        }
        connectionsOpened = counter(
            "mlsrelay_connections_opened_total", "Connections on which frames could come and go.")
        connectionsClosed = counter("mlsrelay_connections_closed_total", "Connections that were opened and are gone.")
        connectionsRefused = counter(
            "mlsrelay_connections_refused_total", "Connections closed as they came: too many, or no descriptors.")
        sessionsAuthenticated = counter("mlsrelay_sessions_authenticated_total", "Clients that proved who they are.")
        framesReceived = counter("mlsrelay_frames_received_total", "Frames that clients sent.")
        entriesPushed = counter("mlsrelay_entries_pushed_total", "Entries written to subscribers.")
        bytesPushed = counter("mlsrelay_pushed_bytes_total", "Bytes of frames written to clients, answers included.")
        writesBlocked = counter("mlsrelay_writes_blocked_total", "Writes that a socket did not take as a whole.")
        commandsApplied = counter("mlsrelay_commands_applied_total", "Commands carried out, refused ones included.")
        transactions = counter("mlsrelay_transactions_total", "Write transactions.")
        transactionsFailed = counter(
            "mlsrelay_transactions_failed_total", "Write transactions that were given up: nothing of them is stored.")

        divergences = counter(
            "mlsrelay_divergences_total",
            "Members that were found, twice in a row, to have seen something else of a group than others.")

        metrics.describe(
            "mlsrelay_transaction_seconds", "Time of one write transaction, its commands and its sync to disk included."
        )
        transactionDuration = Timer(label: "mlsrelay_transaction_seconds", dimensions: [], factory: metrics)
        metrics.describe("mlsrelay_transaction_commands", "Commands in one write transaction: they share its sync.")
        transactionCommands = Recorder(
            label: "mlsrelay_transaction_commands", dimensions: [], aggregate: true, factory: metrics)

        let appended = "Entries stored, by kind of log."
        entriesAppended = Dictionary(
            uniqueKeysWithValues: LogKind.allCases.map { kind in
                // As PROTOCOL.md writes it.
                let name = kind == .keyPackages ? "key_packages" : "\(kind)"
                return (kind, counter("mlsrelay_entries_appended_total", appended, [("log", name)]))
            })
        let refusal = "Errors sent to clients, by their name in PROTOCOL.md."
        refusals = Dictionary(
            uniqueKeysWithValues: ErrorCode.names.map { entry in
                (entry.code, counter("mlsrelay_refusals_total", refusal, [("code", entry.name)]))
            })
        otherRefusals = counter("mlsrelay_refusals_total", refusal, [("code", "other")])
    }

    func refused(_ code: ErrorCode) -> Counter { refusals[code] ?? otherRefusals }

    private static let commitsRefused = "mlsrelay_commits_refused_total"

    /// Counts a refused commit; its labels are of two short lists, whatever clients send.
    func commitRefused(_ code: ErrorCode, rule: String) {
        Counter(
            label: Self.commitsRefused, dimensions: [("code", code.description), ("rule", rule)], factory: registry
        ).increment()
    }

    func appended(_ kind: LogKind) -> Counter {
        guard let counter = entriesAppended[kind] else { preconditionFailure("there is a counter for each kind") }
        return counter
    }
}

/// What the relay is at the moment, found out when it is asked for.
final class RelayGauges: Sendable {
    private let connections: [(scheme: Scheme, meter: Meter)]
    private let sessions: Meter
    private let subscriptions: Meter
    private let requestsInFlight: Meter
    private let writerQueue: Meter
    private let storeBytes: Meter
    private let storeLimit: Meter
    private let residentBytes: Meter
    private let cpuSeconds: FloatingPointCounter
    /// What `cpuSeconds` was given already.
    private let countedSeconds = Mutex(0.0)
    private let maxDescriptors: Meter

    init(_ metrics: PrometheusMetrics) {
        func meter(_ name: String, _ help: String, _ dimensions: [(String, String)] = []) -> Meter {
            metrics.describe(name, help)
            return Meter(label: name, dimensions: dimensions, factory: metrics)
        }
        connections = Scheme.allCases.map { scheme in
            (scheme, meter("mlsrelay_connections", "Open connections, by scheme.", [("scheme", scheme.rawValue)]))
        }
        sessions = meter("mlsrelay_sessions", "Connections whose client is authenticated.")
        subscriptions = meter("mlsrelay_subscriptions", "Logs that connections follow, all together.")
        requestsInFlight = meter("mlsrelay_requests_in_flight", "Requests that wait for the writer's answer.")
        writerQueue = meter("mlsrelay_writer_queue_commands", "Commands that wait for the next write transaction.")
        storeBytes = meter("mlsrelay_store_bytes", "Bytes of the store's file, pages free for reuse included.")
        storeLimit = meter("mlsrelay_store_limit_bytes", "Bytes that the store may grow to.")
        residentBytes = meter("process_resident_memory_bytes", "Resident memory, mapped pages of the store included.")
        metrics.describe("process_cpu_seconds_total", "Processor time used, in seconds.")
        cpuSeconds = FloatingPointCounter(label: "process_cpu_seconds_total", dimensions: [], factory: metrics)
        maxDescriptors = meter("process_max_fds", "File descriptors that the process may have open.")

        meter("process_start_time_seconds", "When the relay started, in seconds since 1970.")
            .set(Double(wallClockMilliseconds()) / 1000)
        meter("mlsrelay_build_info", "1; its labels say what runs.", [("version", RelayServer.version)]).set(1)
    }

    func set(_ loops: [RelayLoop], _ writer: WriterThread, _ store: Store) {
        let counts = loops.map { $0.counts.withLock { $0 } }
        for (scheme, meter) in connections { meter.set(counts.reduce(0) { $0 + ($1.connections[scheme] ?? 0) }) }
        sessions.set(counts.reduce(0) { $0 + $1.sessions })
        subscriptions.set(counts.reduce(0) { $0 + $1.subscriptions })
        requestsInFlight.set(loops.reduce(0) { $0 + $1.requestsInFlight.load(ordering: .relaxed) })
        writerQueue.set(writer.queuedCommandCount.load(ordering: .relaxed))
        let size = store.size
        storeBytes.set(size.byteCount)
        storeLimit.set(size.maxByteCount)
        setProcess()
    }

    private func setProcess() {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        let seconds = [usage.ru_utime, usage.ru_stime].reduce(0.0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1e6 }
        countedSeconds.withLock { counted in
            // Two scrapes at once may come here in the other order.
            guard seconds > counted else { return }
            cpuSeconds.increment(by: seconds - counted)
            counted = seconds
        }
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            maxDescriptors.set(Double(limit.rlim_cur))
        }
        if let file = fopen("/proc/self/statm", "re") {
            defer { fclose(file) }
            // Pages: all of the address space, then those in memory.
            var line = [UInt8](repeating: 0, count: 256)
            let count = fread(&line, 1, line.count, file)
            let fields = String(decoding: line[..<count], as: UTF8.self).split(separator: " ")
            if fields.count > 1, let pages = Int(fields[1]) {
                residentBytes.set(pages * Int(sysconf(Int32(_SC_PAGESIZE))))
            }
        }
    }
}
