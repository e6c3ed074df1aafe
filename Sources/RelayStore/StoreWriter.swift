internal import CLMDB
import Glibc
public import MLSCodec
public import MLSCrypto
public import RelayCore
public import RelayWire
import TLSPresentation

/// Writes the store: the state that `Relay` decides on, in one LMDB write transaction at a time.
///
/// Belongs to one thread; a store has one writer. `begin`, then `Relay.apply` any number of times, then `commit` (after
/// which all of it is durable) or `abort` (after which none of it happened).
public final class StoreWriter: RelayState {
    public typealias Failure = StoreError
    public static func corrupted(_ what: String) -> StoreError { .corrupted(what) }

    private let store: Store
    private var transaction: OpaquePointer?
    private var entries: OpaquePointer?
    /// Heads as this transaction sees them; they outlive it, since nobody else writes.
    private var heads: [LogNumber: CachedHead] = [:]
    /// Those of `heads` that this transaction has changed, each once.
    private var changedHeads: [LogNumber] = []
    /// The last payloads of logs as this transaction sees them.
    private var recent = RecentWindows()

    private struct CachedHead {
        var head: LogHead
        /// Is in `changedHeads`.
        var isChanged: Bool
    }

    /// Heads kept between transactions, about 130 bytes each.
    private static let maxHeadCount = 100_000

    public init(_ store: Store) {
        self.store = store
    }

    deinit { abort() }

    // MARK: Transactions

    public func begin() throws(StoreError) {
        precondition(transaction == nil, "one transaction at a time")
        try check(mdb_txn_begin(store.environment, nil, 0, &transaction), "mdb_txn_begin")
        let code = mdb_cursor_open(transaction, store.tables[.entries], &entries)
        if code != 0 {
            abort()
            try check(code, "mdb_cursor_open")
        }
    }

    /// Makes everything since `begin` durable, and says which logs have grown or changed.
    /// - Throws: nothing since `begin` has happened then.
    public func commit() throws(StoreError) -> [LogHead] {
        let snapshot = snapshot
        var changed: [LogHead] = []
        changed.reserveCapacity(changedHeads.count)
        do throws(StoreError) {
            for log in changedHeads {
                guard let head = heads[log]?.head else { preconditionFailure("a changed head is kept") }
                heads[log]?.isChanged = false
                try put(.heads, Key(log.rawValue), byteCount: HeadRecord.byteCount, snapshot.transaction) {
                    HeadRecord.write(head, to: $0)
                }
                changed.append(head)
            }
        } catch {
            abort()
            throw error
        }
        mdb_cursor_close(entries)
        let code = mdb_txn_commit(snapshot.transaction)
        (transaction, entries) = (nil, nil)
        if code != 0 {
            forget()
            try check(code, "mdb_txn_commit")
        }
        changedHeads.removeAll(keepingCapacity: true)
        if heads.count > Self.maxHeadCount { heads.removeAll(keepingCapacity: true) }
        recent.trim(to: store.configuration.maxDuplicateWindowEntries)
        return changed
    }

    /// Gives up everything since `begin`.
    public func abort() {
        if let entries { mdb_cursor_close(entries) }
        if let transaction { mdb_txn_abort(transaction) }
        (transaction, entries) = (nil, nil)
        forget()
    }

    /// What is kept in memory may be of a transaction that did not happen: it is read again when it is needed.
    private func forget() {
        heads.removeAll(keepingCapacity: true)
        changedHeads.removeAll(keepingCapacity: true)
        recent.removeAll()
    }

    private var snapshot: Snapshot {
        guard let transaction, let entries else { preconditionFailure("inside a transaction") }
        return Snapshot(transaction: transaction, entries: entries, tables: store.tables)
    }

    /// Writes a value in place, in LMDB's page.
    private func put(
        _ table: TableName, _ key: Key, byteCount: Int, _ transaction: OpaquePointer,
        _ write: (UnsafeMutableRawPointer) -> Void
    ) throws(StoreError) {
        var key = key
        var value = MDB_val(mv_size: byteCount, mv_data: nil)
        let code = key.withValue { mdb_put(transaction, store.tables[table], &$0, &value, UInt32(MDB_RESERVE)) }
        try check(code, "mdb_put \(table)")
        guard let target = value.mv_data else { preconditionFailure("MDB_RESERVE gives room") }
        write(target)
    }

