internal import CLMDB
import Glibc
import MLSCodec
public import MLSCrypto
public import RelayCore
public import RelayWire
public import TLSPresentation

/// Reads the store as it is at one moment.
///
/// Belongs to one thread. A reader keeps its place in LMDB's table of readers and one cursor, so that a snapshot costs
/// no allocation; it holds a transaction only inside `read`, because a page that a transaction might see cannot be
/// reused.
public final class StoreReader {
    private let store: Store
    private let transaction: OpaquePointer
    private let entries: OpaquePointer

    public init(_ store: Store) throws(StoreError) {
        self.store = store
        var begun: OpaquePointer?
        try check(mdb_txn_begin(store.environment, nil, UInt32(MDB_RDONLY), &begun), "mdb_txn_begin")
        guard let transaction = begun else { throw .failed(call: "mdb_txn_begin", code: ENOMEM) }
        var cursor: OpaquePointer?
        let code = mdb_cursor_open(transaction, store.tables[.entries], &cursor)
        guard code == 0, let cursor else {
            mdb_txn_abort(transaction)
            throw .failed(call: "mdb_cursor_open", code: code)
        }
        mdb_txn_reset(transaction)
        self.transaction = transaction
        entries = cursor
    }

    deinit {
        mdb_cursor_close(entries)
        mdb_txn_abort(transaction)
    }

    /// Calls `body` with the store as it is now. What `body` gets from the snapshot is valid only inside it.
    public func read<Result>(
        _ body: (borrowing Snapshot) throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        try check(mdb_txn_renew(transaction), "mdb_txn_renew")
        defer { mdb_txn_reset(transaction) }
        try check(mdb_cursor_renew(transaction, entries), "mdb_cursor_renew")
        return try body(Snapshot(transaction: transaction, entries: entries, tables: store.tables))
    }
}

/// The store at one moment, inside `StoreReader.read` or the writer's transaction.
public struct Snapshot: RecordReading, ~Copyable {
    public typealias Failure = StoreError
    public static func corrupted(_ what: String) -> StoreError { .corrupted(what) }

    let transaction: OpaquePointer
    /// A cursor over the entries.
    let entries: OpaquePointer
    let tables: TableHandles

    // MARK: Logs

    /// The number of the log with this name.
    public func log(_ kind: LogKind, named name: RawSpan) throws(StoreError) -> LogNumber? {
        // Longer than any name that is created, and maybe than LMDB's keys.
        guard name.byteCount <= WireLimits.maxGroupIDByteCount else { return nil }
        let value = withUnsafeTemporaryAllocation(byteCount: 1 + name.byteCount, alignment: 1) { key in
            key[0] = kind.rawValue
            name.withUnsafeBytes { bytes in UnsafeMutableRawBufferPointer(rebasing: key[1...]).copyMemory(from: bytes) }
            return get(.logs, MDB_val(mv_size: key.count, mv_data: key.baseAddress))
        }
        guard let value = try value.get() else { return nil }
        guard value.mv_size == 8 else { throw .corrupted("the number of a \(kind) log is not one") }
        return LogNumber(rawValue: value.number())
    }

    /// The name of a log.
    public func name(of log: LogNumber) throws(StoreError) -> LogName? {
        guard let value = try get(.names, Key(log.rawValue)) else { return nil }
        guard let first = value.bytes.first, let kind = LogKind(rawValue: first) else {
            throw .corrupted("the name of log \(log) is not one")
        }
        return LogName(kind: kind, name: Array(value.bytes.dropFirst()))
    }

    public func head(of log: LogNumber) throws(StoreError) -> LogHead? {
        guard let value = try get(.heads, Key(log.rawValue)) else { return nil }
        return try HeadRecord.read(value.bytes, log: log)
    }

    /// Calls `body` with the frame of each entry behind `after`, in order, until `last` or until `body` returns false.
    ///
    /// A frame is what subscribers receive, byte for byte, in LMDB's pages; it is not checked here.
    public func forEachFrame(
        in log: LogNumber, after: SequenceNumber, through last: SequenceNumber,
        _ body: (SequenceNumber, UnsafeRawBufferPointer) throws(StoreError) -> Bool
    ) throws(StoreError) {
        try forEachRecord(in: log, after: after, through: last) { (number, record) throws(StoreError) in
            try body(number, EntryRecord.frame(record))
        }
    }

