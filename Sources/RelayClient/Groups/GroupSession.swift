import ClientStore
import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import RelayWire
import TLSPresentation

/// A group of this device in memory: what its store has, as it is after the last transaction.
///
/// Belongs to its client. All changes are made in a `GroupTurn`, whose transaction has them too; where that fails, `reload`
/// puts everything back.
final class GroupSession {
    let number: GroupNumber
    var record: GroupRecord
    /// What is to be done, in the order in which it was asked for.
    private(set) var outbox: [(number: UInt64, item: OutboxItem)] = []
    private(set) var publication: Publication?
    /// The member's side of MLS; nil while it is not needed, or there is none.
    private var loaded: Group?

    init(number: GroupNumber, record: GroupRecord) {
        self.number = number
        self.record = record
    }

    /// The group as the store has it.
    init?(number: GroupNumber, in transaction: StoreTransaction) throws {
        guard let record = try transaction.decode(GroupRecord.self, Tables.groups, number.key) else { return nil }
        self.number = number
        self.record = record
        try loadRest(transaction)
    }

    /// Everything as the store has it: a transaction has failed.
    func reload(_ transaction: StoreTransaction) throws {
        if let record = try transaction.decode(GroupRecord.self, Tables.groups, number.key) { self.record = record }
        loaded = nil
        try loadRest(transaction)
    }

    private func loadRest(_ transaction: StoreTransaction) throws {
        publication = try transaction.decode(Publication.self, Tables.publications, number.key)
        outbox = try transaction.scan(Tables.outbox, prefix: number.key).map { key, value in
            (try UInt64(decoding: Array(key.suffix(8))), try OutboxItem(decoding: value.bytes))
        }
    }

    var id: GroupID { GroupID(record.id) }
    var isMember: Bool { record.status == .member }

    // MARK: MLS

    /// Calls `body` with the group, which is as it was where that throws a `GroupError`.
    /// - Throws: `notMember` where there is no such group.
    func withGroup<Result>(
        _ turn: GroupTurn, _ body: (inout Group) throws -> Result
    ) throws -> Result {
        var group = try take(turn)
        do {
            let result = try body(&group)
            loaded = consume group
            return result
        } catch {
            loaded = consume group
            throw error
        }
    }

    private func take(_ turn: GroupTurn) throws -> Group {
        if let group = loaded.take() { return group }
        guard record.state != .none else {
            throw RelayClientError(.notMember, "this device is not in the group")
        }
        let records = try turn.transaction.scan(Tables.groupStates, prefix: record.state.key).map { key, value in
            GroupStateRecord(key: Array(key.dropFirst(4)), value: value)
        }
        return try Group(restoring: records, configuration: turn.device.groupConfiguration)
    }

    /// A group that was just made or joined.
    func begin(_ group: consuming Group, state: StateNumber, _ turn: GroupTurn) throws {
        loaded = consume group
        record.state = state
        try saveGroup(turn)
    }

    /// Writes what has changed in the group since the last time.
    func saveGroup(_ turn: GroupTurn) throws {
        guard var group = loaded.take() else { return }
        do {
            try group.save { changes in try write(changes, turn) }
            loaded = consume group
        } catch {
            // The group counts those as not saved; the transaction fails and with it all of this.
            loaded = consume group
            throw error
        }
    }

    /// Forgets the group's secrets.
    func deleteGroup(_ turn: GroupTurn) throws {
        loaded = nil
        try turn.transaction.deleteAll(Tables.groupStates, prefix: record.state.key)
        try turn.transaction.deleteAll(Tables.undo, prefix: record.state.key)
        try turn.transaction.deleteAll(Tables.unconfirmed, prefix: number.key)
        record.state = .none
        record.provisional = []
    }

    // MARK: Undo

    /// Carries changes out, and while a commit may still be voided keeps what was there before it.
    private func write(_ changes: [GroupStateRecord], _ turn: GroupTurn) throws {
        for change in changes {
            let key = record.state.key + change.key
            if let commit = record.provisional.last { try keepFormer(key, before: commit, turn.transaction) }
            if let value = change.value {
                try turn.transaction.put(Tables.groupStates, key, value.bytes)
            } else {
                try turn.transaction.delete(Tables.groupStates, key)
            }
        }
    }

    private func undoPrefix(_ commit: ProvisionalCommit) -> [UInt8] {
        record.state.key + commit.sequenceNumber.encoded
    }

