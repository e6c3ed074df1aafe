import ClientStore
import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import RelayWire
import TLSPresentation

/// How this device comes into a group.
extension GroupSession {
    private static var keysLifetime: UInt64 { 400 * 86_400 - 7200 }

    // MARK: Creating

    /// A new group with this device alone, and its first commit, to be published.
    func create(state: StateNumber, _ turn: GroupTurn) throws {
        let now = turn.device.clock.now
        var group = try Group(
            creating: record.id, suite: Account.suite, identity: turn.device.identity,
            lifetime: Lifetime(notBefore: now - 3600, notAfter: now + Self.keysLifetime),
            configuration: turn.device.groupConfiguration)
        var options = CommitOptions()
        options.makesGroupInfo = true
        options.hasTreeInGroupInfo = true
        options.framing = record.policy.mode == .privateHandshake ? .privateMessage : .publicMessage
        let messages = try group.commit(options)
        try begin(group, state: state, turn)
        try setPublication(
            Publication(
                kind: .create, epoch: 0, hash: SHA256.hash(messages.commit),
                messages: [messages.commit, messages.groupInfo].compactMap { $0 }, added: [], removed: [], items: [],
                state: .none), turn)
    }

    /// The relay has the group: its first commit is at `receipt`, and confirmed.
    func didCreate(_ publication: Publication, _ receipt: Receipt, _ turn: GroupTurn) throws {
        try didCreate(publication, receipt.log, turn)
        record.cursor = receipt.sequenceNumber
        record.chain = receipt.chain
        record.time = receipt.time.rawValue
        record.keysSince = receipt.time.rawValue
        try keepChain(receipt.sequenceNumber, receipt.chain, turn)
    }

    /// The relay has the group since an earlier time: the log is read from where it may be.
    func didCreate(_ publication: Publication, _ log: LogNumber, _ turn: GroupTurn) throws {
        try withGroup(turn) { _ = $0.mergePendingCommit() }
        try saveGroup(turn)
        try setPublication(nil, turn)
        record.status = .member
        record.log = log
        record.admins = [Array(turn.device.user.utf8)]
        record.keysSince = turn.device.now()
        try turn.append(.joined(try ownMember(turn), by: nil), self, at: SequenceNumber(rawValue: 1))
        turn.outcome.wantsDescription = true
    }

    // MARK: By a Welcome

    /// Joins the group that a Welcome leads to. What this device knew of an earlier time in it goes.
    func join(_ group: consuming Group, state: StateNumber, needsKeyUpdate: Bool, _ turn: GroupTurn) throws {
        if record.state != .none { try deleteGroup(turn) }
        // Who was removed and is added again has lost track of nothing.
        let hasLostTrack = record.cursor != .zero && record.status != .ended
        record.status = .member
        record.end = nil
        record.cursor = Self.beforeMemberships
        record.chain = nil
        record.denied = nil
        record.former = []
        // What was changed meanwhile the log does not tell: the relay is asked, as the first time.
        record.admins = []
        record.needsKeyUpdate = needsKeyUpdate
        record.firstEpoch = group.epoch
        record.keysSince = turn.device.now()
        try setPublication(nil, turn)
        try turn.transaction.deleteAll(Tables.chains, prefix: number.key)
        try turn.transaction.delete(Tables.heads, number.key)
        try turn.transaction.delete(Tables.receipts, number.key)
        try begin(group, state: state, turn)
        try renewAll(turn)
        try observeAll(turn)
        if hasLostTrack { try turn.append(.rejoined, self) }
        try turn.append(.joined(try ownMember(turn), by: nil), self)
        turn.outcome.wantsDescription = true
    }

    /// Where who joins by a Welcome begins to look for the membership that it leads to: not with the present one, because it
    /// may have ended meanwhile. PROTOCOL.md section 7.3.
    private static let beforeMemberships = SequenceNumber(rawValue: 1)

    /// Remembers the keys of all members.
    private func observeAll(_ turn: GroupTurn) throws {
        let tree = try withGroup(turn) { $0.publicGroup.tree }
        for leaf in tree.members {
            guard let node = tree.leafNode(at: leaf) else { continue }
            try observe(node, try turn.device.member(node, turn.transaction), at: .zero, turn)
        }
    }

    // MARK: By an external commit

    /// This device is to come into a group that it is not in, whatever it knows of an earlier time.
    func beginJoining() {
        (record.status, record.end) = (.joining, nil)
        (record.cursor, record.chain) = (.zero, nil)
    }

