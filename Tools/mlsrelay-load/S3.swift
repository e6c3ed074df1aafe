import ArgumentParser

/// Many groups of few members, all of them active.
struct S3: Scenario {
    static let configuration = CommandConfiguration(
        commandName: "s3",
        abstract: "Many groups: each connection publishes to one and follows those it is a member of.",
        discussion:
            "A message is under way until the relay has answered it and every member has it, its sender included.")

    @OptionGroup var options: LoadOptions
    @OptionGroup var amount: LoadAmount

    @Option(help: "Groups, and as many connections.")
    var groups = 1000

    @Option(help: "Members of each group.")
    var members = 10

    @Option(help: "Messages of each group that are under way at the same time.")
    var window = 1

    @Option(help: "Groups that are published to; the others are only followed. By default all.")
    var active: Int?

    var connectionCount: Int { groups }
    var otherSeconds: Double { amount.warmUpSeconds }

    func validate() throws {
        try require(groups, in: 1...Target.maxConnectionCount, "--groups")
        try require(members, in: 1...groups, "--members")
        try require(window, in: 1...1000, "--window")
        if let active { try require(active, in: 1...groups, "--active") }
    }

    func addParameters(to json: inout JSONObject) {
        json.add("groups", groups)
        json.add("members", members)
        json.add("window", window)
        if let active { json.add("active", active) }
        amount.addParameters(to: &json)
    }

    func perform(in run: Run, _ measurement: Measurement) throws(LoadError) {
        let connections = try run.connect(groups)
        let feeds = connections.map { _ in GroupFeed(ciphertextByteCount: options.size) }
        try run.createEach(feeds, by: connections)
        // Member j of group g is connection g + j * step, round: each is in as many groups as a group has members.
        let step = groups / members
        try run.follow(connections) { index in
            (0..<members).map { feeds[(index + groups - $0 * step) % groups] }
        }
        let publishers: [Publisher] = (0..<(active ?? groups)).map { index in
            Publisher(
                run, connections[index], to: feeds[index], pace: .window(window, until: .delivered), limit: amount.count
            )
        }
        try publish(publishers, warmUp: amount.warmUpSeconds, in: run, measurement)
        try drain(publishers, to: connections, in: run)
        try close(run)
    }

    func work(_ measurement: Measurement) -> UInt64 { measurement.deliveredCount }

    func addResults(of run: Run, _ measurement: Measurement, to json: inout JSONObject) {
        json.addDeliveries(of: run, measurement)
    }
}
