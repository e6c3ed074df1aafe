internal import CLMDB
import Glibc
import MLSCrypto
import RelayCore
import RelayWire

/// The tables of a store; big-endian keys, so that LMDB's order is the numbers' order. ARCHITECTURE.md "The store".
enum TableName: String, CaseIterable {
    /// name of a value -> the value: `format`.
    case meta
    /// log, seq -> payload hash (32 bytes), then the entry's frame as subscribers receive it.
    case entries
    /// log -> `HeadRecord`.
    case heads
    /// kind, name -> log.
    case logs
    /// log -> kind, name.
    case names
    /// log, epoch -> seq of the commit that ended it.
    case commits
    /// log -> newest GroupInfo, an MLSMessage.
    case groupInfos
    /// client, suite, last resort (0 or 1), seq -> end of its lifetime, KeyPackageRef: what can be handed out.
    case keyPackages
    /// KeyPackageRef -> client, seq: every KeyPackage there ever was.
    case keyPackageRefs
    /// log, client -> seq that the client has processed.
    case acknowledged
}

/// LMDB's handles of the tables.
struct TableHandles: Sendable {
    // In place: every look-up would count references of an array.
    private var handles = [10 of MDB_dbi](repeating: 0)
    private var records = [28 of MDB_dbi](repeating: 0)

    init(opening transaction: OpaquePointer, flags: Int32) throws(StoreError) {
        let flags = UInt32(bitPattern: flags)
        for (index, name) in TableName.allCases.enumerated() {
            try check(mdb_dbi_open(transaction, name.rawValue, flags, &handles[index]), "mdb_dbi_open")
        }
        for table in RecordTable.allCases {
            var handle: MDB_dbi = 0
            try check(mdb_dbi_open(transaction, "records." + table.name, flags, &handle), "mdb_dbi_open")
            records[Int(table.rawValue)] = handle
        }
    }

    static var count: Int { TableName.allCases.count + RecordTable.allCases.count }

    subscript(_ table: RecordTable) -> MDB_dbi { records[Int(table.rawValue)] }

    subscript(_ name: TableName) -> MDB_dbi {
        switch name {
        case .meta: handles[0]
        case .entries: handles[1]
        case .heads: handles[2]
        case .logs: handles[3]
        case .names: handles[4]
        case .commits: handles[5]
        case .groupInfos: handles[6]
        case .keyPackages: handles[7]
        case .keyPackageRefs: handles[8]
        case .acknowledged: handles[9]
        }
    }
}

/// A key of up to three numbers, built without allocation.
struct Key {
    private var storage: (UInt64, UInt64, UInt64) = (0, 0, 0)
    private var byteCount = 0

    init(_ number: UInt64) {
        storage.0 = number.bigEndian
        byteCount = 8
    }
    init(_ first: UInt64, _ second: UInt64) {
        storage = (first.bigEndian, second.bigEndian, 0)
        byteCount = 16
    }
    /// client, suite, last resort, seq: 19 bytes.
    init(client: ClientNumber, cipherSuite: UInt16, isLastResort: Bool, sequenceNumber: SequenceNumber) {
        byteCount = 19
        withUnsafeMutableBytes(of: &storage) { bytes in
            bytes.storeBytes(of: client.rawValue.bigEndian, as: UInt64.self)
            bytes.storeBytes(of: cipherSuite.bigEndian, toByteOffset: 8, as: UInt16.self)
            bytes.storeBytes(of: isLastResort ? 1 : 0, toByteOffset: 10, as: UInt8.self)
            bytes.storeBytes(of: sequenceNumber.rawValue.bigEndian, toByteOffset: 11, as: UInt64.self)
        }
    }

    /// Lends the key to an LMDB call.
    mutating func withValue<Result>(_ body: (inout MDB_val) -> Result) -> Result {
        let byteCount = byteCount
        return withUnsafeMutableBytes(of: &storage) { bytes in
            var value = MDB_val(mv_size: byteCount, mv_data: bytes.baseAddress)
            return body(&value)
        }
    }
}

extension MDB_val {
    /// The bytes; valid as LMDB says, for a read until the end of the transaction or the next write.
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: mv_data, count: mv_size) }

    /// The big-endian number at `offset`.
    /// - Precondition: the value is long enough; callers check what comes from the file.
    func number(at offset: Int = 0) -> UInt64 {
        UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
}

/// Lends bytes to an LMDB call as a key or a value.
func withValue<Result>(_ bytes: [UInt8], _ body: (inout MDB_val) -> Result) -> Result {
    bytes.withUnsafeBytes { buffer in
        var value = MDB_val(mv_size: buffer.count, mv_data: UnsafeMutableRawPointer(mutating: buffer.baseAddress))
        return body(&value)
    }
}
