internal import CLMDB
import Glibc
import MLSCrypto
import TLSPresentation

/// An open LMDB environment: the tables of a store, and what encrypts their values. Closed when it ends.
@safe final class StoreEnvironment {
    let pointer: OpaquePointer
    private var handles: [StoreTable: MDB_dbi] = [:]
    private var cipher: RecordCipher

    /// Opens the environment in `directory`, or makes it. The directory is locked by the caller.
    /// - Throws: `keyWrong`, `formatUnknown`, `damaged`, `full`, `failed`.
    init(
        _ directory: String, key: StoreKey, tables: [StoreTable], configuration: ClientStoreConfiguration
    ) throws(ClientStoreError) {
        cipher = RecordCipher(key: key.secret)
        var created: OpaquePointer?
        unsafe try LMDB.check(mdb_env_create(&created), "mdb_env_create")
        guard let created = unsafe created else { throw .failed(call: "mdb_env_create", code: ENOMEM) }
        unsafe pointer = unsafe created
        try open(directory, tableCount: tables.count, configuration)
        try openTables(tables)
        if configuration.isDurable { try DirectoryLock.synchronize(directory) }
    }

    deinit { unsafe mdb_env_close(pointer) }

    private func open(
        _ directory: String, tableCount: Int, _ configuration: ClientStoreConfiguration
    ) throws(ClientStoreError) {
        // One more: the store's own.
        unsafe try LMDB.check(mdb_env_set_maxdbs(pointer, UInt32(tableCount + 1)), "mdb_env_set_maxdbs")
        unsafe try LMDB.check(mdb_env_set_mapsize(pointer, configuration.maxByteCount), "mdb_env_set_mapsize")
        // NOLOCK: `DirectoryLock` keeps everybody else away, and a read never lasts while something is written.
        // Not NOMEMINIT: memory that LMDB does not clear would go to the disk as it is, with others' secrets.
        let flags = UInt32(MDB_NOLOCK) | (configuration.isDurable ? 0 : UInt32(MDB_NOSYNC))
        unsafe try LMDB.check(mdb_env_open(pointer, directory, flags, 0o600), "mdb_env_open")
        try restoreSize()
    }

    /// Makes the file as long as LMDB believes it is. A page behind the end would end the process when it is looked at;
    /// a page of zeros is an error that LMDB tells.
    private func restoreSize() throws(ClientStoreError) {
        var info = unsafe MDB_envinfo()
        var statistics = MDB_stat()
        var file: mdb_filehandle_t = -1
        unsafe try LMDB.check(mdb_env_info(pointer, &info), "mdb_env_info")
        unsafe try LMDB.check(mdb_env_stat(pointer, &statistics), "mdb_env_stat")
        unsafe try LMDB.check(mdb_env_get_fd(pointer, &file), "mdb_env_get_fd")
        // Numbers from the file: any.
        let (pageCount, hasNoCount) = unsafe info.me_last_pgno.addingReportingOverflow(1)
        let (byteCount, isTooLarge) = pageCount.multipliedReportingOverflow(by: Int(statistics.ms_psize))
        guard !hasNoCount, !isTooLarge, byteCount >= 0, unsafe byteCount <= info.me_mapsize else {
            throw .damaged("it has more pages than fit")
        }
        var status = stat()
        guard unsafe fstat(file, &status) == 0 else { return try LMDB.check(errno, "fstat") }
        if status.st_size < byteCount, ftruncate(file, byteCount) != 0 { try LMDB.check(errno, "ftruncate") }
    }

    // MARK: Tables

    /// The format of what this program writes. It changes when an older program would misread what is stored.
    static let format: UInt32 = 1
    private static let formatKey = Array("format".utf8)
    /// The key of a record that only the right key of the store opens.
    private static let checkKey = Array("key".utf8)

    private func openTables(_ tables: [StoreTable]) throws(ClientStoreError) {
        let transaction = unsafe try LMDBTransaction(pointer, isReading: false)
        let meta = try transaction.openTable(StoreTable.reservedName)
        if let format = try transaction.get(meta, Self.formatKey, { [UInt8]($0) }) {
            try check(format)
            try checkKey(transaction, meta)
        } else {
            try transaction.put(meta, Self.formatKey, Self.format.encoded)
            let record = seal(RawSpan(), StoreTable.reservedName, Self.checkKey)
            try transaction.put(meta, Self.checkKey, record)
        }
        for table in tables { handles[table] = try transaction.openTable(table.name) }
        try transaction.commit()
    }

    private func check(_ format: [UInt8]) throws(ClientStoreError) {
        guard format.count == 4 else { throw .damaged("the format is no number") }
        let number = format.reduce(0) { $0 << 8 | UInt32($1) }
        if number != Self.format { throw .formatUnknown(number) }
    }

    private func checkKey(_ transaction: LMDBTransaction, _ meta: MDB_dbi) throws(ClientStoreError) {
        let isRight = try transaction.get(meta, Self.checkKey) { record in
            open(record, StoreTable.reservedName, Self.checkKey) != nil
        }
        guard let isRight else { throw .damaged("no record of the key") }
        if !isRight { throw .keyWrong }
    }

    /// - Precondition: the table is one that the store was opened with.
    func handle(_ table: StoreTable) -> MDB_dbi {
        guard let handle = handles[table] else { preconditionFailure("the table \(table.name) was not opened") }
        return handle
    }

    // MARK: Values

    /// The sealed record of a value, which opens for the same table and key only.
    func seal(_ value: RawSpan, _ table: String, _ key: [UInt8]) -> [UInt8] {
        let place = Self.place(table, key)
        return cipher.seal(value, authenticating: place.rawSpan)
    }

    /// The value of a sealed record; nil where it is not one of this table and key.
    func open(_ record: RawSpan, _ table: String, _ key: [UInt8]) -> SharedSecret? {
        let place = Self.place(table, key)
        do throws(CryptoError) {
            return try cipher.open(record, authenticating: place.rawSpan)
        } catch {
            return nil
        }
    }

    /// `struct { opaque table<V>; opaque key[...]; }`: what a record is authenticated with.
    private static func place(_ table: String, _ key: [UInt8]) -> [UInt8] {
        var writer = Writer()
        writer.opaque(table.utf8)
        writer.raw(key)
        return writer.bytes
    }
}
