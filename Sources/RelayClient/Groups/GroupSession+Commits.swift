import ClientStore
import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import RelayWire
import TLSPresentation

/// What commits do to the group, this device's and others'.
extension GroupSession {
    // MARK: Others'

    /// Somebody's commit was merged.
    func takeCommit(_ commit: ReceivedCommit, _ entry: Entry, _ turn: GroupTurn) throws {
        let place = entry.header.sequenceNumber
        // This device's own commit of the epoch has lost; what it was to do is done anew.
        if publication?.kind == .commit { try setPublication(nil, turn) }
        let committer = try committer(of: commit, turn)
        if let data = MLSMessageEnvelope.authenticatedData(of: entry.payload), let committer {
            let key = commit.tree.leafNode(at: commit.committer)?.signatureKey ?? []
            try compare(data, from: committer, key, at: place, turn)
        }
        try tell(commit, by: committer, at: place, turn)
        // Where only keys have changed, the relay knows nothing that the log does not tell, but where it was told apart.
        if commit.changesMembers || record.policy.mode == .privateHandshake { turn.outcome.wantsDescription = true }
    }

    private func committer(of commit: ReceivedCommit, _ turn: GroupTurn) throws -> Member? {
        let node = commit.tree.leafNode(at: commit.committer) ?? commit.before.tree.leafNode(at: commit.committer)
        return try node.map { try turn.device.member($0, turn.transaction) }
    }

    /// Tells what a commit did, one event for each member that it concerns, and remembers who was there before.
    private func tell(
        _ commit: ReceivedCommit, by committer: Member?, at place: SequenceNumber, _ turn: GroupTurn
    ) throws {
        try keepFormerMembers(commit, turn)
        var isOut: GroupEnd?
        for leaf in commit.removed {
            guard let node = commit.before.tree.leafNode(at: leaf) else { continue }
            let member = try turn.device.member(node, turn.transaction)
            // Who joins anew in its own place did not leave.
            if commit.isExternal, member.user == committer?.user, member.fingerprint == committer?.fingerprint {
                continue
            }
            let hasLeft = commit.before.leaving.contains(leaf)
            try turn.append(hasLeft ? .left(member) : .removed(member, by: committer), self, at: place)
            if member.isThisDevice { isOut = hasLeft ? .left : .removed(by: committer?.user ?? "somebody") }
        }
        for leaf in commit.added + (commit.isExternal ? [commit.committer] : []) {
            guard let node = commit.tree.leafNode(at: leaf) else { continue }
            let member = try turn.device.member(node, turn.transaction)
            try turn.append(.joined(member, by: commit.isExternal ? nil : committer), self, at: place)
            try observe(node, member, at: place, turn)
        }
        try tellUpdates(commit, by: committer, at: place, turn)
        if let isOut { return try finish(isOut, at: place, turn) }
        let hasLeaver = commit.removed.contains(where: commit.before.leaving.contains)
        if try hasLeaver && isAlone(commit.tree, turn) {
            try turn.append(.empty, self, at: place)
        }
    }

    /// Whether this device's user has the group for itself.
    private func isAlone(_ tree: GroupTree, _ turn: GroupTurn) throws -> Bool {
        try tree.members.allSatisfy { leaf in
            guard let node = tree.leafNode(at: leaf) else { return true }
            return try turn.device.member(node, turn.transaction).user == turn.device.user
        }
    }

    private func tellUpdates(
        _ commit: ReceivedCommit, by committer: Member?, at place: SequenceNumber, _ turn: GroupTurn
    ) throws {
        for leaf in commit.updated where leaf != commit.committer {
            guard let node = commit.tree.leafNode(at: leaf) else { continue }
            let member = try turn.device.member(node, turn.transaction)
            try turn.append(.keysUpdated(member), self, at: place)
            try observe(node, member, at: place, turn)
            if member.isThisDevice { didRenewKeys() }
        }
        if !commit.isExternal, let committer, commit.added.isEmpty, commit.removed.isEmpty {
            try turn.append(.keysUpdated(committer), self, at: place)
        }
    }

    private func didRenewKeys() {
        record.keysSince = record.time
        record.needsKeyUpdate = false
    }

