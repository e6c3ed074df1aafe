public import RelayWire

/// Up to which entry a log was written to a client's connections.
///
/// Told by service loops without being asked, at most once an interval for a log and a client: nobody waits for an answer.
public struct Delivery: Hashable, Sendable {
    public var log: LogNumber
    public var client: ClientNumber
    public var sequenceNumber: SequenceNumber

    public init(log: LogNumber, client: ClientNumber, sequenceNumber: SequenceNumber) {
        self.log = log
        self.client = client
        self.sequenceNumber = sequenceNumber
    }
}

// PROTOCOL.md section 7.12: N-11 of the requirements, SENT and RCVD of seed 004.
extension Relay {
    /// Takes down what was delivered to members of tracked groups.
    public mutating func note(_ deliveries: [Delivery]) throws(State.Failure) {
        for delivery in deliveries {
            guard try state.member(delivery.client, of: delivery.log)?.state == .active else { continue }
            let number = min(delivery.sequenceNumber, try existingHead(of: delivery.log).last)
            try setDelivered(delivery.log, number, to: delivery.client)
        }
    }

    private mutating func setDelivered(
        _ log: LogNumber, _ number: SequenceNumber, to client: ClientNumber
    ) throws(State.Failure) {
        let key = PairKey(log, client)
        guard try state.get(Tables.delivered, key) ?? .zero < number else { return }
        try state.set(Tables.delivered, key, number)
        effects.receipts.insert(log)
    }

    /// Counts what a member has published as taken by itself, if it has taken everything before; and what it takes of the
    /// store.
    mutating func count(
        _ published: PublishedMessages, in log: LogNumber, by client: ClientNumber, _ member: MemberRecord?,
        at now: Timestamp
    ) throws(State.Failure) {
        try count(published, in: log, at: now)
        guard let member, member.state == .active, !published.numbers.isEmpty else { return }
        let before = try state.position(of: client, member, in: log)
        let (acknowledged, delivered) = (max(before.acknowledged, member.joined), max(before.delivered, member.joined))
        var next = (acknowledged: acknowledged, delivered: delivered)
        for number in published.numbers {
            if next.acknowledged.next == number { next.acknowledged = number }
            if next.delivered.next == number { next.delivered = number }
        }
        if next.acknowledged > acknowledged {
            try state.setAcknowledged(Position(log: log, sequenceNumber: next.acknowledged), by: client)
            effects.receipts.insert(log)
        }
        if next.delivered > delivered { try setDelivered(log, next.delivered, to: client) }
    }
}

extension RecordReading where Self: ~Copyable {
    /// How far a member is: 0 where nothing was given to it yet, maybe because its Welcome still waits in its inbox.
    func position(
        of client: ClientNumber, _ member: MemberRecord, in log: LogNumber
    ) throws(Failure) -> MemberPosition {
        // What stands from an earlier membership says nothing about this one.
        func valid(_ number: SequenceNumber) -> SequenceNumber { number < member.joined ? .zero : number }
        let acknowledged = valid(try acknowledged(log, by: client))
        let delivered = valid(try get(Tables.delivered, PairKey(log, client)) ?? .zero)
        return MemberPosition(client: client, delivered: max(delivered, acknowledged), acknowledged: acknowledged)
    }

    /// How far the active members of a group are.
    public func receipts(of log: LogNumber) throws(Failure) -> Receipts {
        var receipts = Receipts(
            log: log, positions: [], deliveredByAll: .unlimited, acknowledgedByAll: .unlimited)
        for (client, record) in try members(of: log) where record.state == .active {
            let position = try position(of: client, record, in: log)
            receipts.positions.append(position)
            // What came before a member joined is not for it.
            receipts.deliveredByAll = min(receipts.deliveredByAll, max(position.delivered, record.joined))
            receipts.acknowledgedByAll = min(receipts.acknowledgedByAll, max(position.acknowledged, record.joined))
        }
        if receipts.positions.isEmpty { (receipts.deliveredByAll, receipts.acknowledgedByAll) = (.zero, .zero) }
        return receipts
    }

    /// The answer to FollowReceipts: for members.
    public func receipts(of log: LogNumber, for client: ClientNumber) throws(Failure) -> Result<Receipts, RelayError> {
        if let refusal = try refusalOfOutsider(client, log) { return .failure(refusal) }
        return .success(try receipts(of: log))
    }

    /// Why a client that is no active member of a tracked group is not told about its members; nil for one that is.
    func refusalOfOutsider(_ client: ClientNumber, _ log: LogNumber) throws(Failure) -> RelayError? {
        guard let group = try get(Tables.groups, log), try maySee(client, log, group) else {
            return RelayError(.logUnknown, "There is no log \(log).")
        }
        return try member(client, of: log)?.state == .active ? nil : .notMember
    }
}
