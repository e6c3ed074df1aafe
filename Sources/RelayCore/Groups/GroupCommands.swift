import MLSCodec
import MLSPublicGroup
public import RelayWire
import TLSPresentation

/// What is asked of a tracked group beside publishing.
public enum GroupAction: Hashable, Sendable {
    case update(UpdateGroup)
    case setRole(SetRole)
    case ban(Ban)
    case delete(DeleteGroup)
    case deny(DenyCommit)
    case fetchGroupInfo([UInt8])
}

/// A tracked group that is to be created; its messages are in the batch.
public struct NewGroup: Hashable, Sendable {
    public var groupID: [UInt8]
    public var epoch: Epoch
    public var name: [UInt8]
    public var alias: [UInt8]
    public var policy: GroupPolicy

    public init(groupID: [UInt8], epoch: Epoch, name: [UInt8], alias: [UInt8], policy: GroupPolicy) {
        self.groupID = groupID
        self.epoch = epoch
        self.name = name
        self.alias = alias
        self.policy = policy
    }
}

extension Relay {
    mutating func carryOut(
        _ action: GroupAction, by client: ClientNumber, at now: Timestamp
    ) throws(State.Failure) -> Outcome {
        switch action {
        case .update(let request): try update(request, by: client, at: now)
        case .setRole(let request): try setRole(request, by: client, at: now)
        case .ban(let request): try ban(request, by: client, at: now)
        case .delete(let request): try delete(request, by: client, at: now)
        case .deny(let request): try deny(request, by: client, at: now)
        case .fetchGroupInfo(let groupID): try fetchGroupInfo(groupID, for: client, at: now)
        }
    }

    // MARK: Creation

    /// Creates a tracked group with its first commit, its GroupInfo and its Welcomes: all or nothing. PROTOCOL.md section 7.1.
    mutating func createGroup(
        _ new: NewGroup, _ messages: Range<Int>, in batch: CommandBatch, by creator: ClientNumber, at now: Timestamp,
        receipts: inout [Receipt]
    ) throws(State.Failure) -> Outcome {
        guard (1...WireLimits.maxGroupIDByteCount).contains(new.groupID.count) else {
            return .refused(RelayError(.groupIDInvalid, "A group id has 1 to 255 bytes."))
        }
        guard new.policy.isValid, Identity.isText(new.name), Identity.isText(new.alias) else {
            return .refused(.policyInvalid)
        }
        let groupID = new.groupID
        if let log = try state.log(.group, named: groupID.rawSpan) {
            return try repeatCreation(messages, of: log, in: batch, by: creator, receipts: &receipts)
        }
        if new.policy.join == .open, let refusal = try checkOpenGroups(of: try state.user(of: creator)) {
            return .refused(refusal)
        }
        let first: FirstMessages
        switch try readFirst(messages, new, in: batch, by: creator, at: now) {
        case .failure(let refusal): return .refused(refusal)
        case .success(let read): first = read
        }

        let log = try createLog(.group(groupID), epoch: new.epoch, creator: creator, at: now)
        var notice = GroupNotice(log: log, creator: creator, epoch: new.epoch, groupID: groupID)
        notice.mode = new.policy.mode
        try notify(notice.encoded, kind: .groupCreated, in: .groups, at: now)
        var group = GroupRecord(
            name: new.name, alias: new.alias, policy: new.policy, confirmedEpoch: new.epoch.next)
        let start = receipts.count
        let origin = messages.lowerBound
        let receipt = try append(first.commit, first: origin, to: log, in: batch, by: creator, at: now) { head in
            head.epoch = new.epoch.next
        }
        try state.setCommit(receipt.sequenceNumber, ending: new.epoch, in: log)
        receipts.append(receipt)
        try state.setGroupInfo(batch.bytes.rawSpan.extracting(batch.messages[first.groupInfo].range), of: log)
        var unused = ProvisionalCommit(epoch: new.epoch, sender: creator, groupInfo: [])
        try add(creator, to: log, &group, as: .admin, at: receipt.sequenceNumber, undo: &unused)
        for added in first.added { try add(added, to: log, &group, at: receipt.sequenceNumber, undo: &unused) }
        for welcome in first.welcomes {
            for inbox in welcome.inboxes {
                receipts.append(
                    try append(welcome.message, first: origin, to: inbox, in: batch, by: creator, at: now) { _ in })
            }
        }
        try state.set(Tables.groups, log, group)
        var published = PublishedMessages()
        published.add(receipt.sequenceNumber, batch.messages[first.commit], isApplication: false)
        try count(published, in: log, at: now)
        if group.policy.join == .open { try state.mark(Tables.openGroups, log) }
        if let publicGroup = first.publicGroup {
            try store(publicGroup, of: log)
            remember(FollowedGroup(publicGroup), of: log)
        }
        return .answered(EncodedFrame(GroupCreated(log: log, receipts: Array(receipts[start...]))))
    }

