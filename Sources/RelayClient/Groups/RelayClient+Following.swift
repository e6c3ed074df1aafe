import ClientStore
import MLS
import MLSCodec
import MLSPublicGroup
import RelayConnection
import RelayWire
import TLSPresentation

/// Reading the logs of groups.
extension RelayClient {
    /// Entries in one transaction: each is processed once, whatever happens, and many cost hardly more than one.
    static var maxEntriesInTransaction: Int { 128 }
    private static var pauseAfterFailure: Duration { .seconds(1) }

    /// Follows all groups that this device is in, in as few frames as they fit into.
    func followAll() async throws {
        guard let connection else { return }
        let due = runtimes.values.filter { $0.follower == nil && $0.session.isFollowed && !$0.isBroken }
        let logs = due.map { (log: RelayLog.group($0.session.record.id), after: $0.session.place) }
        guard !logs.isEmpty else { return }
        let results = try await connection.subscribe(to: logs)
        for (runtime, result) in zip(due, results) where runtime.follower == nil { read(runtime, first: result) }
    }

    /// Follows a group, if it is not followed yet.
    func follow(_ runtime: GroupRuntime) {
        guard runtime.follower == nil, !runtime.isBroken, isOpen, runtime.session.isFollowed else { return }
        read(runtime, first: nil)
    }

    private func read(_ runtime: GroupRuntime, first: Result<LogSubscription, RelayConnectionError>?) {
        runtime.lastFollower += 1
        let number = runtime.lastFollower
        runtime.follower = Task {
            var first = first
            while isOpen, !Task.isCancelled, runtime.session.isFollowed {
                let isToGoOn = await readOnce(runtime, first.take())
                guard isToGoOn, isOpen, !Task.isCancelled else { break }
                // Cancelled at the end.
                try? await Task.sleep(for: runtime.isImpatient ? .milliseconds(10) : Self.pauseAfterFailure)
                runtime.isImpatient = false
            }
            // Another one may have taken its place.
            if runtime.lastFollower == number { runtime.follower = nil }
        }
    }

    /// Reads until something ends it.
    /// - Returns: whether it is worth trying again.
    private func readOnce(
        _ runtime: GroupRuntime, _ first: Result<LogSubscription, RelayConnectionError>?
    ) async -> Bool {
        guard let connection else { return false }
        do {
            let subscription: LogSubscription
            if let first {
                subscription = try first.get()
            } else {
                subscription = try await connection.subscribe(
                    to: .group(runtime.session.record.id), after: runtime.session.place)
            }
            // Whatever ends this, the log can be followed again.
            defer { subscription.cancel() }
            guard try begin(runtime, subscription.info) else {
                runtime.isImpatient = true
                return true
            }
            var entries = subscription.makeAsyncIterator()
            while let batch = try await entries.nextBatch(limit: Self.maxEntriesInTransaction) {
                guard runtime.session.isFollowed, !Task.isCancelled else { break }
                try turn(runtime) { session, turn in
                    for entry in batch { try session.take(entry, turn) }
                    try session.renewRefused(turn)
                    runtime.hasPendingProposals = try session.hasPendingProposals(turn)
                }
                acknowledge(runtime)
            }
            return false
        } catch {
            return didFailToRead(runtime, error)
        }
    }

    /// What the relay said when the log was followed.
    /// - Returns: whether that is to be read: not a membership that was over before the one that a Welcome has led to.
    private func begin(_ runtime: GroupRuntime, _ info: SubscriptionResult) throws -> Bool {
        let isToBeRead = try turn(runtime) { session, turn in
            session.record.log = info.log
            guard try session.beginReading(info, turn) else { return false }
            runtime.hasPendingProposals = try session.hasPendingProposals(turn)
            // Whose turn it was may have been forgotten.
            if runtime.hasPendingProposals { turn.outcome.pendingProposer = try session.firstProposer(turn) }
            return true
        }
        guard isToBeRead else { return false }
        runtime.lastToRead = info.last
        acknowledge(runtime)
        followReceipts(runtime)
        return true
    }

    /// Reads what is left of a membership, where a Welcome says that there is another: all that the relay has for this device
    /// before it takes that. Returns also where the rest cannot be read: nothing will make it readable.
    func readToEnd(_ runtime: GroupRuntime) async throws {
        runtime.stopFollowing()
        runtime.lastToRead = nil
        follow(runtime)
        try await wait(runtime) {
            guard runtime.session.isMember, runtime.follower != nil else { return true }
            return runtime.lastToRead.map { runtime.session.record.cursor >= $0 } ?? false
        }
    }

