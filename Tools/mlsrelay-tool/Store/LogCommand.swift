import ArgumentParser
import Glibc
import RelayStore
import RelayWire

struct LogCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "log", abstract: "Print the entries of a log.")

    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: ArgumentHelp(LogReference.help, valueName: "group"))
    var log: String

    @Option(help: "Begin behind this entry.")
    var after: UInt64 = 0

    @Option(help: "Print at most so many entries.")
    var limit: Int?

    @Flag(help: "Go on with new entries until interrupted.")
    var follow = false

    @Flag(help: "With --json: also the payloads, in hexadecimal digits.")
    var payload = false

    /// Entries read in one transaction.
    private static let pageCount = 256
    /// How often a followed log is looked at. LMDB tells other processes nothing about commits, so that there is
    /// nothing to wait for; a look takes a few microseconds.
    static let pollMicroseconds: UInt32 = 200_000

    func validate() throws {
        if let limit, limit < 0 { throw ValidationError("--limit is not negative.") }
    }

    func run() throws {
        let reader = try StoreReader(store.open())
        let log = try reader.log(self.log).number
        var table = Table(EntryRow.columns)
        var last = SequenceNumber(rawValue: after)
        var left = limit ?? .max
        while left > 0 {
            let page = try read(reader, log, after: last, limit: min(left, Self.pageCount))
            if output.json {
                for row in page { print(row.json) }
            } else if !page.isEmpty || !follow {
                for line in table.lines(page.map(\.cells)) { print(line) }
            }
            left -= page.count
            if let row = page.last {
                last = row.number
            } else {
                guard follow else { return }
                fflush(nil)
                usleep(Self.pollMicroseconds)
            }
        }
    }

    private func read(
        _ reader: StoreReader, _ log: LogNumber, after last: SequenceNumber, limit: Int
    ) throws(StoreError) -> [EntryRow] {
        try reader.read { (snapshot) throws(StoreError) in
            try snapshot.rows(of: log, after: last, limit: limit, includesPayload: payload)
        }
    }
}