    /// As `forEachFrame`, with what is known of an entry beside its frame.
    public func forEachStoredFrame(
        in log: LogNumber, after: SequenceNumber, through last: SequenceNumber,
        _ body: (SequenceNumber, StoredFrame) throws(StoreError) -> Bool
    ) throws(StoreError) {
        try forEachRecord(in: log, after: after, through: last) { (number, record) throws(StoreError) in
            try body(number, try StoredFrame(record, number, in: log))
        }
    }

    func forEachRecord(
        in log: LogNumber, after: SequenceNumber, through last: SequenceNumber,
        _ body: (SequenceNumber, UnsafeRawBufferPointer) throws(StoreError) -> Bool
    ) throws(StoreError) {
        guard after < last else { return }
        var start = Key(log.rawValue, after.next.rawValue)
        var record = MDB_val()
        var key = MDB_val()
        var code = start.withValue { lent in
            key = lent
            return mdb_cursor_get(entries, &key, &record, MDB_SET_RANGE)
        }
        while code == 0 {
            guard key.mv_size == 16, record.mv_size > EntryRecord.hashByteCount else {
                throw .corrupted("an entry behind \(after) of log \(log) is not one")
            }
            let number = SequenceNumber(rawValue: key.number(at: 8))
            guard key.number() == log.rawValue, number <= last else { return }
            guard try body(number, record.bytes) else { return }
            code = mdb_cursor_get(entries, &key, &record, MDB_NEXT)
        }
        if code != MDB_NOTFOUND { try check(code, "mdb_cursor_get") }
    }

    /// The stored record of an entry.
    func record(_ sequenceNumber: SequenceNumber, in log: LogNumber) throws(StoreError) -> UnsafeRawBufferPointer? {
        guard let value = try get(.entries, Key(log.rawValue, sequenceNumber.rawValue)) else { return nil }
        guard value.mv_size > EntryRecord.hashByteCount else {
            throw .corrupted("entry \(sequenceNumber) of log \(log) is not one")
        }
        return value.bytes
    }

    public func storedEntry(_ sequenceNumber: SequenceNumber, in log: LogNumber) throws(StoreError) -> Entry? {
        try entry(sequenceNumber, in: log)
    }

    public func storedDigest(_ sequenceNumber: SequenceNumber, in log: LogNumber) throws(StoreError) -> EntryDigest? {
        guard let record = try record(sequenceNumber, in: log) else { return nil }
        return try StoredFrame(record, sequenceNumber, in: log).digest
    }

    /// An entry, decoded and copied; nil where there is none, or its payload is gone.
    public func entry(_ sequenceNumber: SequenceNumber, in log: LogNumber) throws(StoreError) -> Entry? {
        guard let record = try record(sequenceNumber, in: log) else { return nil }
        let stored: StoredEntry
        do throws(DecodingError) {
            stored = try Self.decodeStored(EntryRecord.frame(record))
        } catch {
            throw .corrupted("entry \(sequenceNumber) of log \(log): \(error)")
        }
        guard stored.header.log == log, stored.header.sequenceNumber == sequenceNumber else {
            throw .corrupted(
                "entry \(sequenceNumber) of log \(log) says it is \(stored.header.sequenceNumber) of \(stored.header.log)"
            )
        }
        return if case .whole(let entry) = stored { entry } else { nil }
    }

    public func forEachOutline(
        in log: LogNumber, after: SequenceNumber, through last: SequenceNumber,
        _ body: (EntryOutline) throws(StoreError) -> Bool
    ) throws(StoreError) {
        try forEachRecord(in: log, after: after, through: last) { (number, record) throws(StoreError) in
            let frame = try StoredFrame(record, number, in: log)
            guard frame.hasPayload else { return try body(EntryOutline(frame.digest)) }
            let payload: EntryOutline
            do throws(DecodingError) {
                payload = try frame.withPayload { payload in
                    let digest = frame.digest
                    return EntryOutline(
                        digest.header, chain: digest.chain, payloadHash: digest.payloadHash, payload: payload)
                }
            } catch {
                throw .corrupted("entry \(number) of log \(log): \(error)")
            }
            return try body(payload)
        }
    }

