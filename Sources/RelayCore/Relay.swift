import MLSCodec
import MLSCrypto
public import MLSPublicGroup
public import RelayWire
import TLSPresentation

/// What a relay decides: `apply` turns a command and the state into an outcome and the next state.
///
/// Deterministic: the same commands at the same times on the same state give the same outcomes and states. Clock,
/// randomness, sockets, disk and signatures are outside. A refused command changes nothing.
public struct Relay<State: RelayState>: ~Copyable {
    public var state: State
    public let limits: CoreLimits
    public let rules: RelayRules
    /// What messages of public groups are validated with; the clock is the command's.
    public let validation: ValidationPolicy
    /// Entries appended since the owner last set this back.
    public var appended = AppendedEntries()
    /// What service loops have to do, since the owner last set this back.
    public var effects = Effects()
    /// Commits refused since the owner last set this back, as they are kept for operators.
    public var refusedCommits: [RejectRecord] = []
    var chain = Chain()
    /// What is to be done for the messages of the Publish at hand; kept for its storage.
    private var plan: [Step] = []
    /// Public groups in memory, and their leaves together.
    var followedGroups: [LogNumber: FollowedGroup] = [:]
    var followedLeafCount = 0
    var fairness: [LogNumber: Fairness] = [:]
    /// Entries that retention may still look at in this transaction.
    var retentionBudget = 0
    var rates = CommandRates()
    /// KeyPackages of others that were asked for.
    var fetches = RateLimiter<KeyPackageFetch>()
    /// What clients have changed about their identities.
    var identityChanges = RateLimiter<ClientNumber>()
    /// Clients whose connections were ended, since the process began.
    var endedClients: Set<ClientNumber> = []
    /// The commit that the command at hand would publish.
    var refusedCommit: (log: LogNumber, epoch: Epoch)?

    public init(
        _ state: consuming State, limits: CoreLimits, rules: RelayRules = RelayRules(),
        validation: ValidationPolicy = ValidationPolicy(clientSupport: nil)
    ) {
        self.state = state
        self.limits = limits
        self.rules = rules
        self.validation = validation
    }

    /// The transaction did not happen: what is in memory may be of it.
    public mutating func transactionFailed() {
        followedGroups.removeAll(keepingCapacity: true)
        followedLeafCount = 0
        effects = Effects()
        refusedCommits = []
    }

    /// Creates the logs that every relay has. Once, in an empty state.
    public mutating func initialize(at now: Timestamp) throws(State.Failure) {
        for name in [LogName.directory, .groups] {
            _ = try createLog(name, epoch: Epoch(rawValue: 0), creator: .relay, at: now)
        }
    }

    /// Carries out one command.
    /// - Parameters:
    ///   - batch: holds the messages that a Publish names.
    ///   - now: the relay's clock.
    ///   - receipts: receipts of a Publish are appended here.
    /// - Throws: what the state throws; the batch must then be given up as a whole.
    public mutating func apply(
        _ command: Command, in batch: CommandBatch, at now: Timestamp, receipts: inout [Receipt]
    ) throws(State.Failure) -> Outcome {
        refusedCommit = nil
        if let refusal = checkRate(of: command, at: now) { return .refused(refusal) }
        let outcome = try carryOut(command, in: batch, at: now, receipts: &receipts)
        noteRate(of: command, outcome, at: now)
        if case .refused(let error) = outcome, let refusedCommit {
            try note(error, of: refusedCommit.log, refusedCommit.epoch, by: command.client, at: now)
        }
        return outcome
    }

