public import MLSCodec
public import MLSCrypto
public import RelayWire
import TLSPresentation

/// The state in dictionaries: the model that the store is compared with, and what simulations run on.
///
/// Simple before fast: a copy is a snapshot, and looking for a duplicate reads the log backwards.
public struct MemoryState: RelayState, Hashable, Sendable {
    /// How many of a log's last entries a message is compared with, to find that it is published again.
    public let duplicateWindow: Int

    public var logs: [LogName: LogNumber] = [:]
    public var heads: [LogNumber: LogHead] = [:]
    /// Entries from the first that is kept on, without gaps; those of `digests` without their payload.
    public var entries: [LogNumber: [Entry]] = [:]
    /// Of entries whose payload is gone, the payload's hash.
    public var digests: [LogNumber: [SequenceNumber: SHA256Digest]] = [:]
    /// Of each group, the commits by the epoch that they ended.
    public var commits: [LogNumber: [Epoch: SequenceNumber]] = [:]
    public var groupInfos: [LogNumber: [UInt8]] = [:]
    /// Of each log, how far each client has processed it.
    public var acknowledgements: [LogNumber: [ClientNumber: SequenceNumber]] = [:]
    /// Every KeyPackage there ever was, by its KeyPackageRef.
    public var keyPackages: [[UInt8]: KeyPackagePosition] = [:]
    public var pools: [PoolName: Pool] = [:]
    public var records: [RecordTable: [[UInt8]: [UInt8]]] = [:]

    /// The KeyPackages of one client and suite are one pool.
    public struct PoolName: Hashable, Sendable {
        public var client: ClientNumber
        public var cipherSuite: CipherSuite

        public init(client: ClientNumber, cipherSuite: CipherSuite) {
            self.client = client
            self.cipherSuite = cipherSuite
        }
    }

    /// What can be handed out.
    public struct Pool: Hashable, Sendable {
        /// In the order of handing out.
        public var once: [PooledKeyPackage] = []
        public var lastResort: [PooledKeyPackage] = []

        public init() {}
    }

    public struct Corrupted: Error, Hashable, Sendable, CustomStringConvertible {
        public let description: String
    }

    public typealias Failure = Corrupted
    public static func corrupted(_ what: String) -> Corrupted { Corrupted(description: what) }

    public init(duplicateWindow: Int = 10_000) { self.duplicateWindow = duplicateWindow }

    // MARK: Records

    public func record(_ table: RecordTable, _ key: [UInt8]) -> [UInt8]? { records[table]?[key] }

