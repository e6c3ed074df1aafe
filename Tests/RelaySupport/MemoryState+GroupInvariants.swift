import MLSCodec
public import RelayCore
import RelayWire
import TLSPresentation

extension MemoryState {
    /// What is wrong with the tracked groups: their tables say what their logs say, and each other.
    public var brokenGroupInvariants: [String] {
        var broken: [String] = []
        do {
            try forEach(Tables.groups) { (log, group) throws(Corrupted) in
                try check(log, group) { broken.append("log \(log): \($0)") }
                return true
            }
            try checkWelcomes { broken.append($0) }
        } catch {
            broken.append("\(error)")
        }
        return broken
    }

    private func check(_ log: LogNumber, _ group: GroupRecord, _ report: (String) -> Void) throws(Corrupted) {
        guard let head = heads[log], let first = commits[log]?.keys.min() else { return report("no head or no commit") }
        // One commit ends each epoch, and none is missing.
        let ended = (commits[log] ?? [:]).sorted { $0.key < $1.key }
        if ended.map(\.key.rawValue) != Array(first.rawValue..<head.epoch.rawValue) { report("epochs have gaps") }
        if ended.map(\.value) != ended.map(\.value).sorted() { report("commits are out of order") }
        for (epoch, number) in ended {
            let payload = entries[log]?[Int(number.rawValue) - 1].payload ?? []
            guard let message = try? MLSMessageEnvelope(payload.rawSpan), message.epoch == epoch.rawValue else {
                report("entry \(number) is not the commit of epoch \(epoch)")
                continue
            }
        }
        // The GroupInfo is exact.
        if let bytes = groupInfos[log], let info = try? MLSMessageEnvelope(bytes.rawSpan) {
            if info.epoch != head.epoch.rawValue { report("the GroupInfo is of epoch \(info.epoch ?? 0)") }
        } else {
            report("no GroupInfo")
        }
        // Provisional commits follow the confirmed epoch.
        var epoch = group.confirmedEpoch
        try forEach(Tables.provisionalCommits, prefix: log.recordKey) { key, commit in
            if commit.epoch != epoch { report("provisional commit \(key.second) is of epoch \(commit.epoch)") }
            if commits[log]?[commit.epoch] != key.second { report("provisional commit \(key.second) did not win") }
            epoch = epoch.next
            return true
        }
        if epoch != head.epoch { report("epoch \(head.epoch), confirmed and provisional commits lead to \(epoch)") }
        // Members, users and roles say the same.
        var counts: [UserNumber: UInt32] = [:]
        try forEach(Tables.members, prefix: log.recordKey) { (key, member) throws(Corrupted) in
            if member.state == .active { counts[member.user, default: 0] += 1 }
            if member.state != .active, member.ended > head.last { report("\(key.second) reads what is not there") }
            if try has(Tables.clientGroups, PairKey(key.second, log)) != (member.state != .ended) {
                report("clientGroups of \(key.second)")
            }
            return true
        }
        var users: [UserNumber: UInt32] = [:]
        var hasAdmin = false
        try forEach(Tables.groupUsers, prefix: log.recordKey) { key, user in
            users[key.second] = user.clientCount
            if user.role == .admin { hasAdmin = true }
            return true
        }
        if users != counts { report("users \(users), by members \(counts)") }
        if Int(group.userCount) != users.count { report("\(group.userCount) users, by the table \(users.count)") }
        if !users.isEmpty, !hasAdmin { report("no admin") }
    }

    /// Each Welcome came with a commit of its sender.
    private func checkWelcomes(_ report: (String) -> Void) throws(Corrupted) {
        var commitTimes: [ClientNumber: Set<Timestamp>] = [:]
        for (log, ended) in commits {
            for number in ended.values {
                guard let entry = entries[log]?[Int(number.rawValue) - 1] else { continue }
                commitTimes[entry.header.sender, default: []].insert(entry.header.time)
            }
        }
        // Those of void commits are there too.
        for (name, log) in logs where name.kind == .group {
            for entry in entries[log] ?? [] {
                guard entry.header.kind == .message, let message = try? MLSMessageEnvelope(entry.payload.rawSpan),
                    message.isCommit
                else { continue }
                commitTimes[entry.header.sender, default: []].insert(entry.header.time)
            }
        }
        for (name, log) in logs where name.kind == .inbox {
            for entry in entries[log] ?? [] where entry.header.kind == .message {
                if commitTimes[entry.header.sender]?.contains(entry.header.time) != true {
                    report("\(name) has a Welcome without its commit")
                }
            }
        }
    }
}

extension MLSMessageEnvelope {
    fileprivate var isCommit: Bool {
        switch payload {
        case .publicMessage(let message): message.contentType == .commit
        case .privateMessage(let message): message.contentType == .commit
        default: false
        }
    }
}