    private mutating func carryOut(
        _ command: Command, in batch: CommandBatch, at now: Timestamp, receipts: inout [Receipt]
    ) throws(State.Failure) -> Outcome {
        if !endedClients.isEmpty, let refusal = try refusalOfEnded(command.client) { return .refused(refusal) }
        switch command.action {
        case .register(let registration):
            return try register(registration, at: now)
        case .createGroup(let groupID, let epoch):
            return try createGroup(groupID, epoch: epoch, by: command.client, at: now)
        case .createTrackedGroup(let group, let messages):
            return try createGroup(group, messages, in: batch, by: command.client, at: now, receipts: &receipts)
        case .publish(let messages):
            return try publish(messages, nil, in: batch, by: command.client, at: now, receipts: &receipts)
        case .publishCommit(let messages, let roster):
            return try publish(messages, roster, in: batch, by: command.client, at: now, receipts: &receipts)
        case .acknowledge(let positions):
            return try acknowledge(positions, by: command.client)
        case .fetchKeyPackages(let requests):
            return try fetchKeyPackages(requests, for: command.client, at: now)
        case .invitation(let action):
            return try carryOut(action, by: command.client, at: now)
        case .group(let action):
            return try carryOut(action, by: command.client, at: now)
        case .delivery(let action):
            return try carryOut(action, by: command.client, at: now)
        case .identity(let action):
            return try carryOut(action, by: command.client, at: now)
        case .administer(let action, let token):
            return try administer(action, token: token, by: command.client, at: now)
        }
    }

    /// Keeps why a commit was refused, for operators: a group whose commits fail has to be looked at.
    private mutating func note(
        _ error: RelayError, of log: LogNumber, _ epoch: Epoch, by client: ClientNumber, at now: Timestamp
    ) throws(State.Failure) {
        let number = try state.nextNumber(.reject)
        let rule = (try? RuleDetail(decoding: error.detail.rawSpan))?.rule ?? []
        let record = RejectRecord(log: log, client: client, time: now, epoch: epoch, code: error.code, rule: rule)
        try state.set(Tables.rejects, SequenceNumber(rawValue: number), record)
        refusedCommits.append(record)
        if number > UInt64(limits.maxRejectCount) {
            try state.remove(Tables.rejects, SequenceNumber(rawValue: number - UInt64(limits.maxRejectCount)))
        }
    }

    // MARK: Groups

    private mutating func createGroup(
        _ groupID: [UInt8], epoch: Epoch, by creator: ClientNumber, at now: Timestamp
    ) throws(State.Failure) -> Outcome {
        guard (1...WireLimits.maxGroupIDByteCount).contains(groupID.count) else {
            return .refused(RelayError(.groupIDInvalid, "A group id has 1 to 255 bytes."))
        }
        if let log = try state.log(.group, named: groupID.rawSpan) {
            // A creator that repeats itself lost the answer; the group id alone could be anybody's guess.
            let head = try existingHead(of: log)
            guard head.creator == creator, head.last == .zero, head.epoch == epoch else {
                return .refused(RelayError(.groupExists, "A group with this id exists."))
            }
            return .groupCreated(log)
        }
        let log = try createLog(.group(groupID), epoch: epoch, creator: creator, at: now)
        let notice = GroupNotice(log: log, creator: creator, epoch: epoch, groupID: groupID)
        try notify(notice.encoded, kind: .groupCreated, in: .groups, at: now)
        return .groupCreated(log)
    }

    private mutating func acknowledge(_ positions: [Position], by client: ClientNumber) throws(State.Failure) -> Outcome
    {
        for position in positions {
            let through = try state.readableThrough(position.log, by: client)
            guard let head = try state.head(of: position.log), let through else {
                return .refused(RelayError(.logUnknown, "There is no log \(position.log)."))
            }
            guard position.sequenceNumber <= min(head.last, through) else {
                return .refused(
                    RelayError(.cursorAhead, "Log \(position.log) has no entry \(position.sequenceNumber)."))
            }
        }
        for position in positions where try state.acknowledged(position.log, by: client) < position.sequenceNumber {
            try state.setAcknowledged(position, by: client)
            effects.receipts.insert(position.log)
            try confirm(position.log, by: client, through: position.sequenceNumber)
        }
        return .acknowledged
    }

    // MARK: Publishing

    /// What is to be done for one message of a Publish.
    private enum Step {
        /// The entry is there already.
        case duplicate(message: Int, LogNumber, SequenceNumber)
        case append(message: Int, LogNumber)
        /// Appends a commit, which ends `epoch`.
        case appendCommit(message: Int, LogNumber, ending: Epoch)
        case appendKeyPackage(message: Int, LogNumber)
        case setGroupInfo(message: Int, LogNumber)
    }

