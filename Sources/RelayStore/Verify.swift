import MLSCodec
import MLSCrypto
import RelayCore
import RelayWire
import TLSPresentation

/// Checks a whole store: that every entry is what was written, and that all tables say the same.
///
/// Works beside a running relay. Entries never change, so they are walked in many short transactions; whatever is
/// compared with something that changes is compared within one. A store whose pages are damaged may be beyond what
/// LMDB can read without a crash; this finds damage in what LMDB still reads.
///
/// The order matters where the relay writes meanwhile: clients and groups are listed before the logs that tell of
/// them are walked, so that one that is not told of is missing and not merely new.
public final class StoreVerifier {
    /// How far a verification is.
    public struct Progress: Hashable, Sendable {
        /// Rows checked so far.
        public var checkedCount: Int
        /// Rows there were to check in the beginning.
        public var totalCount: Int
    }

    /// What was verified.
    public struct Summary: Hashable, Sendable {
        public var logCount = 0
        public var entryCount = 0
        public var clientCount = 0
        public var findingCount = 0
    }

    private let reader: StoreReader
    /// How many rows are looked at in one transaction.
    private let rowsPerTransaction: Int
    private let onFinding: (Finding) -> Void
    private let onProgress: (Progress) -> Void

    var chain = Chain()
    private var progress = Progress(checkedCount: 0, totalCount: 0)
    var summary = Summary()
    /// Logs and clients that the first passes have seen.
    var knownLogs = NumberSet()
    var knownGroups = NumberSet()
    var knownClients = NumberSet()
    /// The directory and the log of groups.
    var tellingLogs: [LogKind: LogNumber] = [:]
    var replay = DirectoryReplay()
    /// Clients and groups that these tell of.
    var toldClients = NumberSet()
    var toldGroups = NumberSet()
    /// The epochs that groups were created in, where it was another than 0.
    var creationEpochs: [LogNumber: Epoch] = [:]

    public init(
        _ store: Store, rowsPerTransaction: Int = 4096, onFinding: @escaping (Finding) -> Void,
        onProgress: @escaping (Progress) -> Void = { _ in }
    ) throws(StoreError) {
        reader = try StoreReader(store)
        self.rowsPerTransaction = rowsPerTransaction
        self.onFinding = onFinding
        self.onProgress = onProgress
    }

    /// Verifies everything. Once per verifier.
    /// - Throws: when the store cannot be read at all; damage is found, not thrown.
    public func verify() throws(StoreError) -> Summary {
        progress.totalCount = try reader.read { (snapshot) throws(StoreError) in
            try [
                TableName.names, .logs, .heads, .entries, .keyPackageRefs, .keyPackages, .groupInfos, .acknowledged,
                .commits,
            ].map { (table) throws(StoreError) in try snapshot.rowCount(of: table) }.reduce(0, +)
                + RecordTable.allCases.map { (table) throws(StoreError) in try snapshot.rowCount(of: table) }
                .reduce(0, +)
        }
        try verifyLogNames()
        try verifyClients()
        // These first: they tell of what the others are compared with.
        for kind in [LogKind.groups, .directory] {
            if let log = tellingLogs[kind] {
                try verifyLog(log)
            } else {
                report(Finding(.missing, .names, row: "\(kind)", expected: "a log", found: "none"))
            }
        }
        finishReplay()
        try verifyTold()
        for number in knownLogs where !tellingLogs.values.contains(LogNumber(rawValue: number)) {
            try verifyLog(LogNumber(rawValue: number))
        }
        try verifyKeyPackageTables()
        try verifyGroupInfos()
        try verifyAcknowledgements()
        try verifyNothingStray()
        onProgress(Progress(checkedCount: progress.totalCount, totalCount: progress.totalCount))
        return summary
    }

    // MARK: Reporting

    func report(_ finding: Finding) {
        summary.findingCount += 1
        onFinding(finding)
    }

