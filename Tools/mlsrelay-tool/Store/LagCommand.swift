import ArgumentParser
import RelayCore
import RelayStore
import RelayWire

struct LagCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lag", abstract: "List who is behind in a group, the furthest behind first.",
        discussion: """
            Behind is how many entries a client may read and has not acknowledged, and since when: the time of the first \
            of them. Of an untracked group only those are known who have acknowledged something.
            """)

    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: ArgumentHelp(LogReference.help, valueName: "group"))
    var group: String

    private struct Listed {
        var client: ClientNumber
        var name: String
        var acknowledged: SequenceNumber
        var delivered: SequenceNumber
        /// The last entry that it may read.
        var last: SequenceNumber
        /// The time of the first entry that it has not acknowledged.
        var since: Timestamp?

        var behind: UInt64 { last.rawValue - min(last.rawValue, acknowledged.rawValue) }
    }

    func run() throws {
        let reader = try StoreReader(store.open())
        let log = try reader.group(group).log
        let list = try reader.read { (snapshot) throws(StoreError) in try Self.read(snapshot, log) }
            .sorted { ($0.behind, $1.client) > ($1.behind, $0.client) }
        var listing = Listing(
            [
                .number("CLIENT"), .long("NAME"), .number("BEHIND"), .text("SINCE"), .number("ACKNOWLEDGED"),
                .number("DELIVERED"),
            ], json: output.json)
        let now = currentTime
        listing.print(list) { listed in
            [
                "\(listed.client)", listed.name, "\(listed.behind)", listed.since.map { ageText($0, to: now) } ?? "",
                "\(listed.acknowledged)", "\(listed.delivered)",
            ]
        } json: { listed in
            [
                "client": .number(listed.client.rawValue), "name": .string(listed.name),
                "behind": .number(listed.behind), "since": listed.since.map { .number($0.rawValue) } ?? .null,
                "acknowledged": .number(listed.acknowledged.rawValue), "delivered": .number(listed.delivered.rawValue),
            ]
        }
    }

    private static func read(_ snapshot: borrowing Snapshot, _ log: LogNumber) throws(StoreError) -> [Listed] {
        guard let head = try snapshot.head(of: log) else { throw .corrupted("log \(log) has no head") }
        var list: [Listed] = []
        if try snapshot.has(Tables.groups, log) {
            for member in try snapshot.memberPositions(of: log) where member.record.state != .ended {
                // What came before it joined it need not read.
                list.append(
                    Listed(
                        client: member.client, name: member.name,
                        acknowledged: max(member.acknowledged, member.record.joined), delivered: member.delivered,
                        last: min(head.last, member.record.readableThrough)))
            }
        } else {
            var acknowledgements: [(ClientNumber, SequenceNumber)] = []
            try snapshot.forEachAcknowledgement(in: log) { client, number in
                acknowledgements.append((client, number))
                return true
            }
            for (client, number) in acknowledgements {
                list.append(
                    Listed(
                        client: client, name: try snapshot.nameText(of: client), acknowledged: number,
                        delivered: number, last: head.last))
            }
        }
        for index in list.indices where list[index].behind > 0 {
            let first = max(list[index].acknowledged.next, head.first)
            try snapshot.forEachFrame(in: log, after: SequenceNumber(rawValue: first.rawValue - 1), through: head.last)
            {
                (_, frame) in
                list[index].since = (try? Snapshot.decodeStored(frame))?.header.time
                return false
            }
        }
        return list
    }
}