    /// All messages of a Publish, or none: first the decisions, which change nothing, then the writes.
    private mutating func publish(
        _ messages: Range<Int>, _ declared: DeclaredRoster?, in batch: CommandBatch, by client: ClientNumber,
        at now: Timestamp, receipts: inout [Receipt]
    ) throws(State.Failure) -> Outcome {
        if let (log, group) = try trackedGroup(of: messages, in: batch) {
            return try publishTracked(
                messages, declared: declared, to: log, group, in: batch, by: client, at: now, receipts: &receipts)
        }
        guard declared == nil else { return .refused(.groupUnknown) }
        plan.removeAll(keepingCapacity: true)
        var group = GroupInPublish()
        for index in messages {
            if let refusal = try decide(index, in: batch, by: client, at: now, group: &group) {
                return .refused(refusal)
            }
        }
        let start = receipts.count
        for step in plan {
            try carryOut(step, first: messages.lowerBound, in: batch, by: client, at: now, receipts: &receipts)
        }
        if let log = group.log { try armUntracked(log, at: now) }
        return .published(receipts: start..<receipts.count)
    }

    /// The tracked group that the first message names which names any.
    private func trackedGroup(
        of messages: Range<Int>, in batch: CommandBatch
    ) throws(State.Failure) -> (LogNumber, GroupRecord)? {
        for index in messages {
            switch batch.messages[index].route {
            case .group(let groupID, _, _), .groupInfo(let groupID, _):
                guard let log = try state.log(.group, named: batch.bytes.rawSpan.extracting(groupID)),
                    let group = try state.get(Tables.groups, log)
                else { return nil }
                return (log, group)
            case .welcome, .keyPackage: continue
            }
        }
        return nil
    }

    /// The one group that a Publish may speak of, as it will be after the messages before.
    private struct GroupInPublish {
        var log: LogNumber?
        var epoch = Epoch(rawValue: 0)
        /// A commit of this Publish is in the log already: the Publish is sent again.
        var isRepeated = false
        /// KeyPackages in pools, with those of this Publish.
        var poolCounts: [CipherSuite: Int] = [:]
    }

    private mutating func decide(
        _ index: Int, in batch: CommandBatch, by client: ClientNumber, at now: Timestamp, group: inout GroupInPublish
    ) throws(State.Failure) -> RelayError? {
        let message = batch.messages[index]
        switch message.route {
        case .group(let groupID, let epoch, let isCommit):
            if let refusal = try enter(groupID, of: batch, into: &group) { return refusal }
            guard let log = group.log else { preconditionFailure("enter sets the log or refuses") }
            if let there = try state.entry(with: message.hash, in: log) {
                plan.append(.duplicate(message: index, log, there))
                if isCommit { group.isRepeated = true }
                return nil
            }
            if isCommit {
                if let refusal = checkCommitRate(of: log, at: now) { return refusal }
                // One commit per epoch, the first that comes. RFC 9750 section 5.2.
                guard epoch == group.epoch else {
                    refusedCommit = (log, epoch)
                    return try refusal(of: epoch, current: group.epoch, log: log)
                }
                group.epoch = epoch.next
                plan.append(.appendCommit(message: index, log, ending: epoch))
            } else {
                guard epoch <= group.epoch, group.epoch.rawValue - epoch.rawValue <= limits.pastEpochs else {
                    return try refusal(of: epoch, current: group.epoch, log: log)
                }
                plan.append(.append(message: index, log))
            }

        case .groupInfo(let groupID, let epoch):
            if let refusal = try enter(groupID, of: batch, into: &group) { return refusal }
            guard let log = group.log else { preconditionFailure("enter sets the log or refuses") }
            if epoch == group.epoch {
                plan.append(.setGroupInfo(message: index, log))
            } else if !(group.isRepeated && epoch < group.epoch) {
                return try refusal(of: epoch, current: group.epoch, log: log)
            }

        case .welcome(let references):
            // In the order of the references; the set, because a Welcome may be for thousands.
            var recipients: [ClientNumber] = []
            var seen: Set<ClientNumber> = []
            for reference in references {
                guard let owner = try state.keyPackage(reference)?.client else {
                    return RelayError(
                        .keyPackageRefUnknown, "A Welcome names a KeyPackage that this relay does not know.")
                }
                if seen.insert(owner).inserted { recipients.append(owner) }
            }
            for recipient in recipients {
                let inbox = try existing(.inbox(of: recipient))
                if let there = try state.entry(with: message.hash, in: inbox) {
                    plan.append(.duplicate(message: index, inbox, there))
                } else {
                    plan.append(.append(message: index, inbox))
                }
            }

        case .keyPackage(let package):
            let log = try existing(.keyPackages(of: client))
            if let there = try state.keyPackage(package.reference) {
                guard there.client == client else {
                    return RelayError(.notPermitted, "Another client has published this KeyPackage.")
                }
                plan.append(.duplicate(message: index, log, there.sequenceNumber))
                return nil
            }
            if let refusal = try refusal(of: package, by: client, at: now) { return refusal }
            if !package.isLastResort {
                let suite = package.cipherSuite
                var count = 0
                if let known = group.poolCounts[suite] {
                    count = known
                } else {
                    count = try keyPackageCount(of: client, suite, at: now)
                }
                group.poolCounts[suite] = count + 1
                guard count < limits.maxKeyPackagesPerPool else {
                    return RelayError(
                        .keyPackagePoolFull,
                        "The pool holds at most \(limits.maxKeyPackagesPerPool) KeyPackages of a suite.")
                }
            }
            plan.append(.appendKeyPackage(message: index, log))
        }
        return nil
    }

