import ArgumentParser
import MLSCodec

@main
struct MLSBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mls-bench",
        abstract: "Measures the MLS engine, each row beside what libcrypto alone needs for it in the same run.",
        discussion: """
            Times are processor time of the best batch; with several threads, time of the clock. A bar is scaled by what \
            the floor is here and was where the bar was set. The process counts its own allocations.
            """)

    @Option(help: "A cipher suite, 1 or 2; give it again for more.")
    var suite: [UInt16] = [1, 2]

    @Option(help: "Only rows whose name contains this; give it again for more.")
    var only: [String] = []

    @Option(help: "How many threads verify the leaves of a tree that is joined, and encrypt for others.")
    var threads = 1

    @Flag(help: "A line of JSON for each row instead of a table.")
    var json = false

    func validate() throws {
        guard suite.allSatisfy({ (1...2).contains($0) }) else {
            throw ValidationError("there are bars for suites 1 and 2")
        }
        guard threads > 0 else { throw ValidationError("at least one thread") }
    }

    func run() throws {
        if !json { print(Row.heading) }
        for suite in suite {
            var measurement = Measurement(CipherSuite(rawValue: suite), threadCount: threads, only: only)
            for row in try measurement.run() { print(json ? row.json : row.line) }
        }
    }
}
