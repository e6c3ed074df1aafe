import Logging
import MLSPublicGroup
import Metrics
import RelayCore
import RelayStore
import RelayTransport
import RelayWire
import Synchronization
import TLSPresentation

/// The thread that alone writes: it takes what commands have gathered, carries them out in one transaction, makes that
/// durable with one sync, and only then lets the loops answer.
// @unchecked: `relay` belongs to the writer's thread from `start` on.
final class WriterThread: @unchecked Sendable {
    /// What loops send to the writer.
    enum Message: Sendable {
        case commands(CommandBatch)
        /// What came before is carried out; then the thread ends.
        case stop
    }

    private let inbox = Inbox<Message>()
    private let signal = WakeSignal()
    private let thread = ThreadHandle()
    private let metrics: RelayMetrics
    private let logger: Logger
    private let health: Health
    private let store: Store
    private var relay: Relay<StoreWriter>
    private var readersCheckedAt = monotonicMilliseconds()
    /// When something is to be done without being asked, by the wall clock.
    private var nextDeadline: Timestamp?
    /// Gives a loop what became of its commands.
    private let deliver: @Sendable (_ loop: Int, OutcomeBatch) -> Void
    private let loopCount: Int
    /// Commands that no transaction has begun for.
    let queuedCommandCount = Atomic<Int>(0)

    init(
        store: Store, limits: CoreLimits, rules: RelayRules, validation: ValidationPolicy, loopCount: Int,
        metrics: RelayMetrics, health: Health, logger: Logger,
        deliver: @escaping @Sendable (Int, OutcomeBatch) -> Void
    ) throws(StoreError) {
        self.metrics = metrics
        self.health = health
        self.logger = logger
        self.loopCount = loopCount
        self.deliver = deliver
        self.store = store
        relay = Relay(StoreWriter(store), limits: limits, rules: rules, validation: validation)
        try initialize()
    }

    /// A new store gets the logs that every relay has.
    private func initialize() throws(StoreError) {
        try relay.state.begin()
        let name = LogName.directory.name
        if try relay.state.log(.directory, named: name.rawSpan) == nil {
            try relay.initialize(at: Timestamp(rawValue: wallClockMilliseconds()))
            _ = try relay.state.commit()
        } else {
            try relay.armRetention(at: Timestamp(rawValue: wallClockMilliseconds()))
            nextDeadline = try relay.nextDeadline()
            _ = try relay.state.commit()
        }
    }

    func start() { thread.start(name: "relay-writer") { [self] in run() } }

    /// Called by any thread.
    func put(_ message: Message) {
        if case .commands(let batch) = message { queuedCommandCount.add(batch.commands.count, ordering: .relaxed) }
        if inbox.put(message) { signal.signal() }
    }

    /// Carries out what was put in before, and ends.
    func stop() {
        put(.stop)
        thread.join()
    }

    /// Uses the time without work to write ahead: a step takes some milliseconds, and nobody waits for the first of them.
    private func waitForMessages() {
        var isAhead = false
        while !signal.wait(milliseconds: isAhead ? Self.deadlineCheckMilliseconds : Self.idleMilliseconds) {
            if isDeadlineOver { return }
            if !isAhead { isAhead = !store.writeAhead() }
        }
    }

    private var isDeadlineOver: Bool { nextDeadline.map { $0.rawValue <= wallClockMilliseconds() } ?? false }

    /// An idle writer looks as often whether something is due.
    private static let deadlineCheckMilliseconds = 500

    /// Without work for this long the writer is idle.
    private static let idleMilliseconds = 20

    private func run() {
        while true {
            waitForMessages()
            let messages = inbox.takeAll()
            var batches: [CommandBatch] = []
            var isLast = false
            for message in messages {
                switch message {
                case .commands(let batch): batches.append(batch)
                case .stop: isLast = true
                }
            }
            if !batches.isEmpty || isDeadlineOver { carryOut(batches) }
            if isLast { return }
        }
    }

