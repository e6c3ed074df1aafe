import MLSCodec
import MLSCrypto
import MLSPublicGroup
public import RelayWire
import TLSPresentation

/// The change of roster that a PublishCommit declares. PROTOCOL.md "Commits".
public struct DeclaredRoster: Hashable, Sendable {
    public var added: [ClientNumber]
    public var removed: [ClientNumber]

    public init(added: [ClientNumber], removed: [ClientNumber]) {
        self.added = added
        self.removed = removed
    }
}

/// What a Publish to a tracked group will do, decided before anything is written.
struct TrackedPlan {
    enum Step {
        case duplicate(message: Int, LogNumber, SequenceNumber)
        case append(message: Int)
        case appendProposal(message: Int, isSelfRemove: Bool)
        case appendCommit(message: Int)
        case appendWelcome(message: Int, inboxes: [LogNumber])
        case setGroupInfo(message: Int)
    }

    let log: LogNumber
    let group: GroupRecord
    /// Who publishes; nil for somebody who is no member.
    let member: MemberRecord?
    let declared: DeclaredRoster?
    /// As it will be.
    var epoch: Epoch
    var followed: FollowedGroup?
    var steps: [Step] = []
    var commit: CommitPlan?
    /// Of the application messages so far.
    var applicationByteCount = 0
    /// A commit of this Publish is in the log already: the Publish is sent again.
    var isRepeated = false
    /// The publisher has seen the group as it was after commits that ended epochs before this one.
    var confirms = Epoch(rawValue: 0)

    var isPublic: Bool { group.policy.mode == .publicHandshake }
}

struct CommitPlan {
    /// The epoch that it ends.
    var epoch: Epoch
    var isExternal: Bool
    var added: [ClientNumber] = []
    var removed: [ClientNumber] = []
    /// References of the KeyPackages that it adds; nil where the relay cannot know.
    var addedReferences: Set<[UInt8]>?
    /// In a public group.
    var staged: StagedPublicCommit?
    var invitations: [InvitationNumber] = []
    var hasGroupInfo = false
    var welcomed: Set<ClientNumber> = []
}

extension Relay {
    // MARK: Deciding

    /// A Publish whose messages are of a tracked group: all or none.
    mutating func publishTracked(
        _ messages: Range<Int>, declared: DeclaredRoster?, to log: LogNumber, _ group: GroupRecord,
        in batch: CommandBatch, by client: ClientNumber, at now: Timestamp, receipts: inout [Receipt]
    ) throws(State.Failure) -> Outcome {
        guard try state.maySee(client, log, group) else { return .refused(.groupUnknown) }
        guard !group.isDeleted else { return .refused(RelayError(.groupDeleted, "The group was deleted.")) }
        let member = try state.member(client, of: log)
        var plan = TrackedPlan(
            log: log, group: group, member: member, declared: declared, epoch: try existingHead(of: log).epoch)
        if plan.isPublic { plan.followed = try follow(log, at: now) }
        for index in messages {
            if let refusal = try decide(index, into: &plan, in: batch, by: client, at: now) {
                return .refused(refusal)
            }
        }
        if let refusal = try checkWhole(plan) { return .refused(refusal) }
        return try carryOut(plan, first: messages.lowerBound, in: batch, by: client, at: now, receipts: &receipts)
    }

    private mutating func decide(
        _ index: Int, into plan: inout TrackedPlan, in batch: CommandBatch, by client: ClientNumber, at now: Timestamp
    ) throws(State.Failure) -> RelayError? {
        let message = batch.messages[index]
        switch message.route {
        case .group(let groupID, let epoch, let isCommit):
            guard try state.log(.group, named: batch.bytes.rawSpan.extracting(groupID)) == plan.log else {
                return RelayError(.mixedGroups, "The messages of a Publish are of one group.")
            }
            if let there = try state.entry(with: message.hash, in: plan.log) {
                plan.steps.append(.duplicate(message: index, plan.log, there))
                if isCommit { plan.isRepeated = true }
                return nil
            }
            if isCommit { return try decideCommit(index, epoch, into: &plan, in: batch, by: client, at: now) }
            return try decideMessage(index, epoch, into: &plan, in: batch, by: client, at: now)
        case .groupInfo(let groupID, let epoch):
            guard try state.log(.group, named: batch.bytes.rawSpan.extracting(groupID)) == plan.log else {
                return RelayError(.mixedGroups, "The messages of a Publish are of one group.")
            }
            return try decideGroupInfo(index, epoch, into: &plan, in: batch)
        case .welcome(let references):
            return try decideWelcome(index, references, into: &plan, in: batch)
        case .keyPackage:
            return RelayError(.messageMalformed, "A KeyPackage is published apart from a group's messages.")
        }
    }

