import MLSCodec
import MLSPublicGroup
import RelayCore
import RelayWire
import TLSPresentation

/// A group as its log and the log of groups tell of it.
struct RebuiltGroup {
    let notice: GroupNotice
    var epoch: Epoch
    /// The commits that stand, by the epoch that each ended.
    var commits: [Epoch: SequenceNumber] = [:]
    /// What was changed last; nil where it is as it began, which is in no log.
    var change: GroupChangeNotice?
    /// Roles that were given, by user.
    var roles: [UserNumber: Role] = [:]
    var isDeleted = false

    init(_ notice: GroupNotice) {
        self.notice = notice
        epoch = notice.epoch
    }

    mutating func take(_ entry: Entry) {
        let payload = entry.payload
        switch entry.header.kind {
        case .message:
            guard let message = try? MLSMessageEnvelope(payload.rawSpan), message.contentType == .commit,
                let ended = message.epoch
            else { return }
            commits[Epoch(rawValue: ended)] = entry.header.sequenceNumber
            epoch = Epoch(rawValue: ended).next
        case .commitVoided:
            guard let notice = try? VoidNotice(decoding: payload) else { return }
            commits = commits.filter { $0.value < notice.sequenceNumber }
            epoch = notice.epoch
        case .groupChanged: change = (try? GroupChangeNotice(decoding: payload)) ?? change
        case .roleChanged:
            guard let notice = try? RoleNotice(decoding: payload) else { return }
            roles[notice.user] = notice.role
        case .groupDeleted: isDeleted = true
        default: return
        }
    }
}

extension StoreRebuilder {
    func compareGroups(in snapshot: borrowing Snapshot) throws(StoreError) {
        var told: [LogNumber: GroupNotice] = [:]
        try forEachEntry(of: .groups, in: snapshot) { entry in
            guard entry.header.kind == .groupCreated, let notice = try? GroupNotice(decoding: entry.payload) else {
                return
            }
            told[notice.log] = notice
        }
        summary.groupCount = told.count
        var stored: [LogNumber: LogName] = [:]
        try snapshot.forEachLog(.group) { name, log in
            stored[log] = name
            return true
        }
        for log in Set(told.keys).union(stored.keys).sorted() {
            guard let notice = told[log], let name = stored[log], name.name == notice.groupID else {
                report(
                    Finding(
                        .contradiction, .names, log: log,
                        expected: told[log].map { "group \($0.groupID.hex)" } ?? "none",
                        found: stored[log].map { "\($0)" } ?? "none"))
                continue
            }
            var group = RebuiltGroup(notice)
            try forEachEntry(of: name, in: snapshot) { group.take($0) }
            try compare(group, log, in: snapshot)
        }
    }

    private func compare(
        _ group: RebuiltGroup, _ log: LogNumber, in snapshot: borrowing Snapshot
    ) throws(StoreError) {
        summary.commitCount += group.commits.count
        guard let head = try snapshot.head(of: log) else {
            return report(Finding(.missing, .heads, log: log, expected: "a head", found: "none"))
        }
        // Of a log whose beginning is gone, only what it still has can tell.
        let isWhole = head.first == SequenceNumber.zero.next
        if head.epoch != group.epoch, isWhole || !group.commits.isEmpty {
            report(Finding(.epoch, .heads, log: log, expected: "epoch \(group.epoch)", found: "epoch \(head.epoch)"))
        }
        var commits: [Epoch: SequenceNumber] = [:]
        try snapshot.forEachCommit(in: log) { epoch, number in
            commits[epoch] = number
            return true
        }
        for epoch in Set(commits.keys).union(group.commits.keys).sorted() where commits[epoch] != group.commits[epoch] {
            report(
                Finding(
                    .contradiction, .commits, log: log, row: "epoch \(epoch)",
                    expected: group.commits[epoch].map { "entry \($0)" } ?? "none",
                    found: commits[epoch].map { "entry \($0)" } ?? "none"))
        }
        let record = try snapshot.get(Tables.groups, log)
        guard (record?.policy.mode ?? .untracked) == group.notice.mode else {
            return report(
                Finding(
                    .contradiction, .groups, log: log, expected: "\(group.notice.mode)",
                    found: record.map { "\($0.policy.mode)" } ?? "no record"))
        }
        if let record { try compare(group, record, head, in: snapshot) }
    }

    // MARK: Tracked groups

