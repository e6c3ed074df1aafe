public import RelayWire

/// What retention does to a group's log. PROTOCOL.md section 6.2.
///
/// Application messages that are old or too many become digests: the log stays dense and its chain can be verified.
/// Entries at its beginning go altogether once they are old and no member needs them any more.
public struct RetentionPlan: Hashable, Sendable {
    /// Application messages that become digests.
    public var digested: [SequenceNumber] = []
    public var digestedByteCount = 0
    /// Entries from the first up to this one are removed; nil for none.
    public var removedThrough: SequenceNumber?
    public var removedByteCount = 0
    /// Up to where the active members have acknowledged the log: old entries behind that are kept for them.
    public var floor = SequenceNumber.unlimited
    /// There is more that could be removed if the public group were stored anew.
    public var waitsForPublicGroup = false
    /// When there is something to do next, which is `at` where not all was looked at; nil: not before something is published.
    public var next: Timestamp?
    /// Entries that were looked at.
    var entryCount = 0
    /// Epochs whose commits are removed.
    var commits: [Epoch] = []
    /// What it leaves.
    var usage = UsageRecord()

    public var isEmpty: Bool { digested.isEmpty && removedThrough == nil }
}

/// How long a group keeps what: the shorter of what its members and the relay's operator say.
struct RetentionTerms {
    /// 0: for ever.
    var milliseconds: UInt64
    /// Of application messages; 0: as many as there are.
    var byteCount: UInt64
    let isTracked: Bool

    init(_ group: GroupRecord?, _ limits: CoreLimits) {
        isTracked = group != nil
        guard let group else {
            milliseconds = limits.untrackedRetentionMilliseconds
            byteCount = 0
            return
        }
        func least(_ values: UInt64...) -> UInt64 { values.filter { $0 > 0 }.min() ?? 0 }
        milliseconds = least(group.policy.retentionMilliseconds, limits.retentionMilliseconds)
        byteCount = least(group.policy.retentionByteCount, limits.retentionByteCount)
    }

    /// Entries up to this time are old; nil: none is.
    func cutoff(at now: Timestamp) -> Timestamp? {
        guard milliseconds > 0, now.rawValue >= milliseconds else { return nil }
        return Timestamp(rawValue: now.rawValue - milliseconds)
    }

    func end(of time: Timestamp) -> Timestamp {
        Timestamp(rawValue: time.rawValue.addingReportingOverflow(milliseconds).partialValue)
    }
}

extension RecordReading where Self: ~Copyable {
    /// What retention would do to a group's log now; nil for a log that is none.
    /// - Parameter maxEntryCount: how many entries are looked at.
    public func retentionPlan(
        for log: LogNumber, limits: CoreLimits, at now: Timestamp, maxEntryCount: Int = .max
    ) throws(Failure) -> RetentionPlan? {
        guard let head = try head(of: log), head.kind == .group else { return nil }
        let group = try get(Tables.groups, log)
        let terms = RetentionTerms(group, limits)
        var plan = RetentionPlan()
        plan.usage = try get(Tables.usage, log) ?? UsageRecord()
        if let group, terms.milliseconds > 0 {
            try planRemoval(log, head, group, terms, limits, at: now, maxEntryCount, &plan)
        }
        var ofMessages = terms
        // Nobody is left whom the messages of a deleted group are for.
        if group?.isDeleted == true { ofMessages.milliseconds = 1 }
        try planDigests(log, head, ofMessages, at: now, maxEntryCount, &plan)
        return plan
    }

    private func planDigests(
        _ log: LogNumber, _ head: LogHead, _ terms: RetentionTerms, at now: Timestamp, _ maxEntryCount: Int,
        _ plan: inout RetentionPlan
    ) throws(Failure) {
        let before = SequenceNumber(rawValue: head.first.rawValue - 1)
        let start = max(plan.usage.digestedThrough, plan.removedThrough ?? before)
        plan.usage.digestedThrough = start
        let cutoff = terms.cutoff(at: now)
        try forEachOutline(in: log, after: start, through: head.last) { outline in
            let isOld = cutoff.map { outline.header.time <= $0 } ?? false
            let isTooMuch = terms.byteCount > 0 && plan.usage.applicationByteCount > terms.byteCount
            guard isOld || isTooMuch else {
                if terms.milliseconds > 0 { plan.isDue(at: terms.end(of: outline.header.time)) }
                return false
            }
            guard plan.entryCount < maxEntryCount else {
                plan.isDue(at: now)
                return false
            }
            plan.entryCount += 1
            plan.usage.digestedThrough = outline.header.sequenceNumber
            if outline.content == .application, outline.payloadByteCount != nil {
                plan.digested.append(outline.header.sequenceNumber)
                plan.digestedByteCount += outline.messageByteCount
                plan.usage.discount(outline)
            }
            return true
        }
    }

    private func planRemoval(
        _ log: LogNumber, _ head: LogHead, _ group: GroupRecord, _ terms: RetentionTerms, _ limits: CoreLimits,
        at now: Timestamp, _ maxEntryCount: Int, _ plan: inout RetentionPlan
    ) throws(Failure) {
        for (client, record) in try members(of: log) where record.state == .active {
            plan.floor = min(plan.floor, max(try acknowledged(log, by: client), record.joined))
        }
        // What is replayed, judged or referred to is needed by the relay itself and by those who join.
        let stored = try get(Tables.publicGroups, log)?.sequenceNumber ?? .unlimited
        let provisional = try keys(Tables.provisionalCommits, prefix: log.recordKey, limit: 1).first?.second
        let pending = try keys(Tables.pendingProposals, prefix: log.recordKey, limit: 1).first?.second
        let needed = min(provisional ?? .unlimited, pending ?? .unlimited)
        let cutoff = terms.cutoff(at: now)
        let maxLag = limits.maxLagMilliseconds
        let lagCutoff = maxLag > 0 && now.rawValue >= maxLag ? now.rawValue - maxLag : 0
        let before = SequenceNumber(rawValue: head.first.rawValue - 1)
        try forEachOutline(in: log, after: before, through: head.last) { outline in
            let number = outline.header.sequenceNumber
            guard let cutoff, outline.header.time <= cutoff else {
                plan.isDue(at: terms.end(of: outline.header.time))
                return false
            }
            let isAcknowledged = number <= plan.floor || outline.header.time.rawValue <= lagCutoff
            guard isAcknowledged, number < needed, number <= stored else {
                plan.waitsForPublicGroup = isAcknowledged && number < needed
                // Members go on without telling when.
                plan.isDue(at: Timestamp(rawValue: now.rawValue + terms.recheckMilliseconds))
                return false
            }
            guard plan.entryCount < maxEntryCount else {
                plan.isDue(at: now)
                return false
            }
            plan.entryCount += 1
            plan.removedThrough = number
            plan.removedByteCount += outline.messageByteCount
            plan.usage.discount(outline)
            plan.usage.first = number.next
            plan.usage.chain = outline.chain
            if case .commit(let epoch) = outline.content { plan.commits.append(epoch) }
            return true
        }
    }
}

extension RetentionTerms {
    /// How often old entries are looked at that members still need.
    var recheckMilliseconds: UInt64 { min(max(milliseconds, 1000), 24 * 3600 * 1000) }
}

extension RetentionPlan {
    fileprivate mutating func isDue(at time: Timestamp) { next = min(next ?? time, time) }
}
