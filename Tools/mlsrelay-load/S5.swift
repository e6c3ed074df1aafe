import ArgumentParser

/// Catching up: readers that have nothing, and a log that has much.
struct S5: Scenario {
    static let configuration = CommandConfiguration(
        commandName: "s5", abstract: "Catch-up: readers follow a long log from its beginning, all at once.",
        discussion: """
            The log is published first, which is not measured. deliveries_per_s is of all readers together, from \
            following to the last entry of the last of them; latency_us is how long each took.
            """)

    @OptionGroup var options: LoadOptions

    @Option(help: "Entries of the log.")
    var entries: UInt64 = 100_000

    @Option(help: "Readers.")
    var readers = 1

    var connectionCount: Int { readers + 1 }

    func validate() throws {
        try require(entries, in: 1...100_000_000, "--entries")
        try require(readers, in: 1...(Target.maxConnectionCount - 1), "--readers")
    }

    func addParameters(to json: inout JSONObject) {
        json.add("entries", entries)
        json.add("readers", readers)
    }

    func perform(in run: Run, _ measurement: Measurement) throws(LoadError) {
        let connection = try run.connect(1)[0]
        let group = GroupFeed(ciphertextByteCount: options.size)
        try run.create([group], by: connection)
        let publisher = Publisher(run, connection, to: group, pace: .window(1024, until: .acknowledged), limit: entries)
        publisher.start()
        try run.wait { publisher.isDone }
        let followers = try run.connect(readers)
        let before = measurement.sample()
        let ends = try catchUp(followers, group, in: run, measurement)
        run.results.add("deliveries", measurement.deliveredCount)
        run.results.add("deliveries_per_s", measurement.perSecond(measurement.deliveredCount))
        run.results.add("latency_us", ends.summary)
        if let before { run.results.add("server_rss_before_bytes", before.residentByteCount) }
        if let before { run.results.add("server_rss_anonymous_before_bytes", before.anonymousByteCount) }
        try finish(followers, in: run)
        try close(run)
    }

    /// - Returns: how long each took.
    private func catchUp(
        _ followers: [RelayConnection], _ group: GroupFeed, in run: Run, _ measurement: Measurement
    ) throws(LoadError) -> Latency {
        let ends = Latency()
        var count = 0
        measurement.watchMemory()
        measurement.begin()
        defer { measurement.finish() }
        let start = monotonicNanoseconds()
        for follower in followers {
            follower.whenCaughtUp = { [run] in
                ends.record(monotonicNanoseconds() - start)
                count += 1
                if count == followers.count { run.wake() }
            }
        }
        try run.follow(followers) { _ in [group] }
        _ = try run.wait(atMost: .seconds(options.seconds)) { count == followers.count }
        return ends
    }

    func work(_ measurement: Measurement) -> UInt64 { measurement.deliveredCount }

    func addResults(of run: Run, _ measurement: Measurement, to json: inout JSONObject) {}
}