    /// An entry as it is stored: with its payload, or without.
    public enum StoredEntry: Hashable, Sendable {
        case whole(Entry)
        case digest(EntryDigest)

        public var header: EntryHeader {
            switch self {
            case .whole(let entry): entry.header
            case .digest(let digest): digest.header
            }
        }

        public var chain: SHA256Digest {
            switch self {
            case .whole(let entry): entry.chain
            case .digest(let digest): digest.chain
            }
        }
    }

    /// Decodes the frame of an entry that is stored, length included.
    public static func decodeStored(_ frame: UnsafeRawBufferPointer) throws(DecodingError) -> StoredEntry {
        var reader = Reader(RawSpan(_unsafeBytes: frame))
        var body = try reader.vectorReader()
        try reader.expectEnd()
        let header = try FrameHeader(from: &body)
        let stored: StoredEntry
        switch header {
        case FrameHeader(type: .entry, requestID: .none): stored = .whole(try Entry(from: &body))
        case FrameHeader(type: .entryDigest, requestID: .none): stored = .digest(try EntryDigest(from: &body))
        default: throw body.error(.invalidField("frame header"))
        }
        try body.expectEnd()
        return stored
    }

    /// Numbers of all logs, ascending, behind `after`, at most `limit`.
    public func logs(after: LogNumber = .none, limit: Int = .max) throws(StoreError) -> [LogNumber] {
        var logs: [LogNumber] = []
        try forEach(.names, after: after.encoded) { (key, _) throws(StoreError) in
            guard key.count == 8 else { throw .corrupted("a log's number is not one") }
            logs.append(LogNumber(rawValue: UInt64(bigEndian: key.loadUnaligned(as: UInt64.self))))
            return logs.count < limit
        }
        return logs
    }

    /// Calls `body` with the logs of a kind by name, ascending, those behind `after`.
    public func forEachLog(
        _ kind: LogKind, after name: [UInt8]? = nil, _ body: (LogName, LogNumber) throws(StoreError) -> Bool
    ) throws(StoreError) {
        // Before the first name of a kind stands the last that the kind before can have.
        let last =
            name.map { [kind.rawValue] + $0 }
            ?? [kind.rawValue - 1] + [UInt8](repeating: 0xff, count: WireLimits.maxGroupIDByteCount)
        try forEach(.logs, after: last) { (key, value) throws(StoreError) in
            guard key.first == kind.rawValue else { return false }
            guard value.count == 8 else { throw .corrupted("the number of a \(kind) log is not one") }
            return try body(LogName(kind: kind, name: Array(key.dropFirst())), LogNumber(rawValue: value.number(0)))
        }
    }

    // MARK: Groups

    public func commit(ending epoch: Epoch, in log: LogNumber) throws(StoreError) -> SequenceNumber? {
        try number(.commits, Key(log.rawValue, epoch.rawValue)).map(SequenceNumber.init(rawValue:))
    }

    /// Calls `body` with each epoch that a commit has ended, ascending.
    public func forEachCommit(
        in log: LogNumber, _ body: (Epoch, SequenceNumber) throws(StoreError) -> Bool
    ) throws(StoreError) {
        try forEach(.commits, from: Key(log.rawValue, 0)) { (key, value) throws(StoreError) in
            guard key.count == 16, value.count == 8 else {
                throw .corrupted("a commit's place in log \(log) is not one")
            }
            guard key.number(0) == log.rawValue else { return false }
            return try body(Epoch(rawValue: key.number(8)), SequenceNumber(rawValue: value.number(0)))
        }
    }

    /// The newest GroupInfo of a group, an MLSMessage.
    public func groupInfo(of log: LogNumber) throws(StoreError) -> [UInt8]? {
        try get(.groupInfos, Key(log.rawValue)).map { Array($0.bytes) }
    }