    /// What `body` reads; nil, and a finding, where it cannot be decoded.
    func decoded<Value>(
        _ table: TableName, log: LogNumber? = nil, at number: SequenceNumber? = nil, row: String? = nil,
        _ body: () throws(StoreError) -> Value
    ) throws(StoreError) -> Value? {
        do throws(StoreError) {
            return try body()
        } catch .corrupted(let what) {
            report(
                Finding(
                    .undecodable, table, log: log, at: number, row: row, expected: "what the table holds", found: what))
            return nil
        }
    }

    /// What a row says, where its own damage is no matter: that is found where its table is verified.
    enum Row<Value> {
        case found(Value)
        case missing
        case undecodable

        var value: Value? { if case .found(let value) = self { value } else { nil } }
        var isMissing: Bool { if case .missing = self { true } else { false } }
    }

    func row<Value>(_ body: () throws(StoreError) -> Value?) throws(StoreError) -> Row<Value> {
        do throws(StoreError) {
            return try body().map { .found($0) } ?? .missing
        } catch .corrupted {
            return .undecodable
        }
    }

    // MARK: Passing through

    func read<Result>(_ body: (borrowing Snapshot) throws(StoreError) -> Result) throws(StoreError) -> Result {
        try reader.read(body)
    }

    /// Counts rows as checked, and says whether the transaction has lived long enough.
    func count(_ rows: inout Int) -> Bool {
        rows += 1
        progress.checkedCount += 1
        return rows < rowsPerTransaction
    }

    func showProgress() {
        // The relay may have written meanwhile.
        progress.totalCount = max(progress.totalCount, progress.checkedCount)
        onProgress(progress)
    }

    /// Calls `body` with every row of a table, in as many transactions as it takes.
    func forEachRow(
        of table: TableName,
        _ body: (borrowing Snapshot, UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws(StoreError) -> Void
    ) throws(StoreError) {
        var last: [UInt8]?
        var isAtEnd = false
        while !isAtEnd {
            isAtEnd = try read { (snapshot) throws(StoreError) in
                var rows = 0
                var goesOn = true
                try snapshot.forEach(table, after: last) { (key, value) throws(StoreError) in
                    try body(snapshot, key, value)
                    goesOn = count(&rows)
                    if !goesOn { last = Array(key) }
                    return goesOn
                }
                return goesOn
            }
            showProgress()
        }
    }

    /// Calls `body` with every record of a table that decodes, in as many transactions as it takes; for others there is
    /// a finding.
    func forEachRecord<Key, Value>(
        _ records: Records<Key, Value>,
        _ body: (borrowing Snapshot, Key, Value) throws(StoreError) -> Void
    ) throws(StoreError) {
        var last: [UInt8]?
        var isAtEnd = false
        while !isAtEnd {
            isAtEnd = try read { (snapshot) throws(StoreError) in
                var rows = 0
                var goesOn = true
                try snapshot.forEachRecord(records.table, prefix: [], after: last) { (key, value) throws(StoreError) in
                    if let name = Key(recordKey: key), let record = try? Value(decoding: value.rawSpan) {
                        try body(snapshot, name, record)
                    } else {
                        report(
                            Finding(
                                .undecodable, records.table, row: "key \(key.hex)", expected: "what the table holds",
                                found: value.hex))
                    }
                    goesOn = count(&rows)
                    if !goesOn { last = key }
                    return goesOn
                }
                return goesOn
            }
            showProgress()
        }
    }

    /// The number of a log or client that a row's key is; nil, and a finding, where it is none.
    func number(_ key: UnsafeRawBufferPointer, _ table: TableName) -> UInt64? {
        guard key.count == 8 else {
            report(
                Finding(
                    .undecodable, table, row: "key \(key.hex)", expected: "a number of 8 bytes",
                    found: "\(key.count) bytes"))
            return nil
        }
        return key.number(0)
    }
}
