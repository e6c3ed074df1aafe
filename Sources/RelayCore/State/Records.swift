public import RelayWire
public import TLSPresentation

/// A table of records with the types of its keys and values.
public struct Records<Key: RecordKey, Value: TLSCodable & Sendable>: Sendable {
    public let table: RecordTable
    init(_ table: RecordTable) { self.table = table }
}

/// A record that says nothing but that it is there.
public struct Mark: TLSCodable, Hashable, Sendable {
    public init() {}
    public init(from reader: inout Reader) throws(DecodingError) {}
    public func encode(into writer: inout Writer) {}
}

/// Reads the relay's state as it is at one moment: the writer's, a snapshot of the store, or what is in memory.
public protocol RecordReading: ~Copyable {
    /// Why the state could not be read; never a reason that lies in a request.
    associatedtype Failure: Error
    /// The state contradicts itself: what must be there is not.
    static func corrupted(_ what: String) -> Failure

    func record(_ table: RecordTable, _ key: [UInt8]) throws(Failure) -> [UInt8]?
    /// Calls `body` with the records whose keys begin with `prefix`, those behind `after` if it is given, ascending, until
    /// it returns false. The table may not be changed meanwhile.
    func forEachRecord(
        _ table: RecordTable, prefix: [UInt8], after: [UInt8]?, _ body: ([UInt8], [UInt8]) throws(Failure) -> Bool
    ) throws(Failure)

    /// The number of the log with this name.
    func log(_ kind: LogKind, named name: RawSpan) throws(Failure) -> LogNumber?
    /// The name of a log that exists.
    func name(of log: LogNumber) throws(Failure) -> LogName?
    func head(of log: LogNumber) throws(Failure) -> LogHead?
    /// An entry; nil where there is none, or its payload is gone.
    func storedEntry(_ sequenceNumber: SequenceNumber, in log: LogNumber) throws(Failure) -> Entry?
    /// An entry without its payload, which may be there or gone.
    func storedDigest(_ sequenceNumber: SequenceNumber, in log: LogNumber) throws(Failure) -> EntryDigest?
    /// Calls `body` with the entries behind `after` that are kept, in order, until `last` or until it returns false.
    func forEachOutline(
        in log: LogNumber, after: SequenceNumber, through last: SequenceNumber,
        _ body: (EntryOutline) throws(Failure) -> Bool
    ) throws(Failure)
    /// The newest GroupInfo of a group, an MLSMessage.
    func groupInfo(of log: LogNumber) throws(Failure) -> [UInt8]?
    func acknowledged(_ log: LogNumber, by client: ClientNumber) throws(Failure) -> SequenceNumber
}

extension RecordReading where Self: ~Copyable {
    public func get<Key, Value>(_ records: Records<Key, Value>, _ key: Key) throws(Failure) -> Value? {
        guard let bytes = try record(records.table, key.recordKey) else { return nil }
        return try Self.decode(bytes, records)
    }

    /// A record that must be there, since another says so.
    public func existing<Key, Value>(_ records: Records<Key, Value>, _ key: Key) throws(Failure) -> Value {
        guard let value = try get(records, key) else {
            throw Self.corrupted("\(records.table) has no record of \(key)")
        }
        return value
    }

    public func has<Key, Value>(_ records: Records<Key, Value>, _ key: Key) throws(Failure) -> Bool {
        try record(records.table, key.recordKey) != nil
    }

    /// Calls `body` with the records whose keys begin with `prefix`, those behind `after`, ascending, until it returns
    /// false. The table may not be changed meanwhile.
    public func forEach<Key, Value>(
        _ records: Records<Key, Value>, prefix: [UInt8] = [], after: Key? = nil,
        _ body: (Key, Value) throws(Failure) -> Bool
    ) throws(Failure) {
        try forEachRecord(records.table, prefix: prefix, after: after?.recordKey) { (bytes, value) throws(Failure) in
            guard let key = Key(recordKey: bytes) else {
                throw Self.corrupted("a key of \(records.table) is not one")
            }
            return try body(key, try Self.decode(value, records))
        }
    }

    /// The keys that begin with `prefix`, those behind `after`, ascending, at most `limit`.
    public func keys<Key, Value>(
        _ records: Records<Key, Value>, prefix: [UInt8] = [], after: Key? = nil, limit: Int = .max
    ) throws(Failure) -> [Key] {
        var keys: [Key] = []
        guard limit > 0 else { return keys }
        try forEach(records, prefix: prefix, after: after) { (key, _) throws(Failure) in
            keys.append(key)
            return keys.count < limit
        }
        return keys
    }

    private static func decode<Key, Value>(_ bytes: [UInt8], _ records: Records<Key, Value>) throws(Failure) -> Value {
        do throws(DecodingError) {
            return try Value(decoding: bytes.rawSpan)
        } catch {
            throw Self.corrupted("a record of \(records.table): \(error)")
        }
    }
}

extension RelayState {
    public mutating func set<Key, Value>(
        _ records: Records<Key, Value>, _ key: Key, _ value: Value
    ) throws(Failure) {
        try setRecord(records.table, key.recordKey, value.encoded)
    }

    /// Removes a record; nothing happens where there is none.
    public mutating func remove<Key, Value>(_ records: Records<Key, Value>, _ key: Key) throws(Failure) {
        try removeRecord(records.table, key.recordKey)
    }

    public mutating func mark<Key>(_ records: Records<Key, Mark>, _ key: Key) throws(Failure) {
        try set(records, key, Mark())
    }

    /// The next number of a counter, from 1 on; each is given once.
    public mutating func nextNumber(_ counter: Counter) throws(Failure) -> UInt64 {
        let key = BytesKey(Array(counter.rawValue.utf8))
        let number = (try get(Tables.counters, key)?.rawValue ?? 0) + 1
        try set(Tables.counters, key, SequenceNumber(rawValue: number))
        return number
    }
}

/// What is numbered.
public enum Counter: String, CaseIterable, Sendable {
    case user, client, invitation, token, reject
}
