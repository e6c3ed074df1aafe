import ArgumentParser

/// Fan-out: one publisher, and many who follow the same group.
struct S2: Scenario {
    static let configuration = CommandConfiguration(
        commandName: "s2", abstract: "Fan-out: deliveries a second, and the time from publishing to each delivery.",
        discussion: """
            With --window a message is under way until the relay has answered it and every subscriber has it. With \
            --rate messages are sent at fixed times whatever comes back, and a late one counts from when it should \
            have been sent.
            """)

    @OptionGroup var options: LoadOptions
    @OptionGroup var amount: LoadAmount

    @Option(help: "Connections that follow the group.")
    var subscribers = 100

    @Option(help: "Messages that are under way at the same time.")
    var window = 256

    @Option(help: "Messages a second, in place of a window.")
    var rate: Double?

    @Flag(help: "A message makes room for another when it is answered, whoever has it.")
    var untilAcknowledged = false

    var connectionCount: Int { subscribers + 1 }
    var otherSeconds: Double { amount.warmUpSeconds }

    func validate() throws {
        try require(subscribers, in: 1...Target.maxConnectionCount, "--subscribers")
        try require(window, in: 1...100_000, "--window")
        if let rate { try require(rate, in: 0.01...1_000_000, "--rate") }
    }

    func addParameters(to json: inout JSONObject) {
        json.add("subscribers", subscribers)
        if let rate { json.add("rate", rate) } else { json.add("window", window) }
        if untilAcknowledged { json.add("until", "acknowledged") }
        amount.addParameters(to: &json)
    }

    private var pace: Publisher.Pace {
        if let rate { return .interval(1e9 / rate) }
        return .window(window, until: untilAcknowledged ? .acknowledged : .delivered)
    }

    func perform(in run: Run, _ measurement: Measurement) throws(LoadError) {
        let connection = try run.connect(1)[0]
        let group = GroupFeed(ciphertextByteCount: options.size)
        try run.create([group], by: connection)
        let followers = try run.connect(subscribers)
        try run.follow(followers) { _ in [group] }
        let publisher = Publisher(run, connection, to: group, pace: pace, limit: amount.count)
        try publish([publisher], warmUp: amount.warmUpSeconds, in: run, measurement)
        try drain([publisher], to: followers, in: run)
        try close(run)
    }

    func work(_ measurement: Measurement) -> UInt64 { measurement.deliveredCount }

    func addResults(of run: Run, _ measurement: Measurement, to json: inout JSONObject) {
        json.addDeliveries(of: run, measurement)
    }
}

extension JSONObject {
    /// What scenarios with subscribers tell.
    mutating func addDeliveries(of run: Run, _ measurement: Measurement) {
        add("publishes", measurement.acknowledgedCount)
        add("publishes_per_s", measurement.perSecond(measurement.acknowledgedCount))
        add("deliveries", measurement.deliveredCount)
        add("deliveries_per_s", measurement.perSecond(measurement.deliveredCount))
        add("latency_us", run.latency.summary)
        add("ack_latency_us", run.ackLatency.summary)
    }
}
