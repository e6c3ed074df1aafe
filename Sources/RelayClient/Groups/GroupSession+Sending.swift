import ClientStore
import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import RelayWire
import TLSPresentation

/// What this device has to send in a group, one thing after the other.
extension GroupSession {
    enum Step {
        /// Nothing that could be done now.
        case none
        /// The commit that was made is to be published, again or for the first time.
        case publishCommit(Publication)
        /// A commit is to be made of what waits.
        case makeCommit
        /// These items are to be published in one frame.
        case publishItems([(number: UInt64, prepared: OutboxItem.Prepared)])
        /// These are to be made into messages.
        case prepareItems([UInt64])
        /// A group that is to be joined anew.
        case join
    }

    /// Items in one frame.
    private static let maxItemCount = 64

    /// What comes next, as far as the store says.
    /// - Parameters:
    ///   - isCommitAccepted: whether the relay has taken `publication`, and it only has to come back.
    ///   - hasPendingProposals: whether there are proposals that a commit has to cover.
    ///   - accepted: hashes of messages that the relay has taken, and that only have to come back.
    func nextStep(isCommitAccepted: Bool, hasPendingProposals: Bool, accepted: Set<SHA256Digest>) -> Step {
        if record.status == .ended { return .none }
        if let publication, !isCommitAccepted { return .publishCommit(publication) }
        if record.status == .joining { return publication == nil ? .join : .none }
        // How handshakes are framed, the relay says when it describes the group.
        guard record.status == .member, record.denied == nil, isDescribed else { return .none }
        let sent = outbox.compactMap { number, item in
            item.prepared.flatMap { prepared in
                prepared.refusedIn == nil && !accepted.contains(prepared.hash) ? (number, prepared: prepared) : nil
            }
        }
        let isWaiting = outbox.contains { $0.item.prepared?.refusedIn != nil }
        let fresh = outbox.filter { $0.item.prepared == nil && !$0.item.isChange }.map(\.number)
        // RFC 9420 section 12.4: what is pending is committed before anything is said.
        let mustCommit = !dueChanges(accepted: accepted).isEmpty || (hasPendingProposals && !fresh.isEmpty)
        if publication == nil, mustCommit { return .makeCommit }
        // Of one epoch: if it is refused for that, all are.
        if let epoch = sent.first?.prepared.epoch {
            return .publishItems(Array(sent.prefix { $0.prepared.epoch == epoch }.prefix(Self.maxItemCount)))
        }
        // In the order in which they were said: what was refused is made anew first.
        if isWaiting || fresh.isEmpty || (publication != nil && hasPendingProposals) { return .none }
        return .prepareItems(Array(fresh.prefix(Self.maxItemCount)))
    }

    /// The changes that come before anything else that is not sent yet: who is added later does not read what was said
    /// before, and who is removed later does.
    /// - Parameter accepted: hashes of messages that the relay has taken.
    private func dueChanges(accepted: Set<SHA256Digest>) -> [(number: UInt64, item: OutboxItem)] {
        let waiting = outbox.filter { entry in !(entry.item.prepared.map { accepted.contains($0.hash) } ?? false) }
        return Array(waiting.prefix { $0.item.isChange })
    }

    // MARK: Messages and proposals

    /// Makes messages of items; what cannot be one fails.
    func prepare(_ numbers: [UInt64], _ turn: GroupTurn) throws {
        for number in numbers {
            guard let item = outbox.first(where: { $0.number == number })?.item else { continue }
            do {
                try prepare(number, item, turn)
            } catch let error as GroupError {
                try fail(number, item, RelayClientError(error), turn)
            }
        }
        try saveGroup(turn)
    }

    private func prepare(_ number: UInt64, _ item: OutboxItem, _ turn: GroupTurn) throws {
        let claim = headClaim()
        let (message, epoch) = try withGroup(turn) { group in
            group.configuration.handshakeFraming = handshakeFraming
            let message: [UInt8] =
                switch item.content {
                case .message(let payload): try group.protect(payload.encoded, authenticatedData: claim)
                case .propose(.update):
                    try group.proposeUpdate(identity: turn.device.identity, authenticatedData: claim).message
                case .propose(.selfRemove): try group.propose(.selfRemove, authenticatedData: claim).message
                case .change: preconditionFailure("a change is made by a commit")
                }
            return (message, group.epoch)
        }
        var item = item
        item.prepared = OutboxItem.Prepared(
            message: message, hash: SHA256.hash(message), epoch: epoch, refusedIn: nil)
        try update(number, item, turn)
    }

