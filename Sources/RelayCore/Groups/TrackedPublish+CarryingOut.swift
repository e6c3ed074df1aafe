import MLSCodec
import MLSPublicGroup
import RelayWire
import TLSPresentation

extension Relay {
    // MARK: Carrying out

    mutating func carryOut(
        _ plan: TrackedPlan, first: Int, in batch: CommandBatch, by client: ClientNumber, at now: Timestamp,
        receipts: inout [Receipt]
    ) throws(State.Failure) -> Outcome {
        let start = receipts.count
        var plan = plan
        // Whoever speaks in an epoch has accepted the commit that began it.
        try confirm(plan.log, by: client, endingBefore: plan.confirms)
        if let earlier = followedGroups[plan.log]?.earlier { plan.followed?.earlier = earlier }
        var published = PublishedMessages()
        for step in plan.steps {
            switch step {
            case .duplicate(let index, let log, let number):
                receipts.append(try receipt(of: number, in: log, message: index - first))
            case .append(let index):
                let receipt = try append(index, first: first, to: plan.log, in: batch, by: client, at: now) { _ in }
                published.add(receipt.sequenceNumber, batch.messages[index], isApplication: true)
                receipts.append(receipt)
            case .appendProposal(let index, let isSelfRemove):
                let receipt = try append(index, first: first, to: plan.log, in: batch, by: client, at: now) { _ in }
                try state.mark(Tables.pendingProposals, PairKey(plan.log, receipt.sequenceNumber))
                if isSelfRemove { try beginLeaving(plan.log, client, at: receipt.sequenceNumber, now) }
                published.add(receipt.sequenceNumber, batch.messages[index], isApplication: false)
                receipts.append(receipt)
            case .appendCommit(let index):
                guard var commit = plan.commit else { preconditionFailure("the step was planned with a commit") }
                let receipt = try append(index, first: first, to: plan.log, in: batch, by: client, at: now) { head in
                    head.epoch = commit.epoch.next
                }
                try state.setCommit(receipt.sequenceNumber, ending: commit.epoch, in: plan.log)
                noteCommit(in: plan.log, at: now)
                if let staged = commit.staged.take() { plan.followed?.merge(staged, at: receipt.sequenceNumber) }
                try change(plan, commit, by: client, at: receipt.sequenceNumber, now)
                fairness[plan.log]?.won(client)
                if fairness[plan.log]?.isEmpty == true { fairness[plan.log] = nil }
                published.add(receipt.sequenceNumber, batch.messages[index], isApplication: false)
                receipts.append(receipt)
            case .appendWelcome(let index, let inboxes):
                for inbox in inboxes {
                    receipts.append(try append(index, first: first, to: inbox, in: batch, by: client, at: now) { _ in })
                }
            case .setGroupInfo(let index):
                try state.setGroupInfo(batch.bytes.rawSpan.extracting(batch.messages[index].range), of: plan.log)
            }
        }
        if let followed = plan.followed { try keep(followed, of: plan.log) }
        try count(published, in: plan.log, by: client, plan.member, at: now)
        refusedCommit = nil
        return .published(receipts: start..<receipts.count)
    }

    func receipt(of number: SequenceNumber, in log: LogNumber, message: Int) throws(State.Failure) -> Receipt {
        let entry = try state.digest(number, in: log)
        return Receipt(
            message: UInt32(message), log: log, sequenceNumber: number, time: entry.header.time, chain: entry.chain)
    }

    /// What a commit changes beside the log: roster, roles, invitations, and what takes it back.
    private mutating func change(
        _ plan: TrackedPlan, _ commit: CommitPlan, by client: ClientNumber, at number: SequenceNumber, _ now: Timestamp
    ) throws(State.Failure) {
        let log = plan.log
        var group = try state.existing(Tables.groups, log)
        var undo = ProvisionalCommit(
            epoch: commit.epoch, sender: client, groupInfo: try state.groupInfo(of: log) ?? [])
        let others = try state.members(of: log).contains {
            $0.client != client && $0.record.state == .active && !commit.removed.contains($0.client)
        }
        // Who comes first: a user that has another client in the place of one, or the same one anew, stays what it is.
        for added in commit.added { try add(added, to: log, &group, at: number, undo: &undo) }
        for removed in commit.removed where !commit.added.contains(removed) {
            try remove(removed, from: log, &group, by: client, at: number, now, undo: &undo)
        }
        undo.added = commit.added
        undo.proposals = try state.keys(Tables.pendingProposals, prefix: log.recordKey).map(\.second)
        for proposal in undo.proposals { try state.remove(Tables.pendingProposals, PairKey(log, proposal)) }
        undo.invitations = commit.invitations
        for invitation in commit.invitations { try complete(invitation, at: now) }
        if others {
            try state.set(Tables.provisionalCommits, PairKey(log, number), undo)
        } else {
            // Nobody else is left who could deny it, or what came before it.
            for key in try state.keys(Tables.provisionalCommits, prefix: log.recordKey) {
                try state.remove(Tables.provisionalCommits, key)
                try removeDenials(of: key)
            }
            group.confirmedEpoch = commit.epoch.next
        }
        try state.set(Tables.groups, log, group)
        if !commit.removed.isEmpty {
            try ensureAdmin(of: log, at: now)
            try tellIfAlone(log, group, at: now)
        }
    }

