import ArgumentParser

/// Durable publishing: nobody follows, and every message is on disk when it is answered.
struct S1: Scenario {
    static let configuration = CommandConfiguration(
        commandName: "s1", abstract: "Durable publish: acknowledgements a second, and how long one takes.",
        discussion: "What was published is read back at the end and compared byte for byte with what was sent.")

    @OptionGroup var options: LoadOptions
    @OptionGroup var amount: LoadAmount

    @Option(help: "Publishers, a connection each.")
    var publishers = 1

    @Option(help: "Messages of each publisher that are under way at the same time.")
    var window = 64

    @Flag(help: "All publish to one group; else each has a group of its own.")
    var oneGroup = false

    @Flag(help: "Leave out reading back.")
    var noReadBack = false

    var connectionCount: Int { publishers + 1 }
    var otherSeconds: Double { amount.warmUpSeconds }

    func validate() throws {
        try require(publishers, in: 1...10_000, "--publishers")
        try require(window, in: 1...100_000, "--window")
    }

    func addParameters(to json: inout JSONObject) {
        json.add("publishers", publishers)
        json.add("window", window)
        json.add("groups", oneGroup ? 1 : publishers)
        amount.addParameters(to: &json)
    }

    func perform(in run: Run, _ measurement: Measurement) throws(LoadError) {
        let connections = try run.connect(publishers)
        let groups = (0..<(oneGroup ? 1 : publishers)).map { _ in
            GroupFeed(publisherCount: oneGroup ? publishers : 1, ciphertextByteCount: options.size)
        }
        try run.createEach(groups, by: connections)
        let active = connections.enumerated().map { index, connection in
            Publisher(
                run, connection, to: groups[oneGroup ? 0 : index], index: oneGroup ? index : 0,
                pace: .window(window, until: .acknowledged), limit: amount.count)
        }
        try publish(active, warmUp: amount.warmUpSeconds, in: run, measurement)
        try drain(active, to: [], in: run)
        if !noReadBack { try readBack(groups, in: run) }
        try close(run)
    }

    private func readBack(_ groups: [GroupFeed], in run: Run) throws(LoadError) {
        let reader = try run.connect(1)
        try run.follow(reader) { _ in groups }
        try finish(reader, in: run)
    }

    func work(_ measurement: Measurement) -> UInt64 { measurement.acknowledgedCount }

    func addResults(of run: Run, _ measurement: Measurement, to json: inout JSONObject) {
        json.add("acks", measurement.acknowledgedCount)
        json.add("acks_per_s", measurement.perSecond(measurement.acknowledgedCount))
        json.add("latency_us", run.ackLatency.summary)
    }
}