    /// A creator that lost the answer creates its group again.
    private mutating func repeatCreation(
        _ messages: Range<Int>, of log: LogNumber, in batch: CommandBatch, by creator: ClientNumber,
        receipts: inout [Receipt]
    ) throws(State.Failure) -> Outcome {
        let head = try existingHead(of: log)
        let start = receipts.count
        for index in messages {
            let hash = batch.messages[index].hash
            switch batch.messages[index].route {
            case .group:
                guard head.creator == creator, let there = try state.entry(with: hash, in: log),
                    there == SequenceNumber.zero.next
                else { return .refused(.groupExists) }
                receipts.append(try receipt(of: there, in: log, message: index - messages.lowerBound))
            case .welcome(let references):
                for reference in references {
                    guard let owner = try state.keyPackage(reference)?.client else { continue }
                    let inbox = try existing(.inbox(of: owner))
                    guard let there = try state.entry(with: hash, in: inbox) else { continue }
                    receipts.append(try receipt(of: there, in: inbox, message: index - messages.lowerBound))
                }
            case .groupInfo, .keyPackage: continue
            }
        }
        guard receipts.count > start else { return .refused(.groupExists) }
        return .answered(EncodedFrame(GroupCreated(log: log, receipts: Array(receipts[start...]))))
    }

    /// What the messages of a creation are.
    private struct FirstMessages {
        var commit: Int
        var groupInfo: Int
        var welcomes: [(message: Int, inboxes: [LogNumber])] = []
        var added: [ClientNumber] = []
        var publicGroup: PublicGroup?
    }

    private func readFirst(
        _ messages: Range<Int>, _ new: NewGroup, in batch: CommandBatch, by creator: ClientNumber, at now: Timestamp
    ) throws(State.Failure) -> Result<FirstMessages, RelayError> {
        var (commit, groupInfo): (Int?, (index: Int, content: GroupInfo)?) = (nil, nil)
        var first = FirstMessages(commit: 0, groupInfo: 0)
        for index in messages {
            let bytes = batch.bytes.rawSpan.extracting(batch.messages[index].range)
            switch batch.messages[index].route {
            case .group(let groupID, let epoch, isCommit: true):
                guard commit == nil, batch.bytes[groupID].elementsEqual(new.groupID), epoch == new.epoch else {
                    return .failure(RelayError(.messageMalformed, "A group begins with one commit of its epoch."))
                }
                let isPublic = if case .publicMessage? = try? MLSMessage(decoding: bytes) { true } else { false }
                guard isPublic == (new.policy.mode == .publicHandshake) else { return .failure(.handshakeModeWrong) }
                commit = index
            case .groupInfo(let groupID, let epoch):
                guard groupInfo == nil, batch.bytes[groupID].elementsEqual(new.groupID), epoch == new.epoch.next,
                    case .groupInfo(let content)? = try? MLSMessage(decoding: bytes)
                else { return .failure(RelayError(.groupInfoInvalid, "The GroupInfo is not that after the commit.")) }
                groupInfo = (index, content)
            case .welcome(let references):
                var inboxes: [LogNumber] = []
                for reference in references {
                    guard let owner = try state.keyPackage(reference)?.client else {
                        return .failure(
                            RelayError(.keyPackageRefUnknown, "A Welcome names a KeyPackage that nobody published."))
                    }
                    let inbox = try existing(.inbox(of: owner))
                    if !inboxes.contains(inbox) { inboxes.append(inbox) }
                    if !first.added.contains(owner) { first.added.append(owner) }
                }
                first.welcomes.append((index, inboxes))
            default:
                return .failure(RelayError(.messageMalformed, "A group begins with a commit, its GroupInfo, Welcomes."))
            }
        }
        guard let commit else { return .failure(RelayError(.messageMalformed, "A group begins with a commit.")) }
        guard let groupInfo else {
            return .failure(RelayError(.groupInfoRequired, "A commit comes with the GroupInfo of its new epoch."))
        }
        if let refusal = checkMemberCount(1 + first.added.count) { return .failure(refusal) }
        first.commit = commit
        first.groupInfo = groupInfo.index
        if let refusal = try checkFirst(&first, new, groupInfo.content, by: creator, at: now) {
            return .failure(refusal)
        }
        return .success(first)
    }