    /// Makes an external commit on what the relay says is the newest state of the group, to be published.
    /// - Throws: `GroupError` where that is none; nothing has changed then.
    func joinExternally(_ answer: GroupInfoAnswer, state: StateNumber, _ turn: GroupTurn) throws {
        let tree = answer.ratchetTree.isEmpty ? nil : try RatchetTree(decoding: answer.ratchetTree)
        let configuration = turn.device.groupConfiguration
        guard case .groupInfo(let info) = try MLSMessage(decoding: answer.message) else {
            throw GroupError.refused(.wireFormat)
        }
        guard info.groupContext.groupID == record.id else { throw GroupError.refused(.groupID) }
        let seen = try PublicGroup(groupInfo: info, ratchetTree: tree, policy: configuration.policy)
        var options = ExternalCommitOptions()
        options.replacedLeaf = seen.tree.members.first {
            seen.tree.signatureKey(at: $0) == turn.device.signatureKey
        }
        options.proposals = answer.proposals.filter(Self.isSelfRemove)
        options.makesGroupInfo = true
        let new = try Group.joinExternally(
            answer.message, ratchetTree: tree, identity: turn.device.identity, options: options,
            configuration: configuration)
        try store(new, replaces: options.replacedLeaf != nil, epoch: info.groupContext.epoch, state: state, turn)
    }

    private static func isSelfRemove(_ message: [UInt8]) -> Bool {
        guard case .publicMessage(let route)? = try? MLSMessageEnvelope(message.rawSpan).payload else { return false }
        return route.content == .proposal(.selfRemove)
    }

    /// Keeps the new group beside the one that there may still be, until the relay has accepted it.
    private func store(
        _ new: consuming NewGroup, replaces: Bool, epoch: UInt64, state: StateNumber, _ turn: GroupTurn
    ) throws {
        let messages = new.messages
        try new.group.save { changes in
            for change in changes {
                guard let value = change.value else { continue }
                try turn.transaction.put(Tables.groupStates, state.key + change.key, value.bytes)
            }
        }
        let isDeclared = replaces && record.policy.mode == .privateHandshake
        try setPublication(
            Publication(
                kind: .join, epoch: epoch, hash: SHA256.hash(messages.commit),
                messages: [messages.commit, messages.groupInfo].compactMap { $0 },
                added: isDeclared ? [turn.device.client] : [], removed: isDeclared ? [turn.device.client] : [],
                items: [], state: state), turn)
    }

    /// The relay has accepted the external commit: this device is in the group from there on.
    func didJoin(_ publication: Publication, _ receipt: Receipt, _ turn: GroupTurn) throws {
        let hasLostTrack = record.cursor != .zero
        if record.state != .none { try deleteGroup(turn) }
        record.state = publication.state
        record.status = .member
        record.end = nil
        record.log = receipt.log
        record.cursor = receipt.sequenceNumber
        record.chain = receipt.chain
        record.time = receipt.time.rawValue
        record.keysSince = receipt.time.rawValue
        record.firstEpoch = 0
        record.needsKeyUpdate = false
        record.denied = nil
        record.former = []
        try setPublication(nil, turn)
        try turn.transaction.deleteAll(Tables.chains, prefix: number.key)
        try turn.transaction.delete(Tables.heads, number.key)
        try renewAll(turn)
        try observeAll(turn)
        try turn.append(
            hasLostTrack ? .rejoined : .joined(try ownMember(turn), by: nil), self, at: receipt.sequenceNumber)
        turn.outcome.wantsDescription = true
    }

    /// What was made for an earlier state of the group is made anew.
    private func renewAll(_ turn: GroupTurn) throws {
        for (number, item) in outbox where item.prepared != nil {
            var item = item
            item.prepared = nil
            try update(number, item, turn)
        }
    }

    /// What was to be published is made anew.
    func giveUp(_ publication: Publication, _ turn: GroupTurn) throws {
        if publication.kind == .join { return try didNotJoin(publication, turn) }
        try discardCommit(turn)
    }

    /// The external commit was refused: the group that it would have begun never was.
    func didNotJoin(_ publication: Publication, _ turn: GroupTurn) throws {
        try turn.transaction.deleteAll(Tables.groupStates, prefix: publication.state.key)
        try setPublication(nil, turn)
    }
}