    /// Takes a client into a group.
    mutating func add(
        _ client: ClientNumber, to log: LogNumber, _ group: inout GroupRecord, as role: Role = .member,
        at number: SequenceNumber, undo: inout ProvisionalCommit
    ) throws(State.Failure) {
        let key = PairKey(log, client)
        let user = try state.user(of: client)
        if !undo.members.contains(where: { $0.key == key.recordKey }) {
            undo.members.append(try saved(Tables.members, key))
        }
        let before = try state.get(Tables.members, key)
        // Whoever joins anew without having been away has seen everything.
        let wasThere = before?.isThere(at: number) ?? false
        let record = before?.next(of: user, joined: number) ?? MemberRecord(user: user, joined: number)
        try state.set(Tables.members, key, record)
        try state.mark(Tables.clientGroups, PairKey(client, log))
        effects.bounds.append(
            Effects.ReadingBound(log: log, client: client, after: wasThere ? .zero : number, through: .unlimited))
        if before?.state != .active { try count(user, by: 1, as: role, in: log, &group, undo: &undo) }
    }

    private mutating func remove(
        _ client: ClientNumber, from log: LogNumber, _ group: inout GroupRecord, by remover: ClientNumber,
        at number: SequenceNumber, _ now: Timestamp, undo: inout ProvisionalCommit
    ) throws(State.Failure) {
        let key = PairKey(log, client)
        var record = try state.existing(Tables.members, key)
        undo.members.append(try saved(Tables.members, key))
        let wasActive = record.state == .active
        record.state = .ended
        if wasActive {
            record.ended = number
            record.lastEpoch = undo.epoch
            effects.bounds.append(Effects.ReadingBound(log: log, client: client, through: number))
        }
        try state.set(Tables.members, key, record)
        try state.remove(Tables.clientGroups, PairKey(client, log))
        guard wasActive else { return }
        try count(record.user, by: -1, as: .member, in: log, &group, undo: &undo)
        guard client != remover else { return }
        let notice = RemovalNotice(
            log: log, groupID: try groupID(of: log), by: remover, sequenceNumber: number)
        try notify(notice.encoded, kind: .removed, in: .inbox(of: client), at: now)
    }

    /// One client more or less of a user.
    mutating func count(
        _ user: UserNumber, by change: Int, as role: Role, in log: LogNumber, _ group: inout GroupRecord,
        undo: inout ProvisionalCommit
    ) throws(State.Failure) {
        let key = PairKey(log, user)
        if !undo.users.contains(where: { $0.key == key.recordKey }) {
            undo.users.append(try saved(Tables.groupUsers, key))
        }
        var record = try state.get(Tables.groupUsers, key) ?? GroupUserRecord(role: role, clientCount: 0)
        if record.clientCount == 0 { group.userCount += 1 }
        record.clientCount = UInt32(Int(record.clientCount) + change)
        if record.clientCount == 0 {
            group.userCount -= 1
            try state.remove(Tables.groupUsers, key)
        } else {
            try state.set(Tables.groupUsers, key, record)
        }
    }

    private func saved<Key, Value>(
        _ records: Records<Key, Value>, _ key: Key
    ) throws(State.Failure) -> ProvisionalCommit.SavedRecord {
        ProvisionalCommit.SavedRecord(
            key: key.recordKey, value: try state.record(records.table, key.recordKey) ?? [])
    }