    /// Calls `body` with each group that has a GroupInfo, ascending, and the GroupInfo's bytes, valid for the call.
    public func forEachGroupInfo(
        after: LogNumber = .none, _ body: (LogNumber, UnsafeRawBufferPointer) throws(StoreError) -> Bool
    ) throws(StoreError) {
        try forEach(.groupInfos, after: after.encoded) { (key, value) throws(StoreError) in
            guard key.count == 8 else { throw .corrupted("the key of a GroupInfo is not one") }
            return try body(LogNumber(rawValue: key.number(0)), value)
        }
    }

    // MARK: Clients

    /// Calls `body` with every client, ascending.
    public func forEachClient(
        after: ClientNumber = .relay, _ body: (ClientNumber, ClientRecord) throws(StoreError) -> Bool
    ) throws(StoreError) {
        try forEach(Tables.clients, after: after, body)
    }

    public func acknowledged(_ log: LogNumber, by client: ClientNumber) throws(StoreError) -> SequenceNumber {
        try number(.acknowledged, Key(log.rawValue, client.rawValue)).map(SequenceNumber.init(rawValue:)) ?? .zero
    }

    /// Calls `body` with each client that has acknowledged entries of a log, ascending.
    public func forEachAcknowledgement(
        in log: LogNumber, _ body: (ClientNumber, SequenceNumber) throws(StoreError) -> Bool
    ) throws(StoreError) {
        try forEach(.acknowledged, from: Key(log.rawValue, 0)) { (key, value) throws(StoreError) in
            guard key.count == 16, value.count == 8 else {
                throw .corrupted("an acknowledgement of log \(log) is not one")
            }
            guard key.number(0) == log.rawValue else { return false }
            return try body(ClientNumber(rawValue: key.number(8)), SequenceNumber(rawValue: value.number(0)))
        }
    }

    // MARK: KeyPackages

    /// Whose KeyPackage this is, handed out or not.
    public func keyPackage(_ reference: [UInt8]) throws(StoreError) -> KeyPackagePosition? {
        // A reference is a hash: longer than any, it is none of ours, and LMDB would not take it.
        guard (1...64).contains(reference.count) else { return nil }
        let value = withValue(reference) { get(.keyPackageRefs, $0) }
        guard let value = try value.get() else { return nil }
        guard value.mv_size == 16 else { throw .corrupted("the place of a KeyPackage is not one") }
        return KeyPackagePosition(
            client: ClientNumber(rawValue: value.number()),
            sequenceNumber: SequenceNumber(rawValue: value.number(at: 8)))
    }

    /// Calls `body` with what a client's pools hold, by suite, in the order of handing out, last-resort ones at the end
    /// of their suite. A nil client means every client's.
    public func forEachKeyPackage(
        of client: ClientNumber?, _ body: (PooledKeyPackage) throws(StoreError) -> Bool
    ) throws(StoreError) {
        try forEach(.keyPackages, from: Key(client?.rawValue ?? 0)) { (key, value) throws(StoreError) in
            let pooled = try PooledKeyPackage(key: key, value: value)
            if let client, pooled.client != client { return false }
            return try body(pooled)
        }
    }

    /// Calls `body` with every KeyPackageRef there ever was, ascending, and where the KeyPackage stands.
    public func forEachKeyPackageReference(
        _ body: ([UInt8], KeyPackagePosition) throws(StoreError) -> Bool
    ) throws(StoreError) {
        try forEach(.keyPackageRefs, after: nil) { (key, value) throws(StoreError) in
            guard value.count == 16 else { throw .corrupted("the place of a KeyPackage is not one") }
            let position = KeyPackagePosition(
                client: ClientNumber(rawValue: value.number(0)),
                sequenceNumber: SequenceNumber(rawValue: value.number(8)))
            return try body(Array(key), position)
        }
    }

    // MARK: Sizes

