import ClientTransport
import Glibc

/// What happened between two moments of a run: counts, and the processor time of both sides.
final class Measurement {
    /// What is differenced.
    private struct Moment {
        var time: UInt64 = 0
        var generatorTime: UInt64 = 0
        var generatorWaitingTime: UInt64 = 0
        var server = ProcessProbe.Sample()
        var deliveredCount: UInt64 = 0
        var acknowledgedCount: UInt64 = 0
        var sentCount: UInt64 = 0
        var readCount: UInt64 = 0
        var readByteCount: UInt64 = 0
    }

    /// From so much of a processor on it counts as all of it.
    private static let fullShare = 0.95

    private let run: Run
    private let probe: ProcessProbe?
    private let own = ProcessProbe(pid: getpid())
    private var start = Moment()
    private var end = Moment()
    private var isRunning = false
    private var isOver = false
    private var peak = ProcessProbe.Sample()

    init(_ run: Run, _ probe: ProcessProbe?) {
        self.run = run
        self.probe = probe
        start = moment()
        end = start
    }

    /// From here on, also for latencies.
    func begin() {
        run.latency.reset()
        run.ackLatency.reset()
        isRunning = true
        start = moment()
    }

    /// Up to here.
    func finish() {
        guard isRunning else { return }
        isRunning = false
        isOver = true
        end = moment()
    }

    private func moment() -> Moment {
        let server = probe?.sample() ?? ProcessProbe.Sample()
        note(server)
        return Moment(
            time: monotonicNanoseconds(), generatorTime: processorNanoseconds(),
            generatorWaitingTime: own?.sample().waitingTime ?? 0, server: server,
            deliveredCount: run.counts.pointee.delivered,
            acknowledgedCount: run.acknowledgedCount, sentCount: run.sentCount,
            readCount: run.loop.statistics.readCount, readByteCount: run.loop.statistics.readByteCount)
    }

    private func note(_ sample: ProcessProbe.Sample) {
        peak.residentByteCount = max(peak.residentByteCount, sample.residentByteCount)
        peak.anonymousByteCount = max(peak.anonymousByteCount, sample.anonymousByteCount)
    }

    /// How the relay is now; nil without its process id.
    func sample() -> ProcessProbe.Sample? { probe?.sample() }

    // MARK: Results

    var seconds: Double { Double(end.time - start.time) / 1e9 }
    var deliveredCount: UInt64 { end.deliveredCount - start.deliveredCount }
    var acknowledgedCount: UInt64 { end.acknowledgedCount - start.acknowledgedCount }
    var sentCount: UInt64 { end.sentCount - start.sentCount }

    func perSecond(_ count: UInt64) -> Double { seconds > 0 ? Double(count) / seconds : 0 }

    /// Share of one processor that this process used.
    var generatorShare: Double { share(end.generatorTime - start.generatorTime) }

    private func share(_ nanoseconds: UInt64) -> Double { seconds > 0 ? Double(nanoseconds) / 1e9 / seconds : 0 }

    private var serverTime: UInt64 { end.server.processorTime &- start.server.processorTime }

    /// Whether the relay had no processor time left: all it may use, or one thread all of one.
    private var isServerSaturated: Bool {
        guard let probe else { return false }
        return share(serverTime) >= Self.fullShare * Double(probe.processorCount)
            || serverThreads.contains { share($0.processorTime) >= Self.fullShare }
    }

    private var serverThreads: [ProcessProbe.Thread] {
        end.server.threads.map { id, thread in
            ProcessProbe.Thread(
                name: thread.name, processorTime: thread.processorTime - (start.server.threads[id]?.processorTime ?? 0))
        }
    }

    /// Adds what is the same in all scenarios.
    /// - Parameter work: what server time is told per million of.
    func add(to json: inout JSONObject, work: UInt64) {
        json.add("generator_cpu_s", Double(end.generatorTime - start.generatorTime) / 1e9)
        json.add("generator_busy", generatorShare)
        // Others were on its processor: the figures then tell of them as well.
        json.add("generator_waiting", share(end.generatorWaitingTime - start.generatorWaitingTime))
        json.add("generator_saturated", generatorShare >= Self.fullShare && !isServerSaturated)
        // How much the relay puts into one write shows in how much one read brings.
        let readCount = end.readCount - start.readCount
        if readCount > 0 {
            json.add("bytes_per_read", (end.readByteCount - start.readByteCount) / readCount)
        }
        guard probe != nil else { return }
        json.add("server_cpu_s", Double(serverTime) / 1e9)
        if work > 0 { json.add("server_cpu_s_per_million", Double(serverTime) / 1000 / Double(work)) }
        json.add("server_busy", share(serverTime))
        json.add("server_waiting", share(end.server.waitingTime &- start.server.waitingTime))
        json.add("server_threads") { threads in
            for thread in serverThreads.sorted(by: { $0.name < $1.name }) where share(thread.processorTime) >= 0.001 {
                threads.add(thread.name, share(thread.processorTime))
            }
        }
        json.add("server_rss_bytes", end.server.residentByteCount)
        json.add("server_rss_anonymous_bytes", end.server.anonymousByteCount)
        json.add("server_rss_peak_bytes", peak.residentByteCount)
        json.add("server_rss_anonymous_peak_bytes", peak.anonymousByteCount)
    }

    // MARK: Progress

    /// Says once a second what happens.
    func showProgress(of scenario: String) {
        var last = moment()
        let begin = last.time
        func show() {
            let now = moment()
            let seconds = Double(now.time - last.time) / 1e9
            func rate(_ from: UInt64, _ to: UInt64) -> String { grouped(UInt64(Double(to - from) / seconds)) }
            var line = "\(scenario) \((now.time - begin) / 1_000_000_000) s: \(run.connections.count) connections"
            line += ", \(rate(last.acknowledgedCount, now.acknowledgedCount)) acks/s"
            line += ", \(rate(last.deliveredCount, now.deliveredCount)) deliveries/s"
            line += ", generator \(percent(now.generatorTime - last.generatorTime, seconds))"
            if probe != nil {
                line += ", relay \(percent(now.server.processorTime &- last.server.processorTime, seconds))"
                line += " \(grouped(now.server.residentByteCount / 1024)) KiB"
            }
            writeToStandardError(line + "\n")
            last = now
            run.loop.schedule(after: .seconds(1), show)
        }
        run.loop.schedule(after: .seconds(1), show)
    }

    /// Follows the relay's memory between the two moments, ten times a second.
    func watchMemory() {
        guard let probe, !isOver else { return }
        note(probe.sample())
        run.loop.schedule(after: .milliseconds(100)) { [weak self] in self?.watchMemory() }
    }

    private func percent(_ nanoseconds: UInt64, _ seconds: Double) -> String {
        "\(Int((Double(nanoseconds) / 1e7 / seconds).rounded())) %"
    }
}

/// The number with its digits in groups of three.
func grouped(_ number: UInt64) -> String {
    var text = String(number)
    var index = text.endIndex
    while text.distance(from: text.startIndex, to: index) > 3 {
        index = text.index(index, offsetBy: -3)
        text.insert(",", at: index)
    }
    return text
}
