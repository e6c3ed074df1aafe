import CLMDB
import RelayCore

@testable import RelayStore

/// A store's file, opened with LMDB alone, to damage it or look at what is really there. The store must be closed.
struct RawStore {
    struct Failed: Error { let code: Int32 }
    let directory: String

    /// A table, whether the store's own or one of records.
    struct Table: Sendable, CustomStringConvertible {
        let name: String
        var description: String { name }
        private init(_ name: String) { self.name = name }
        static func own(_ table: TableName) -> Self { Self(table.rawValue) }
        static func records(_ table: RecordTable) -> Self { Self("records." + table.name) }
        static let meta = own(.meta)
        static let entries = own(.entries)
        static let heads = own(.heads)
        static let logs = own(.logs)
        static let names = own(.names)
        static let commits = own(.commits)
        static let groupInfos = own(.groupInfos)
        static let keyPackages = own(.keyPackages)
        static let keyPackageRefs = own(.keyPackageRefs)
        static let acknowledged = own(.acknowledged)
        static let users = records(.users)
        static let listedNames = records(.listedNames)
        static let tokens = records(.tokens)
        static let userNames = records(.userNames)
        static let userClients = records(.userClients)
        static let clients = records(.clients)
        static let signatureKeys = records(.signatureKeys)
    }

    /// Calls `body` in one write transaction.
    func write(_ body: (OpaquePointer) throws -> Void) throws {
        var opened: OpaquePointer?
        try succeed(mdb_env_create(&opened))
        let environment = try required(opened)
        defer { mdb_env_close(environment) }
        try succeed(mdb_env_set_maxdbs(environment, 64))
        try succeed(mdb_env_set_mapsize(environment, 256 << 20))
        try succeed(mdb_env_open(environment, directory, 0, 0o600))
        var begun: OpaquePointer?
        try succeed(mdb_txn_begin(environment, nil, 0, &begun))
        let transaction = try required(begun)
        do { try body(transaction) } catch {
            mdb_txn_abort(transaction)
            throw error
        }
        try succeed(mdb_txn_commit(transaction))
    }

    func put(_ table: Table, _ key: [UInt8], _ value: [UInt8]) throws {
        try write { transaction in
            try succeed(
                withValue(key) { key in
                    withValue(value) { mdb_put(transaction, open(table, transaction), &key, &$0, 0) }
                })
        }
    }

    func remove(_ table: Table, _ key: [UInt8]) throws {
        try write { transaction in
            try succeed(withValue(key) { mdb_del(transaction, open(table, transaction), &$0, nil) })
        }
    }

    /// Replaces a value by what `body` makes of it.
    func change(_ table: Table, _ key: [UInt8], _ body: (inout [UInt8]) -> Void) throws {
        var bytes: [UInt8] = []
        try write { transaction in
            var value = MDB_val()
            try succeed(withValue(key) { mdb_get(transaction, open(table, transaction), &$0, &value) })
            bytes = Array(value.bytes)
        }
        body(&bytes)
        try put(table, key, bytes)
    }

    private func open(_ table: Table, _ transaction: OpaquePointer) -> MDB_dbi {
        var handle: MDB_dbi = 0
        precondition(mdb_dbi_open(transaction, table.name, UInt32(MDB_CREATE), &handle) == 0, "a table")
        return handle
    }

    private func succeed(_ code: Int32) throws { if code != 0 { throw Failed(code: code) } }
    private func required(_ pointer: OpaquePointer?) throws -> OpaquePointer {
        guard let pointer else { throw Failed(code: 0) }
        return pointer
    }
}

/// The bytes of a key of numbers.
func key(_ numbers: UInt64...) -> [UInt8] { numbers.flatMap { withUnsafeBytes(of: $0.bigEndian, Array.init) } }