    func fail(_ number: UInt64, _ item: OutboxItem, _ error: RelayClientError, _ turn: GroupTurn) throws {
        if case .message(let payload) = item.content, payload.kind == .content {
            try turn.append(.notSent(MessageID(payload.id)), self)
        }
        try remove(number, .failure(error), turn)
    }

    /// The relay has refused a message for its epoch: it is made anew once this device is in that of the group, unless it
    /// turns out on the way that the relay had taken it before.
    func didRefuse(_ numbers: [UInt64], groupEpoch: UInt64, _ turn: GroupTurn) throws {
        for number in numbers {
            guard var item = outbox.first(where: { $0.number == number })?.item else { continue }
            item.prepared?.refusedIn = groupEpoch
            try update(number, item, turn)
        }
        try renewRefused(turn)
    }

    /// Lets go of messages that were refused for their epoch, where this device has come to the group's.
    func renewRefused(_ turn: GroupTurn) throws {
        guard record.status == .member, outbox.contains(where: { $0.item.prepared?.refusedIn != nil }) else { return }
        let epoch = try withGroup(turn) { $0.epoch }
        for (number, item) in outbox {
            guard let prepared = item.prepared, let refusedIn = prepared.refusedIn else { continue }
            guard prepared.epoch < refusedIn ? epoch >= refusedIn : epoch <= refusedIn else { continue }
            var item = item
            item.prepared = nil
            try update(number, item, turn)
        }
    }

    /// The group is in this device's epoch, and all of its log is known: what was refused for another epoch is made anew.
    func renewAllRefused(_ turn: GroupTurn) throws {
        for (number, item) in outbox where item.prepared?.refusedIn != nil {
            var item = item
            item.prepared = nil
            try update(number, item, turn)
        }
    }

    // MARK: Commits

    /// Makes a commit of the changes whose turn it is, and of what others have proposed, to be published: nothing where
    /// nothing is left to do.
    /// - Parameters:
    ///   - accepted: hashes of messages that the relay has taken.
    ///   - alone: the one change to make; nil for all.
    ///   - isCaughtUp: whether this device has read all that the relay had when it was last asked. What seems to be done
    ///     already may have been undone since, where it is not.
    func makeCommit(
        accepted: Set<SHA256Digest> = [], alone: UInt64? = nil, isCaughtUp: Bool = false, _ turn: GroupTurn
    ) throws {
        let changes = alone.map { number in outbox.filter { $0.number == number } } ?? dueChanges(accepted: accepted)
        var plan = CommitPlan()
        for (number, item) in changes {
            guard case .change(let change) = item.content else { continue }
            let isNeeded = try withGroup(turn) { try plan.add(change, to: $0) }
            if isNeeded {
                plan.items.append(number)
            } else if isCaughtUp {
                try remove(number, .success(record.cursor), turn)
            } else {
                turn.outcome.mootItems.append(number)
            }
        }
        let hasPending = try withGroup(turn) { !$0.committableProposals.isEmpty }
        guard !plan.items.isEmpty || hasPending else { return }
        do {
            try makeCommit(plan, turn)
        } catch let error as GroupError {
            try didRefuse(plan.items, RelayClientError(error), turn)
        }
    }

    private func makeCommit(_ plan: CommitPlan, _ turn: GroupTurn) throws {
        var options = CommitOptions(plan.proposals)
        options.authenticatedData = headClaim()
        options.makesGroupInfo = true
        options.hasTreeInGroupInfo = record.policy.mode == .privateHandshake
        options.identity = turn.device.identity
        options.framing = handshakeFraming
        let (messages, epoch, removed) = try withGroup(turn) { group in
            let messages = try group.commit(options)
            return (messages, group.epoch, group.pendingPublicCommit?.removed ?? [])
        }
        let removedKeys = try withGroup(turn) { group in
            removed.compactMap { group.publicGroup.tree.leafNode(at: $0)?.signatureKey }
        }
        try saveGroup(turn)
        let clients = try numbers(ofKeys: removedKeys, turn)
        try setPublication(
            Publication(
                kind: .commit, epoch: epoch, hash: SHA256.hash(messages.commit),
                messages: [messages.commit, messages.welcome, messages.groupInfo].compactMap { $0 },
                added: plan.added.sorted(), removed: clients.sorted(), items: plan.items, state: .none), turn)
    }

