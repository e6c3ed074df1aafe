import ArgumentParser

/// Many connections with little to do: what one costs, and how fast they come.
struct S4: Scenario {
    static let configuration = CommandConfiguration(
        commandName: "s4", abstract: "Idle connections: how many a second log in, and what each costs in memory.",
        discussion: """
            Each connects, registers, follows the group and is held. Then one message goes to all, and all close in \
            good order. duration_s, processor time and rates are of connecting; latency_us is from connecting to the \
            end of following, broadcast_latency_us that of the one message. Memory is told with --pid.
            """)

    @OptionGroup var options: LoadOptions

    @Option(help: "Connections, at most \(Target.maxConnectionCount - 1).")
    var connections = 10_000

    @Option(help: "Seconds for which they are held.")
    var hold = 2.0

    var connectionCount: Int { connections + 1 }
    var otherSeconds: Double { hold }

    func validate() throws {
        try require(connections, in: 1...(Target.maxConnectionCount - 1), "--connections")
        try require(hold, in: 0...3600, "--hold")
    }

    func addParameters(to json: inout JSONObject) {
        json.add("connections", connections)
        json.add("connecting", options.connecting)
        json.add("hold_s", hold)
    }

    func perform(in run: Run, _ measurement: Measurement) throws(LoadError) {
        let connection = try run.connect(1)[0]
        let group = GroupFeed(ciphertextByteCount: options.size)
        try run.create([group], by: connection)
        let followers = try run.makeConnections(connections)
        let before = measurement.sample()
        try connect(followers, to: group, in: run, measurement)
        try run.wait(for: .seconds(hold))
        tellMemory(from: before, to: measurement.sample(), in: run)
        run.latency.reset()
        let publisher = Publisher(run, connection, to: group, pace: .window(1, until: .delivered), limit: 1)
        publisher.start()
        try drain([publisher], to: followers, in: run)
        run.results.add("broadcast_latency_us", run.latency.summary)
        let start = monotonicNanoseconds()
        try close(run)
        run.results.add("close_s", Double(monotonicNanoseconds() - start) / 1e9)
    }

    private func connect(
        _ followers: [RelayConnection], to group: GroupFeed, in run: Run, _ measurement: Measurement
    ) throws(LoadError) {
        let latency = Latency()
        var count = 0
        measurement.begin()
        defer {
            measurement.finish()
            run.results.add("connected", count)
            run.results.add("accepted_per_s", measurement.perSecond(UInt64(count)))
            run.results.add("latency_us", latency.summary)
        }
        group.subscriberCount = followers.count
        try run.connect(followers) { follower, done in
            follower.follow([group]) {
                latency.record(monotonicNanoseconds() - follower.connectedAt)
                count += 1
                done()
            }
        }
    }

    private func tellMemory(from before: ProcessProbe.Sample?, to after: ProcessProbe.Sample?, in run: Run) {
        guard let before, let after else { return }
        func each(_ from: UInt64, _ to: UInt64) -> Double { (Double(to) - Double(from)) / Double(connections) }
        run.results.add("rss_bytes_per_connection", each(before.residentByteCount, after.residentByteCount))
        run.results.add("rss_anonymous_bytes_per_connection", each(before.anonymousByteCount, after.anonymousByteCount))
    }

    func work(_ measurement: Measurement) -> UInt64 { UInt64(connections) }

    func addResults(of run: Run, _ measurement: Measurement, to json: inout JSONObject) {}
}
