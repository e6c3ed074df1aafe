import Glibc

/// What a client keeps in a directory: tables of encrypted records in LMDB.
///
/// Values are encrypted and bound to their table and key; keys are not encrypted. Two things are not noticed here: an
/// older directory in the place of the newest, and, by LMDB, what is wrong inside of the pages by which it finds records.
/// Whoever writes there can end the process, but neither read nor change a record.
///
/// One thread at a time uses it, and one store at a time a directory.
public final class ClientStore {
    private let configuration: ClientStoreConfiguration
    /// Both nil once it is closed.
    private var environment: StoreEnvironment?
    private var lock: DirectoryLock?
    private var isInTransaction = false

    /// Opens the store in `directory`, or makes it.
    /// - Parameter tables: those that are used, different from each other; the store may have more.
    /// - Throws: `inUse`, `keyWrong`, `formatUnknown`, `damaged`, `full`, `failed`.
    public init(
        directory: String, key: StoreKey, tables: [StoreTable],
        configuration: ClientStoreConfiguration = ClientStoreConfiguration()
    ) throws(ClientStoreError) {
        self.configuration = configuration
        lock = try DirectoryLock(directory)
        environment = try StoreEnvironment(directory, key: key, tables: tables, configuration: configuration)
    }

    // The lock is the last to go.
    deinit { environment = nil }

    /// Closes the store; what is asked of it afterwards throws. Nothing happens where it is closed already.
    /// - Precondition: outside of `read` and `write`.
    public func close() {
        precondition(!isInTransaction, "a store closes between transactions")
        environment = nil
        lock = nil
    }

    /// What `body` reads, all of one moment.
    /// - Precondition: outside of `read` and `write`.
    /// - Throws: what `body` throws; `failed` where the store is closed.
    public func read<Result>(_ body: (StoreTransaction) throws -> Result) throws -> Result {
        let transaction = try begin(isReading: true)
        defer { end(transaction) }
        return try body(transaction)
    }

    /// What `body` writes, all of it, durable when this returns; `body` reads what it has written already.
    /// - Precondition: outside of `read` and `write`.
    /// - Throws: what `body` throws, `full`, `failed`, `damaged`: nothing of it is stored then.
    public func write<Result>(_ body: (StoreTransaction) throws -> Result) throws -> Result {
        let transaction = try begin(isReading: false)
        defer { end(transaction) }
        let result = try body(transaction)
        try interrupt(isCommitted: false)
        try transaction.commit()
        try interrupt(isCommitted: true)
        return result
    }

    private func begin(isReading: Bool) throws(ClientStoreError) -> StoreTransaction {
        precondition(!isInTransaction, "one transaction at a time")
        guard let environment else { throw .failed(call: "a closed store", code: EBADF) }
        let transaction = try StoreTransaction(environment, isReading: isReading)
        isInTransaction = true
        return transaction
    }

    private func end(_ transaction: StoreTransaction) {
        transaction.abort()
        isInTransaction = false
    }

    private func interrupt(isCommitted: Bool) throws(ClientStoreError) {
        if let faults = configuration.faults, !faults(isCommitted) { throw .interrupted }
    }
}