    /// Why a message of `epoch` is refused. The commit that has ended it goes to those only who may read it.
    private func refusal(of epoch: Epoch, in plan: TrackedPlan) throws(State.Failure) -> RelayError {
        try refusal(of: epoch, current: plan.epoch, log: plan.log) { commit in
            guard let member = plan.member else { return false }
            return member.joined < commit && commit <= member.readableThrough
        }
    }

    /// Application messages and proposals.
    private mutating func decideMessage(
        _ index: Int, _ epoch: Epoch, into plan: inout TrackedPlan, in batch: CommandBatch, by client: ClientNumber,
        at now: Timestamp
    ) throws(State.Failure) -> RelayError? {
        let bytes = batch.bytes.rawSpan.extracting(batch.messages[index].range)
        guard epoch <= plan.epoch, plan.epoch.rawValue - epoch.rawValue <= limits.pastEpochs else {
            return try refusal(of: epoch, in: plan)
        }
        guard let message = try? MLSMessage(decoding: bytes) else {
            return RelayError(.messageMalformed, "Not an MLSMessage.")
        }
        plan.confirms = max(plan.confirms, epoch)
        switch message {
        case .privateMessage(let content):
            guard plan.member?.state == .active else { return .notMember }
            guard content.contentType == .application || !plan.isPublic else {
                return RelayError(.handshakeModeWrong, "Proposals of this group are PublicMessages.")
            }
            if content.contentType == .application {
                // Handshakes go on, so that a full group can be emptied.
                let refusal = try checkQuota(plan.log, planned: plan.applicationByteCount, bytes.byteCount, at: now)
                if let refusal { return refusal }
                plan.applicationByteCount += bytes.byteCount
                plan.steps.append(.append(message: index))
            } else {
                guard epoch == plan.epoch else { return try refusal(of: epoch, in: plan) }
                plan.steps.append(.appendProposal(message: index, isSelfRemove: false))
            }
            return nil
        case .publicMessage(let content):
            guard epoch == plan.epoch else { return try refusal(of: epoch, in: plan) }
            return try decideProposal(index, content, into: &plan, by: client, at: now)
        default:
            return RelayError(.messageMalformed, "Not a message of a group.")
        }
    }

    private mutating func decideProposal(
        _ index: Int, _ message: PublicMessage, into plan: inout TrackedPlan, by client: ClientNumber, at now: Timestamp
    ) throws(State.Failure) -> RelayError? {
        guard case .proposal(let proposal) = message.content.content else {
            return RelayError(.messageMalformed, "Application data are in a PrivateMessage.")
        }
        let isFromMember: Bool
        switch message.content.sender {
        case .member(let leaf):
            guard plan.member?.state == .active else { return .notMember }
            if let key = plan.followed?.group.signatureKey(at: leaf), try owner(of: key, in: plan) != client {
                return RelayError(.notPermitted, "Another client has sent this proposal.")
            }
            isFromMember = true
        case .newMemberProposal:
            guard plan.group.policy.join == .open else {
                return RelayError(.externalJoinRefused, "Nobody proposes itself to this group.")
            }
            isFromMember = false
        case .external: isFromMember = false
        case .newMemberCommit: return RelayError(.proposalInvalid, "A commit's sender.")
        }
        // Where the relay cannot tell whose it is, only members publish.
        guard isFromMember || plan.isPublic else { return .notMember }
        let isSelfRemove = proposal == .selfRemove
        if isFromMember, let refusal = try checkRight(to: proposal, in: plan, by: client) { return refusal }
        if !plan.isPublic, isFromMember, !isSelfRemove {
            return RelayError(.handshakeModeWrong, "Members' proposals of this group are PrivateMessages.")
        }
        if isSelfRemove, try losesLastAdmin(plan.log, removed: [client], added: []) { return .lastAdmin }
        if plan.followed != nil {
            do throws(GroupError) {
                plan.followed?.group.setTime(now)
                _ = try plan.followed?.group.process(message)
            } catch {
                return .invalid(.proposalInvalid, "The proposal is not valid", error)
            }
        }
        if let refusal = try checkCommittable(proposal, plan, by: client) { return refusal }
        plan.steps.append(.appendProposal(message: index, isSelfRemove: isSelfRemove))
        return nil
    }