    private func keepFormer(
        _ key: [UInt8], before commit: ProvisionalCommit, _ transaction: StoreTransaction
    ) throws {
        let undoKey = undoPrefix(commit) + key.dropFirst(4)
        guard try transaction.get(Tables.undo, undoKey) == nil else { return }
        var former = SecretWriter(capacity: 256)
        if let value = try transaction.get(Tables.groupStates, key) {
            former.encode(1 as UInt8)
            former.raw(value.bytes)
        } else {
            former.encode(0 as UInt8)
        }
        let bytes = former.finish()
        try transaction.put(Tables.undo, undoKey, bytes.bytes)
    }

    /// Puts MLS back to before the commit at `sequenceNumber`.
    /// - Returns: the commits that are undone, oldest first; nil where that is not known any more.
    func rollBack(to sequenceNumber: SequenceNumber, _ turn: GroupTurn) throws -> [ProvisionalCommit]? {
        guard let first = record.provisional.firstIndex(where: { $0.sequenceNumber == sequenceNumber }) else {
            return nil
        }
        let undone = Array(record.provisional[first...])
        for commit in undone.reversed() {
            for (key, value) in try turn.transaction.scan(Tables.undo, prefix: undoPrefix(commit)) {
                let recordKey = record.state.key + key.dropFirst(12)
                let former = value.bytes
                if former.byteCount > 0, former.unsafeLoadFirst == 1 {
                    try turn.transaction.put(Tables.groupStates, recordKey, former.extracting(droppingFirst: 1))
                } else {
                    try turn.transaction.delete(Tables.groupStates, recordKey)
                }
            }
            try turn.transaction.deleteAll(Tables.undo, prefix: undoPrefix(commit))
        }
        record.provisional.removeSubrange(first...)
        loaded = nil
        return undone
    }

    /// The commits that ended epochs before `epoch` will not be voided any more.
    func confirm(before epoch: UInt64, _ turn: GroupTurn) throws {
        for commit in record.provisional where commit.epoch < epoch {
            try turn.transaction.deleteAll(Tables.undo, prefix: undoPrefix(commit))
        }
        record.provisional.removeAll { $0.epoch < epoch }
        for (key, value) in try turn.transaction.scan(Tables.unconfirmed, prefix: number.key) {
            let item = try OutboxItem(decoding: value.bytes)
            if let prepared = item.prepared, prepared.epoch <= epoch {
                try turn.transaction.delete(Tables.unconfirmed, key)
            }
        }
    }

    // MARK: Outbox and publication

    private func outboxKey(_ item: UInt64) -> [UInt8] { number.key + item.encoded }

    /// Puts something behind everything else that is to be done.
    @discardableResult
    func enqueue(_ content: OutboxItem.Content, _ turn: GroupTurn) throws -> UInt64 {
        record.lastItem += 1
        let number = record.lastItem
        let item = OutboxItem(content)
        try turn.transaction.encode(item, Tables.outbox, outboxKey(number))
        outbox.append((number, item))
        return number
    }

    func update(_ number: UInt64, _ item: OutboxItem, _ turn: GroupTurn) throws {
        guard let index = outbox.firstIndex(where: { $0.number == number }) else { return }
        outbox[index].item = item
        try turn.transaction.encode(item, Tables.outbox, outboxKey(number))
    }

    /// Done, or not to be done any more.
    func remove(
        _ number: UInt64, _ result: Result<SequenceNumber, RelayClientError>, _ turn: GroupTurn
    ) throws {
        outbox.removeAll { $0.number == number }
        try turn.transaction.delete(Tables.outbox, outboxKey(number))
        turn.outcome.finished.append((number, result))
    }

    func setPublication(_ publication: Publication?, _ turn: GroupTurn) throws {
        self.publication = publication
        if let publication {
            try turn.transaction.encode(publication, Tables.publications, number.key)
        } else {
            try turn.transaction.delete(Tables.publications, number.key)
        }
    }

    /// Writes the record; the last thing of a turn.
    func saveRecord(_ turn: GroupTurn) throws {
        try turn.transaction.encode(record, Tables.groups, number.key)
    }
}

extension RawSpan {
    /// The first byte of a span that has one.
    fileprivate var unsafeLoadFirst: UInt8 { unsafe unsafeLoad(as: UInt8.self) }
}
