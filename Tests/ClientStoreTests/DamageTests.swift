@testable import ClientStore
import Foundation
import MLSCrypto
import TLSPresentation
import Testing

/// Somebody else writes into the files.
@Suite("ClientStore: damage")
struct DamageTests {
    let directory = TestDirectory()
    let first = TestDirectory.first
    let second = TestDirectory.second

    /// A store with two records, closed.
    init() throws {
        let store = try directory.open()
        try store.write { (transaction) throws in
            try transaction.put(first, [1], [10])
            try transaction.put(first, [2], [20])
        }
        store.close()
    }

    /// Gives `body` the records as LMDB has them.
    private func withRecords(_ body: (LMDBTransaction, StoreEnvironment) throws -> Void) throws {
        var configuration = ClientStoreConfiguration()
        configuration.isDurable = false
        let environment = try StoreEnvironment(
            directory.path, key: directory.key, tables: [first, second], configuration: configuration)
        let transaction = unsafe try LMDBTransaction(environment.pointer, isReading: false)
        try body(transaction, environment)
        try transaction.commit()
    }

    private func record(_ table: StoreTable, _ key: [UInt8]) throws -> [UInt8] {
        var record: [UInt8] = []
        try withRecords { transaction, environment in
            record = try #require(try transaction.get(environment.handle(table), key) { [UInt8]($0) })
        }
        return record
    }

    private func put(_ table: StoreTable, _ key: [UInt8], _ record: [UInt8]) throws {
        try withRecords { transaction, environment in try transaction.put(environment.handle(table), key, record) }
    }

    private func expectDamage(_ table: StoreTable, _ key: [UInt8]) throws {
        let store = try directory.open()
        try store.read { (transaction) throws in
            #expect(throws: ClientStoreError.damaged("\(table.name) \(key.hex) was changed")) {
                _ = try transaction.get(table, key)
            }
            #expect(throws: ClientStoreError.damaged("\(table.name) \(key.hex) was changed")) {
                _ = try transaction.scan(table, prefix: key)
            }
            // Not all is lost with it.
            #expect(try transaction.bytes(first, [2]) == [20])
        }
    }

    @Test("a record at another key, or in another table, is damage")
    func swapped() throws {
        let record = try record(first, [2])
        try put(first, [1], record)
        try expectDamage(first, [1])
        try put(second, [2], record)
        try expectDamage(second, [2])
        try put(first, [2, 0], record)
        try expectDamage(first, [2, 0])
    }

    @Test("a record with a changed bit, without its end or with one more byte is damage")
    func changed() throws {
        let record = try record(first, [1])
        for position in record.indices {
            var changed = record
            changed[position] ^= 0x10
            try put(first, [1], changed)
            try expectDamage(first, [1])
        }
        for wrong in [[], Array(record.prefix(27)), Array(record.dropLast()), record + [0]] {
            try put(first, [1], wrong)
            try expectDamage(first, [1])
        }
        try put(first, [1], record)
        #expect(try directory.open().read { try $0.bytes(first, [1]) } == [10])
    }

    /// Changes the store's own records.
    private func putMeta(_ key: String, _ value: [UInt8]?) throws {
        try withRecords { transaction, _ in
            let meta = try transaction.openTable(StoreTable.reservedName)
            guard let value else {
                #expect(try transaction.delete(meta, Array(key.utf8)))
                return
            }
            try transaction.put(meta, Array(key.utf8), value)
        }
    }

    @Test("a store of another format is not touched, and one without a record of its key is damaged")
    func meta() throws {
        try putMeta("format", UInt32(2).encoded)
        #expect(throws: ClientStoreError.formatUnknown(2)) { try directory.open() }
    }

    @Test("a format that is no number is damage", arguments: [[], [1], [0, 0, 0, 1, 0]])
    func noFormat(format: [UInt8]) throws {
        try putMeta("format", format)
        #expect(throws: ClientStoreError.damaged("the format is no number")) { try directory.open() }
    }

    @Test("a store without the record of its key is damaged")
    func noKeyRecord() throws {
        try putMeta("key", nil)
        #expect(throws: ClientStoreError.damaged("no record of the key")) { try directory.open() }
    }

    @Test("a file that ends too early gives errors and never ends the process")
    func truncated() throws {
        let whole = try directory.contents()
        let pageByteCount = 4096
        #expect(whole.count >= 4 * pageByteCount)
        var damageCount = 0
        for byteCount in stride(from: pageByteCount / 2, to: whole.count, by: pageByteCount / 2) {
            try Data(whole.prefix(byteCount)).write(to: URL(fileURLWithPath: directory.path + "/data.mdb"))
            do throws(any Error) {
                let store = try directory.open()
                // What can still be read is what was written.
                #expect(try store.read { try $0.bytes(first, [1]) } == [10])
            } catch let error as ClientStoreError {
                guard case .damaged = error else { throw error }
                damageCount += 1
            }
        }
        #expect(damageCount > 0)
    }

    @Test(
        "a file that says it has more pages than there can be is an error",
        arguments: [UInt64(1) << 40, 1 << 52, 1 << 62, .max >> 1, .max - 1])
    func pageCount(last: UInt64) throws {
        var contents = try directory.contents()
        // `mm_last_pg`, in both of LMDB's meta pages.
        for page in [0, 4096] {
            contents.replaceSubrange(page + 136..<page + 144, with: last.encoded.reversed())
        }
        try Data(contents).write(to: URL(fileURLWithPath: directory.path + "/data.mdb"))
        #expect(throws: ClientStoreError.self) { try directory.open() }
    }

    @Test("a file that is no store is damage")
    func noStore() throws {
        try Data(randomBytes(100_000)).write(to: URL(fileURLWithPath: directory.path + "/data.mdb"))
        #expect(throws: ClientStoreError.self) { try directory.open() }
    }
}
