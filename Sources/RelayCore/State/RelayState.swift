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
    /// Puts a KeyPackage into its pool, behind those that are there; a last-resort one replaces the one before.
    mutating func addKeyPackage(
        _ position: KeyPackagePosition, reference: [UInt8], cipherSuite: CipherSuite, isLastResort: Bool
    ) throws(Failure)
    /// The first KeyPackage in a pool, which is then no longer there, or else the last-resort one, which stays.
    mutating func takeKeyPackage(
        of client: ClientNumber, cipherSuite: CipherSuite
    ) throws(Failure) -> (position: SequenceNumber, isLastResort: Bool)?
    /// How many KeyPackages are in a pool, the last-resort one not counted.
    func keyPackageCount(of client: ClientNumber, cipherSuite: CipherSuite) throws(Failure) -> Int
}

extension RelayState {
    /// An entry that exists, with its payload.
    public func entry(_ sequenceNumber: SequenceNumber, in log: LogNumber) throws(Failure) -> Entry {
        guard let entry = try storedEntry(sequenceNumber, in: log) else {
            throw Self.corrupted("log \(log) has no entry \(sequenceNumber)")
        }
        return entry
    }
}
