import ArgumentParser
import MLSCodec
import MLSCrypto
import RelayCore
import RelayStore
import RelayWire
import TLSPresentation

struct GroupsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "groups", abstract: "List the groups.")

    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions

    private struct Group {
        var id: [UInt8]
        var head: LogHead
        var creator: String
        /// The epoch of the stored GroupInfo.
        var groupInfoEpoch: UInt64?
    }

    /// Groups read in one transaction.
    private static let pageCount = 500

    func run() throws {
        let reader = try StoreReader(store.open())
        var table = Table([
            .init(title: "LOG", alignment: .right), .init(title: "GROUP", isCut: true),
            .init(title: "EPOCH", alignment: .right), .init(title: "ENTRIES", alignment: .right),
            .init(title: "LAST"), .init(title: "CREATOR", isCut: true), .init(title: "GROUPINFO"),
        ])
        var last: [UInt8]?
        repeat {
            let groups = try Self.read(reader, after: last)
            last = groups.last?.id
            if output.json {
                for group in groups { print(Self.json(group)) }
            } else {
                for line in table.lines(groups.map(Self.row)) { print(line) }
            }
        } while last != nil
    }

    private static func read(_ reader: StoreReader, after last: [UInt8]?) throws(StoreError) -> [Group] {
        try reader.read { (snapshot) throws(StoreError) in
            var groups: [Group] = []
            try snapshot.forEachLog(.group, after: last) { (name, log) throws(StoreError) in
                guard let head = try snapshot.head(of: log) else { throw .corrupted("log \(log) has no head") }
                var epoch: UInt64?
                if let message = try snapshot.groupInfo(of: log) {
                    // What is no GroupInfo is for `verify` to say.
                    epoch = try? MLSMessageEnvelope(message.rawSpan).epoch
                }
                let creator = try snapshot.nameText(of: head.creator)
                groups.append(Group(id: name.name, head: head, creator: creator, groupInfoEpoch: epoch))
                return groups.count < pageCount
            }
            return groups
        }
    }

    private static func row(_ group: Group) -> [String] {
        let groupInfo =
            switch group.groupInfoEpoch {
            case nil: "none"
            case group.head.epoch.rawValue?: "current"
            case let epoch?: "epoch \(epoch)"
            }
        return [
            "\(group.head.number)", groupText(group.id), "\(group.head.epoch)", "\(group.head.entryCount)",
            group.head.time.text, group.creator, groupInfo,
        ]
    }

    private static func json(_ group: Group) -> JSON {
        [
            "log": .number(group.head.number.rawValue), "group_id": .hex(group.id),
            "epoch": .number(group.head.epoch.rawValue), "first": .number(group.head.first.rawValue),
            "last": .number(group.head.last.rawValue), "time": .number(group.head.time.rawValue),
            "creator": .number(group.head.creator.rawValue), "creator_name": .string(group.creator),
            "group_info_epoch": group.groupInfoEpoch.map { .number($0) } ?? .null,
            "chain": .hex(group.head.chain.bytes),
        ]
    }
}

extension LogHead {
    /// How many entries are kept.
    var entryCount: UInt64 { last.rawValue + 1 - first.rawValue }
}