    /// Whether a commit with this proposal could be taken. Committers take what is pending: one proposal that no commit may
    /// have would keep all of theirs out.
    private mutating func checkCommittable(
        _ proposal: Proposal, _ plan: TrackedPlan, by client: ClientNumber
    ) throws(State.Failure) -> RelayError? {
        guard let group = plan.followed?.group else { return nil }
        switch proposal {
        case .add(let add):
            guard let reference = add.keyPackage.reference, let position = try state.keyPackage(reference) else {
                return RelayError(
                    .keyPackageRefUnknown, "The proposal adds a KeyPackage that this relay does not know.")
            }
            var commit = CommitPlan(epoch: plan.epoch, isExternal: false)
            commit.added = [position.client]
            let role = try plan.member.map { (member) throws(State.Failure) in
                try state.role(of: member.user, in: plan.log)
            }
            return try checkAdded(&commit, plan, role ?? .nobody, by: client)
        case .update(let update):
            guard try owner(of: update.leafNode.signatureKey, in: plan) != client else { return nil }
            return RelayError(
                .proposalInvalid, "The new leaf has a signature key that is not its client's.",
                detail: RuleDetail(rule: Array(ValidationRule.successor.rawValue.utf8)).encoded)
        case .remove(let remove):
            guard let key = group.signatureKey(at: remove.removed), let removed = try owner(of: key, in: plan) else {
                return nil
            }
            return try losesLastAdmin(plan.log, removed: [removed], added: []) ? .lastAdmin : nil
        case .psk, .reInit, .externalInit, .groupContextExtensions, .selfRemove, .custom: return nil
        }
    }

    /// Whether the publisher's role has the right to what a proposal asks for.
    private func checkRight(
        to proposal: Proposal, in plan: TrackedPlan, by client: ClientNumber
    ) throws(State.Failure) -> RelayError? {
        guard let user = plan.member?.user else { return .notMember }
        let role = try state.role(of: user, in: plan.log)
        let policy = plan.group.policy
        switch proposal {
        case .add(let add):
            // One's own clients everybody may add.
            if let reference = add.keyPackage.reference, let position = try state.keyPackage(reference),
                try state.user(of: position.client) == user
            {
                return nil
            }
            return role.has(policy.mayAdd) ? nil : .roleInsufficient("add members")
        case .remove(let remove):
            // One's own clients everybody may remove.
            if let key = plan.followed?.group.signatureKey(at: remove.removed),
                let removed = try owner(of: key, in: plan), try state.member(removed, of: plan.log)?.user == user
            {
                return nil
            }
            return role.has(policy.mayRemove) ? nil : .roleInsufficient("remove members")
        case .groupContextExtensions: return role.has(policy.mayRename) ? nil : .roleInsufficient("change the group")
        case .reInit: return role == .admin ? nil : .roleInsufficient("reinitialize the group")
        case .update, .psk, .externalInit, .selfRemove, .custom: return nil
        }
    }

    // MARK: Commits

