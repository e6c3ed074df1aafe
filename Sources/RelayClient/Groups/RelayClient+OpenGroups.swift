import RelayConnection
import RelayWire

/// Groups that whoever wants may join. PROTOCOL.md section 7.9.
extension RelayClient {
    /// All pages of what the relay lists, in the order of the groups' creation.
    func listOpenGroups(matching filter: String) async throws -> [OpenGroup] {
        let connection = try usableConnection()
        var found: [OpenGroup] = []
        var last = LogNumber.none
        while true {
            let list = ListGroups(
                listing: .open, filter: Array(filter.utf8), after: last, limit: UInt16(Self.pageSize))
            let page = try await connection.ask(list, for: GroupList.self, isRepeatable: true).groups
            found += page.map(OpenGroup.init)
            // Numbers that do not rise would be asked for without end.
            guard page.count == Self.pageSize, let next = page.last?.log, next > last else { return found }
            last = next
        }
    }

    /// As many groups as the relay tells at once.
    private static var pageSize: Int { 1000 }
}

extension OpenGroup {
    init(_ summary: GroupSummary) {
        self.init(
            id: GroupID(summary.groupID), name: String(decoding: summary.name, as: UTF8.self),
            alias: String(decoding: summary.alias, as: UTF8.self), userCount: Int(summary.userCount))
    }
}