    private func put(_ table: TableName, _ key: Key, _ number: UInt64) throws(StoreError) {
        try put(table, key, byteCount: 8, snapshot.transaction) { $0.storeBytes(of: number.bigEndian, as: UInt64.self) }
    }

    private func put(_ table: TableName, _ key: Key, _ bytes: [UInt8]) throws(StoreError) {
        try put(table, key, byteCount: bytes.count, snapshot.transaction) { target in
            bytes.withUnsafeBytes {
                UnsafeMutableRawBufferPointer(start: target, count: bytes.count).copyMemory(from: $0)
            }
        }
    }

    private func put(_ table: TableName, _ key: [UInt8], _ value: [UInt8]) throws(StoreError) {
        let transaction = snapshot.transaction
        let code = withValue(key) { key in
            withValue(value) { mdb_put(transaction, store.tables[table], &key, &$0, 0) }
        }
        try check(code, "mdb_put \(table)")
    }

    /// The next free number of a table whose keys are numbers.
    private func nextNumber(_ table: TableName) throws(StoreError) -> UInt64 {
        var opened: OpaquePointer?
        try check(mdb_cursor_open(snapshot.transaction, store.tables[table], &opened), "mdb_cursor_open")
        defer { mdb_cursor_close(opened) }
        var key = MDB_val()
        var value = MDB_val()
        let code = mdb_cursor_get(opened, &key, &value, MDB_LAST)
        if code == MDB_NOTFOUND { return 1 }
        try check(code, "mdb_cursor_get")
        guard key.mv_size == 8, key.number() < .max else {
            throw .corrupted("the last key of \(table) is not a number")
        }
        return key.number() + 1
    }

    // MARK: Records

    public func record(_ table: RecordTable, _ key: [UInt8]) throws(StoreError) -> [UInt8]? {
        try snapshot.record(table, key)
    }

    public func forEachRecord(
        _ table: RecordTable, prefix: [UInt8], after: [UInt8]?, _ body: ([UInt8], [UInt8]) throws(StoreError) -> Bool
    ) throws(StoreError) {
        try snapshot.forEachRecord(table, prefix: prefix, after: after, body)
    }

    public func setRecord(_ table: RecordTable, _ key: [UInt8], _ value: [UInt8]) throws(StoreError) {
        let transaction = snapshot.transaction
        let code = withValue(key) { key in
            withValue(value) { mdb_put(transaction, store.tables[table], &key, &$0, 0) }
        }
        try check(code, "mdb_put \(table)")
    }

    public func removeRecord(_ table: RecordTable, _ key: [UInt8]) throws(StoreError) {
        let transaction = snapshot.transaction
        let code = withValue(key) { mdb_del(transaction, store.tables[table], &$0, nil) }
        if code != MDB_NOTFOUND { try check(code, "mdb_del \(table)") }
    }

    // MARK: Logs

    public func name(of log: LogNumber) throws(StoreError) -> LogName? { try snapshot.name(of: log) }

    public func log(_ kind: LogKind, named name: RawSpan) throws(StoreError) -> LogNumber? {
        try snapshot.log(kind, named: name)
    }

    public func createLog(_ name: LogName, head: LogHead) throws(StoreError) -> LogNumber {
        let log = LogNumber(rawValue: try nextNumber(.names))
        let key = [name.kind.rawValue] + name.name
        try put(.logs, key, log.encoded)
        try put(.names, Key(log.rawValue), key)
        var head = head
        head.number = log
        try setHead(head)
        return log
    }

    public func head(of log: LogNumber) throws(StoreError) -> LogHead? {
        if let cached = heads[log] { return cached.head }
        guard let head = try snapshot.head(of: log) else { return nil }
        heads[log] = CachedHead(head: head, isChanged: false)
        return head
    }

    public func setHead(_ head: LogHead) throws(StoreError) {
        let earlier = heads.updateValue(CachedHead(head: head, isChanged: true), forKey: head.number)
        if earlier?.isChanged != true { changedHeads.append(head.number) }
    }