    private mutating func decideCommit(
        _ index: Int, _ epoch: Epoch, into plan: inout TrackedPlan, in batch: CommandBatch, by client: ClientNumber,
        at now: Timestamp
    ) throws(State.Failure) -> RelayError? {
        if let refusal = checkCommitRate(of: plan.log, at: now) { return refusal }
        refusedCommit = (plan.log, epoch)
        guard plan.commit == nil, !plan.isRepeated else {
            return RelayError(.messageMalformed, "A Publish to this group holds one commit at most.")
        }
        guard epoch == plan.epoch else {
            if epoch.next == plan.epoch {
                fairness[plan.log, default: Fairness()].lost(client, at: now, limits: limits)
            }
            return try refusal(of: epoch, in: plan)
        }
        if let wait = fairness[plan.log]?.wait(for: client, at: now) {
            return RelayError(
                .commitReserved, "It is the turn of a member that has lost several races.",
                detail: RetryDetail(retryAfterMilliseconds: UInt32(clamping: wait), limit: Array("fairness".utf8))
                    .encoded)
        }
        let bytes = batch.bytes.rawSpan.extracting(batch.messages[index].range)
        guard let message = try? MLSMessage(decoding: bytes) else {
            return RelayError(.messageMalformed, "Not an MLSMessage.")
        }
        var commit = CommitPlan(epoch: epoch, isExternal: false)
        switch message {
        case .publicMessage(let message):
            commit.isExternal = message.content.sender == .newMemberCommit
            if commit.isExternal {
                if let refusal = try checkExternalJoin(of: client, plan) { return refusal }
            } else if plan.member?.state != .active {
                return .notMember
            }
            if plan.isPublic {
                if let refusal = try stage(message, in: plan, into: &commit, by: client, at: now) { return refusal }
            } else {
                guard commit.isExternal else {
                    return RelayError(.handshakeModeWrong, "Members' commits of this group are PrivateMessages.")
                }
                // What it removes can only be an earlier self; which one, the joiner says.
                commit.added = [client]
                commit.removed = plan.declared?.removed ?? []
            }
        case .privateMessage:
            guard plan.member?.state == .active else { return .notMember }
            guard !plan.isPublic else {
                return RelayError(.handshakeModeWrong, "Commits of this group are PublicMessages.")
            }
            guard let declared = plan.declared else {
                return RelayError(.rosterMismatch, "A commit of this group declares whom it adds and removes.")
            }
            commit.added = declared.added
            commit.removed = declared.removed
        default:
            return RelayError(.messageMalformed, "Not a commit.")
        }
        if let refusal = try checkRoster(&commit, plan, by: client) { return refusal }
        plan.confirms = max(plan.confirms, epoch)
        plan.epoch = epoch.next
        plan.commit = commit
        plan.steps.append(.appendCommit(message: index))
        return nil
    }

    /// Tries a commit on the public group, and reads from it whom it adds and removes.
    private mutating func stage(
        _ message: PublicMessage, in plan: TrackedPlan, into commit: inout CommitPlan, by client: ClientNumber,
        at now: Timestamp
    ) throws(State.Failure) -> RelayError? {
        guard var group = plan.followed?.group else { throw State.corrupted("log \(plan.log) has no public group") }
        group.setTime(now)
        if case .member(let leaf) = message.content.sender, let key = group.signatureKey(at: leaf),
            try owner(of: key, in: plan) != client
        {
            return RelayError(.notPermitted, "Another client has sent this commit.")
        }
        let staged: StagedPublicCommit
        do throws(GroupError) {
            staged = try group.stage(message.authenticatedContent)
        } catch {
            return .invalid(.commitInvalid, "The commit is not valid", error)
        }
        // By value: what the committer itself wants. By reference: what others wanted, and were let.
        if case .commit(let content) = message.content.content, !commit.isExternal {
            for case .proposal(let proposal) in content.proposals {
                if let refusal = try checkRight(to: proposal, in: plan, by: client) { return refusal }
            }
        }
        var references: Set<[UInt8]> = []
        for added in staged.added {
            guard let reference = added.keyPackage.reference, let position = try state.keyPackage(reference) else {
                return RelayError(.keyPackageRefUnknown, "The commit adds a KeyPackage that this relay does not know.")
            }
            references.insert(reference)
            commit.added.append(position.client)
        }
        commit.addedReferences = references
        for leaf in staged.removed {
            guard let key = group.signatureKey(at: leaf), let removed = try owner(of: key, in: plan) else {
                throw State.corrupted("leaf \(leaf) of log \(plan.log) is nobody's")
            }
            commit.removed.append(removed)
        }
        // Whoever has a new key has a new one of its own.
        for leaf in staged.updated + [staged.committer] {
            let before = try group.signatureKey(at: leaf).map { (key) throws(State.Failure) in
                try owner(of: key, in: plan)
            }
            guard let key = staged.group.signatureKey(at: leaf), let after = try owner(of: key, in: plan),
                commit.isExternal && leaf == staged.committer ? after == client : before == after
            else {
                return RelayError(
                    .commitInvalid, "A leaf has a signature key that is not its client's.",
                    detail: RuleDetail(rule: Array(ValidationRule.successor.rawValue.utf8)).encoded)
            }
        }
        if commit.isExternal { commit.added.append(client) }
        commit.staged = staged
        return nil
    }

