public import MLSCrypto
import TLSPresentation

/// What is read, and written together. Of use only inside the call of `ClientStore` that gives it.
public final class StoreTransaction {
    private let environment: StoreEnvironment
    private let isReading: Bool
    private let transaction: LMDBTransaction

    init(_ environment: StoreEnvironment, isReading: Bool) throws(ClientStoreError) {
        self.environment = environment
        self.isReading = isReading
        unsafe transaction = try LMDBTransaction(environment.pointer, isReading: isReading)
    }

    /// Makes what was written durable. Of no use afterwards, whether it throws or not.
    func commit() throws(ClientStoreError) { try transaction.commit() }

    /// Gives up what was not committed. Of no use afterwards.
    func abort() { transaction.abort() }

    // MARK: One record

    /// The value at a key; nil where there is none.
    /// - Throws: `damaged`; `failed` where LMDB has no such keys: of 1 to 511 bytes.
    public func get(_ table: StoreTable, _ key: [UInt8]) throws(ClientStoreError) -> SharedSecret? {
        let opened = try transaction.get(environment.handle(table), key) { record in
            environment.open(record, table.name, key)
        }
        guard let opened else { return nil }
        guard let value = opened else { throw Self.damage(table, key) }
        return value
    }

    /// Writes the value at a key, in place of what is there.
    /// - Throws: `full`, `failed`, `damaged`.
    public func put(_ table: StoreTable, _ key: [UInt8], _ value: RawSpan) throws(ClientStoreError) {
        expectWriting()
        try transaction.put(environment.handle(table), key, environment.seal(value, table.name, key))
    }

    /// Deletes the value at a key.
    /// - Returns: whether there was one.
    /// - Throws: `full`, `failed`, `damaged`.
    @discardableResult
    public func delete(_ table: StoreTable, _ key: [UInt8]) throws(ClientStoreError) -> Bool {
        expectWriting()
        return try transaction.delete(environment.handle(table), key)
    }

    // MARK: Many records

    /// Deletes all values whose keys begin with `prefix`: all of the table where it is empty.
    /// - Throws: `full`, `failed`, `damaged`.
    public func deleteAll(_ table: StoreTable, prefix: [UInt8]) throws(ClientStoreError) {
        expectWriting()
        var cursor = try LMDBCursor(transaction, environment.handle(table), KeyRange(prefix: prefix))
        while try cursor.advance() { try cursor.delete() }
    }

    /// The records whose keys begin with `prefix`, in the order of keys or the other way round.
    /// - Parameters:
    ///   - after: a whole key, behind which they stand; it need not be there.
    ///   - before: a whole key, before which they stand; it need not be there.
    ///   - limit: how many at most, counted from where the order begins.
    /// - Throws: `damaged`, `failed`.
    public func scan(
        _ table: StoreTable, prefix: [UInt8], after: [UInt8]? = nil, before: [UInt8]? = nil, isReversed: Bool = false,
        limit: Int = .max
    ) throws(ClientStoreError) -> [(key: [UInt8], value: SharedSecret)] {
        var found: [(key: [UInt8], value: SharedSecret)] = []
        let range = KeyRange(prefix: prefix, after: after, before: before)
        try forEach(in: range, of: table, isReversed, limit) { (key, record) throws(ClientStoreError) in
            guard let value = environment.open(record, table.name, key) else { throw Self.damage(table, key) }
            found.append((key, value))
        }
        return found
    }

    /// The keys of what `scan` with the same arguments gives; no value is decrypted.
    /// - Throws: `damaged`, `failed`.
    public func keys(
        _ table: StoreTable, prefix: [UInt8], after: [UInt8]? = nil, before: [UInt8]? = nil, isReversed: Bool = false,
        limit: Int = .max
    ) throws(ClientStoreError) -> [[UInt8]] {
        var found: [[UInt8]] = []
        let range = KeyRange(prefix: prefix, after: after, before: before)
        try forEach(in: range, of: table, isReversed, limit) { (key, _) throws(ClientStoreError) in found.append(key) }
        return found
    }

    private func forEach(
        in range: KeyRange, of table: StoreTable, _ isReversed: Bool, _ limit: Int,
        _ body: (_ key: [UInt8], _ record: RawSpan) throws(ClientStoreError) -> Void
    ) throws(ClientStoreError) {
        var cursor = try LMDBCursor(transaction, environment.handle(table), range, isReversed: isReversed)
        var count = 0
        while count < limit, try cursor.advance() {
            unsafe try body(cursor.currentKey, cursor.currentRecord.bytes)
            count += 1
        }
    }

    private func expectWriting() { precondition(!isReading, "a read does not write") }

    private static func damage(_ table: StoreTable, _ key: [UInt8]) -> ClientStoreError {
        .damaged("\(table.name) \(key.hex) was changed")
    }
}
