import MLSCodec
import MLSCrypto
public import RelayCore
public import RelayStore
public import RelayWire
public import TLSPresentation
public import TestSupport

/// A relay without sockets, clock and threads, on either of the two states.
public final class TestRelay {
    public enum StateKind: String, Sendable, CaseIterable { case memory, store }

    /// What became of a command; a Publish's receipts are in it.
    public struct Result: Hashable, Sendable {
        public var outcome: Outcome
        public var receipts: [Receipt]
    }

    /// The two states did not give the same.
    public struct StatesDiffer: Error {
        public let what: String
    }

    public struct RefusalChangedState: Error {
        public let refusal: RelayError
    }

    /// The relay's clock; every command of the convenience methods moves it on by one millisecond.
    public var now = Timestamp(rawValue: 1_000_000)
    public let limits: CoreLimits
    public private(set) var rules: RelayRules
    public let configuration: StoreConfiguration
    /// Where the store is; nil for a relay in memory.
    private let path: String?
    private var memory: Relay<MemoryState>?
    /// Carries out the same on another state, and must come to the same.
    public var mirror: TestRelay?
    private var stored: StoredRelay?

    /// A new relay with its first logs.
    /// - Parameter directory: where the store is; not used by a relay in memory.
    public init(
        _ kind: StateKind, in directory: TemporaryDirectory, limits: CoreLimits = .init(),
        rules: RelayRules = .init(), configuration: StoreConfiguration = .forTests
    ) throws {
        self.limits = limits
        self.rules = rules
        self.configuration = configuration
        path = kind == .store ? directory.path : nil
        switch kind {
        case .memory:
            var relay = Relay(
                MemoryState(duplicateWindow: configuration.duplicateWindow), limits: limits, rules: rules)
            try relay.initialize(at: now)
            memory = consume relay
        case .store:
            stored = try StoredRelay(
                directory.path, limits: limits, rules: rules, configuration: configuration, now: now)
        }
    }

    // MARK: Commands

    /// Carries out commands in one transaction.
    /// - Parameter aborts: whether the transaction is given up in the end, as when the disk is full.
    public func carryOut(_ commands: [TestCommand], aborts: Bool = false) throws -> [Result] {
        var batch = CommandBatch()
        for command in commands {
            let first = batch.messages.count
            batch.add(command)
            let key = try identity(of: command.client)?.signatureKey ?? []
            for index in first..<batch.messages.count { batch.messages[index].route.putIn(publishersKey: key) }
        }
        if let mirror {
            mirror.now = now
            let mirrored = try mirror.carryOut(commands, aborts: aborts)
            let results = try carryOutHere(batch, aborts: aborts)
            guard results == mirrored else { throw StatesDiffer(what: "\(results) and \(mirrored)") }
            return results
        }
        return try carryOutHere(batch, aborts: aborts)
    }

    private func carryOutHere(_ batch: CommandBatch, aborts: Bool) throws -> [Result] {
        if let stored { return try stored.carryOut(batch, at: now, aborts: aborts) }
        guard let before = memory?.state else { preconditionFailure("a relay is in memory or stored") }
        var receipts: [Receipt] = []
        var outcomes: [Outcome] = []
        for command in batch.commands {
            guard let outcome = try memory?.apply(command, in: batch, at: now, receipts: &receipts) else { continue }
            outcomes.append(outcome)
        }
        if aborts {
            memory?.state = before
            memory?.transactionFailed()
        }
        return outcomes.map { Result($0, receipts) }
    }

    private func identity(of client: ClientNumber) throws -> Identity? {
        guard let stored else { return try memory?.state.identity(of: client) }
        return try stored.reader.read { (snapshot) throws(StoreError) in try snapshot.identity(of: client) }
    }

    /// Carries out one command, a millisecond after the one before.
    /// - Throws: the refusal; it has changed nothing then.
    public func perform(_ action: TestCommand.Action, by client: ClientNumber = .relay) throws -> Result {
        now = Timestamp(rawValue: now.rawValue + 1)
        let before = try state
        let result = try carryOut([TestCommand(action, by: client)])[0]
        guard case .refused(let refusal) = result.outcome else { return result }
        guard try state.withoutRejects == before.withoutRejects else { throw RefusalChangedState(refusal: refusal) }
        throw refusal
    }

    // MARK: What nobody asks for

    /// Lets time pass, and the relay do what is due then, as much of it as there is.
    public func passTime(_ milliseconds: UInt64) throws {
        now = Timestamp(rawValue: now.rawValue + milliseconds)
        while let next = try stored.map({ try $0.passTime(at: now) }) ?? memory?.passTime(at: now), next <= now {}
    }