    public func append(
        _ header: EntryHeader, chain: SHA256Digest, payload: RawSpan, payloadHash: SHA256Digest
    ) throws(StoreError) {
        var key = Key(header.log.rawValue, header.sequenceNumber.rawValue)
        let frameByteCount = Entry.frameByteCount(payloadByteCount: payload.byteCount)
        var value = MDB_val(mv_size: EntryRecord.hashByteCount + frameByteCount, mv_data: nil)
        let code = key.withValue { mdb_cursor_put(entries, &$0, &value, UInt32(MDB_RESERVE | MDB_NOOVERWRITE)) }
        try check(code, "mdb_cursor_put")
        guard let target = value.mv_data else { preconditionFailure("MDB_RESERVE gives room") }
        payloadHash.copyBytes(to: target)
        Entry.writeFrame(to: target + EntryRecord.hashByteCount, header: header, chain: chain, payload: payload)
        recent.append(payloadHash, to: header.log, limit: store.configuration.duplicateWindow)
    }

    public func entry(with payloadHash: SHA256Digest, in log: LogNumber) throws(StoreError) -> SequenceNumber? {
        if !recent.holds(log) { recent.insert(try readRecent(log), for: log) }
        guard let found = recent.find(payloadHash, in: log), let head = try head(of: log), found >= head.first else {
            return nil
        }
        // The window knows half of the hash; the record has the whole.
        guard let record = try snapshot.record(found, in: log) else {
            throw .corrupted("log \(log) has no entry \(found)")
        }
        return EntryRecord.payloadHash(record) == payloadHash ? found : nil
    }

    /// The window of a log, read from its last entries.
    private func readRecent(_ log: LogNumber) throws(StoreError) -> RecentPayloads {
        guard let head = try head(of: log) else { throw .corrupted("log \(log) has no head") }
        let limit = store.configuration.duplicateWindow
        let kept = head.last.rawValue &- head.first.rawValue &+ 1
        let after = SequenceNumber(rawValue: head.last.rawValue - min(UInt64(limit), kept))
        var window = RecentPayloads(first: after.next)
        try snapshot.forEachRecord(in: log, after: after, through: head.last) { (_, record) in
            window.append(EntryRecord.payloadHash(record), limit: limit)
            return true
        }
        return window
    }

    public func storedEntry(_ sequenceNumber: SequenceNumber, in log: LogNumber) throws(StoreError) -> Entry? {
        try snapshot.entry(sequenceNumber, in: log)
    }

    public func storedDigest(_ sequenceNumber: SequenceNumber, in log: LogNumber) throws(StoreError) -> EntryDigest? {
        try snapshot.storedDigest(sequenceNumber, in: log)
    }

    public func forEachOutline(
        in log: LogNumber, after: SequenceNumber, through last: SequenceNumber,
        _ body: (EntryOutline) throws(StoreError) -> Bool
    ) throws(StoreError) {
        try snapshot.forEachOutline(in: log, after: after, through: last, body)
    }

    public func replaceByDigest(_ sequenceNumber: SequenceNumber, in log: LogNumber) throws(StoreError) {
        guard let digest = try snapshot.storedDigest(sequenceNumber, in: log) else {
            throw .corrupted("log \(log) has no entry \(sequenceNumber)")
        }
        let byteCount = EntryRecord.hashByteCount + EntryDigest.frameByteCount
        let key = Key(log.rawValue, sequenceNumber.rawValue)
        try put(.entries, key, byteCount: byteCount, snapshot.transaction) { target in
            digest.payloadHash.copyBytes(to: target)
            EntryDigest.writeFrame(
                to: target + EntryRecord.hashByteCount, header: digest.header, chain: digest.chain,
                payloadHash: digest.payloadHash)
        }
    }

    public func removeEntries(of log: LogNumber, through last: SequenceNumber) throws(StoreError) {
        guard var number = try head(of: log)?.first else { throw .corrupted("log \(log) has no head") }
        let transaction = snapshot.transaction
        while number <= last {
            var key = Key(log.rawValue, number.rawValue)
            try check(key.withValue { mdb_del(transaction, store.tables[.entries], &$0, nil) }, "mdb_del entries")
            number = number.next
        }
    }

