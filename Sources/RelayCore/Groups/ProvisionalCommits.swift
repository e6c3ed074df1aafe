import RelayWire
import TLSPresentation

/// Commits that are accepted and not yet confirmed: N-2 of the requirements, PROTOCOL.md "Commits".
extension Relay {
    /// Confirms commits that ended epochs before `epoch`, if `client` may: it has published in an epoch that they led to.
    mutating func confirm(
        _ log: LogNumber, by client: ClientNumber, endingBefore epoch: Epoch
    ) throws(State.Failure) {
        try confirm(log, by: client) { _, commit in commit.epoch < epoch }
    }

    /// Confirms commits up to an entry, if `client` may: it has acknowledged the entry.
    mutating func confirm(
        _ log: LogNumber, by client: ClientNumber, through number: SequenceNumber
    ) throws(State.Failure) {
        try confirm(log, by: client) { place, _ in place <= number }
    }

    private mutating func confirm(
        _ log: LogNumber, by client: ClientNumber, _ isMeant: (SequenceNumber, ProvisionalCommit) -> Bool
    ) throws(State.Failure) {
        guard var group = try state.get(Tables.groups, log), try existingHead(of: log).epoch != group.confirmedEpoch,
            let member = try state.member(client, of: log)
        else { return }
        var confirmed: (number: SequenceNumber, commit: ProvisionalCommit)?
        try state.forEach(Tables.provisionalCommits, prefix: log.recordKey) { (key, commit) in
            if isMeant(key.second, commit), mayJudge(client, member, commit, at: key.second) {
                confirmed = (key.second, commit)
            }
            return true
        }
        guard let confirmed else { return }
        // A commit stands on those before it.
        for key in try state.keys(Tables.provisionalCommits, prefix: log.recordKey)
        where key.second <= confirmed.number {
            try state.remove(Tables.provisionalCommits, key)
            try removeDenials(of: key)
        }
        group.confirmedEpoch = confirmed.commit.epoch.next
        try state.set(Tables.groups, log, group)
        followedGroups[log]?.confirm(through: confirmed.number)
    }

    /// Whether a client may confirm or deny a commit: a member before it and still, that did not send it.
    private func mayJudge(
        _ client: ClientNumber, _ member: MemberRecord, _ commit: ProvisionalCommit, at number: SequenceNumber
    ) -> Bool {
        client != commit.sender && member.state == .active && member.joined < number
    }

    mutating func removeDenials(
        of commit: PairKey<LogNumber, SequenceNumber>
    ) throws(State.Failure) {
        for key in try state.keys(Tables.denials, prefix: commit.recordKey) { try state.remove(Tables.denials, key) }
    }

    /// A member says that it cannot accept a provisional commit; enough of them void it.
    mutating func deny(
        _ request: DenyCommit, by client: ClientNumber, at now: Timestamp
    ) throws(State.Failure) -> Outcome {
        guard let group = try state.get(Tables.groups, request.log), try state.maySee(client, request.log, group) else {
            return .refused(.groupUnknown)
        }
        guard !group.isDeleted else { return .refused(RelayError(.groupDeleted, "The group was deleted.")) }
        guard let member = try state.member(client, of: request.log), member.state == .active else {
            return .refused(.notMember)
        }
        let key = PairKey(request.log, request.sequenceNumber)
        guard let commit = try state.get(Tables.provisionalCommits, key) else {
            return .refused(RelayError(.commitNotProvisional, "No commit there waits to be confirmed."))
        }
        guard mayJudge(client, member, commit, at: request.sequenceNumber) else {
            return .refused(RelayError(.notPermitted, "Members before the commit judge it, but not its sender."))
        }
        try state.mark(Tables.denials, TripleKey(request.log, request.sequenceNumber, client))
        let denials = try state.keys(Tables.denials, prefix: key.recordKey).map(\.third)
        let judges = try state.members(of: request.log).count {
            mayJudge($0.client, $0.record, commit, at: request.sequenceNumber)
        }
        let needed = group.policy.denials > 0 ? Int(group.policy.denials) : limits.denials
        if denials.count >= min(needed, judges) {
            try void(request.log, from: request.sequenceNumber, text: request.text, deniedBy: denials, at: now)
        }
        return .answered(EncodedFrame(Done()))
    }