    /// An inspector that was killed while it read would let the store grow: its pages could not be used again.
    private func releaseDeadReaders() {
        let now = monotonicMilliseconds()
        guard readersCheckedAt + Self.readerCheckMilliseconds <= now else { return }
        readersCheckedAt = now
        do throws(StoreError) {
            try store.releaseDeadReaders()
        } catch {
            logger.warning("dead readers could not be released", metadata: ["reason": "\(error)"])
        }
    }

    private static let readerCheckMilliseconds: UInt64 = 60_000

    /// One transaction for all of `batches`.
    private func carryOut(_ batches: [CommandBatch]) {
        releaseDeadReaders()
        let start = ContinuousClock.now
        let commandCount = batches.reduce(0) { $0 + $1.commands.count }
        queuedCommandCount.subtract(commandCount, ordering: .relaxed)
        health.transactionBegins(at: monotonicMilliseconds())
        var hasSucceeded = true
        let outcomes: [OutcomeBatch]
        do throws(StoreError) {
            outcomes = try transact(batches)
            metrics.commandsApplied.increment(by: commandCount)
        } catch {
            hasSucceeded = false
            relay.state.abort()
            relay.transactionFailed()
            metrics.transactionsFailed.increment()
            logger.error("a transaction was given up", metadata: ["reason": "\(error)"])
            outcomes = refuseAll(batches, because: error)
        }
        metrics.transactions.increment()
        metrics.transactionDuration.recordNanoseconds((ContinuousClock.now - start).nanoseconds)
        metrics.transactionCommands.record(commandCount)
        health.transactionEnded(at: monotonicMilliseconds(), succeeded: hasSucceeded)
        for (loop, outcome) in outcomes.enumerated() { deliver(loop, outcome) }
    }

    private func transact(_ batches: [CommandBatch]) throws(StoreError) -> [OutcomeBatch] {
        var outcomes = [OutcomeBatch](repeating: OutcomeBatch(), count: loopCount)
        var receipts: [Receipt] = []
        let now = Timestamp(rawValue: wallClockMilliseconds())
        try relay.state.begin()
        relay.appended = AppendedEntries()
        relay.refusedCommits.removeAll(keepingCapacity: true)
        for batch in batches {
            for command in batch.commands {
                receipts.removeAll(keepingCapacity: true)
                let outcome = try relay.apply(command, in: batch, at: now, receipts: &receipts)
                outcomes[Int(command.connection.loop)].append(
                    outcome, of: command, in: batch, receipts: receipts, at: now)
                if case .refused(let error) = outcome { metrics.refused(error.code).increment() }
            }
            try relay.note(batch.deliveries)
        }
        nextDeadline = try relay.passTime(at: now)
        let grown = try relay.state.commit().map { GrownLog(log: $0.number, last: $0.last) }
        for kind in LogKind.allCases where relay.appended[kind] > 0 {
            metrics.appended(kind).increment(by: relay.appended[kind])
        }
        let effects = relay.effects
        for log in effects.diverged {
            metrics.divergences.increment()
            logger.warning(
                "a member of a group has seen something else than the others, twice in a row",
                metadata: ["log": "\(log)"])
        }
        relay.effects = Effects()
        for index in outcomes.indices {
            outcomes[index].grown = grown
            outcomes[index].effects = effects
        }
        tellRefusedCommits()
        return outcomes
    }

    /// Commits that were refused, for whoever looks after the relay: without names, and not more lines than can be read.
    private func tellRefusedCommits() {
        for refused in relay.refusedCommits {
            let rule = String(decoding: refused.rule, as: UTF8.self)
            metrics.commitRefused(refused.code, rule: rule)
        }
        for refused in relay.refusedCommits.prefix(Self.maxRefusedCommitLines) {
            var metadata: Logger.Metadata = [
                "log": "\(refused.log)", "epoch": "\(refused.epoch)", "code": "\(refused.code)",
            ]
            if !refused.rule.isEmpty { metadata["rule"] = "\(String(decoding: refused.rule, as: UTF8.self))" }
            logger.info("a commit was refused", metadata: metadata)
        }
        if relay.refusedCommits.count > Self.maxRefusedCommitLines {
            logger.info(
                "more commits were refused",
                metadata: ["count": "\(relay.refusedCommits.count - Self.maxRefusedCommitLines)"])
        }
    }