    public func forEachRecord(
        _ table: RecordTable, prefix: [UInt8], after: [UInt8]?, _ body: ([UInt8], [UInt8]) throws(Corrupted) -> Bool
    ) throws(Corrupted) {
        let found = (records[table] ?? [:])
            .filter { key, _ in
                key.starts(with: prefix) && (after.map { $0.lexicographicallyPrecedes(key) } ?? true)
            }
        for (key, value) in found.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) })
        where try !body(key, value) { return }
    }

    public mutating func setRecord(_ table: RecordTable, _ key: [UInt8], _ value: [UInt8]) {
        records[table, default: [:]][key] = value
    }

    public mutating func removeRecord(_ table: RecordTable, _ key: [UInt8]) {
        records[table]?[key] = nil
        if records[table]?.isEmpty == true { records[table] = nil }
    }

    // MARK: Logs

    public func name(of log: LogNumber) -> LogName? { logs.first { $0.value == log }?.key }

    public func log(_ kind: LogKind, named name: RawSpan) -> LogNumber? { logs[LogName(kind: kind, name: Array(name))] }

    public mutating func createLog(_ name: LogName, head: LogHead) -> LogNumber {
        let log = LogNumber(rawValue: UInt64(logs.count) + 1)
        logs[name] = log
        entries[log] = []
        heads[log] = head
        heads[log]?.number = log
        return log
    }

    public func head(of log: LogNumber) -> LogHead? { heads[log] }

    public mutating func setHead(_ head: LogHead) { heads[head.number] = head }

    public mutating func append(
        _ header: EntryHeader, chain: SHA256Digest, payload: RawSpan, payloadHash: SHA256Digest
    ) throws(Corrupted) {
        let last = heads[header.log]?.last ?? .zero
        guard header.sequenceNumber == last.next else {
            throw Self.corrupted("entry \(header.sequenceNumber) would follow entry \(last) of log \(header.log)")
        }
        entries[header.log, default: []].append(Entry(header: header, chain: chain, payload: Array(payload)))
    }

    public func entry(with payloadHash: SHA256Digest, in log: LogNumber) -> SequenceNumber? {
        entries[log]?.suffix(duplicateWindow).last { hash(of: $0) == payloadHash }?.header.sequenceNumber
    }

    public func storedEntry(_ sequenceNumber: SequenceNumber, in log: LogNumber) -> Entry? {
        digests[log]?[sequenceNumber] == nil ? keptEntry(sequenceNumber, in: log) : nil
    }

    public func storedDigest(_ sequenceNumber: SequenceNumber, in log: LogNumber) -> EntryDigest? {
        keptEntry(sequenceNumber, in: log).map { entry in
            EntryDigest(header: entry.header, chain: entry.chain, payloadHash: hash(of: entry))
        }
    }

    private func keptEntry(_ sequenceNumber: SequenceNumber, in log: LogNumber) -> Entry? {
        entries[log]?.first { $0.header.sequenceNumber == sequenceNumber }
    }

    private func hash(of entry: Entry) -> SHA256Digest {
        digests[entry.header.log]?[entry.header.sequenceNumber] ?? SHA256.hash(entry.payload)
    }

    public func forEachOutline(
        in log: LogNumber, after: SequenceNumber, through last: SequenceNumber,
        _ body: (EntryOutline) throws(Corrupted) -> Bool
    ) throws(Corrupted) {
        for entry in entries[log] ?? [] where after < entry.header.sequenceNumber && entry.header.sequenceNumber <= last
        {
            let outline: EntryOutline
            if let hash = digests[log]?[entry.header.sequenceNumber] {
                outline = EntryOutline(EntryDigest(header: entry.header, chain: entry.chain, payloadHash: hash))
            } else {
                let payload = entry.payload
                outline = EntryOutline(
                    entry.header, chain: entry.chain, payloadHash: hash(of: entry), payload: payload.rawSpan)
            }
            guard try body(outline) else { return }
        }
    }

    public mutating func replaceByDigest(_ sequenceNumber: SequenceNumber, in log: LogNumber) throws(Corrupted) {
        guard let index = entries[log]?.firstIndex(where: { $0.header.sequenceNumber == sequenceNumber }),
            let entry = entries[log]?[index]
        else { throw Self.corrupted("log \(log) has no entry \(sequenceNumber)") }
        digests[log, default: [:]][sequenceNumber] = hash(of: entry)
        entries[log]?[index].payload = []
    }

    public mutating func removeEntries(of log: LogNumber, through last: SequenceNumber) {
        entries[log]?.removeAll { $0.header.sequenceNumber <= last }
        digests[log] = digests[log]?.filter { $0.key > last }
        if digests[log]?.isEmpty == true { digests[log] = nil }
    }

    // MARK: Groups

    public mutating func setCommit(_ sequenceNumber: SequenceNumber, ending epoch: Epoch, in log: LogNumber) {
        commits[log, default: [:]][epoch] = sequenceNumber
    }

    public mutating func removeCommit(ending epoch: Epoch, in log: LogNumber) {
        commits[log]?[epoch] = nil
        if commits[log]?.isEmpty == true { commits[log] = nil }
    }

    public func commit(ending epoch: Epoch, in log: LogNumber) -> SequenceNumber? { commits[log]?[epoch] }

    public mutating func setGroupInfo(_ message: RawSpan, of log: LogNumber) { groupInfos[log] = Array(message) }

    public func groupInfo(of log: LogNumber) -> [UInt8]? { groupInfos[log] }

    // MARK: Clients

    public mutating func setAcknowledged(_ position: Position, by client: ClientNumber) {
        acknowledgements[position.log, default: [:]][client] = position.sequenceNumber
    }

    public func acknowledged(_ log: LogNumber, by client: ClientNumber) -> SequenceNumber {
        acknowledgements[log]?[client] ?? .zero
    }

    // MARK: KeyPackages

    public func keyPackage(_ reference: [UInt8]) -> KeyPackagePosition? { keyPackages[reference] }

    public mutating func setKeyPackage(_ position: KeyPackagePosition, reference: [UInt8]) {
        keyPackages[reference] = position
    }

    public func pool(
        of client: ClientNumber, _ cipherSuite: CipherSuite, isLastResort: Bool, atMost limit: Int
    ) -> [PooledKeyPackage] {
        let pool = pools[PoolName(client: client, cipherSuite: cipherSuite)] ?? Pool()
        return Array((isLastResort ? pool.lastResort : pool.once).prefix(limit))
    }

    public func keyPackages(of client: ClientNumber) -> [PooledKeyPackage] {
        pools.filter { $0.key.client == client }.sorted { $0.key.cipherSuite.rawValue < $1.key.cipherSuite.rawValue }
            .flatMap { $0.value.once + $0.value.lastResort }
    }

    public mutating func insert(_ keyPackage: PooledKeyPackage) {
        change(keyPackage) { list in
            let index = list.firstIndex { $0.sequenceNumber > keyPackage.sequenceNumber } ?? list.endIndex
            list.insert(keyPackage, at: index)
        }
    }

    public mutating func remove(_ keyPackage: PooledKeyPackage) throws(Corrupted) {
        var isFound = false
        change(keyPackage) { list in
            guard let index = list.firstIndex(of: keyPackage) else { return }
            list.remove(at: index)
            isFound = true
        }
        guard isFound else { throw Self.corrupted("KeyPackage \(keyPackage.sequenceNumber) is in no pool") }
    }

    private mutating func change(_ keyPackage: PooledKeyPackage, _ body: (inout [PooledKeyPackage]) -> Void) {
        let name = PoolName(client: keyPackage.client, cipherSuite: keyPackage.cipherSuite)
        var pool = pools[name] ?? Pool()
        if keyPackage.isLastResort { body(&pool.lastResort) } else { body(&pool.once) }
        pools[name] = pool == Pool() ? nil : pool
    }
}