    /// Takes back a provisional commit and all that stand on it: the group is in the epoch before again. The entries stay.
    mutating func void(
        _ log: LogNumber, from number: SequenceNumber, text: [UInt8], deniedBy: [ClientNumber], at now: Timestamp
    ) throws(State.Failure) {
        let keys = try state.keys(Tables.provisionalCommits, prefix: log.recordKey).filter { $0.second >= number }
        guard let last = keys.last else { throw State.corrupted("log \(log) has no provisional commit at \(number)") }
        let groupID = try groupID(of: log)
        var epoch = Epoch(rawValue: 0)
        var roles: [UserNumber: Role] = [:]
        for key in keys.reversed() {
            let commit = try state.existing(Tables.provisionalCommits, key)
            epoch = commit.epoch
            for (user, role) in try takeBack(commit, of: log, at: now) { roles[user] = role }
            try state.remove(Tables.provisionalCommits, key)
            try removeDenials(of: key)
            for added in commit.added where added != commit.sender {
                let notice = VoidedWelcomeNotice(log: log, groupID: groupID, sequenceNumber: key.second)
                try notify(notice.encoded, kind: .welcomeVoided, in: .inbox(of: added), at: now)
            }
        }
        try stopLeaving(of: log, behind: number)
        try countUsers(of: log, earlier: roles)
        if followedGroups[log]?.goBack(before: number) == false { followedGroups[log] = nil }
        let notice = VoidNotice(
            sequenceNumber: number, epoch: epoch, lastVoided: last.second, text: text, deniedBy: deniedBy)
        let payload = notice.encoded
        let hash = payloadHash(payload)
        _ = try append(payload.rawSpan, hash: hash, kind: .commitVoided, to: log, by: .relay, at: now) { head in
            head.epoch = epoch
        }
    }

    /// - Returns: the roles of users before the commit.
    private mutating func takeBack(
        _ commit: ProvisionalCommit, of log: LogNumber, at now: Timestamp
    ) throws(State.Failure) -> [UserNumber: Role] {
        for saved in commit.members {
            guard let key = PairKey<LogNumber, ClientNumber>(recordKey: saved.key) else {
                throw State.corrupted("a saved member of log \(log) has no key")
            }
            try restore(saved, in: .members)
            let record = try state.get(Tables.members, key)
            if let record, record.state != .ended {
                try state.mark(Tables.clientGroups, PairKey(key.second, log))
            } else {
                try state.remove(Tables.clientGroups, PairKey(key.second, log))
            }
            effects.bounds.append(
                Effects.ReadingBound(
                    log: log, client: key.second, after: record?.joined ?? .zero,
                    through: record?.readableThrough ?? .zero))
        }
        var roles: [UserNumber: Role] = [:]
        for saved in commit.users where !saved.value.isEmpty {
            guard let key = PairKey<LogNumber, UserNumber>(recordKey: saved.key),
                let record = try? GroupUserRecord(decoding: saved.value.rawSpan)
            else { throw State.corrupted("a saved user of log \(log) is none") }
            roles[key.second] = record.role
        }
        for key in try state.keys(Tables.pendingProposals, prefix: log.recordKey) {
            try state.remove(Tables.pendingProposals, key)
        }
        for proposal in commit.proposals { try state.mark(Tables.pendingProposals, PairKey(log, proposal)) }
        for invitation in commit.invitations { try reopen(invitation, at: now) }
        let groupInfo = commit.groupInfo
        try state.setGroupInfo(groupInfo.rawSpan, of: log)
        try state.removeCommit(ending: commit.epoch, in: log)
        return roles
    }

    private mutating func restore(
        _ saved: ProvisionalCommit.SavedRecord, in table: RecordTable
    ) throws(State.Failure) {
        if saved.value.isEmpty {
            try state.removeRecord(table, saved.key)
        } else {
            try state.setRecord(table, saved.key, saved.value)
        }
    }

    /// Members whose SelfRemove came in an epoch that is void are members again: nothing can carry it out.
    private mutating func stopLeaving(of log: LogNumber, behind number: SequenceNumber) throws(State.Failure) {
        for (client, record) in try state.members(of: log) where record.state == .leaving && record.ended > number {
            var record = record
            record.state = .active
            record.ended = .zero
            record.lastEpoch = Epoch(rawValue: 0)
            try state.set(Tables.members, PairKey(log, client), record)
            effects.bounds.append(Effects.ReadingBound(log: log, client: client, through: .unlimited))
        }
    }

    /// Makes the group's users what its members say. A role is what it is at present, or was before.
    private mutating func countUsers(of log: LogNumber, earlier roles: [UserNumber: Role]) throws(State.Failure) {
        var counts: [UserNumber: UInt32] = [:]
        for (_, record) in try state.members(of: log) where record.state == .active {
            counts[record.user, default: 0] += 1
        }
        for key in try state.keys(Tables.groupUsers, prefix: log.recordKey) where counts[key.second] == nil {
            try state.remove(Tables.groupUsers, key)
        }
        for (user, count) in counts {
            let key = PairKey(log, user)
            let role = try state.get(Tables.groupUsers, key)?.role ?? roles[user] ?? .member
            try state.set(Tables.groupUsers, key, GroupUserRecord(role: role, clientCount: count))
        }
        var group = try existingGroup(log)
        group.userCount = UInt32(counts.count)
        try state.set(Tables.groups, log, group)
    }
}