    /// A member's SelfRemove is in the log: it reads no further. The next commit carries it out.
    private mutating func beginLeaving(
        _ log: LogNumber, _ client: ClientNumber, at number: SequenceNumber, _ now: Timestamp
    ) throws(State.Failure) {
        let key = PairKey(log, client)
        var record = try state.existing(Tables.members, key)
        record.state = .leaving
        record.ended = number
        record.lastEpoch = try existingHead(of: log).epoch
        try state.set(Tables.members, key, record)
        effects.bounds.append(Effects.ReadingBound(log: log, client: client, through: number))
        var group = try state.existing(Tables.groups, log)
        var unused = ProvisionalCommit(epoch: group.confirmedEpoch, sender: client, groupInfo: [])
        try count(record.user, by: -1, as: .member, in: log, &group, undo: &unused)
        try state.set(Tables.groups, log, group)
        try tellIfAlone(log, group, at: now)
    }

    /// EMPTY of seed 004: all others have left.
    private mutating func tellIfAlone(
        _ log: LogNumber, _ group: GroupRecord, at now: Timestamp
    ) throws(State.Failure) {
        guard group.userCount == 1, let last = try state.keys(Tables.groupUsers, prefix: log.recordKey).first else {
            return
        }
        let notice = EmptyNotice(log: log, groupID: try groupID(of: log))
        for (client, record) in try state.members(of: log) where record.user == last.second && record.state == .active {
            try notify(notice.encoded, kind: .groupEmpty, in: .inbox(of: client), at: now)
        }
    }

    /// A group whose admins are gone, because their clients were revoked, has its oldest user as admin.
    private mutating func ensureAdmin(of log: LogNumber, at now: Timestamp) throws(State.Failure) {
        var oldest: (key: PairKey<LogNumber, UserNumber>, record: GroupUserRecord)?
        var hasAdmin = false
        try state.forEach(Tables.groupUsers, prefix: log.recordKey) { key, record in
            hasAdmin = record.role == .admin
            if oldest == nil { oldest = (key, record) }
            return !hasAdmin
        }
        guard !hasAdmin, var oldest else { return }
        oldest.record.role = .admin
        try state.set(Tables.groupUsers, oldest.key, oldest.record)
        let name = try state.existing(Tables.users, oldest.key.second).name
        let notice = RoleNotice(by: .relay, user: oldest.key.second, name: name, role: .admin)
        try notify(notice.encoded, kind: .roleChanged, in: log, at: now)
    }

    func groupID(of log: LogNumber) throws(State.Failure) -> [UInt8] {
        guard let name = try state.name(of: log) else { throw State.corrupted("log \(log) has no name") }
        return name.name
    }

    // MARK: Public groups

    /// The public group of a log, from memory or from what is stored.
    mutating func follow(_ log: LogNumber, at now: Timestamp) throws(State.Failure) -> FollowedGroup {
        if let followed = followedGroups[log] { return followed }
        var followed = try state.followedGroup(of: log, policy: validation)
        let provisional = Set(try state.keys(Tables.provisionalCommits, prefix: log.recordKey).map(\.second))
        followed.earlier.removeAll { !provisional.contains($0.commit) }
        remember(followed, of: log)
        return followed
    }

    /// Puts a public group back, and stores it where it has gone far from what is stored.
    private mutating func keep(_ followed: FollowedGroup, of log: LogNumber) throws(State.Failure) {
        var followed = followed
        if try existingGroup(log).confirmedEpoch.rawValue == followed.group.groupContext.epoch {
            followed.earlier.removeAll()
        }
        if followed.commitCount >= limits.commitsPerStoredGroup, followed.earlier.isEmpty {
            try store(followed.group, of: log)
            followed.commitCount = 0
        }
        remember(followed, of: log)
    }

    /// Stores a public group as it is behind the last entry of its log.
    mutating func store(_ group: PublicGroup, of log: LogNumber) throws(State.Failure) {
        try state.set(
            Tables.publicGroups, log,
            PublicGroupRecord(
                sequenceNumber: try existingHead(of: log).last, group: group.stored.encoded,
                ratchetTree: group.ratchetTree.encoded))
    }

    func existingGroup(_ log: LogNumber) throws(State.Failure) -> GroupRecord { try state.existing(Tables.groups, log) }

    mutating func remember(_ followed: FollowedGroup, of log: LogNumber) {
        if followedGroups[log] == nil {
            followedLeafCount += Int(followed.group.tree.leafCount.rawValue)
            if followedLeafCount > limits.maxFollowedLeafCount {
                followedGroups.removeAll(keepingCapacity: true)
                followedLeafCount = Int(followed.group.tree.leafCount.rawValue)
            }
        }
        followedGroups[log] = followed
    }
}