    /// Of one transaction; all of them are in the store: `mlsrelay-tool rejects`.
    private static let maxRefusedCommitLines = 10

    /// Nothing of the batches has happened.
    private func refuseAll(_ batches: [CommandBatch], because error: StoreError) -> [OutcomeBatch] {
        let refusal =
            error == .full
            ? RelayError(.storageFull, "The relay's storage is full; nothing was stored.")
            : RelayError(.storageFailed, "The relay's storage failed; nothing was stored.")
        var outcomes = [OutcomeBatch](repeating: OutcomeBatch(), count: loopCount)
        let now = Timestamp(rawValue: wallClockMilliseconds())
        for batch in batches {
            for command in batch.commands {
                outcomes[Int(command.connection.loop)].append(
                    .refused(refusal), of: command, in: batch, receipts: [], at: now)
            }
            metrics.refused(refusal.code).increment(by: batch.commands.count)
        }
        return outcomes
    }
}

/// A log that has new entries.
struct GrownLog: Sendable {
    let log: LogNumber
    let last: SequenceNumber
}

/// What a transaction means for the connections of one loop: answers, as frames, and logs that have grown.
struct OutcomeBatch: Sendable {
    /// Frames of all answers, behind each other.
    var frames = Writer()
    /// Whose they are: neighbours of the same connection are one.
    var answers: [Answer] = []
    var grown: [GrownLog] = []
    /// What the transaction did that concerns sessions of any loop.
    var effects = Effects()

    struct Answer: Sendable {
        var connection: ConnectionID
        var frames: Range<Int>
        var commandCount: Int
        /// Bytes of messages that these commands carried.
        var byteCount: Int
        /// Set where a registration was carried out.
        var registered: ClientNumber?
        /// Set where a refusal ends the connection; of a registration every one does.
        var failure: ErrorCode?
    }

    mutating func append(
        _ outcome: Outcome, of command: Command, in batch: CommandBatch, receipts: [Receipt], at now: Timestamp
    ) {
        let start = frames.bytes.count
        var registered: ClientNumber?
        var failure: ErrorCode?
        switch outcome {
        case .registered(let client):
            Ready(client: client, time: now).writeFrame(command.requestID, into: &frames)
            registered = client
        case .groupCreated(let log): GroupCreated(log: log).writeFrame(command.requestID, into: &frames)
        case .published: Published.writeFrame(command.requestID, receipts: receipts, into: &frames)
        case .acknowledged: Done().writeFrame(command.requestID, into: &frames)
        case .answered(let frame): frame.writeFrame(command.requestID, into: &frames)
        case .keyPackages(let results): KeyPackages(results: results).writeFrame(command.requestID, into: &frames)
        case .refused(let error):
            error.writeFrame(command.requestID, into: &frames)
            if case .register = command.action { failure = error.code }
            if error.code.endsConnection { failure = error.code }
        }
        var byteCount = 0
        if let messages = command.messages, let first = messages.first, let last = messages.last {
            byteCount = batch.messages[last].range.upperBound - batch.messages[first].range.lowerBound
        }
        if let last = answers.indices.last, answers[last].connection == command.connection, registered == nil,
            failure == nil, answers[last].registered == nil, answers[last].failure == nil
        {
            answers[last].frames = answers[last].frames.lowerBound..<frames.bytes.count
            answers[last].commandCount += 1
            answers[last].byteCount += byteCount
        } else {
            answers.append(
                Answer(
                    connection: command.connection, frames: start..<frames.bytes.count, commandCount: 1,
                    byteCount: byteCount, registered: registered, failure: failure))
        }
    }
}

extension Duration {
    var nanoseconds: Int64 { components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000 }
}
