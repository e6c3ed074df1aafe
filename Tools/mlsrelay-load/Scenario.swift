import ArgumentParser
import ClientTransport
import Glibc

/// One of the scenarios that mlsrelay's performance is told by.
protocol Scenario: ParsableCommand {
    var options: LoadOptions { get }

    /// Connections that it opens.
    var connectionCount: Int { get }

    /// Seconds that it takes beside those that are measured, by what it is told.
    var otherSeconds: Double { get }

    func addParameters(to json: inout JSONObject)

    /// Does it all, up to closing connections in good order.
    /// - Throws: what ended it early; what was measured until then is told all the same.
    func perform(in run: Run, _ measurement: Measurement) throws(LoadError)

    /// What the server's processor time is told per million of.
    func work(_ measurement: Measurement) -> UInt64

    /// Adds what was measured and is told in this scenario alone, beside the run's `results`.
    func addResults(of run: Run, _ measurement: Measurement, to json: inout JSONObject)
}

extension Scenario {
    var otherSeconds: Double { 0 }

    static var name: String { configuration.commandName ?? "" }

    /// Runs it and prints one line of JSON.
    func run() throws {
        let limit = raiseFileLimit()
        guard connectionCount + 64 <= limit, connectionCount <= Target.maxConnectionCount else {
            throw ValidationError(
                "\(connectionCount) connections: at most \(Target.maxConnectionCount), and \(limit) files may be open")
        }
        makeTimersExact()
        let run = try Run(options.target(otherSeconds: otherSeconds))
        let measurement = Measurement(run, options.pid.flatMap { ProcessProbe(pid: $0) })
        if options.progress ?? (isatty(STDERR_FILENO) == 1) { measurement.showProgress(of: Self.name) }
        var failure: LoadError?
        do throws(LoadError) {
            try perform(in: run, measurement)
        } catch {
            failure = error
        }
        measurement.finish()
        print(report(run, measurement, failure))
        if failure != nil || run.errorCount > 0 || !run.counts.pointee.areFaultless { throw ExitCode(1) }
    }

    private func report(_ run: Run, _ measurement: Measurement, _ failure: LoadError?) -> String {
        var json = JSONObject()
        json.add("scenario", Self.name)
        json.add("scheme", run.target.url.scheme.rawValue)
        json.add("parameters") { parameters in
            addParameters(to: &parameters)
            parameters.add("size", options.size)
            if options.verifyChain { parameters.add("verify_chain", true) }
        }
        json.add("duration_s", measurement.seconds)
        addResults(of: run, measurement, to: &json)
        json.add(run.results)
        measurement.add(to: &json, work: work(measurement))
        let counts = run.counts.pointee
        json.add("lost", counts.lost)
        json.add("duplicated", counts.duplicated)
        json.add("out_of_order", counts.outOfOrder)
        json.add("corrupted", counts.corrupted)
        json.add("errors", run.errorCount + (failure == nil ? 0 : 1))
        if let text = failure.map({ "\($0)" }) ?? run.firstError { json.add("error", text) }
        return json.line
    }

    // MARK: For scenarios

    /// Lets `publishers` publish, and measures what comes after `warmUp` seconds, until all is done or time is over.
    func publish(
        _ publishers: [Publisher], warmUp: Double, in run: Run, _ measurement: Measurement
    ) throws(LoadError) {
        for publisher in publishers { publisher.start() }
        if warmUp > 0 { try run.wait(for: .seconds(warmUp)) }
        measurement.begin()
        _ = try run.wait(atMost: .seconds(options.seconds)) { publishers.allSatisfy(\.isDone) }
        measurement.finish()
    }

    /// Waits until the relay has answered and delivered all that was sent; what does not come is lost.
    func drain(_ publishers: [Publisher], to subscribers: [RelayConnection], in run: Run) throws(LoadError) {
        for publisher in publishers { publisher.stop() }
        var unanswered: [Publisher] { publishers.filter { !$0.isAnswered } }
        if try !run.waitPolling(atMost: Self.patience, until: { unanswered.isEmpty }) {
            run.note("\(unanswered.reduce(0) { $0 + $1.sentCount - $1.answeredCount }) messages were not answered")
        }
        try finish(subscribers, in: run)
    }

    /// Waits until `subscribers` have what is in their logs. Everything that was sent was answered.
    func finish(_ subscribers: [RelayConnection], in run: Run) throws(LoadError) {
        // Asked from behind, where those are that are not done: few are asked again and again.
        var waiting = subscribers
        let isDone = try run.waitPolling(atMost: Self.patience) {
            while let last = waiting.last, last.hasAll(of: { $0.pointee.acknowledgedCount }) { waiting.removeLast() }
            return waiting.isEmpty
        }
        if !isDone { for subscriber in waiting { subscriber.endLogs { $0.pointee.acknowledgedCount } } }
    }

    /// Closes all connections.
    func close(_ run: Run) throws(LoadError) {
        if try !run.closeAll() { run.note("the relay did not close all connections in time") }
    }

    /// How long the relay may take for what it owes.
    static var patience: Duration { .seconds(30) }
}
