public import RelayWire
import TLSPresentation

/// What a Publish has added to a tracked group's log.
struct PublishedMessages {
    var numbers: [SequenceNumber] = []
    var byteCount = 0
    var applicationByteCount = 0

    mutating func add(_ number: SequenceNumber, _ message: MessageToPublish, isApplication: Bool) {
        numbers.append(number)
        byteCount += message.range.count
        if isApplication { applicationByteCount += message.range.count }
    }
}

// N-4 of the requirements, PROTOCOL.md section 6.2.
extension Relay {
    /// Carries out what is due, a bounded part of it at once.
    mutating func retain(_ log: LogNumber, at now: Timestamp) throws(State.Failure) {
        // A deadline that another has replaced.
        guard let usage = try state.get(Tables.usage, log), usage.due.rawValue > 0, usage.due <= now else { return }
        guard retentionBudget > 0 else {
            // This transaction is long enough.
            try set(.retention(log), at: now)
            return
        }
        guard var plan = try plan(log, at: now) else { return }
        if plan.waitsForPublicGroup, try storePublicGroup(of: log, at: now), let renewed = try self.plan(log, at: now) {
            plan = renewed
        }
        retentionBudget -= plan.entryCount
        if let through = plan.removedThrough {
            for epoch in plan.commits { try removeCommit(ending: epoch, in: log, through: through) }
            try state.removeEntries(of: log, through: through)
            var head = try existingHead(of: log)
            head.first = through.next
            try state.setHead(head)
        }
        for number in plan.digested { try state.replaceByDigest(number, in: log) }
        plan.usage.due = plan.next ?? Timestamp(rawValue: 0)
        try state.set(Tables.usage, log, plan.usage)
        if let next = plan.next { try set(.retention(log), at: next) }
    }

    private func plan(_ log: LogNumber, at now: Timestamp) throws(State.Failure) -> RetentionPlan? {
        try state.retentionPlan(for: log, limits: limits, at: now, maxEntryCount: retentionBudget)
    }

    /// Where a commit stood is forgotten with it, unless it began the epoch that the group is in: head checks name it. One
    /// that was voided has no place there any more, or another commit has it.
    private mutating func removeCommit(
        ending epoch: Epoch, in log: LogNumber, through last: SequenceNumber
    ) throws(State.Failure) {
        guard let number = try state.commit(ending: epoch, in: log), number <= last,
            try existingHead(of: log).epoch != epoch.next
        else { return }
        try state.removeCommit(ending: epoch, in: log)
    }

    /// Stores the public group as it is now, so that the entries before are not needed to make it again.
    private mutating func storePublicGroup(of log: LogNumber, at now: Timestamp) throws(State.Failure) -> Bool {
        var followed = try follow(log, at: now)
        guard followed.earlier.isEmpty else { return false }
        try store(followed.group, of: log)
        followed.commitCount = 0
        remember(followed, of: log)
        return true
    }

    /// Sees to it that retention looks at a log at `time`, or before.
    mutating func arm(_ log: LogNumber, at time: Timestamp) throws(State.Failure) {
        var usage = try state.get(Tables.usage, log) ?? UsageRecord()
        guard usage.due.rawValue == 0 || time < usage.due else { return }
        usage.due = time
        try state.set(Tables.usage, log, usage)
        try set(.retention(log), at: time)
    }

    /// Counts what was published to a tracked group, and sees to it that retention comes to it.
    mutating func count(_ published: PublishedMessages, in log: LogNumber, at now: Timestamp) throws(State.Failure) {
        guard published.byteCount > 0 else { return }
        var usage = try state.get(Tables.usage, log) ?? UsageRecord()
        usage.byteCount += UInt64(published.byteCount)
        usage.applicationByteCount += UInt64(published.applicationByteCount)
        let terms = RetentionTerms(try existingGroup(log), limits)
        var due: Timestamp?
        if terms.byteCount > 0, usage.applicationByteCount > terms.byteCount {
            due = now
        } else if terms.milliseconds > 0 {
            due = terms.end(of: now)
        }
        if let due, usage.due.rawValue == 0 || due < usage.due {
            usage.due = due
            try set(.retention(log), at: due)
        }
        try state.set(Tables.usage, log, usage)
    }

    /// An untracked group got a message.
    mutating func armUntracked(_ log: LogNumber, at now: Timestamp) throws(State.Failure) {
        guard limits.untrackedRetentionMilliseconds > 0 else { return }
        try arm(log, at: RetentionTerms(nil, limits).end(of: now))
    }

    /// At the start: an operator may have changed how long what is kept.
    public mutating func armRetention(at now: Timestamp) throws(State.Failure) {
        var number: UInt64 = 1
        while let head = try state.head(of: LogNumber(rawValue: number)) {
            number += 1
            guard head.kind == .group, head.first <= head.last else { continue }
            let terms = RetentionTerms(try state.get(Tables.groups, head.number), limits)
            guard terms.milliseconds > 0 || terms.byteCount > 0 else { continue }
            let due = try state.get(Tables.usage, head.number)?.due.rawValue ?? 0
            let latest = now.rawValue + (terms.milliseconds > 0 ? terms.milliseconds : .max / 2)
            if due == 0 || due > latest { try arm(head.number, at: now) }
        }
    }

    /// Why a group takes no more application messages; nil where it takes one of this size.
    func checkQuota(
        _ log: LogNumber, planned: Int, _ byteCount: Int, at now: Timestamp
    ) throws(State.Failure) -> RelayError? {
        guard limits.maxGroupByteCount > 0 else { return nil }
        let usage = try state.get(Tables.usage, log) ?? UsageRecord()
        guard usage.byteCount + UInt64(planned + byteCount) > limits.maxGroupByteCount else { return nil }
        // Room comes with retention; 0 is by no waiting.
        let wait = usage.due > now ? usage.due.rawValue - now.rawValue : 0
        return RelayError(
            .quotaExceeded, "The group keeps at most \(limits.maxGroupByteCount) bytes of messages.",
            detail: RetryDetail(
                retryAfterMilliseconds: UInt32(clamping: wait), limit: Array("max-group-size".utf8)
            ).encoded)
    }
}
