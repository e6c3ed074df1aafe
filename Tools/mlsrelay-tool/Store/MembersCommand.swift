import ArgumentParser
import RelayCore
import RelayStore
import RelayWire

struct MembersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "members", abstract: "List who is or was in a tracked group, a client a line.",
        discussion: "Of an untracked group the relay knows no members: see acknowledgements for who has processed it.")

    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: ArgumentHelp(LogReference.help, valueName: "group"))
    var group: String

    @Flag(help: "Only those who are members.")
    var active = false

    func run() throws {
        let reader = try StoreReader(store.open())
        let (log, record) = try reader.trackedGroup(group)
        let members = try reader.read { (snapshot) throws(StoreError) in try snapshot.memberPositions(of: log) }
        var listing = Listing(
            [
                .number("CLIENT"), .long("NAME"), .text("ROLE"), .text("STATE"), .number("JOINED"), .number("ENDED"),
                .number("ACKNOWLEDGED"), .number("DELIVERED"),
            ], json: output.json)
        let shown = members.filter { !active || $0.record.state == .active }
        listing.print(shown, cells: Self.cells, json: Self.json)
        if !output.json {
            let users = counted(Int(record.userCount), "user", "users")
            let clients = counted(members.count { $0.record.state == .active }, "client", "clients")
            print("\(users) with \(clients)\(record.isDeleted ? "; the group is deleted" : "")")
        }
    }

    private static func cells(_ member: MemberPosition) -> [String] {
        [
            "\(member.client)", member.name, "\(member.role)", "\(member.record.state)", "\(member.record.joined)",
            member.record.ended == .zero ? "" : "\(member.record.ended)", "\(member.acknowledged)",
            "\(member.delivered)",
        ]
    }

    private static func json(_ member: MemberPosition) -> JSON {
        [
            "client": .number(member.client.rawValue), "user": .number(member.record.user.rawValue),
            "name": .string(member.name), "role": .string("\(member.role)"),
            "state": .string("\(member.record.state)"), "joined": .number(member.record.joined.rawValue),
            "ended": member.record.ended == .zero ? .null : .number(member.record.ended.rawValue),
            "acknowledged": .number(member.acknowledged.rawValue), "delivered": .number(member.delivered.rawValue),
        ]
    }
}

/// A member of a tracked group, and how far it is in the log.
struct MemberPosition {
    var client: ClientNumber
    var name: String
    var record: MemberRecord
    var role: Role
    var acknowledged: SequenceNumber
    /// What was written to a connection of its, at least up to here.
    var delivered: SequenceNumber
}

extension Snapshot {
    /// Everybody who is or was in a tracked group, ascending by client.
    func memberPositions(of log: LogNumber) throws(StoreError) -> [MemberPosition] {
        var members: [MemberPosition] = []
        for key in try keys(Tables.members, prefix: log.recordKey) {
            let (client, record) = (key.second, try existing(Tables.members, key))
            let acknowledged = try acknowledged(log, by: client)
            members.append(
                MemberPosition(
                    client: client, name: try nameText(of: client), record: record,
                    role: try role(of: record.user, in: log), acknowledged: acknowledged,
                    delivered: max(acknowledged, try get(Tables.delivered, key) ?? .zero)))
        }
        return members
    }
}