    /// Takes down what service loops have delivered.
    public func note(_ deliveries: [Delivery]) throws {
        if let stored { try stored.note(deliveries) } else { try memory?.note(deliveries) }
    }

    /// What service loops would have to do about everything since the last call.
    public func takeEffects() -> Effects {
        if let stored {
            defer { stored.relay.effects = Effects() }
            return stored.relay.effects
        }
        defer { memory?.effects = Effects() }
        return memory?.effects ?? Effects()
    }

    /// What retention would do now.
    public func retentionPlan(for log: LogNumber) throws -> RetentionPlan? {
        try state.retentionPlan(for: log, limits: limits, at: now)
    }

    public func register(_ name: String, key: UInt8 = 1) throws -> ClientNumber {
        guard case .registered(let client) = try perform(.register(.test(name, key: key))).outcome else {
            preconditionFailure("a registration is carried out or refused")
        }
        return client
    }

    public func createGroup(_ group: String, epoch: UInt64 = 0, by client: ClientNumber) throws -> LogNumber {
        try createGroup(Array(group.utf8), epoch: epoch, by: client)
    }

    public func createGroup(_ groupID: [UInt8], epoch: UInt64 = 0, by client: ClientNumber) throws -> LogNumber {
        let result = try perform(.createGroup(groupID, Epoch(rawValue: epoch)), by: client)
        guard case .groupCreated(let log) = result.outcome else { preconditionFailure("created or refused") }
        return log
    }

    @discardableResult
    public func publish(_ messages: TestMessage..., by client: ClientNumber) throws -> [Receipt] {
        try perform(.publish(messages), by: client).receipts
    }

    public func acknowledge(_ log: LogNumber, _ sequenceNumber: UInt64, by client: ClientNumber) throws {
        let position = Position(log: log, sequenceNumber: SequenceNumber(rawValue: sequenceNumber))
        _ = try perform(.acknowledge([position]), by: client)
    }

    public func fetchKeyPackages(_ names: String..., suite: UInt16 = 1, by client: ClientNumber) throws
        -> [KeyPackageResult]
    {
        let requests = names.map { KeyPackageRequest(name: Array($0.utf8), cipherSuite: CipherSuite(rawValue: suite)) }
        guard case .keyPackages(let results) = try perform(.fetchKeyPackages(requests), by: client).outcome else {
            preconditionFailure("a fetch has results")
        }
        return results
    }

    // MARK: State

    /// Everything that the relay keeps.
    public var state: MemoryState {
        get throws {
            if let stored { return try stored.contents }
            guard let state = memory?.state else { preconditionFailure("a relay is in memory or stored") }
            return state
        }
    }

    public func entries(of log: LogNumber) throws -> [Entry] { try state.entries[log] ?? [] }

    public func log(_ name: LogName) throws -> LogNumber {
        guard let log = try state.logs[name] else { throw MemoryState.corrupted("there is no log \(name)") }
        return log
    }

    /// Changes a record without asking the relay.
    public func set<Key, Value>(_ records: Records<Key, Value>, _ key: Key, _ value: Value?) throws {
        guard let stored else {
            if let value { try memory?.state.set(records, key, value) } else { try memory?.state.remove(records, key) }
            return
        }
        try stored.writer.begin()
        var writer = stored.writer
        if let value { try writer.set(records, key, value) } else { try writer.remove(records, key) }
        _ = try writer.commit()
    }

    /// Carries out what only other commands do.
    public func withdrawKeyPackages(of client: ClientNumber) throws {
        guard let stored else {
            try memory?.withdrawKeyPackages(of: client, at: now)
            return
        }
        try stored.writer.begin()
        try stored.relay.withdrawKeyPackages(of: client, at: now)
        _ = try stored.writer.commit()
    }

    /// Does what is due at a time, and goes on from there.
    public func passTime(to time: Timestamp) throws {
        now = time
        guard let stored else {
            while let next = try memory?.passTime(at: now), next <= now {}
            return
        }
        try stored.writer.begin()
        while let next = try stored.relay.passTime(at: now), next <= now {}
        _ = try stored.writer.commit()
    }

    /// Makes a client one of the user's, as if it had been admitted by another.
    public func move(_ client: ClientNumber, to user: String) throws {
        let state = try state
        var record = try state.existing(Tables.clients, client)
        guard let number = try state.user(named: Array(user.utf8)) else { throw MemoryState.corrupted("no user") }
        try set(Tables.userClients, PairKey(record.user, client), nil)
        record.user = number
        record.identity.name = Array(user.utf8)
        try set(Tables.clients, client, record)
        try set(Tables.userClients, PairKey(number, client), Mark())
    }