    private func compare(
        _ group: RebuiltGroup, _ record: GroupRecord, _ head: LogHead, in snapshot: borrowing Snapshot
    ) throws(StoreError) {
        let log = head.number
        if let change = group.change,
            change.name != record.name || change.alias != record.alias || change.policy != record.policy
        {
            report(
                Finding(
                    .contradiction, .groups, log: log, expected: "\(change.name.hex), \(change.policy)",
                    found: "\(record.name.hex), \(record.policy)"))
        }
        if group.isDeleted != record.isDeleted, group.isDeleted || head.first == SequenceNumber.zero.next {
            report(
                Finding(
                    .contradiction, .groups, log: log, expected: group.isDeleted ? "deleted" : "not deleted",
                    found: record.isDeleted ? "deleted" : "not deleted"))
        }
        guard !record.isDeleted else { return }
        try compareUsers(group, record, log, in: snapshot)
        if record.policy.mode == .publicHandshake { try comparePublicGroup(log, head, in: snapshot) }
    }

    /// The users of a group are those of its members; roles that were given are theirs while they are in it.
    private func compareUsers(
        _ group: RebuiltGroup, _ record: GroupRecord, _ log: LogNumber, in snapshot: borrowing Snapshot
    ) throws(StoreError) {
        var counts: [UserNumber: UInt32] = [:]
        for (client, member) in try snapshot.members(of: log) {
            if member.state == .active { counts[member.user, default: 0] += 1 }
            if try !snapshot.has(Tables.clientGroups, PairKey(client, log)) {
                report(
                    Finding(
                        .missing, .clientGroups, log: log, row: "client \(client)", expected: "a mark", found: "none"))
            }
        }
        var stored: [UserNumber: GroupUserRecord] = [:]
        try snapshot.forEach(Tables.groupUsers, prefix: log.recordKey) { key, user in
            stored[key.second] = user
            return true
        }
        for user in Set(counts.keys).union(stored.keys).sorted() where counts[user] != stored[user]?.clientCount {
            report(
                Finding(
                    .contradiction, .groupUsers, log: log, row: "user \(user)",
                    expected: "\(counts[user] ?? 0) clients",
                    found: "\(stored[user]?.clientCount ?? 0) clients"))
        }
        if Int(record.userCount) != counts.count {
            report(
                Finding(
                    .contradiction, .groups, log: log, expected: "\(counts.count) users",
                    found: "\(record.userCount) users"))
        }
    }

    /// A public group follows from its entries; its GroupInfo and its members are what it says.
    private func comparePublicGroup(
        _ log: LogNumber, _ head: LogHead, in snapshot: borrowing Snapshot
    ) throws(StoreError) {
        let group: PublicGroup
        do throws(StoreError) {
            group = try snapshot.publicGroup(of: log)
        } catch .corrupted(let what) {
            return report(
                Finding(.contradiction, .publicGroups, log: log, expected: "what the entries lead to", found: what))
        }
        if group.groupContext.epoch != head.epoch.rawValue {
            report(
                Finding(
                    .epoch, .publicGroups, log: log, expected: "epoch \(head.epoch)",
                    found: "epoch \(group.groupContext.epoch)"))
        }
        if let bytes = try snapshot.groupInfo(of: log) {
            let message = try? MLSMessage(decoding: bytes.rawSpan)
            guard case .groupInfo(let info)? = message, info.groupContext == group.groupContext,
                info.confirmationTag == group.confirmationTag
            else {
                return report(
                    Finding(
                        .contradiction, .groupInfos, log: log, expected: "the GroupInfo of epoch \(head.epoch)",
                        found: "another"))
            }
        } else {
            report(Finding(.missing, .groupInfos, log: log, expected: "a GroupInfo", found: "none"))
        }
        var leaves: Set<ClientNumber> = []
        for member in group.roster {
            let key = BytesKey(Identity.keyID(member.signatureKey))
            if let client = try snapshot.get(Tables.signatureKeys, key) { leaves.insert(client) }
        }
        let members = Set(try snapshot.members(of: log).map(\.client))
        for client in leaves.symmetricDifference(members).sorted() {
            report(
                Finding(
                    leaves.contains(client) ? .missing : .stray, .members, log: log, row: "client \(client)",
                    expected: leaves.contains(client) ? "a member" : "none",
                    found: leaves.contains(client) ? "none" : "a member"))
        }
    }
}