    /// How large a table is.
    public struct TableSize: Hashable, Sendable {
        public var name: String
        public var rowCount: Int
        /// Bytes of its pages, partly filled ones included.
        public var byteCount: Int
        /// Pages from the root to a row.
        public var depth: Int
    }

    public var tableSizes: [TableSize] {
        get throws(StoreError) {
            try TableName.allCases.map { (table) throws(StoreError) in try size(of: tables[table], table.rawValue) }
                + RecordTable.allCases.map { (table) throws(StoreError) in try size(of: tables[table], table.name) }
        }
    }

    /// Bytes of pages that are free for reuse, or will be when no reader can see them any more.
    public var freeByteCount: Int {
        get throws(StoreError) {
            // LMDB's own table of free pages has the handle 0. A value is a list of pages, its length before it.
            var pageCount = 0
            let pageByteCount = Int(try stat(of: 0, "free pages").ms_psize)
            var opened: OpaquePointer?
            try check(mdb_cursor_open(transaction, 0, &opened), "mdb_cursor_open")
            defer { mdb_cursor_close(opened) }
            var key = MDB_val()
            var value = MDB_val()
            var code = mdb_cursor_get(opened, &key, &value, MDB_FIRST)
            while code == 0 {
                guard value.mv_size >= MemoryLayout<Int>.size else {
                    throw .corrupted("a list of free pages is not one")
                }
                pageCount += value.bytes.loadUnaligned(as: Int.self)
                code = mdb_cursor_get(opened, &key, &value, MDB_NEXT)
            }
            if code != MDB_NOTFOUND { try check(code, "mdb_cursor_get") }
            return pageCount * pageByteCount
        }
    }

    private func stat(of table: MDB_dbi, _ name: String) throws(StoreError) -> MDB_stat {
        var stat = MDB_stat()
        try check(mdb_stat(transaction, table, &stat), "mdb_stat \(name)")
        return stat
    }

    private func size(of table: MDB_dbi, _ name: String) throws(StoreError) -> TableSize {
        let stat = try stat(of: table, name)
        return TableSize(
            name: name, rowCount: stat.ms_entries,
            byteCount: (stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages) * Int(stat.ms_psize),
            depth: Int(stat.ms_depth))
    }

    /// How many rows a table has.
    func rowCount(of table: TableName) throws(StoreError) -> Int {
        try stat(of: tables[table], table.rawValue).ms_entries
    }

    func rowCount(of table: RecordTable) throws(StoreError) -> Int {
        try stat(of: tables[table], table.name).ms_entries
    }

    // MARK: Records

    public func record(_ table: RecordTable, _ key: [UInt8]) throws(StoreError) -> [UInt8]? {
        // Longer than LMDB's keys, there is none.
        guard (1...511).contains(key.count) else { return nil }
        let value = withValue(key) { find(tables[table], $0, table.name) }
        return try value.get().map { Array($0.bytes) }
    }

    public func forEachRecord(
        _ table: RecordTable, prefix: [UInt8], after: [UInt8]?, _ body: ([UInt8], [UInt8]) throws(StoreError) -> Bool
    ) throws(StoreError) {
        let cursor = try openCursor(tables[table])
        defer { mdb_cursor_close(cursor) }
        let last = after.flatMap { $0.lexicographicallyPrecedes(prefix) ? nil : $0 }
        try walk(cursor, behind: last, from: prefix) { (key, value) throws(StoreError) in
            guard key.starts(with: prefix) else { return false }
            return try body(Array(key), Array(value))
        }
    }

    // MARK: Access to tables

    func get(_ table: TableName, _ key: MDB_val) -> Swift.Result<MDB_val?, StoreError> {
        find(tables[table], key, table.rawValue)
    }

    private func find(_ handle: MDB_dbi, _ key: MDB_val, _ table: String) -> Swift.Result<MDB_val?, StoreError> {
        var key = key
        var value = MDB_val()
        switch mdb_get(transaction, handle, &key, &value) {
        case 0: return .success(value)
        case MDB_NOTFOUND: return .success(nil)
        case let code:
            do throws(StoreError) {
                try check(code, "mdb_get \(table)")
                return .success(nil)
            } catch {
                return .failure(error)
            }
        }
    }