    /// Checks a change of roster against the group's policy, whoever has told of it.
    private mutating func checkRoster(
        _ commit: inout CommitPlan, _ plan: TrackedPlan, by client: ClientNumber
    ) throws(State.Failure) -> RelayError? {
        // A joiner need not say that it joins.
        let joiner = commit.isExternal ? [client] : []
        if let declared = plan.declared, Set(declared.added).union(joiner) != Set(commit.added) {
            return RelayError(.rosterMismatch, "The commit adds others than it declares.")
        }
        if let declared = plan.declared, Set(declared.removed) != Set(commit.removed) {
            return RelayError(.rosterMismatch, "The commit removes others than it declares.")
        }
        guard Set(commit.added).count == commit.added.count, Set(commit.removed).count == commit.removed.count else {
            return RelayError(.rosterMismatch, "A client is named twice.")
        }
        let role = try plan.member.map { (member) throws(State.Failure) in try state.role(of: member.user, in: plan.log)
        }
        if let refusal = try checkRemoved(commit, plan, role ?? .nobody, by: client) { return refusal }
        if let refusal = try checkAdded(&commit, plan, role ?? .nobody, by: client) { return refusal }
        if !commit.added.isEmpty {
            let count = try state.members(of: plan.log).count - commit.removed.count + commit.added.count
            if let refusal = checkMemberCount(count) { return refusal }
        }
        if !commit.isExternal {
            for (leaving, record) in try state.members(of: plan.log)
            where record.state == .leaving && !commit.removed.contains(leaving) {
                return RelayError(
                    .proposalRequired, "Client \(leaving) leaves: its SelfRemove belongs into the commit.")
            }
        }
        if !commit.removed.isEmpty, try losesLastAdmin(plan.log, removed: commit.removed, added: commit.added) {
            return .lastAdmin
        }
        return nil
    }

    private func checkRemoved(
        _ commit: CommitPlan, _ plan: TrackedPlan, _ role: Role, by client: ClientNumber
    ) throws(State.Failure) -> RelayError? {
        for removed in commit.removed {
            guard let record = try state.member(removed, of: plan.log), record.state != .ended else {
                return RelayError(.rosterMismatch, "Client \(removed) is no member.")
            }
            if record.state == .leaving { continue }
            if commit.isExternal {
                guard try state.user(of: client) == record.user else { return .roleInsufficient("remove members") }
                continue
            }
            guard removed != client else { return RelayError(.rosterMismatch, "A committer stays.") }
            // In a public group, what is by value was asked for above, and what is by reference when it came.
            guard
                plan.isPublic || record.user == plan.member?.user
                    || role.has(plan.group.policy.mayRemove)
            else { return .roleInsufficient("remove members") }
        }
        return nil
    }

    private mutating func checkAdded(
        _ commit: inout CommitPlan, _ plan: TrackedPlan, _ role: Role, by client: ClientNumber
    ) throws(State.Failure) -> RelayError? {
        let policy = plan.group.policy
        var newUsers: Set<UserNumber> = []
        for added in commit.added {
            guard let record = try state.get(Tables.clients, added), !record.isRevoked else {
                return RelayError(.rosterMismatch, "Client \(added) is not registered, or revoked.")
            }
            if let member = try state.member(added, of: plan.log), member.state != .ended,
                !commit.removed.contains(added)
            {
                return RelayError(.rosterMismatch, "Client \(added) is a member already.")
            }
            guard try !state.has(Tables.bans, PairKey(plan.log, record.user)) else {
                return RelayError(.userBanned, "A user that is banned from the group is to be added.")
            }
            let invitation = try state.invitation(of: record.user, to: plan.log)
            let isAccepted = invitation?.record.state == .accepted
            if !commit.isExternal {
                guard plan.isPublic || record.user == plan.member?.user || role.has(policy.mayAdd) else {
                    return .roleInsufficient("add members")
                }
            }
            // Another client of somebody who is in the group is nobody new.
            if try state.role(of: record.user, in: plan.log) != .nobody || newUsers.contains(record.user) { continue }
            newUsers.insert(record.user)
            if policy.join == .invitation, !isAccepted {
                return RelayError(.invitationRequired, "Who is added has to have accepted an invitation.")
            }
            let count = UInt64(plan.group.userCount) + UInt64(newUsers.count)
            if policy.approvalAbove > 0, count > policy.approvalAbove, role != .admin,
                !(isAccepted && invitation?.record.isApproved == true)
            {
                return RelayError(.approvalRequired, "Above \(policy.approvalAbove) users an admin approves additions.")
            }
            if isAccepted, let invitation { commit.invitations.append(invitation.number) }
        }
        return nil
    }

