public import MLSCrypto
public import RelayWire

// G_CHECK of seed 004, PROTOCOL.md section 7.13: members say what they have seen, and learn whether others saw the same.
extension Relay {
    mutating func checkHeads(
        _ heads: [HeadDigest], followed: Set<LogNumber>, by client: ClientNumber, at now: Timestamp
    ) throws(State.Failure) -> HeadsChecked {
        var results: [HeadCheck] = []
        var memberCount = 0
        for head in heads {
            // One member of a hundred large groups must not hold up everybody else.
            guard results.isEmpty || memberCount < limits.maxMembersPerHeadCheck else {
                results.append(HeadCheck(error: .tooManyItems, log: head.log, status: .unknown, members: []))
                continue
            }
            let result = try check(head, isFollowed: followed.contains(head.log), by: client, at: now)
            memberCount += result.members.count
            results.append(result)
        }
        return HeadsChecked(results: results)
    }

    private mutating func check(
        _ head: HeadDigest, isFollowed: Bool, by client: ClientNumber, at now: Timestamp
    ) throws(State.Failure) -> HeadCheck {
        var check = HeadCheck(error: .none, log: head.log, status: .unknown, members: [])
        let isTracked = try state.has(Tables.groups, head.log)
        if isTracked, let refusal = try state.refusalOfOutsider(client, head.log) {
            check.error = refusal.code
            return check
        }
        guard isTracked || isFollowed, let log = try state.head(of: head.log) else {
            check.error = .logUnknown
            return check
        }
        let isOnLog: Bool?
        if head.sequenceNumber > log.last {
            // The relay knows less than its client: it was set back. Nothing here can be compared.
            check.status = .ahead
            isOnLog = nil
        } else if let chain = try state.keptChain(at: head.sequenceNumber, of: log) {
            let isRight = chain == head.chain
            isOnLog = isRight
            check.status = !isRight ? .suspect : head.sequenceNumber < log.last ? .behind : .consistent
        } else {
            check.status = .behind
            isOnLog = nil
        }
        guard isTracked else { return check }

        var reports = try reports(of: head.log, without: client)
        if let isOnLog {
            let record = try take(head, isOnLog: isOnLog, beside: reports, by: client, at: now)
            if record.status != .consistent { check.status = record.status }
            for index in reports.indices {
                guard let other = reports[index].record else { continue }
                if record.contradicts(other) {
                    let isDiverged = record.status == .diverged || other.status == .diverged
                    reports[index].status = isDiverged ? .diverged : .suspect
                } else {
                    reports[index].status = other.place(beside: head.sequenceNumber)
                }
            }
        } else {
            for index in reports.indices {
                if let other = reports[index].record {
                    reports[index].status = other.place(beside: head.sequenceNumber)
                }
            }
        }
        check.members = reports.map(\.described)
        return check
    }

    /// Stores what a member says, with what the comparison gives: a violation only where a second check in a row fails,
    /// and fails against something that was said after the first.
    private mutating func take(
        _ head: HeadDigest, isOnLog: Bool, beside reports: [MemberReport], by client: ClientNumber, at now: Timestamp
    ) throws(State.Failure) -> HeadCheckRecord {
        var commit = SequenceNumber.zero
        if head.epoch.rawValue > 0, isOnLog,
            let begun = try state.commit(ending: Epoch(rawValue: head.epoch.rawValue - 1), in: head.log),
            begun <= head.sequenceNumber
        {
            commit = begun
        }
        var record = HeadCheckRecord(head, commit: commit, isOnLog: isOnLog, at: now)
        let key = PairKey(head.log, client)
        let earlier = try state.get(Tables.headChecks, key)
        // Of those in the same epoch most are right; of two, either may be.
        let comparable = reports.compactMap(\.record).filter { commit != .zero && $0.commit == commit }
        let contradicted = comparable.filter { record.contradicts($0) }
        if !isOnLog || contradicted.count * 2 > comparable.count {
            let hasFailedBefore = earlier.map { $0.status != .consistent } ?? false
            record.since = hasFailedBefore ? earlier?.since ?? now : now
            let isConfirmed = !isOnLog || contradicted.contains { $0.time > record.since }
            record.status = hasFailedBefore && isConfirmed ? .diverged : .suspect
            if earlier?.status == .diverged { record.status = .diverged }
            if record.status == .diverged, earlier?.status != .diverged { effects.diverged.append(head.log) }
        }
        try state.set(Tables.headChecks, key, record)
        return record
    }

    /// What the other active members have said.
    private func reports(
        of log: LogNumber, without client: ClientNumber
    ) throws(State.Failure) -> [MemberReport] {
        var reports: [MemberReport] = []
        for (member, record) in try state.members(of: log) where record.state == .active && member != client {
            let said = try state.get(Tables.headChecks, PairKey(log, member))
            // Not in an earlier membership.
            let isValid = said.map { $0.sequenceNumber >= record.joined } ?? false
            reports.append(MemberReport(client: member, record: isValid ? said : nil))
        }
        return reports
    }
}

/// A member and what it has said.
private struct MemberReport {
    var client: ClientNumber
    var record: HeadCheckRecord?
    var status = HeadStatus.unknown

    var described: MemberHead {
        MemberHead(
            client: client, sequenceNumber: record?.sequenceNumber ?? .zero, epoch: record?.epoch ?? Epoch(rawValue: 0),
            status: status, time: record?.time ?? Timestamp(rawValue: 0))
    }
}

extension HeadCheckRecord {
    fileprivate func place(beside number: SequenceNumber) -> HeadStatus {
        sequenceNumber < number ? .behind : sequenceNumber > number ? .ahead : .consistent
    }
}

extension RecordReading where Self: ~Copyable {
    /// The chain hash at an entry from the one before the first that is kept up to the last; nil for those before.
    public func keptChain(at number: SequenceNumber, of head: LogHead) throws(Failure) -> SHA256Digest? {
        if number == head.last { return head.chain }
        if number.next == head.first {
            if let usage = try get(Tables.usage, head.number), usage.first == head.first { return usage.chain }
            guard number == .zero, let name = try name(of: head.number) else { return nil }
            var chain = Chain()
            return chain.start(of: name)
        }
        guard number >= head.first else { return nil }
        return try storedDigest(number, in: head.number)?.chain
    }
}