    func get(_ table: TableName, _ key: Key) throws(StoreError) -> MDB_val? {
        var key = key
        return try key.withValue { get(table, $0) }.get()
    }

    func get(_ table: TableName, _ key: [UInt8]) throws(StoreError) -> MDB_val? {
        try withValue(key) { get(table, $0) }.get()
    }

    func number(_ table: TableName, _ key: Key) throws(StoreError) -> UInt64? {
        guard let value = try get(table, key) else { return nil }
        guard value.mv_size == 8 else { throw .corrupted("a value of \(table) is not a number") }
        return value.number()
    }

    typealias PairBody = (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws(StoreError) -> Bool

    /// Calls `body` with every pair from `first` on, ascending, until it returns false.
    func forEach(_ table: TableName, from first: Key, _ body: PairBody) throws(StoreError) {
        let cursor = try openCursor(tables[table])
        defer { mdb_cursor_close(cursor) }
        var first = first
        var key = MDB_val()
        var value = MDB_val()
        let code = first.withValue { lent in
            key = lent
            return mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE)
        }
        try walk(cursor, code, &key, &value, body)
    }

    /// Calls `body` with every pair behind `last`, or every pair, ascending, until it returns false.
    func forEach(_ table: TableName, after last: [UInt8]?, _ body: PairBody) throws(StoreError) {
        let cursor = try openCursor(tables[table])
        defer { mdb_cursor_close(cursor) }
        try walk(cursor, behind: last, from: [], body)
    }

    /// Every pair behind `last` or, if that is nil, from the key `first` on.
    private func walk(
        _ cursor: OpaquePointer, behind last: [UInt8]?, from first: [UInt8], _ body: PairBody
    ) throws(StoreError) {
        var key = MDB_val()
        var value = MDB_val()
        var code: Int32
        let start = last ?? first
        if start.isEmpty {
            // LMDB takes no empty key.
            code = mdb_cursor_get(cursor, &key, &value, MDB_FIRST)
        } else {
            code = withValue(start) { lent in
                key = lent
                return mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE)
            }
        }
        if let last, code == 0, key.bytes.elementsEqual(last) {
            code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)
        }
        try walk(cursor, code, &key, &value, body)
    }

    private func openCursor(_ table: MDB_dbi) throws(StoreError) -> OpaquePointer {
        var opened: OpaquePointer?
        try check(mdb_cursor_open(transaction, table, &opened), "mdb_cursor_open")
        guard let cursor = opened else { throw .failed(call: "mdb_cursor_open", code: ENOMEM) }
        return cursor
    }

    /// Goes on with what a first `mdb_cursor_get` returned and found.
    private func walk(
        _ cursor: OpaquePointer, _ code: Int32, _ key: inout MDB_val, _ value: inout MDB_val, _ body: PairBody
    ) throws(StoreError) {
        var code = code
        while code == 0 {
            guard try body(key.bytes, value.bytes) else { return }
            code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)
        }
        if code != MDB_NOTFOUND { try check(code, "mdb_cursor_get") }
    }
}

extension PooledKeyPackage {
    init(key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) throws(StoreError) {
        guard key.count == 19, key[10] <= 1 else { throw .corrupted("the key of a pooled KeyPackage is not one") }
        guard value.count > 8 else { throw .corrupted("a pooled KeyPackage is none") }
        self.init(
            client: ClientNumber(rawValue: key.number(0)),
            cipherSuite: CipherSuite(rawValue: UInt16(key[8]) << 8 | UInt16(key[9])), isLastResort: key[10] == 1,
            sequenceNumber: SequenceNumber(rawValue: key.number(11)), notAfter: Timestamp(rawValue: value.number(0)),
            reference: Array(value.dropFirst(8)))
    }
}

extension UnsafeRawBufferPointer {
    /// The big-endian number at `offset`, whose bytes the caller has checked to be there.
    func number(_ offset: Int) -> UInt64 { UInt64(bigEndian: loadUnaligned(fromByteOffset: offset, as: UInt64.self)) }
}