    /// Whether a client that is no member may commit itself into the group; nil if it may.
    func checkExternalJoin(of client: ClientNumber, _ plan: TrackedPlan) throws(State.Failure) -> RelayError? {
        try checkExternalJoin(of: client, to: plan.log, plan.group)
    }

    func checkExternalJoin(
        of client: ClientNumber, to log: LogNumber, _ group: GroupRecord
    ) throws(State.Failure) -> RelayError? {
        let user = try state.user(of: client)
        if try state.has(Tables.bans, PairKey(log, user)) {
            return RelayError(.userBanned, "The user is banned from the group.")
        }
        // A member that lost its state, or another client of one that is in the group.
        if try state.role(of: user, in: log) != .nobody { return nil }
        let invitation = try state.invitation(of: user, to: log)?.record
        let isAccepted = invitation?.state == .accepted
        guard group.policy.join == .open || isAccepted else {
            return RelayError(.externalJoinRefused, "This group is joined by those who are added.")
        }
        let approvalAbove = group.policy.approvalAbove
        if approvalAbove > 0, group.userCount >= approvalAbove, !(isAccepted && invitation?.isApproved == true) {
            return RelayError(.approvalRequired, "Above \(approvalAbove) users an admin approves additions.")
        }
        return nil
    }

    /// Whether the group would have users and no admin.
    func losesLastAdmin(
        _ log: LogNumber, removed: [ClientNumber], added: [ClientNumber]
    ) throws(State.Failure) -> Bool {
        var counts: [UserNumber: Int] = [:]
        for client in removed {
            guard let record = try state.member(client, of: log), record.state == .active else { continue }
            counts[record.user, default: 0] -= 1
        }
        for client in added { counts[try state.user(of: client), default: 0] += 1 }
        var (users, admins) = (0, 0)
        var adminsBefore: [UserNumber] = []
        try state.forEach(Tables.groupUsers, prefix: log.recordKey) { (key, record) throws(State.Failure) in
            if record.role == .admin { adminsBefore.append(key.second) }
            if Int(record.clientCount) + (counts[key.second] ?? 0) > 0 {
                users += 1
                if record.role == .admin { admins += 1 }
            }
            return true
        }
        guard users > 0, admins == 0 else { return false }
        // An admin without a client that could act is none.
        for admin in adminsBefore where try !state.clients(of: admin).isEmpty { return true }
        return false
    }

    /// Whose signature key it is; nil for a key that nobody has registered.
    func owner(of signatureKey: [UInt8], in plan: TrackedPlan) throws(State.Failure) -> ClientNumber? {
        try state.get(Tables.signatureKeys, BytesKey(Identity.keyID(signatureKey)))
    }

    // MARK: GroupInfo and Welcome