    /// Compares a member's key with what was seen before. RFC 9750 section 4: no device comes to a user unseen.
    func observe(_ node: LeafNode, _ member: Member, at place: SequenceNumber, _ turn: GroupTurn) throws {
        let isKnown = try turn.transaction.contact(user: member.user, signatureKey: node.signatureKey) != nil
        let trust = try turn.transaction.observe(
            user: member.user, device: member.device, signatureKey: node.signatureKey)
        if trust == .changed, !isKnown {
            try turn.append(.integrityWarning(.keyChanged(member)), self, at: place)
        }
        if member.user == turn.device.user, !member.isThisDevice, !isKnown {
            record.strangers.append(Stranger(member: member, signatureKey: node.signatureKey, place: place))
        }
    }

    private func keepFormerMembers(_ commit: ReceivedCommit, _ turn: GroupTurn) throws {
        for leaf in commit.changedLeaves {
            guard let node = commit.before.tree.leafNode(at: leaf) else { continue }
            record.former.append(
                FormerMember(
                    leaf: leaf, lastEpoch: commit.before.epoch, signatureKey: node.signatureKey,
                    member: try turn.device.member(node, turn.transaction)))
        }
        let kept = UInt64(turn.device.settings.pastEpochCount)
        record.former.removeAll { $0.lastEpoch + kept < commit.before.epoch }
    }

    // MARK: One's own

    /// Something of this device's stands in the log: what was sent is known by its hash.
    func takeOwn(_ hash: SHA256Digest, _ header: EntryHeader, _ turn: GroupTurn) throws {
        if let publication, publication.hash == hash {
            try takeOwnCommit(publication, header, turn)
        } else if let (number, item) = outbox.first(where: { $0.item.prepared?.hash == hash }) {
            try takeOwnItem(number, item, header, turn)
        }
        // Else it is of a time before this device's present state of the group.
    }

    private func takeOwnCommit(_ publication: Publication, _ header: EntryHeader, _ turn: GroupTurn) throws {
        let place = header.sequenceNumber
        let intents = outbox.filter { publication.items.contains($0.number) }
        var merged: ReceivedCommit?
        try withGroup(turn) { group in
            let before = try ReceivedCommit.Before(group)
            guard group.hasPendingCommit else { return }
            record.provisional.append(
                ProvisionalCommit(
                    sequenceNumber: place, epoch: group.epoch, intents: intents.map(\.item), isOwn: true,
                    lost: nil))
            merged = group.mergePendingCommit().map { ReceivedCommit($0, before) }
        }
        try saveGroup(turn)
        try setPublication(nil, turn)
        for (number, _) in intents { try remove(number, .success(place), turn) }
        didRenewKeys()
        turn.outcome.wantsDescription = true
        guard let merged else { return }
        try tell(merged, by: try committer(of: merged, turn), at: place, turn)
    }

    private func takeOwnItem(
        _ number: UInt64, _ item: OutboxItem, _ header: EntryHeader, _ turn: GroupTurn
    ) throws {
        let place = header.sequenceNumber
        if let first = record.provisional.first, let epoch = item.prepared?.epoch, epoch > first.epoch {
            try turn.transaction.encode(item, Tables.unconfirmed, self.number.key + place.encoded)
        }
        switch item.content {
        case .message(let payload):
            if payload.kind == .content { try takeContent(payload, try ownMember(turn), at: place, turn) }
            if payload.kind == .content {
                try trackReceipts(of: MessageID(payload.id), at: place, turn)
            }
        case .propose(.selfRemove):
            try remove(number, .success(place), turn)
            return try finish(.left, at: place, turn)
        case .propose(.update):
            turn.outcome.pendingProposer = try withGroup(turn) { $0.ownLeaf }
        case .change: break
        }
        try remove(number, .success(place), turn)
    }

    func ownMember(_ turn: GroupTurn) throws -> Member {
        try turn.device.member(turn.device.identity.credential, turn.device.signatureKey, turn.transaction)
    }
}

extension MLSMessageEnvelope {
    /// What a framed message says to everybody, in the clear.
    static func authenticatedData(of message: [UInt8]) -> [UInt8]? {
        // What is no message says nothing.
        guard let envelope = try? MLSMessageEnvelope(message.rawSpan) else { return nil }
        return switch envelope.payload {
        case .publicMessage(let route): Array(message[route.authenticatedData])
        case .privateMessage(let route): Array(message[route.authenticatedData])
        case .welcome, .groupInfo, .keyPackage: nil
        }
    }
}