    private func didFailToRead(_ runtime: GroupRuntime, _ error: any Error) -> Bool {
        guard let error = error as? RelayConnectionError else {
            report(error)
            // The store refuses: what was not stored is read again.
            return !(error is CancellationError)
        }
        switch error.code {
        case .chainBroken:
            runtime.isBroken = true
            tell(runtime) { session, turn in try turn.append(.integrityWarning(.historyChanged), session) }
            return false
        case .entriesGone:
            rejoin(runtime)
            return false
        case .relay(.groupUnknown), .relay(.notMember), .relay(.groupDeleted):
            // What the log would have told cannot be read any more.
            let end = runtime.session.unreadableEnd(isDeleted: error.code == .relay(.groupDeleted))
            tell(runtime) { session, turn in
                try session.finish(end, at: .zero, turn)
                try session.deleteGroup(turn)
            }
            return false
        case .closed, .cancelled: return false
        case .alreadyFollowed:
            // The reader before this one is about to let go.
            runtime.isImpatient = true
            return true
        default: return connection != nil
        }
    }

    /// A turn that has nobody to throw to.
    func tell(_ runtime: GroupRuntime, _ body: (GroupSession, GroupTurn) throws -> Void) {
        do {
            try turn(runtime) { session, turn in try body(session, turn) }
        } catch {
            report(error)
        }
    }

    // MARK: Acknowledging

    /// Tells the relay how far this device is, one request at a time.
    func acknowledge(_ runtime: GroupRuntime) {
        guard !runtime.isAcknowledging, runtime.session.isMember else { return }
        runtime.isAcknowledging = true
        Task {
            defer { runtime.isAcknowledging = false }
            while let connection, isOpen, let place = runtime.session.placeToAcknowledge {
                do {
                    try await connection.acknowledge([Position(log: runtime.session.record.log, sequenceNumber: place)])
                    // Kept in memory alone, unless something follows from it: after a start it is told again.
                    runtime.session.record.acknowledged = max(runtime.session.record.acknowledged, place)
                    if runtime.session.hasUnconfirmed(through: place) {
                        try turn(runtime) { session, turn in try session.didAcknowledge(place, turn) }
                    }
                } catch {
                    // The next entry brings the next attempt, and so does the next connection.
                    return
                }
            }
        }
    }
}

extension GroupSession {
    /// Whether entries of its log are read: also by who was removed, or has left, by what may still be voided.
    var isFollowed: Bool { isMember || (record.status == .ended && !record.provisional.isEmpty) }

    /// What it means that the log cannot be read any more.
    func unreadableEnd(isDeleted: Bool) -> GroupEnd {
        if isDeleted { return .deleted(by: "somebody") }
        // Who was let in and could never read anything came with a commit that is void.
        return record.firstEpoch != 0 && record.chain == nil ? .neverJoined : .removed(by: "somebody")
    }

    /// Where this device does not know its place in the log yet, it is where the relay says.
    /// - Returns: false where that is a membership that was over before the one that a Welcome has led to; what comes behind
    ///   it comes next.
    fileprivate func beginReading(_ info: SubscriptionResult, _ turn: GroupTurn) throws -> Bool {
        guard record.chain == nil else { return true }
        guard info.epoch.rawValue >= record.firstEpoch || info.last <= record.cursor else {
            record.cursor = info.last
            return false
        }
        record.chain = info.chain
        if info.first > record.cursor { record.cursor = SequenceNumber(rawValue: info.first.rawValue - 1) }
        try keepChain(record.cursor, info.chain, turn)
        return true
    }

    /// Where the log is read on from.
    var place: Cursor { Cursor(sequenceNumber: record.cursor, chain: record.chain) }

    /// Up to where this device has processed the log, if the relay does not know yet.
    var placeToAcknowledge: SequenceNumber? {
        guard isMember, record.log != .none else { return nil }
        // To acknowledge a commit is to accept it.
        let place = record.denied.map { SequenceNumber(rawValue: $0.rawValue - 1) } ?? record.cursor
        return place > record.acknowledged ? place : nil
    }

    /// Whether others have committed something up to there that may still be voided.
    func hasUnconfirmed(through place: SequenceNumber) -> Bool {
        record.provisional.contains { !$0.isOwn && $0.sequenceNumber <= place }
    }

    /// The relay knows how far this device is; what others have committed up to there is confirmed by that.
    func didAcknowledge(_ place: SequenceNumber, _ turn: GroupTurn) throws {
        guard isMember else { return }
        let last = record.provisional.last { !$0.isOwn && $0.sequenceNumber <= place }
        if let last { try confirm(before: last.epoch + 1, turn) }
    }

    func hasPendingProposals(_ turn: GroupTurn) throws -> Bool {
        guard isMember else { return false }
        return try withGroup(turn) { !$0.publicGroup.pendingProposals.isEmpty }
    }

    /// The first member whose proposal is pending.
    func firstProposer(_ turn: GroupTurn) throws -> LeafIndex? {
        try withGroup(turn) { group in
            for proposal in group.publicGroup.pendingProposals {
                if case .member(let leaf) = proposal.sender { return leaf }
            }
            return nil
        }
    }
}
