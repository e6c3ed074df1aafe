internal import CLMDB
import Glibc

/// A transaction of LMDB's: it commits once, or is given up.
@safe final class LMDBTransaction {
    /// Nil once it has committed or was given up.
    private var open: OpaquePointer?

    /// - Throws: `failed`, `damaged`.
    init(_ environment: OpaquePointer, isReading: Bool) throws(ClientStoreError) {
        let flags = isReading ? UInt32(MDB_RDONLY) : 0
        unsafe try LMDB.check(mdb_txn_begin(environment, nil, flags, &open), "mdb_txn_begin")
    }

    deinit { abort() }

    /// - Precondition: it has neither committed nor was given up.
    var pointer: OpaquePointer {
        guard let open = unsafe open else { preconditionFailure("used inside of the call that gave the transaction") }
        return unsafe open
    }

    /// Makes what was written durable, as far as the environment does.
    /// - Throws: nothing was written then.
    func commit() throws(ClientStoreError) {
        let pointer = unsafe pointer
        // Whether it succeeds or fails, LMDB frees the transaction.
        unsafe open = nil
        unsafe try LMDB.check(mdb_txn_commit(pointer), "mdb_txn_commit")
    }

    /// Gives up what was not committed.
    func abort() {
        unsafe mdb_txn_abort(open)
        unsafe open = nil
    }

    /// The handle of a table, which is made where it is missing.
    func openTable(_ name: String) throws(ClientStoreError) -> MDB_dbi {
        var handle: MDB_dbi = 0
        unsafe try LMDB.check(mdb_dbi_open(pointer, name, UInt32(MDB_CREATE), &handle), "mdb_dbi_open \(name)")
        var flags: UInt32 = 0
        unsafe try LMDB.check(mdb_dbi_flags(pointer, handle, &flags), "mdb_dbi_flags")
        // LMDB takes a table as the file says it is: with values side by side, or keys in another order.
        if flags != 0 { throw .damaged("the table \(name) is of another kind") }
        return handle
    }

    /// What `body` makes of the value at a key, whose bytes are valid for the call; nil where there is none.
    func get<Result>(
        _ table: MDB_dbi, _ key: [UInt8], _ body: (RawSpan) -> Result
    ) throws(ClientStoreError) -> Result? {
        try Self.check(key)
        var value = unsafe MDB_val()
        let code = unsafe LMDB.withValue(key) { unsafe mdb_get(pointer, table, &$0, &value) }
        if code == MDB_NOTFOUND { return nil }
        try LMDB.check(code, "mdb_get")
        return unsafe body(value.buffer.bytes)
    }

    func put(_ table: MDB_dbi, _ key: [UInt8], _ value: [UInt8]) throws(ClientStoreError) {
        try Self.check(key)
        let code = unsafe LMDB.withValue(key) { key in
            unsafe LMDB.withValue(value) { unsafe mdb_put(pointer, table, &key, &$0, 0) }
        }
        try LMDB.check(code, "mdb_put")
    }

    /// Whether there was something to delete.
    func delete(_ table: MDB_dbi, _ key: [UInt8]) throws(ClientStoreError) -> Bool {
        try Self.check(key)
        let code = unsafe LMDB.withValue(key) { unsafe mdb_del(pointer, table, &$0, nil) }
        if code == MDB_NOTFOUND { return false }
        try LMDB.check(code, "mdb_del")
        return true
    }

    /// Not every call of LMDB's finds out by itself.
    private static func check(_ key: [UInt8]) throws(ClientStoreError) {
        guard (1...LMDB.maxKeyByteCount).contains(key.count) else {
            throw .failed(call: "a key of \(key.count) bytes", code: MDB_BAD_VALSIZE)
        }
    }
}