    /// The payloads of a kind in a log.
    public func notices<Notice: TLSDecodable>(
        _ kind: EntryKind, _ type: Notice.Type = Notice.self, in log: LogName
    ) throws -> [Notice] {
        try entries(of: self.log(log)).filter { $0.header.kind == kind }.map { try Notice(decoding: $0.payload) }
    }

    /// Closes the store and opens it again; a relay in memory stays as it is.
    /// - Parameter configuration: what it is opened with; nil for the same as before.
    public func reopen(configuration: StoreConfiguration? = nil, rules: RelayRules? = nil) throws {
        if let rules { self.rules = rules }
        guard let path else {
            if rules != nil, let state = memory?.state { memory = Relay(state, limits: limits, rules: self.rules) }
            return
        }
        stored = nil
        stored = try StoredRelay(
            path, limits: limits, rules: self.rules, configuration: configuration ?? self.configuration, now: now)
    }

    public var hasStore: Bool { stored != nil }

    /// The store of a relay that has one.
    public var store: Store {
        guard let store = stored?.store else { preconditionFailure("a relay with a store") }
        return store
    }
}

extension TestRelay.Result {
    fileprivate init(_ outcome: Outcome, _ receipts: [Receipt]) {
        self.outcome = outcome
        guard case .published(let range) = outcome else {
            self.receipts = []
            return
        }
        // Where they stand among the receipts of a batch is not what a test compares.
        self.outcome = .published(receipts: 0..<range.count)
        self.receipts = Array(receipts[range])
    }
}

/// A relay on a store that is open.
private final class StoredRelay {
    let store: Store
    let writer: StoreWriter
    var relay: Relay<StoreWriter>
    let reader: StoreReader

    init(
        _ directory: String, limits: CoreLimits, rules: RelayRules, configuration: StoreConfiguration, now: Timestamp
    ) throws {
        store = try Store(directory, access: .relay, configuration: configuration)
        reader = try StoreReader(store)
        writer = StoreWriter(store)
        relay = Relay(writer, limits: limits, rules: rules)
        try writer.begin()
        let noName: [UInt8] = []
        if try writer.log(.directory, named: noName.rawSpan) == nil { try relay.initialize(at: now) }
        _ = try writer.commit()
    }

    func carryOut(_ batch: CommandBatch, at now: Timestamp, aborts: Bool) throws -> [TestRelay.Result] {
        try writer.begin()
        var receipts: [Receipt] = []
        var outcomes: [Outcome] = []
        do {
            for command in batch.commands {
                outcomes.append(try relay.apply(command, in: batch, at: now, receipts: &receipts))
            }
        } catch {
            writer.abort()
            throw error
        }
        if aborts {
            writer.abort()
            relay.transactionFailed()
        } else {
            _ = try writer.commit()
        }
        return outcomes.map { TestRelay.Result($0, receipts) }
    }

    func passTime(at now: Timestamp) throws -> Timestamp? {
        try writer.begin()
        let next = try relay.passTime(at: now)
        _ = try writer.commit()
        return next
    }

    func note(_ deliveries: [Delivery]) throws {
        try writer.begin()
        try relay.note(deliveries)
        _ = try writer.commit()
    }

    var contents: MemoryState {
        get throws {
            try reader.read { (snapshot) throws(StoreError) in
                try MemoryState(contentsOf: snapshot, duplicateWindow: store.configuration.duplicateWindow)
            }
        }
    }
}

extension MessageToPublish.Route {
    /// Gives a KeyPackage that is made up its publisher's key.
    fileprivate mutating func putIn(publishersKey key: [UInt8]) {
        guard case .keyPackage(var keyPackage) = self, keyPackage.signatureKey == TestMessage.publishersKey else {
            return
        }
        keyPackage.signatureKey = key
        self = .keyPackage(keyPackage)
    }
}

extension Identity {
    /// An identity whose key is no real one: the relay's state does not look at it. Other names have other keys.
    public static func test(_ name: String, key: UInt8 = 1) -> Identity {
        let signatureKey = SHA256.hash([key] + Array(name.utf8)).bytes
        return Identity(name: Array(name.utf8), scheme: .ed25519, signatureKey: signatureKey)
    }
}

extension StoreConfiguration {
    /// A small store.
    public static let forTests: StoreConfiguration = {
        var configuration = StoreConfiguration()
        configuration.maxByteCount = 64 << 20
        return configuration
    }()
}
