internal import CLMDB
import Glibc
import RelayCore
import RelayWire

/// A relay's data directory: an LMDB environment with the logs and tables of `TableName`.
///
/// One process at a time opens it for writing, and holds `relay.lock`; any number read it at the same time.
// @unchecked: the environment's pointer is used only through LMDB calls that may come from any thread, and the tables'
// handles never change.
public final class Store: @unchecked Sendable {
    /// The format of what this program writes. It changes when an older program would misread what is stored.
    public static let format: UInt32 = 2

    public enum Access: Sendable {
        /// To append; takes the lock, and creates the store where there is none.
        case relay
        /// To read, beside a running relay or not.
        case inspector
    }

    public let directory: String
    public let configuration: StoreConfiguration
    let environment: OpaquePointer
    let tables: TableHandles
    private let lock: Int32
    /// The data file, opened once more for `writeAhead`; -1 for an inspector.
    let aheadDescriptor: Int32

    /// Opens the store in `directory`.
    /// - Throws: `inUse`, `missing` (inspector), `formatUnknown`, or what the disk says.
    public init(_ directory: String, access: Access, configuration: StoreConfiguration = .init()) throws(StoreError) {
        self.directory = directory
        self.configuration = configuration
        lock = access == .relay ? try Self.takeLock(directory) : -1
        var opened: OpaquePointer?
        do throws(StoreError) {
            environment = try Self.open(directory, access: access, configuration: configuration, keeping: &opened)
            if access == .relay { try check(mdb_reader_check(environment, nil), "mdb_reader_check") }
            tables = try Self.openTables(environment, directory: directory, access: access)
        } catch {
            if let opened { mdb_env_close(opened) }
            Self.releaseLock(lock)
            throw error
        }
        aheadDescriptor = access == .relay ? Glibc.open(directory + "/data.mdb", O_WRONLY | O_CLOEXEC) : -1
    }

    deinit {
        mdb_env_close(environment)
        if aheadDescriptor >= 0 { close(aheadDescriptor) }
        Self.releaseLock(lock)
    }

    private static func takeLock(_ directory: String) throws(StoreError) -> Int32 {
        if mkdir(directory, 0o700) != 0, errno != EEXIST { throw .failed(call: "mkdir \(directory)", code: errno) }
        let file = Glibc.open(directory + "/relay.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw .failed(call: "open \(directory)/relay.lock", code: errno) }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            let reason = errno
            close(file)
            if reason == EWOULDBLOCK { throw .inUse(directory: directory) }
            throw .failed(call: "flock", code: reason)
        }
        return file
    }

    private static func releaseLock(_ file: Int32) {
        guard file >= 0 else { return }
        // Closing alone is not enough while a child of this process, between fork and exec, has the file open too.
        flock(file, LOCK_UN)
        close(file)
    }

    private static func open(
        _ directory: String, access: Access, configuration: StoreConfiguration, keeping opened: inout OpaquePointer?
    ) throws(StoreError) -> OpaquePointer {
        if access == .inspector, Glibc.access(directory + "/data.mdb", R_OK) != 0 {
            throw .missing(directory: directory)
        }
        try check(mdb_env_create(&opened), "mdb_env_create")
        guard let environment = opened else { throw .failed(call: "mdb_env_create", code: ENOMEM) }
        try check(mdb_env_set_maxdbs(environment, UInt32(TableHandles.count)), "mdb_env_set_maxdbs")
        try check(mdb_env_set_maxreaders(environment, UInt32(configuration.maxReaders)), "mdb_env_set_maxreaders")
        // An inspector takes the size that the relay has written into the file.
        if access == .relay {
            try check(mdb_env_set_mapsize(environment, configuration.maxByteCount), "mdb_env_set_mapsize")
        }
        // NOTLS: a reader belongs to its object, not to its thread. Every commit syncs: no flag may weaken that.
        let flags = UInt32(MDB_NOTLS) | (access == .inspector ? UInt32(MDB_RDONLY) : 0)
        try check(mdb_env_open(environment, directory, flags, 0o600), "mdb_env_open \(directory)")
        return environment
    }

    private static func openTables(
        _ environment: OpaquePointer, directory: String, access: Access
    ) throws(StoreError) -> TableHandles {
        var begun: OpaquePointer?
        let isReader = access == .inspector
        try check(mdb_txn_begin(environment, nil, isReader ? UInt32(MDB_RDONLY) : 0, &begun), "mdb_txn_begin")
        guard let transaction = begun else { throw .failed(call: "mdb_txn_begin", code: ENOMEM) }
        let tables: TableHandles
        do throws(StoreError) {
            // The format first: a store of another format may have other tables.
            if let found = try storedFormat(transaction), found != format { throw .formatUnknown(found) }
            do throws(StoreError) {
                tables = try TableHandles(opening: transaction, flags: isReader ? 0 : MDB_CREATE)
            } catch .failed(_, MDB_NOTFOUND) {
                throw .missing(directory: directory)
            }
            if !isReader { try writeFormat(transaction, tables) }
        } catch {
            mdb_txn_abort(transaction)
            throw error
        }
        // Outside of the above: whether it succeeds or fails, it frees the transaction.
        try check(mdb_txn_commit(transaction), "mdb_txn_commit")
        return tables
    }

