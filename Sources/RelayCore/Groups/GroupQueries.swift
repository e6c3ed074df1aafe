import MLSCodec
public import RelayWire
import TLSPresentation

/// What members and those who want to join ask about groups. PROTOCOL.md "Groups".
extension RecordReading where Self: ~Copyable {
    /// The answer to DescribeGroup.
    public func describe(_ groupID: [UInt8], for client: ClientNumber) throws(Failure) -> Result<
        EncodedFrame, RelayError
    > {
        guard let log = try log(.group, named: groupID.rawSpan) else { return .failure(.groupUnknown) }
        guard let head = try head(of: log) else { throw Self.corrupted("log \(log) has no head") }
        guard let group = try get(Tables.groups, log) else {
            return .success(EncodedFrame(GroupDescription(untracked: head, groupID)))
        }
        guard try maySee(client, log, group) else { return .failure(.groupUnknown) }
        var description = GroupDescription(
            log: log, groupID: groupID, name: group.name, alias: group.alias, policy: group.policy, epoch: head.epoch,
            confirmedEpoch: group.confirmedEpoch, first: head.first, last: head.last, members: [], banned: [])
        // Who may join learns what the group is, and members who is in it.
        guard let own = try member(client, of: log), own.state == .active else {
            return .success(EncodedFrame(description))
        }
        for (member, record) in try members(of: log) {
            description.members.append(
                MemberDescription(
                    client: member, user: record.user, name: try existing(Tables.users, record.user).name,
                    role: try role(of: record.user, in: log), state: record.state == .leaving ? .leaving : .active,
                    joined: record.joined))
        }
        if try role(of: own.user, in: log) == .admin {
            for key in try keys(Tables.bans, prefix: log.recordKey) {
                description.banned.append(try existing(Tables.users, key.second).name)
            }
        }
        return .success(EncodedFrame(description))
    }

    /// The answer to ListGroups.
    public func list(_ request: ListGroups, for client: ClientNumber) throws(Failure) -> EncodedFrame {
        let most = WireLimits.maxSearchResultCount
        let limit = request.limit == 0 ? most : min(Int(request.limit), most)
        let user = try user(of: client)
        var groups: [GroupSummary] = []
        func add(_ log: LogNumber) throws(Failure) {
            let group = try existing(Tables.groups, log)
            guard group.matches(request.filter) else { return }
            if request.listing == .open, try has(Tables.bans, PairKey(log, user)) { return }
            groups.append(try summary(of: log, group, for: user))
        }
        switch request.listing {
        case .mine:
            // Of all clients of the user: a new one finds here what it may join.
            var logs: Set<LogNumber> = []
            for own in try clients(of: user) {
                let own = try keys(Tables.clientGroups, prefix: own.recordKey, after: PairKey(own, request.after))
                logs.formUnion(own.map(\.second))
            }
            for log in logs.sorted() where groups.count < limit { try add(log) }
        case .open:
            for log in try keys(Tables.openGroups, after: request.after) where groups.count < limit { try add(log) }
        }
        return EncodedFrame(GroupList(groups: groups))
    }

    private func summary(
        of log: LogNumber, _ group: GroupRecord, for user: UserNumber
    ) throws(Failure) -> GroupSummary {
        guard let head = try head(of: log), let name = try name(of: log) else {
            throw Self.corrupted("log \(log) has no head or no name")
        }
        return GroupSummary(
            log: log, groupID: name.name, name: group.name, alias: group.alias, mode: group.policy.mode,
            join: group.policy.join, role: try role(of: user, in: log), userCount: group.userCount, epoch: head.epoch,
            last: head.last)
    }
}

extension GroupDescription {
    /// What there is to say of an untracked group.
    fileprivate init(untracked head: LogHead, _ groupID: [UInt8]) {
        self.init(
            log: head.number, groupID: groupID, name: [], alias: [], policy: .untracked, epoch: head.epoch,
            confirmedEpoch: Epoch(rawValue: 0), first: head.first, last: head.last, members: [], banned: [])
    }
}

extension GroupRecord {
    /// Whether the name or the alias contains these bytes; none are in every one.
    func matches(_ filter: [UInt8]) -> Bool { name.contains(filter) || alias.contains(filter) }
}

extension [UInt8] {
    fileprivate func contains(_ part: [UInt8]) -> Bool {
        guard part.count <= count else { return false }
        return part.isEmpty || (0...count - part.count).contains { self[$0..<$0 + part.count].elementsEqual(part) }
    }
}