    private func checkFirst(
        _ first: inout FirstMessages, _ new: NewGroup, _ groupInfo: GroupInfo, by creator: ClientNumber,
        at now: Timestamp
    ) throws(State.Failure) -> RelayError? {
        if new.policy.mode == .publicHandshake {
            var policy = validation
            let seconds = now.rawValue / 1000
            policy.clock = { seconds }
            let group: PublicGroup
            do throws(GroupError) {
                group = try PublicGroup(groupInfo: groupInfo, policy: policy)
            } catch {
                return .invalid(.groupInfoInvalid, "The GroupInfo is not valid", error)
            }
            var others: Set<ClientNumber> = []
            for member in group.roster {
                guard
                    let client = try state.get(
                        Tables.signatureKeys, BytesKey(Identity.keyID(member.signatureKey)))
                else { return RelayError(.rosterMismatch, "A member's signature key is registered by nobody.") }
                if member.leafIndex == groupInfo.signer {
                    guard client == creator else {
                        return RelayError(.rosterMismatch, "The GroupInfo is signed by another than the creator.")
                    }
                } else {
                    others.insert(client)
                }
            }
            guard others == Set(first.added), others.count + 1 == group.tree.members.count else {
                return RelayError(.welcomeMismatch, "A Welcome is for exactly those whom the commit adds.")
            }
            first.publicGroup = group
        }
        let creatorUser = try state.user(of: creator)
        var users: Set<UserNumber> = [creatorUser]
        for added in first.added {
            guard added != creator, let record = try state.get(Tables.clients, added), !record.isRevoked else {
                return RelayError(.rosterMismatch, "Client \(added) cannot be added.")
            }
            if users.insert(record.user).inserted, new.policy.join == .invitation {
                return RelayError(.invitationRequired, "Who is added has to have accepted an invitation.")
            }
        }
        return nil
    }

    // MARK: Names, roles, bans

    /// A tracked group of which `client` is a member, with the role of its user.
    func entered(
        _ log: LogNumber, by client: ClientNumber
    ) throws(State.Failure) -> Result<(group: GroupRecord, user: UserNumber, role: Role), RelayError> {
        guard let group = try state.get(Tables.groups, log), try state.maySee(client, log, group) else {
            return .failure(.groupUnknown)
        }
        guard !group.isDeleted else { return .failure(RelayError(.groupDeleted, "The group was deleted.")) }
        guard let member = try state.member(client, of: log), member.state == .active else {
            return .failure(.notMember)
        }
        return .success((group, member.user, try state.role(of: member.user, in: log)))
    }

    private mutating func update(
        _ request: UpdateGroup, by client: ClientNumber, at now: Timestamp
    ) throws(State.Failure) -> Outcome {
        switch try entered(request.log, by: client) {
        case .failure(let refusal): return .refused(refusal)
        case .success(var entered):
            let hasNewNames = request.name != entered.group.name || request.alias != entered.group.alias
            if hasNewNames, !entered.role.has(entered.group.policy.mayRename) {
                return .refused(.roleInsufficient("rename the group"))
            }
            if request.policy != entered.group.policy {
                guard entered.role == .admin else { return .refused(.roleInsufficient("change its policy")) }
                guard request.policy.mode == entered.group.policy.mode, request.policy.isValid else {
                    return .refused(.policyInvalid)
                }
                if request.policy.join == .open, entered.group.policy.join != .open,
                    let refusal = try checkOpenGroups(of: entered.user)
                {
                    return .refused(refusal)
                }
            }
            guard Identity.isText(request.name), Identity.isText(request.alias) else { return .refused(.policyInvalid) }
            guard hasNewNames || request.policy != entered.group.policy else { return .answered(EncodedFrame(Done())) }
            entered.group.name = request.name
            entered.group.alias = request.alias
            entered.group.policy = request.policy
            try state.set(Tables.groups, request.log, entered.group)
            if request.policy.join == .open {
                try state.mark(Tables.openGroups, request.log)
            } else {
                try state.remove(Tables.openGroups, request.log)
            }
            // How long what is kept may have changed.
            try arm(request.log, at: now)
            let notice = GroupChangeNotice(
                by: client, name: request.name, alias: request.alias, policy: request.policy)
            try notify(notice.encoded, kind: .groupChanged, in: request.log, at: now)
            return .answered(EncodedFrame(Done()))
        }
    }

