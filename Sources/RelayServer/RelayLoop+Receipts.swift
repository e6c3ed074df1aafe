import Logging
import RelayCore
import RelayStore
import RelayTransport
import RelayWire
import TLSPresentation

/// Who follows receipts on a loop, and what the loop itself has delivered.
struct ReceiptBoard {
    /// Who follows the receipts of a log.
    struct Followed {
        var sessions: [Session] = []
        /// Sessions that did not take what was told last: they are told everything next time.
        var missed: Set<ObjectIdentifier> = []
        /// What was told last.
        var told: [ClientNumber: MemberPosition]
    }

    struct Reader: Hashable {
        var log: LogNumber
        var client: ClientNumber
    }

    var followed: [LogNumber: Followed] = [:]
    /// Of `followed`, those that may have changed.
    private(set) var changed: Set<LogNumber> = []
    /// What was written to members, for the writer to take down.
    var delivered: [Reader: SequenceNumber] = [:]
    /// When they are told next.
    var dueAt: UInt64 = 0

    mutating func noteChange(of log: LogNumber) { if followed[log] != nil { changed.insert(log) } }

    mutating func takeChanged() -> Set<LogNumber> {
        var taken: Set<LogNumber> = []
        swap(&taken, &changed)
        return taken
    }
}

extension RelayLoop {
    // MARK: What was delivered

    /// Takes down what a follower that goes was given.
    func reportDelivered(to follower: Follower) {
        guard follower.isReportDue else { return }
        follower.isReportDue = false
        guard !follower.session.connection.isBlocked else { return }
        take(follower)
    }

    private func take(_ follower: Follower) {
        let reader = ReceiptBoard.Reader(log: follower.log.number, client: follower.client)
        // A client may be connected twice.
        receipts.delivered[reader] = max(receipts.delivered[reader] ?? .zero, follower.cursor)
    }

    /// At most once an interval: tells the writer what was delivered, and sessions what has changed.
    func passReceipts(at now: UInt64) {
        guard now >= receipts.dueAt else { return }
        receipts.dueAt = now + configuration.session.receiptIntervalMilliseconds
        fanOut.takeDelivered { take($0) }
        if !isGoingAway {
            commands.deliveries = receipts.delivered.map {
                Delivery(log: $0.key.log, client: $0.key.client, sequenceNumber: $0.value)
            }
        }
        receipts.delivered.removeAll(keepingCapacity: true)
        let changed = receipts.takeChanged()
        guard !changed.isEmpty else { return }
        do throws(StoreError) {
            try reader.read { (snapshot) throws(StoreError) in
                var memberCount = 0
                for log in changed {
                    guard memberCount < Self.maxMembersPerPush else {
                        receipts.noteChange(of: log)
                        continue
                    }
                    memberCount += try push(log, snapshot)
                }
            }
        } catch {
            for log in changed { receipts.noteChange(of: log) }
            logger.error("receipts could not be read", metadata: ["reason": "\(error)"])
        }
    }

    /// Members whose positions are read at once: some milliseconds.
    private static let maxMembersPerPush = 20_000

    /// Tells those who follow a group's receipts what has changed.
    /// - Returns: how many members there are.
    private func push(_ log: LogNumber, _ snapshot: borrowing Snapshot) throws(StoreError) -> Int {
        guard var followed = receipts.followed[log] else { return 0 }
        let all = try snapshot.receipts(of: log)
        var news = all
        news.positions.removeAll { followed.told[$0.client] == $0 }
        // Who has left may have been what the others waited for.
        let hasNews = !news.positions.isEmpty || followed.told.count != all.positions.count
        followed.told = Dictionary(uniqueKeysWithValues: all.positions.map { ($0.client, $0) })
        let (whole, part) = (EncodedFrame(all), EncodedFrame(news))
        for session in followed.sessions {
            let id = ObjectIdentifier(session)
            guard hasNews || followed.missed.contains(id), !session.isEnding, let client = session.client,
                try snapshot.member(client, of: log)?.state == .active
            else { continue }
            if session.connection.isBlocked {
                followed.missed.insert(id)
            } else {
                answer(session, .none, followed.missed.remove(id) == nil ? part : whole)
            }
        }
        receipts.followed[log] = followed
        if !followed.missed.isEmpty { receipts.noteChange(of: log) }
        return all.positions.count
    }

    // MARK: Requests

    /// PROTOCOL.md section 7.12.
    func followReceipts(
        _ frame: FollowReceipts, _ requestID: RequestID, _ session: Session, _ client: ClientNumber
    ) {
        let limit = configuration.session.maxSubscriptions
        guard !frame.follow || session.receiptLogs.count < limit || session.receiptLogs.contains(frame.log) else {
            return answer(
                session, requestID,
                RelayError(.tooManySubscriptions, "A connection follows the receipts of at most \(limit) groups."))
        }
        do throws(StoreError) {
            let current = try reader.read { (snapshot) throws(StoreError) in
                try snapshot.receipts(of: frame.log, for: client)
            }
            switch current {
            case .failure(let refusal): answer(session, requestID, refusal)
            case .success(let current):
                answer(session, requestID, current)
                if frame.follow {
                    follow(current, session)
                } else {
                    unfollow(frame.log, session)
                }
            }
        } catch {
            answer(session, requestID, unreadable(error))
        }
    }

    private func follow(_ current: Receipts, _ session: Session) {
        guard session.receiptLogs.insert(current.log).inserted else { return }
        let told = Dictionary(uniqueKeysWithValues: current.positions.map { ($0.client, $0) })
        receipts.followed[current.log, default: ReceiptBoard.Followed(told: told)].sessions.append(session)
    }

    private func unfollow(_ log: LogNumber, _ session: Session) {
        guard session.receiptLogs.remove(log) != nil else { return }
        receipts.followed[log]?.sessions.removeAll { $0 === session }
        receipts.followed[log]?.missed.remove(ObjectIdentifier(session))
        if receipts.followed[log]?.sessions.isEmpty == true { receipts.followed[log] = nil }
    }

    /// The session is closed.
    func unfollowReceipts(_ session: Session) { for log in session.receiptLogs { unfollow(log, session) } }

    /// PROTOCOL.md section 7.13.
    func checkHeads(_ frame: CheckHeads, _ requestID: RequestID, _ session: Session, _ client: ClientNumber) {
        let limit = WireLimits.maxHeadsPerCheck
        guard frame.heads.count <= limit else {
            return answer(session, requestID, RelayError(.tooManyItems, "A CheckHeads has at most \(limit) heads."))
        }
        let followed = Set(frame.heads.map(\.log).filter { session.followers[$0] != nil })
        send(.delivery(.checkHeads(frame.heads, followed: followed)), requestID, session, client)
    }
}