    /// Looks up the group of a message; every message of a Publish that names a group names the same.
    private mutating func enter(
        _ groupID: Range<Int>, of batch: CommandBatch, into group: inout GroupInPublish
    ) throws(State.Failure) -> RelayError? {
        guard let log = try state.log(.group, named: batch.bytes.rawSpan.extracting(groupID)) else {
            return RelayError(.groupUnknown, "There is no group with this id.")
        }
        if group.log == nil {
            group.log = log
            group.epoch = try existingHead(of: log).epoch
        }
        return group.log == log ? nil : RelayError(.mixedGroups, "The messages of a Publish are of one group.")
    }

    /// Why a message of `epoch` is refused, with the commit that has ended it.
    func refusal(
        of epoch: Epoch, current: Epoch, log: LogNumber, _ mayRead: (SequenceNumber) -> Bool = { _ in true }
    ) throws(State.Failure) -> RelayError {
        let winner = try state.commit(ending: epoch, in: log)
        var detail = EpochDetail(log: log, epoch: current, commit: winner ?? .zero)
        if let winner, mayRead(winner), let entry = try state.storedEntry(winner, in: log),
            entry.payload.count <= WireLimits.maxEntryInDetailByteCount
        {
            detail.entry = entry.encoded
        }
        return epoch < current
            ? RelayError(
                .staleEpoch, "The group is in epoch \(current), the message in \(epoch).", detail: detail.encoded)
            : RelayError(
                .futureEpoch, "The group is only in epoch \(current), the message in \(epoch).", detail: detail.encoded)
    }

    private mutating func carryOut(
        _ step: Step, first: Int, in batch: CommandBatch, by client: ClientNumber, at now: Timestamp,
        receipts: inout [Receipt]
    ) throws(State.Failure) {
        switch step {
        case .duplicate(let index, let log, let sequenceNumber):
            let entry = try state.digest(sequenceNumber, in: log)
            receipts.append(
                Receipt(
                    message: UInt32(index - first), log: log, sequenceNumber: sequenceNumber, time: entry.header.time,
                    chain: entry.chain))
        case .append(let index, let log):
            let sender = limits.untrackedSenders == .kept ? client : .relay
            receipts.append(try append(index, first: first, to: log, in: batch, by: sender, at: now) { _ in })
        case .appendCommit(let index, let log, let epoch):
            let sender = limits.untrackedSenders == .kept ? client : .relay
            let receipt = try append(index, first: first, to: log, in: batch, by: sender, at: now) { head in
                head.epoch = epoch.next
            }
            try state.setCommit(receipt.sequenceNumber, ending: epoch, in: log)
            noteCommit(in: log, at: now)
            receipts.append(receipt)
        case .appendKeyPackage(let index, let log):
            guard case .keyPackage(let package) = batch.messages[index].route else {
                preconditionFailure("the step was planned for a KeyPackage")
            }
            let receipt = try append(index, first: first, to: log, in: batch, by: client, at: now) { _ in }
            try addKeyPackage(package, of: client, at: receipt.sequenceNumber, now)
            receipts.append(receipt)
        case .setGroupInfo(let index, let log):
            try state.setGroupInfo(batch.bytes.rawSpan.extracting(batch.messages[index].range), of: log)
        }
    }