    private mutating func setRole(
        _ request: SetRole, by client: ClientNumber, at now: Timestamp
    ) throws(State.Failure) -> Outcome {
        switch try entered(request.log, by: client) {
        case .failure(let refusal): return .refused(refusal)
        case .success(let entered):
            guard entered.role == .admin else { return .refused(.roleInsufficient("set roles")) }
            guard request.role != .nobody else { return .refused(.policyInvalid) }
            guard let user = try state.user(named: request.name),
                var record = try state.get(Tables.groupUsers, PairKey(request.log, user))
            else { return .refused(RelayError(.userUnknown, "No user of the group has this name.")) }
            if record.role == .admin, request.role != .admin {
                var admins = 0
                try state.forEach(Tables.groupUsers, prefix: request.log.recordKey) { _, other in
                    if other.role == .admin { admins += 1 }
                    return admins < 2
                }
                guard admins > 1 || entered.group.userCount == 1 else { return .refused(.lastAdmin) }
            }
            guard record.role != request.role else { return .answered(EncodedFrame(Done())) }
            record.role = request.role
            try state.set(Tables.groupUsers, PairKey(request.log, user), record)
            let notice = RoleNotice(by: client, user: user, name: request.name, role: request.role)
            try notify(notice.encoded, kind: .roleChanged, in: request.log, at: now)
            return .answered(EncodedFrame(Done()))
        }
    }

    private mutating func ban(
        _ request: Ban, by client: ClientNumber, at now: Timestamp
    ) throws(State.Failure) -> Outcome {
        switch try entered(request.log, by: client) {
        case .failure(let refusal): return .refused(refusal)
        case .success(let entered):
            guard entered.role == .admin else { return .refused(.roleInsufficient("ban users")) }
            guard let user = try state.user(named: request.name) else {
                return .refused(RelayError(.userUnknown, "No user has this name."))
            }
            let role = try state.role(of: user, in: request.log)
            guard !request.isBanned || role != .admin else {
                return .refused(RelayError(.notPermitted, "An admin is made a member before it is banned."))
            }
            try setBan(of: user, request, by: client, at: now)
            return .answered(EncodedFrame(Done()))
        }
    }

    /// Bans a user, or no longer, for the operator at the relay's own machine: from any tracked group, and admins too.
    public mutating func banAsOperator(_ request: Ban, at now: Timestamp) throws(State.Failure) -> Outcome {
        guard let group = try state.get(Tables.groups, request.log) else { return .refused(.groupUnknown) }
        guard !group.isDeleted else { return .refused(.groupDeleted) }
        guard let user = try state.user(named: request.name) else { return .refused(.userUnknown) }
        try setBan(of: user, request, by: .relay, at: now)
        return .answered(EncodedFrame(Done()))
    }

    private mutating func setBan(
        of user: UserNumber, _ request: Ban, by client: ClientNumber, at now: Timestamp
    ) throws(State.Failure) {
        let key = PairKey(request.log, user)
        guard request.isBanned else { return try state.remove(Tables.bans, key) }
        try state.set(Tables.bans, key, BanRecord(by: client, time: now))
        if let invitation = try state.invitation(of: user, to: request.log) {
            try end(invitation.number, as: .cancelled, at: now)
        }
    }

    // MARK: The end of a group

    private mutating func delete(
        _ request: DeleteGroup, by client: ClientNumber, at now: Timestamp
    ) throws(State.Failure) -> Outcome {
        switch try entered(request.log, by: client) {
        case .failure(let refusal): return .refused(refusal)
        case .success(let entered):
            guard entered.role == .admin || entered.group.userCount == 1 else {
                return .refused(.roleInsufficient("delete it"))
            }
            try deleteGroup(request.log, by: client, at: now)
            return .answered(EncodedFrame(Done()))
        }
    }

