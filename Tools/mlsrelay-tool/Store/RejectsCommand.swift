import ArgumentParser
import RelayCore
import RelayStore
import RelayWire

struct RejectsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rejects", abstract: "List commits that were refused, and why.",
        discussion: """
            A group whose commits fail has to be looked at: it may have to be reinitialized (RFC 9420 section 16.12). A rule \
            is named by the section of RFC 9420 that has it. That somebody else was first, stale_epoch, is nothing bad.
            """)

    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: ArgumentHelp("Only those of this group. \(LogReference.help)", valueName: "group"))
    var group: String?

    @Option(help: "Begin behind this number.")
    var after: UInt64 = 0

    private struct Listed {
        var number: SequenceNumber
        var record: RejectRecord
        var group: [UInt8]
        var client: String
        var rule: String { String(decoding: record.rule, as: UTF8.self) }
    }

    /// Records read in one transaction.
    private static let pageCount = 1000

    func run() throws {
        let reader = try StoreReader(store.open())
        let log = try group.map { try reader.group($0).log }
        var listing = Listing(
            [
                .number("NUMBER"), .text("TIME"), .long("GROUP"), .number("EPOCH"), .long("CLIENT"), .text("CODE"),
                .text("RULE"),
            ], json: output.json)
        var last = SequenceNumber(rawValue: after)
        while true {
            let (page, end) = try reader.read { (snapshot) throws(StoreError) in
                let numbers = try snapshot.keys(Tables.rejects, after: last, limit: Self.pageCount)
                var page: [Listed] = []
                for number in numbers {
                    let record = try snapshot.existing(Tables.rejects, number)
                    if let log, record.log != log { continue }
                    page.append(
                        Listed(
                            number: number, record: record, group: try snapshot.name(of: record.log)?.name ?? [],
                            client: try snapshot.nameText(of: record.client)))
                }
                return (page, numbers.last)
            }
            if end != nil || last.rawValue == after {
                listing.print(page, cells: Self.cells, json: Self.json)
            }
            guard let end else { return }
            last = end
        }
    }

    private static func cells(_ listed: Listed) -> [String] {
        [
            "\(listed.number)", listed.record.time.text, groupText(listed.group), "\(listed.record.epoch)",
            listed.client, "\(listed.record.code)", listed.rule,
        ]
    }

    private static func json(_ listed: Listed) -> JSON {
        [
            "number": .number(listed.number.rawValue), "time": .number(listed.record.time.rawValue),
            "log": .number(listed.record.log.rawValue), "group_id": .hex(listed.group),
            "epoch": .number(listed.record.epoch.rawValue), "client": .number(listed.record.client.rawValue),
            "client_name": .string(listed.client), "code": .string("\(listed.record.code)"),
            "rule": listed.rule.isEmpty ? .null : .string(listed.rule),
        ]
    }
}