    /// The format that the store says it has; nil in a new one.
    private static func storedFormat(_ transaction: OpaquePointer) throws(StoreError) -> UInt32? {
        var meta: MDB_dbi = 0
        let opening = mdb_dbi_open(transaction, TableName.meta.rawValue, 0, &meta)
        if opening == MDB_NOTFOUND { return nil }
        try check(opening, "mdb_dbi_open")
        var value = MDB_val()
        let reading = withValue(formatKey) { mdb_get(transaction, meta, &$0, &value) }
        if reading == MDB_NOTFOUND { return nil }
        try check(reading, "mdb_get")
        guard value.mv_size == 4 else { throw .corrupted("the format is not a number") }
        return UInt32(bigEndian: value.bytes.loadUnaligned(as: UInt32.self))
    }

    private static let formatKey = Array("format".utf8)

    private static func writeFormat(_ transaction: OpaquePointer, _ tables: TableHandles) throws(StoreError) {
        let code = withUnsafeBytes(of: format.bigEndian) { bytes in
            var value = MDB_val(mv_size: 4, mv_data: UnsafeMutableRawPointer(mutating: bytes.baseAddress))
            return withValue(formatKey) { mdb_put(transaction, tables[.meta], &$0, &value, 0) }
        }
        try check(code, "mdb_put")
    }

    /// Copies the whole store to another directory while it is in use; the copy is of one moment, and durable.
    /// - Throws: `exists` where the directory has a store. After any other throw there is no copy.
    public func backUp(to target: String) throws(StoreError) {
        if mkdir(target, 0o700) != 0, errno != EEXIST { throw .failed(call: "mkdir \(target)", code: errno) }
        let file = target + "/data.mdb"
        if access(file, F_OK) == 0 { throw .exists(directory: target) }
        do throws(StoreError) {
            try check(mdb_env_copy2(environment, target, UInt32(MDB_CP_COMPACT)), "mdb_env_copy2")
            // LMDB leaves the copy to the page cache.
            for path in [file, target] { try Self.synchronize(path) }
        } catch {
            unlink(file)
            throw error
        }
    }

    private static func synchronize(_ path: String) throws(StoreError) {
        let file = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw .failed(call: "open \(path)", code: errno) }
        defer { close(file) }
        guard fsync(file) == 0 else { throw .failed(call: "fsync \(path)", code: errno) }
    }

    /// How large the store is.
    public struct Size: Hashable, Sendable {
        /// Bytes of the file that are in use or free for reuse.
        public var byteCount: Int
        /// Bytes that it may grow to.
        public var maxByteCount: Int
        /// The last transaction that was written.
        public var transaction: Int
    }

    public var size: Size {
        var info = MDB_envinfo()
        var stat = MDB_stat()
        mdb_env_info(environment, &info)
        mdb_env_stat(environment, &stat)
        return Size(
            byteCount: (info.me_last_pgno + 1) * Int(stat.ms_psize), maxByteCount: info.me_mapsize,
            transaction: info.me_last_txnid)
    }

    // MARK: Readers

    /// A place in LMDB's table of readers.
    public struct OpenReader: Hashable, Sendable {
        public var process: Int32
        /// The transaction whose pages it may be looking at, so that they are not reused; nil between two reads.
        public var transaction: Int?
    }

    /// The readers that are open, over all processes.
    public var readers: [OpenReader] {
        get throws(StoreError) {
            var readers: [OpenReader] = []
            let code = withUnsafeMutablePointer(to: &readers) { readers in
                // A line each: process, thread, and a transaction or "-". A heading before, or "(no active readers)".
                mdb_reader_list(
                    environment,
                    { line, context in
                        guard let line, let context else { return 0 }
                        let fields = String(cString: line).split(whereSeparator: \.isWhitespace)
                        guard fields.count == 3, let process = Int32(fields[0]) else { return 0 }
                        context.assumingMemoryBound(to: [OpenReader].self).pointee
                            .append(OpenReader(process: process, transaction: Int(fields[2])))
                        return 0
                    }, readers)
            }
            // The number of lines, unless negative.
            if code < 0 { try check(code, "mdb_reader_list") }
            return readers
        }
    }

    /// Gives free the places of readers whose process died: the pages that they looked at can be reused then.
    ///
    /// The relay does this when it opens the store; while it runs, a killed inspector can make the store grow until it
    /// is called again.
    public func releaseDeadReaders() throws(StoreError) {
        try check(mdb_reader_check(environment, nil), "mdb_reader_check")
    }
}