    /// Ends a group: everybody in it is told, reads what there is, and nothing more comes.
    mutating func deleteGroup(_ log: LogNumber, by client: ClientNumber, at now: Timestamp) throws(State.Failure) {
        let notice = DeletionNotice(log: log, groupID: try groupID(of: log), by: client)
        try notify(notice.encoded, kind: .groupDeleted, in: log, at: now)
        let last = try existingHead(of: log).last
        for (member, record) in try state.members(of: log) {
            try notify(notice.encoded, kind: .groupDeleted, in: .inbox(of: member), at: now)
            var record = record
            if record.state == .active { record.ended = last }
            record.state = .ended
            try state.set(Tables.members, PairKey(log, member), record)
            try state.remove(Tables.clientGroups, PairKey(member, log))
            effects.bounds.append(Effects.ReadingBound(log: log, client: member, through: record.ended))
        }
        for key in try state.keys(Tables.groupUsers, prefix: log.recordKey) { try state.remove(Tables.groupUsers, key) }
        for key in try state.keys(Tables.bans, prefix: log.recordKey) { try state.remove(Tables.bans, key) }
        for key in try state.keys(Tables.pendingProposals, prefix: log.recordKey) {
            try state.remove(Tables.pendingProposals, key)
        }
        for key in try state.keys(Tables.provisionalCommits, prefix: log.recordKey) {
            try state.remove(Tables.provisionalCommits, key)
        }
        for key in try state.keys(Tables.denials, prefix: log.recordKey) { try state.remove(Tables.denials, key) }
        for key in try state.keys(Tables.groupInvitations, prefix: log.recordKey) {
            try end(key.second, as: .cancelled, at: now)
        }
        try state.remove(Tables.openGroups, log)
        try state.remove(Tables.publicGroups, log)
        followedGroups[log] = nil
        fairness[log] = nil
        var group = try existingGroup(log)
        group.isDeleted = true
        group.userCount = 0
        group.confirmedEpoch = try existingHead(of: log).epoch
        try state.set(Tables.groups, log, group)
        try arm(log, at: now)
    }

    // MARK: GroupInfo

    /// The GroupInfo of the newest epoch, exactly, with what else a joiner needs. PROTOCOL.md section 7.6.
    private mutating func fetchGroupInfo(
        _ groupID: [UInt8], for client: ClientNumber, at now: Timestamp
    ) throws(State.Failure) -> Outcome {
        guard let log = try state.log(.group, named: groupID.rawSpan) else { return .refused(.groupUnknown) }
        guard let group = try state.get(Tables.groups, log) else {
            guard let message = try state.groupInfo(of: log) else { return .refused(.groupInfoUnavailable) }
            return .answered(EncodedFrame(GroupInfoAnswer(log: log, message: message)))
        }
        guard try state.maySee(client, log, group) else { return .refused(.groupUnknown) }
        guard !group.isDeleted else { return .refused(RelayError(.groupDeleted, "The group was deleted.")) }
        if try state.member(client, of: log)?.state != .active,
            let refusal = try checkExternalJoin(of: client, to: log, group)
        {
            return .refused(refusal)
        }
        guard let message = try state.groupInfo(of: log) else { return .refused(.groupInfoUnavailable) }
        var answer = GroupInfoAnswer(log: log, message: message)
        if group.policy.mode == .publicHandshake, !hasRatchetTree(message) {
            answer.ratchetTree = try follow(log, at: now).group.ratchetTree.encoded
        }
        for key in try state.keys(Tables.pendingProposals, prefix: log.recordKey) {
            if let entry = try state.storedEntry(key.second, in: log) { answer.proposals.append(entry.payload) }
        }
        return .answered(EncodedFrame(answer))
    }

    private func hasRatchetTree(_ message: [UInt8]) -> Bool {
        guard case .groupInfo(let info)? = try? MLSMessage(decoding: message.rawSpan) else { return false }
        return (try? info.ratchetTree) != nil
    }
}

extension RelayError {
    static let groupExists = RelayError(.groupExists, "A group with this id exists.")
    static let groupInfoUnavailable = RelayError(.groupInfoUnavailable, "Nobody has published a GroupInfo.")
    static let handshakeModeWrong = RelayError(
        .handshakeModeWrong, "The commit is not framed as the group's policy says.")
    static let policyInvalid = RelayError(.policyInvalid, "Not a policy that this group can have.")
}

extension GroupPolicy {
    /// Whether a tracked group can have it.
    var isValid: Bool { mode != .untracked && join != .capability }
}
