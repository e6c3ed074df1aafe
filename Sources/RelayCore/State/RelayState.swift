public import MLSCodec
public import MLSCrypto
public import RelayWire

/// What is remembered of a log apart from its entries.
///
/// Invariant: `first` is at most `last.next`; `chain` is the chain hash at `last`.
public struct LogHead: Hashable, Sendable {
    public var number: LogNumber
    public var kind: LogKind
    /// The first entry that is kept.
    public var first: SequenceNumber
    /// The last entry; `.zero` in a new log.
    public var last: SequenceNumber
    /// Of a group: the epoch it is in.
    public var epoch: Epoch
    /// Of a group: who created it.
    public var creator: ClientNumber
    /// The time of the last entry, or of the creation.
    public var time: Timestamp
    /// The chain hash at `last`.
    public var chain: SHA256Digest

    public init(
        number: LogNumber, kind: LogKind, first: SequenceNumber, last: SequenceNumber, epoch: Epoch,
        creator: ClientNumber, time: Timestamp, chain: SHA256Digest
    ) {
        self.number = number
        self.kind = kind
        self.first = first
        self.last = last
        self.epoch = epoch
        self.creator = creator
        self.time = time
        self.chain = chain
    }
}

/// Where a KeyPackage stands and whose it is.
public struct KeyPackagePosition: Hashable, Sendable {
    public var client: ClientNumber
    /// In the log of the client's KeyPackages.
    public var sequenceNumber: SequenceNumber

    public init(client: ClientNumber, sequenceNumber: SequenceNumber) {
        self.client = client
        self.sequenceNumber = sequenceNumber
    }
}

/// The state that `Relay` decides on: logs and tables.
///
/// `RelayStore` keeps it in LMDB, inside one write transaction; `MemoryState` keeps it in dictionaries. Everything that a
/// conforming type reads reflects what was written before, durable or not. After a throw the whole batch must be given
/// up: `Relay` may have written a part of a command.
public protocol RelayState: RecordReading {
    // MARK: Records

    mutating func setRecord(_ table: RecordTable, _ key: [UInt8], _ value: [UInt8]) throws(Failure)
    /// Removes a record; nothing happens where there is none.
    mutating func removeRecord(_ table: RecordTable, _ key: [UInt8]) throws(Failure)

    // MARK: Logs

    /// Creates a log and its head with the next free number; `head.number` is set by this call.
    mutating func createLog(_ name: LogName, head: LogHead) throws(Failure) -> LogNumber
    mutating func setHead(_ head: LogHead) throws(Failure)
    /// Stores an entry behind the last one of its log. The head is not changed by this.
    mutating func append(
        _ header: EntryHeader, chain: SHA256Digest, payload: RawSpan, payloadHash: SHA256Digest
    ) throws(Failure)
    /// Drops the payload of an entry that has one.
    mutating func replaceByDigest(_ sequenceNumber: SequenceNumber, in log: LogNumber) throws(Failure)
    /// Removes the entries from the first that is kept up to this one. The head is not changed by this.
    mutating func removeEntries(of log: LogNumber, through last: SequenceNumber) throws(Failure)
    /// Where an entry with this payload stands among the last ones of a log; how many are looked at is the state's limit.
    mutating func entry(with payloadHash: SHA256Digest, in log: LogNumber) throws(Failure) -> SequenceNumber?

    // MARK: Groups

    /// Notes which entry is the commit that ended `epoch`.
    mutating func setCommit(_ sequenceNumber: SequenceNumber, ending epoch: Epoch, in log: LogNumber) throws(Failure)
    /// The epoch is open again.
    mutating func removeCommit(ending epoch: Epoch, in log: LogNumber) throws(Failure)
    func commit(ending epoch: Epoch, in log: LogNumber) throws(Failure) -> SequenceNumber?
    /// Replaces the newest GroupInfo of a group, an MLSMessage.
    mutating func setGroupInfo(_ message: RawSpan, of log: LogNumber) throws(Failure)

    // MARK: Clients

    /// Notes up to where a client has processed a log.
    mutating func setAcknowledged(_ position: Position, by client: ClientNumber) throws(Failure)

    // MARK: KeyPackages

    /// Whose KeyPackage this is, handed out or not.
    func keyPackage(_ reference: [UInt8]) throws(Failure) -> KeyPackagePosition?
    /// Notes for ever whose KeyPackage this is.
    mutating func setKeyPackage(_ position: KeyPackagePosition, reference: [UInt8]) throws(Failure)
    /// The KeyPackages of a pool that are handed out once, or those of last resort, in the order of their numbers.
    func pool(
        of client: ClientNumber, _ cipherSuite: CipherSuite, isLastResort: Bool, atMost limit: Int
    ) throws(Failure) -> [PooledKeyPackage]
    /// All that is in a client's pools, suite by suite.
    func keyPackages(of client: ClientNumber) throws(Failure) -> [PooledKeyPackage]
    /// Puts a KeyPackage into its pool, where its number says.
    mutating func insert(_ keyPackage: PooledKeyPackage) throws(Failure)
    /// Takes a KeyPackage out of its pool, where it is.
    mutating func remove(_ keyPackage: PooledKeyPackage) throws(Failure)
}

extension RelayState {
    /// An entry that exists, with its payload.
    public func entry(_ sequenceNumber: SequenceNumber, in log: LogNumber) throws(Failure) -> Entry {
        guard let entry = try storedEntry(sequenceNumber, in: log) else {
            throw Self.corrupted("log \(log) has no entry \(sequenceNumber)")
        }
        return entry
    }

    /// An entry that exists, its payload there or gone.
    public func digest(_ sequenceNumber: SequenceNumber, in log: LogNumber) throws(Failure) -> EntryDigest {
        guard let digest = try storedDigest(sequenceNumber, in: log) else {
            throw Self.corrupted("log \(log) has no entry \(sequenceNumber)")
        }
        return digest
    }
}
