import ArgumentParser

/// A reader that stops: nobody else must notice, and nothing must be lost or pile up.
struct S6: Scenario {
    static let configuration = CommandConfiguration(
        commandName: "s6", abstract: "Stopped reader: one of many stops reading for a while, and then goes on.",
        discussion: """
            Messages come at a fixed rate. latency_us is that of the others while one has stopped, latency_before_us \
            before that; duration_s is how long it stops. Afterwards it reads on and must get everything.
            """)

    @OptionGroup var options: LoadOptions

    @Option(help: "Connections that follow the group, the one that stops among them.")
    var subscribers = 100

    @Option(help: "Messages a second.")
    var rate = 2000.0

    @Option(help: "Seconds before it stops.")
    var before = 3.0

    var connectionCount: Int { subscribers + 1 }
    var otherSeconds: Double { before + 1 }

    func validate() throws {
        try require(subscribers, in: 2...Target.maxConnectionCount, "--subscribers")
        try require(rate, in: 0.01...1_000_000, "--rate")
        try require(before, in: 0.1...600, "--before")
    }

    func addParameters(to json: inout JSONObject) {
        json.add("subscribers", subscribers)
        json.add("rate", rate)
    }

    func perform(in run: Run, _ measurement: Measurement) throws(LoadError) {
        let connection = try run.connect(1)[0]
        let group = GroupFeed(ciphertextByteCount: options.size)
        try run.create([group], by: connection)
        let stopped = try run.makeConnections(1)[0]
        // By itself the kernel would take tens of megabytes for a reader that does not read.
        stopped.receiveBufferByteCount = 64 << 10
        try run.connect([stopped]) { _, done in done() }
        let followers = try [stopped] + run.connect(subscribers - 1)
        // Its own deliveries come late, as they must: they are not the others'.
        let own = Latency()
        stopped.latency = own.recorder
        try run.follow(followers) { _ in [group] }
        let publisher = Publisher(run, connection, to: group, pace: .interval(1e9 / rate), limit: nil)
        publisher.start()
        try run.wait(for: .seconds(1))
        run.latency.reset()
        try run.wait(for: .seconds(before))
        run.results.add("latency_before_us", run.latency.summary)
        try stop(stopped, in: run, measurement)
        let start = monotonicNanoseconds()
        stopped.resumeReading()
        _ = try run.waitPolling(atMost: Self.patience) { stopped.hasAll { $0.pointee.acknowledgedCount } }
        run.results.add("caught_up_s", Double(monotonicNanoseconds() - start) / 1e9)
        try drain([publisher], to: followers, in: run)
        run.results.add("stopped_latency_us", own.summary)
        try close(run)
    }

    private func stop(_ stopped: RelayConnection, in run: Run, _ measurement: Measurement) throws(LoadError) {
        let sample = measurement.sample()
        measurement.watchMemory()
        measurement.begin()
        stopped.pauseReading()
        defer {
            measurement.finish()
            run.results.add("latency_us", run.latency.summary)
            if let sample { run.results.add("server_rss_before_bytes", sample.residentByteCount) }
            if let sample { run.results.add("server_rss_anonymous_before_bytes", sample.anonymousByteCount) }
        }
        try run.wait(for: .seconds(options.seconds))
    }

    func work(_ measurement: Measurement) -> UInt64 { measurement.deliveredCount }

    func addResults(of run: Run, _ measurement: Measurement, to json: inout JSONObject) {
        json.add("deliveries", measurement.deliveredCount)
        json.add("deliveries_per_s", measurement.perSecond(measurement.deliveredCount))
    }
}