    /// Whether the relay has said what kind of group it is: every group has an admin.
    var isDescribed: Bool { !record.admins.isEmpty }

    private var handshakeFraming: GroupConfiguration.HandshakeFraming {
        record.policy.mode == .privateHandshake ? .privateMessage : .publicMessage
    }

    /// The clients' numbers for signature keys, as far as they are known.
    private func numbers(ofKeys keys: [[UInt8]], _ turn: GroupTurn) throws -> [ClientNumber] {
        guard record.policy.mode == .privateHandshake, !keys.isEmpty else { return [] }
        let wanted = Set(keys)
        return try turn.transaction.scan(Tables.clients, prefix: []).compactMap { key, value in
            let known = try KnownClient(decoding: value.bytes)
            return wanted.contains(known.signatureKey) ? try ClientNumber(decoding: key) : nil
        }
    }

    /// The relay has refused a commit for what it does: alone each of several changes may still be possible.
    func didRefuse(_ items: [UInt64], _ error: RelayClientError, _ turn: GroupTurn) throws {
        try discardCommit(turn)
        if items.count > 1 {
            for number in items {
                try makeCommit(alone: number, turn)
                if publication != nil { return }
            }
        }
        for number in items {
            guard let item = outbox.first(where: { $0.number == number })?.item else { continue }
            try fail(number, item, error, turn)
        }
    }

    /// Forgets the commit that was made; its changes wait again.
    func discardCommit(_ turn: GroupTurn) throws {
        guard publication?.kind == .commit else { return }
        try withGroup(turn) { $0.discardPendingCommit() }
        try saveGroup(turn)
        try setPublication(nil, turn)
    }
}

extension OutboxItem {
    var isChange: Bool {
        if case .change = content { true } else { false }
    }
}

/// What a commit is to do.
struct CommitPlan {
    var proposals: [Proposal] = []
    var added: [ClientNumber] = []
    var items: [UInt64] = []
    private var addedKeys: Set<[UInt8]> = []
    private var removedKeys: Set<[UInt8]> = []

    /// Adds what is still to be done of a change.
    /// - Returns: whether that is anything.
    mutating func add(_ change: OutboxItem.Change, to group: borrowing Group) throws -> Bool {
        switch change {
        case .update: return true
        // What only others can commit (an update of this device, its own removal) would be lost with this epoch.
        case .commitPending: return !group.committableProposals.isEmpty
        case .add(let clients): return try add(clients, to: group)
        case .remove(let keys): return remove(keys, from: group)
        }
    }

    private mutating func add(_ clients: [OutboxItem.AddedClient], to group: borrowing Group) throws -> Bool {
        var isNeeded = false
        for client in clients {
            let keyPackage = try KeyPackage(decoding: client.keyPackage)
            let key = keyPackage.leafNode.signatureKey
            guard !group.publicGroup.tree.containsSignatureKey(key) else { continue }
            isNeeded = true
            guard addedKeys.insert(key).inserted else { continue }
            proposals.append(.add(Add(keyPackage: keyPackage)))
            added.append(client.client)
        }
        return isNeeded
    }

    private mutating func remove(_ keys: [[UInt8]], from group: borrowing Group) -> Bool {
        var isNeeded = false
        let wanted = Set(keys)
        let tree = group.publicGroup.tree
        for leaf in tree.members where leaf != group.ownLeaf {
            guard let key = tree.signatureKey(at: leaf), wanted.contains(key) else { continue }
            isNeeded = true
            let isPending = group.publicGroup.pendingProposals.contains { queued in
                switch queued.proposal {
                case .selfRemove: queued.sender == .member(leaf)
                case .remove(let remove): remove.removed == leaf
                default: false
                }
            }
            guard !isPending, removedKeys.insert(key).inserted else { continue }
            proposals.append(.remove(Remove(removed: leaf)))
        }
        return isNeeded
    }
}
