import ArgumentParser

/// How long, or how much, is published: for the scenarios that publish for a while.
struct LoadAmount: ParsableArguments {
    @Option(help: "Stop after so many messages of each publisher, where that is before --seconds.")
    var count: UInt64?

    @Option(help: "Seconds of publishing before it is measured; 0 with --count.")
    var warmUp = 1.0

    func validate() throws {
        if let count { try require(count, in: 1...1_000_000_000, "--count") }
        try require(warmUp, in: 0...600, "--warm-up")
    }

    /// With a count all is measured.
    var warmUpSeconds: Double { count == nil ? warmUp : 0 }

    func addParameters(to json: inout JSONObject) { if let count { json.add("count", count) } }
}