    // MARK: Logs

    mutating func createLog(
        _ name: LogName, epoch: Epoch, creator: ClientNumber, at now: Timestamp
    ) throws(State.Failure) -> LogNumber {
        let head = LogHead(
            number: .none, kind: name.kind, first: SequenceNumber.zero.next, last: .zero, epoch: epoch,
            creator: creator,
            time: now, chain: chain.start(of: name))
        return try state.createLog(name, head: head)
    }

    /// The number of a log that was created with its client or with the store.
    func existing(_ name: LogName) throws(State.Failure) -> LogNumber {
        guard let log = try state.log(name.kind, named: name.name.rawSpan) else {
            throw State.corrupted("there is no \(name.kind) log named \(name.name.hex)")
        }
        return log
    }

    /// The head of a log whose number the state itself gave.
    func existingHead(of log: LogNumber) throws(State.Failure) -> LogHead {
        guard let head = try state.head(of: log) else { throw State.corrupted("log \(log) has no head") }
        return head
    }

    @discardableResult
    mutating func notify(
        _ payload: [UInt8], kind: EntryKind, in name: LogName, at now: Timestamp
    ) throws(State.Failure) -> LogHead {
        try notify(payload, kind: kind, in: try existing(name), at: now)
    }

    /// - Returns: the log's head, which is at the notice.
    @discardableResult
    mutating func notify(
        _ payload: [UInt8], kind: EntryKind, in log: LogNumber, at now: Timestamp
    ) throws(State.Failure) -> LogHead {
        try append(payload.rawSpan, hash: payloadHash(payload), kind: kind, to: log, by: .relay, at: now) { _ in }
    }

    mutating func payloadHash(_ payload: [UInt8]) -> SHA256Digest { chain.payloadHash(payload.rawSpan) }

    mutating func append(
        _ index: Int, first: Int, to log: LogNumber, in batch: CommandBatch, by sender: ClientNumber, at now: Timestamp,
        _ change: (inout LogHead) -> Void
    ) throws(State.Failure) -> Receipt {
        let message = batch.messages[index]
        let head = try append(
            batch.bytes.rawSpan.extracting(message.range), hash: message.hash, kind: .message, to: log, by: sender,
            at: now, change)
        return Receipt(
            message: UInt32(index - first), log: log, sequenceNumber: head.last, time: head.time, chain: head.chain)
    }

    /// Appends one entry and moves the head on; the one place where a log grows.
    mutating func append(
        _ payload: RawSpan, hash: SHA256Digest, kind: EntryKind, to log: LogNumber, by sender: ClientNumber,
        at now: Timestamp, _ change: (inout LogHead) -> Void
    ) throws(State.Failure) -> LogHead {
        var head = try existingHead(of: log)
        head.last = head.last.next
        head.time = max(head.time, now)
        let header = EntryHeader(log: log, sequenceNumber: head.last, time: head.time, sender: sender, kind: kind)
        head.chain = chain.next(after: head.chain, header: header, payloadHash: hash)
        change(&head)
        try state.append(header, chain: head.chain, payload: payload, payloadHash: hash)
        try state.setHead(head)
        appended[head.kind] += 1
        return head
    }
}

/// How many entries were appended to logs of each kind.
public struct AppendedEntries: Hashable, Sendable {
    // By the kinds' numbers.
    private var counts = [Int](repeating: 0, count: 1 + LogKind.allCases.count)

    public init() {}

    public subscript(_ kind: LogKind) -> Int {
        get { counts[Int(kind.rawValue)] }
        set { counts[Int(kind.rawValue)] = newValue }
    }
}
