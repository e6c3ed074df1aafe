import MLSCodec
import Logging
import MLSCrypto
import RelayCore
import RelayStore
import RelayWire
import TLSPresentation

extension RelayLoop {
    /// PROTOCOL.md section 7.3.
    func subscribe(_ frame: Subscribe, _ requestID: RequestID, _ session: Session, _ client: ClientNumber) {
        guard frame.subscriptions.count <= configuration.session.maxSubscriptions else {
            let limit = configuration.session.maxSubscriptions
            return answer(
                session, requestID, RelayError(.tooManySubscriptions, "A connection follows at most \(limit) logs."))
        }
        var results: [SubscriptionResult] = []
        results.reserveCapacity(frame.subscriptions.count)
        do throws(StoreError) {
            try reader.read { (snapshot) throws(StoreError) in
                for subscription in frame.subscriptions {
                    results.append(try follow(subscription, session, client, snapshot))
                }
            }
            answer(session, requestID, Subscribed(results: results))
        } catch {
            answer(session, requestID, unreadable(error))
        }
    }

    private func follow(
        _ subscription: RelayWire.Subscription, _ session: Session, _ client: ClientNumber,
        _ snapshot: borrowing Snapshot
    ) throws(StoreError) -> SubscriptionResult {
        let name: LogName
        switch subscription.log.kind {
        case .group: name = subscription.log
        // One's own: nobody else's can be asked for.
        case .inbox: name = .inbox(of: client)
        case .keyPackages: name = .keyPackages(of: client)
        case .directory:
            guard try snapshot.mayFollowDirectory(client, configuration.rules) else {
                return SubscriptionResult(error: .notPermitted)
            }
            name = .directory
        case .groups:
            guard try snapshot.isOperator(client, configuration.rules) else {
                return SubscriptionResult(error: .notPermitted)
            }
            name = .groups
        }
        guard name == subscription.log || subscription.log.name.isEmpty else {
            return SubscriptionResult(error: .notPermitted)
        }
        let bytes = name.name
        guard let number = try snapshot.log(name.kind, named: bytes.rawSpan), let head = try snapshot.head(of: number)
        else {
            return SubscriptionResult(error: name.kind == .group ? .groupUnknown : .logUnknown)
        }
        // The first entry that the client may read, and the last.
        var (first, through, epoch) = (head.first, SequenceNumber.unlimited, head.epoch)
        let isTracked = name.kind == .group ? try snapshot.has(Tables.groups, number) : false
        if isTracked {
            // Whoever may not know that there is such a group does not learn it here.
            guard let member = try snapshot.member(client, of: number) else {
                let group = try snapshot.existing(Tables.groups, number)
                let maySee = try snapshot.maySee(client, number, group)
                return SubscriptionResult(error: maySee ? .notMember : .groupUnknown)
            }
            let former = member.unread(after: subscription.after, from: first)
            first = max(first, (former?.joined ?? member.joined).next)
            through = former?.ended ?? member.readableThrough
            epoch = former?.lastEpoch ?? epoch
        }
        let last = min(head.last, through)
        guard subscription.after <= last else { return SubscriptionResult(error: .cursorAhead) }
        // What is missing in between, the client sees from `first`.
        let cursor = max(subscription.after, SequenceNumber(rawValue: first.rawValue - 1))
        let existing = session.followers[number]
        guard existing != nil || session.followers.count < configuration.session.maxSubscriptions else {
            return SubscriptionResult(error: .tooManySubscriptions)
        }
        guard let hash = try snapshot.keptChain(at: cursor, of: head) else {
            throw .corrupted("log \(number) has no entry \(cursor)")
        }
        let log = fanOut.followed(number, isTracked: isTracked, last: head.last)
        if let existing {
            existing.cursor = cursor
            existing.until = subscription.until
            existing.through = through
            fanOut.catchUp(existing)
            fanOut.noteDelivered(existing)
        } else {
            let follower = Follower(
                session: session, log: log, client: client, cursor: cursor, until: subscription.until, through: through)
            log.add(follower)
            session.followers[number] = follower
            subscriptionCount += 1
            fanOut.catchUp(follower)
            // What the client says that it has, it was given.
            fanOut.noteDelivered(follower)
        }
        return SubscriptionResult(
            log: number, first: first, last: last, epoch: epoch, chain: hash)
    }

    func unsubscribe(_ frame: Unsubscribe, _ requestID: RequestID, _ session: Session) {
        for log in frame.logs {
            // A log that is not followed is as the client wants it.
            if let follower = session.followers[log] { drop(follower) }
        }
        answer(session, requestID, Done())
    }

    func credit(_ frame: Credit, _ requestID: RequestID, _ session: Session) {
        guard frame.until.allSatisfy({ session.followers[$0.log] != nil }) else {
            return answer(session, requestID, notSubscribed)
        }
        for position in frame.until {
            guard let follower = session.followers[position.log] else { continue }
            follower.until = position.sequenceNumber
            fanOut.catchUp(follower)
        }
        answer(session, requestID, Done())
    }

    /// PROTOCOL.md section 7.4. Of logs that the client follows: whoever does not may not learn how long one is.
    func acknowledge(_ frame: Acknowledge, _ requestID: RequestID, _ session: Session, _ client: ClientNumber) {
        guard frame.positions.allSatisfy({ session.followers[$0.log] != nil }) else {
            return answer(session, requestID, notSubscribed)
        }
        send(.acknowledge(frame.positions), requestID, session, client)
    }

    private var notSubscribed: RelayError { RelayError(.notSubscribed, "A log in this list is not followed.") }

    func unreadable(_ error: StoreError) -> RelayError {
        logger.error("the store could not be read", metadata: ["reason": "\(error)"])
        return RelayError(.storageFailed, "The relay's storage failed.")
    }
}
