import ClientStore
import MLS
import MLSCodec
import MLSCrypto
import RelayWire
import TLSPresentation

/// Commits that are taken back. PROTOCOL.md section 7.10.
extension GroupSession {
    /// A commit does not count, and neither does what was sent in epochs after it.
    func takeVoid(_ notice: VoidNotice, _ header: EntryHeader, _ turn: GroupTurn) throws {
        if let denied = record.denied, denied <= notice.sequenceNumber {
            // Nothing behind the commit that this device could not accept was applied here.
            guard denied == notice.sequenceNumber else { return }
            try forgetRefusals(notice, turn)
        } else if let undone = try rollBack(to: notice.sequenceNumber, turn) {
            try restore(undone, notice, turn)
        } else if try notice.epoch.rawValue >= epoch(turn) {
            // It was never applied here: one of this device's own, made for what was void when the relay took it.
            try forgetRefusals(notice, turn)
        } else if notice.epoch.rawValue < record.firstEpoch {
            // This device came with it.
            return try finish(.neverJoined, at: header.sequenceNumber, turn)
        } else {
            turn.outcome.needsRejoin = true
            return try resend(after: notice.epoch, turn)
        }
        turn.outcome.wantsDescription = true
        let reason = String(decoding: notice.text, as: UTF8.self)
        try turn.append(.changeVoided(reason: reason), self, at: header.sequenceNumber)
    }

    /// The commit was never applied here; what has lost against it is sent once more. It must not be made anew: the relay
    /// may have it by now.
    private func forgetRefusals(_ notice: VoidNotice, _ turn: GroupTurn) throws {
        record.denied = nil
        turn.outcome.isCommitOpen = true
        try resend(after: notice.epoch, turn)
    }

    /// MLS is back where it was before `undone`; this device's own that went with it is done anew.
    private func restore(_ undone: [ProvisionalCommit], _ notice: VoidNotice, _ turn: GroupTurn) throws {
        if record.status == .ended { (record.status, record.end) = (.member, nil) }
        record.denied = nil
        // The keys that it made are gone with it.
        if undone.contains(where: \.isOwn) { record.needsKeyUpdate = true }
        try reopen(undone.first?.lost, turn)
        record.former.removeAll { $0.lastEpoch >= notice.epoch.rawValue }
        for commit in undone where commit.sequenceNumber != notice.sequenceNumber {
            for item in commit.intents { try enqueue(item.content, turn) }
        }
        try resend(after: notice.epoch, turn)
    }

    /// Sends a commit once more that has lost against one that is void: the relay may have taken it since.
    private func reopen(_ lost: Publication?, _ turn: GroupTurn) throws {
        let isThere = try withGroup(turn) { group in
            if lost == nil { group.discardPendingCommit() }
            return group.hasPendingCommit
        }
        try saveGroup(turn)
        try setPublication(isThere ? lost : nil, turn)
        turn.outcome.isCommitOpen = true
    }

    /// Sends anew what was sent in epochs after `epoch`, or refused because the group was in one: these are no more.
    private func resend(after epoch: Epoch, _ turn: GroupTurn) throws {
        for (key, value) in try turn.transaction.scan(Tables.unconfirmed, prefix: number.key) {
            let item = try OutboxItem(decoding: value.bytes)
            guard let prepared = item.prepared, prepared.epoch > epoch.rawValue else { continue }
            try turn.transaction.delete(Tables.unconfirmed, key)
            try enqueue(item.content, turn)
        }
        for (number, item) in outbox {
            guard let prepared = item.prepared, max(prepared.epoch, prepared.refusedIn ?? 0) > epoch.rawValue else {
                continue
            }
            var item = item
            item.prepared = nil
            try update(number, item, turn)
        }
    }
}
