internal import CLMDB
import Glibc

/// A place in a table, which moves from key to key within a range. Ends before its transaction.
@safe struct LMDBCursor: ~Copyable {
    private let pointer: OpaquePointer
    private let range: KeyRange
    private let isReversed: Bool
    private var hasBegun = false
    private var key = unsafe MDB_val()
    private var record = unsafe MDB_val()

    /// Before the first key of a range, or behind the last where it is reversed.
    init(
        _ transaction: LMDBTransaction, _ table: MDB_dbi, _ range: KeyRange, isReversed: Bool = false
    ) throws(ClientStoreError) {
        var opened: OpaquePointer?
        unsafe try LMDB.check(mdb_cursor_open(transaction.pointer, table, &opened), "mdb_cursor_open")
        guard let opened = unsafe opened else { throw .failed(call: "mdb_cursor_open", code: ENOMEM) }
        unsafe pointer = unsafe opened
        self.range = range
        self.isReversed = isReversed
    }

    deinit { unsafe mdb_cursor_close(pointer) }

    /// Goes to the next key of the range; false where there is none.
    mutating func advance() throws(ClientStoreError) -> Bool {
        let code = hasBegun ? move(isReversed ? MDB_PREV : MDB_NEXT) : isReversed ? moveToLast() : moveToFirst()
        hasBegun = true
        if code == MDB_NOTFOUND { return false }
        try LMDB.check(code, "mdb_cursor_get")
        return unsafe range.contains(key.buffer)
    }

    /// The key that the cursor is at.
    var currentKey: [UInt8] { unsafe [UInt8](key.buffer) }

    /// The value there, valid until the next write.
    var currentRecord: UnsafeRawBufferPointer { unsafe record.buffer }

    /// Deletes what the cursor is at; it then stands before what follows.
    mutating func delete() throws(ClientStoreError) {
        unsafe try LMDB.check(mdb_cursor_del(pointer, 0), "mdb_cursor_del")
    }

    private mutating func moveToFirst() -> Int32 { seek(range.lower) }

    private mutating func moveToLast() -> Int32 {
        guard let upper = range.upper else { return move(MDB_LAST) }
        let code = seek(upper)
        if code == MDB_NOTFOUND { return move(MDB_LAST) }
        return code == 0 ? move(MDB_PREV) : code
    }

    /// Goes to the first key that is `target` or behind it.
    private mutating func seek(_ target: [UInt8]) -> Int32 {
        // LMDB does not know an empty key, before which all others stand.
        if target.isEmpty { return move(MDB_FIRST) }
        let pointer = unsafe pointer
        var found = unsafe MDB_val()
        var value = unsafe MDB_val()
        let code = unsafe LMDB.withValue(target) { target in
            let code = unsafe mdb_cursor_get(pointer, &target, &value, MDB_SET_RANGE)
            // Now in LMDB's page, no longer in `target`'s own memory.
            unsafe found = unsafe target
            return code
        }
        unsafe (key, record) = unsafe (found, value)
        return code
    }

    private mutating func move(_ operation: MDB_cursor_op) -> Int32 {
        unsafe mdb_cursor_get(pointer, &key, &record, operation)
    }
}