    // MARK: Groups

    public func setCommit(
        _ sequenceNumber: SequenceNumber, ending epoch: Epoch, in log: LogNumber
    ) throws(StoreError) {
        try put(.commits, Key(log.rawValue, epoch.rawValue), sequenceNumber.rawValue)
    }

    public func removeCommit(ending epoch: Epoch, in log: LogNumber) throws(StoreError) {
        let transaction = snapshot.transaction
        var key = Key(log.rawValue, epoch.rawValue)
        let code = key.withValue { mdb_del(transaction, store.tables[.commits], &$0, nil) }
        if code != MDB_NOTFOUND { try check(code, "mdb_del commits") }
    }

    public func commit(ending epoch: Epoch, in log: LogNumber) throws(StoreError) -> SequenceNumber? {
        try snapshot.commit(ending: epoch, in: log)
    }

    public func setGroupInfo(_ message: RawSpan, of log: LogNumber) throws(StoreError) {
        try put(.groupInfos, Key(log.rawValue), byteCount: message.byteCount, snapshot.transaction) { target in
            message.withUnsafeBytes {
                UnsafeMutableRawBufferPointer(start: target, count: $0.count).copyMemory(from: $0)
            }
        }
    }

    public func groupInfo(of log: LogNumber) throws(StoreError) -> [UInt8]? { try snapshot.groupInfo(of: log) }

    // MARK: Clients

    public func setAcknowledged(_ position: Position, by client: ClientNumber) throws(StoreError) {
        try put(.acknowledged, Key(position.log.rawValue, client.rawValue), position.sequenceNumber.rawValue)
    }

    public func acknowledged(_ log: LogNumber, by client: ClientNumber) throws(StoreError) -> SequenceNumber {
        try snapshot.acknowledged(log, by: client)
    }

    // MARK: KeyPackages

    public func keyPackage(_ reference: [UInt8]) throws(StoreError) -> KeyPackagePosition? {
        try snapshot.keyPackage(reference)
    }

    public func setKeyPackage(_ position: KeyPackagePosition, reference: [UInt8]) throws(StoreError) {
        try put(.keyPackageRefs, reference, position.client.encoded + position.sequenceNumber.encoded)
    }

    public func pool(
        of client: ClientNumber, _ cipherSuite: CipherSuite, isLastResort: Bool, atMost limit: Int
    ) throws(StoreError) -> [PooledKeyPackage] {
        var pool: [PooledKeyPackage] = []
        let start = Key(
            client: client, cipherSuite: cipherSuite.rawValue, isLastResort: isLastResort, sequenceNumber: .zero)
        try snapshot.forEach(.keyPackages, from: start) { (key, value) throws(StoreError) in
            let pooled = try PooledKeyPackage(key: key, value: value)
            guard pool.count < limit, pooled.client == client, pooled.cipherSuite == cipherSuite,
                pooled.isLastResort == isLastResort
            else { return false }
            pool.append(pooled)
            return pool.count < limit
        }
        return pool
    }

    public func keyPackages(of client: ClientNumber) throws(StoreError) -> [PooledKeyPackage] {
        var found: [PooledKeyPackage] = []
        try snapshot.forEachKeyPackage(of: client) {
            found.append($0)
            return true
        }
        return found
    }

    public func insert(_ keyPackage: PooledKeyPackage) throws(StoreError) {
        try put(.keyPackages, Key(keyPackage), keyPackage.notAfter.encoded + keyPackage.reference)
    }

    public func remove(_ keyPackage: PooledKeyPackage) throws(StoreError) {
        var key = Key(keyPackage)
        let transaction = snapshot.transaction
        try check(key.withValue { mdb_del(transaction, store.tables[.keyPackages], &$0, nil) }, "mdb_del")
    }
}

extension Key {
    fileprivate init(_ keyPackage: PooledKeyPackage) {
        self.init(
            client: keyPackage.client, cipherSuite: keyPackage.cipherSuite.rawValue,
            isLastResort: keyPackage.isLastResort, sequenceNumber: keyPackage.sequenceNumber)
    }
}
