import ArgumentParser
import RelayCore
import RelayStore
import RelayWire

struct AcknowledgementsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "acknowledgements", abstract: "List how far clients have processed a log, and how far they lag.",
        aliases: ["acks"])

    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: ArgumentHelp(LogReference.help, valueName: "group"))
    var log: String

    private struct Listed {
        var client: ClientNumber
        var name: String
        var number: SequenceNumber
        var behind: UInt64
    }

    func run() throws {
        let reader = try StoreReader(store.open())
        let log = try reader.log(self.log).number
        let list = try reader.read { (snapshot) throws(StoreError) in
            guard let head = try snapshot.head(of: log) else { throw .corrupted("log \(log) has no head") }
            var list: [Listed] = []
            try snapshot.forEachAcknowledgement(in: log) { (client, number) throws(StoreError) in
                let behind = head.last.rawValue - min(head.last.rawValue, number.rawValue)
                list.append(
                    Listed(client: client, name: try snapshot.nameText(of: client), number: number, behind: behind))
                return true
            }
            return list
        }
        if output.json {
            for listed in list {
                let json: JSON = [
                    "log": .number(log.rawValue), "client": .number(listed.client.rawValue),
                    "name": .string(listed.name),
                    "acknowledged": .number(listed.number.rawValue), "behind": .number(listed.behind),
                ]
                print(json)
            }
            return
        }
        var table = Table([
            .init(title: "CLIENT", alignment: .right), .init(title: "NAME", isCut: true),
            .init(title: "ACKNOWLEDGED", alignment: .right), .init(title: "BEHIND", alignment: .right),
        ])
        let rows = list.map { ["\($0.client)", $0.name, "\($0.number)", "\($0.behind)"] }
        for line in table.lines(rows) { print(line) }
    }
}