    private mutating func decideGroupInfo(
        _ index: Int, _ epoch: Epoch, into plan: inout TrackedPlan, in batch: CommandBatch
    ) throws(State.Failure) -> RelayError? {
        if plan.isRepeated, epoch < plan.epoch || plan.commit == nil { return nil }
        guard epoch == plan.epoch else { return try refusal(of: epoch, in: plan) }
        guard plan.member?.state == .active || plan.commit?.isExternal == true else { return .notMember }
        let bytes = batch.bytes.rawSpan.extracting(batch.messages[index].range)
        guard let message = try? MLSMessage(decoding: bytes), case .groupInfo(let groupInfo) = message else {
            return RelayError(.messageMalformed, "Not a GroupInfo.")
        }
        if let group = plan.commit?.staged?.group ?? plan.followed?.group {
            // Exactly what the commit made, signed by a member.
            guard groupInfo.groupContext == group.groupContext, groupInfo.confirmationTag == group.confirmationTag
            else {
                return RelayError(.groupInfoInvalid, "The GroupInfo is not that of the group.")
            }
            guard let key = group.signatureKey(at: groupInfo.signer) else {
                return .invalid(.groupInfoInvalid, "The GroupInfo is not valid", .refused(.groupInfoSigner))
            }
            do throws(GroupError) {
                try groupInfo.verifySignature(by: key)
            } catch {
                return .invalid(.groupInfoInvalid, "The GroupInfo is not valid", error)
            }
        }
        plan.commit?.hasGroupInfo = true
        plan.steps.append(.setGroupInfo(message: index))
        return nil
    }

    private mutating func decideWelcome(
        _ index: Int, _ references: [[UInt8]], into plan: inout TrackedPlan, in batch: CommandBatch
    ) throws(State.Failure) -> RelayError? {
        guard plan.commit != nil || plan.isRepeated else {
            return RelayError(.welcomeMismatch, "A Welcome comes with the commit that adds.")
        }
        var inboxes: [LogNumber] = []
        for reference in references {
            guard let owner = try state.keyPackage(reference)?.client else {
                return RelayError(.keyPackageRefUnknown, "A Welcome names a KeyPackage that this relay does not know.")
            }
            let inbox = try existing(.inbox(of: owner))
            if let there = try state.entry(with: batch.messages[index].hash, in: inbox) {
                plan.steps.append(.duplicate(message: index, inbox, there))
                continue
            }
            guard plan.commit != nil else {
                return RelayError(.welcomeMismatch, "A Welcome comes with the commit that adds.")
            }
            if let known = plan.commit?.addedReferences, !known.contains(reference) {
                return RelayError(.welcomeMismatch, "The Welcome is for somebody whom the commit does not add.")
            }
            plan.commit?.welcomed.insert(owner)
            if !inboxes.contains(inbox) { inboxes.append(inbox) }
        }
        if !inboxes.isEmpty { plan.steps.append(.appendWelcome(message: index, inboxes: inboxes)) }
        return nil
    }

    /// What can be said only when all messages are known.
    private func checkWhole(_ plan: TrackedPlan) throws(State.Failure) -> RelayError? {
        guard let commit = plan.commit else { return nil }
        guard commit.hasGroupInfo else {
            return RelayError(.groupInfoRequired, "A commit comes with the GroupInfo of its new epoch.")
        }
        let joiner = commit.isExternal ? commit.added.suffix(1) : []
        guard commit.welcomed == Set(commit.added).subtracting(joiner) else {
            return RelayError(.welcomeMismatch, "A Welcome is for exactly those whom the commit adds.")
        }
        return nil
    }
}

extension RelayError {
    static let groupUnknown = RelayError(.groupUnknown, "There is no group with this id.")
    static let notMember = RelayError(.notMember, "The client is no member of the group.")
    static let lastAdmin = RelayError(.lastAdmin, "The last admin of a group stays as long as others do.")

    static func roleInsufficient(_ what: String) -> RelayError {
        RelayError(.roleInsufficient, "The group's policy does not let this role \(what).")
    }

    /// A refusal with the rule of RFC 9420 that is broken.
    static func invalid(_ code: ErrorCode, _ what: String, _ error: GroupError) -> RelayError {
        let rule =
            switch error {
            case .refused(let rule): rule.rawValue
            case .malformed: "malformed"
            case .crypto: "crypto"
            case .ownMessage, .tooLong: "other"
            }
        return RelayError(code, "\(what): \(error).", detail: RuleDetail(rule: Array(rule.utf8)).encoded)
    }
}

extension KeyPackage {
    /// The KeyPackageRef; nil for a suite that is not known. RFC 9420 section 5.2.
    var reference: [UInt8]? {
        let bytes = encoded
        return try? keyPackageRef(of: bytes.rawSpan, suite: cipherSuite)
    }
}
