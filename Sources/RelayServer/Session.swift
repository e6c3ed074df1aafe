import MLSCrypto
import RelayTransport
import RelayWire
import WebSocketFraming

/// What the relay knows of one connection's client, from Hello to the end. Belongs to its loop's thread.
///
/// Invariants: `slices` are only there between the two halves of a turn; `behind` has the followers whose `isBehind` is set.
final class Session {
    enum State {
        case expectingHello
        case expectingAuthentication(Challenge)
        /// The registration is with the writer.
        case registering(Identity)
        case ready(ClientNumber)
        /// The last frame is said; the connection closes when it is written.
        case ending(WebSocketCloseCode)
    }

    let connection: Connection
    let openedAt: UInt64
    var state = State.expectingHello
    /// Frames of answers that wait for the end of the turn, or for the socket.
    var answers: [UInt8] = []
    /// The logs that it follows.
    var followers: [LogNumber: Follower] = [:]
    /// Those that must be read on their own, because others are elsewhere in the log.
    var behind: [Follower] = []
    /// Groups whose receipts it is given when they change.
    var receiptLogs: Set<LogNumber> = []
    /// What this turn has prepared for it: the first, and the others where there are more.
    var firstSlice: Int32 = -1
    var moreSlices: [Int32] = []
    var sliceByteCount = 0
    /// Bytes of entries that it may be written in a turn: less, while its socket does not keep up.
    var writeByteCount: Int
    /// Requests and their bytes that the writer has.
    var requestsInFlight = 0
    var byteCountInFlight = 0
    /// In the loop's list of sessions that have something to write.
    var isDirty = false
    /// In the loop's list of sessions that are behind.
    var isQueuedBehind = false
    /// Waits until all connections together have less in flight.
    var isStalled = false
    /// When it was last asked whether it is alive.
    var pingedAt: UInt64 = 0
    /// When it began to end.
    var endedAt: UInt64 = 0

    init(connection: Connection, now: UInt64, writeByteCount: Int) {
        self.connection = connection
        openedAt = now
        self.writeByteCount = writeByteCount
    }

    var client: ClientNumber? { if case .ready(let client) = state { client } else { nil } }
    var isEnding: Bool { if case .ending = state { true } else { false } }
}

/// A session's place in a log.
final class Follower {
    unowned let session: Session
    unowned let log: FollowedLog
    let client: ClientNumber
    /// The last entry that was written to the session.
    var cursor: SequenceNumber
    /// The last entry that the client wants.
    var until: SequenceNumber
    /// The last entry that the client may read: it was a member of the group until then.
    var through: SequenceNumber
    /// In the session's list of followers that are behind.
    var isBehind = false
    /// In the loop's list of followers that were given something since the last report.
    var isReportDue = false
    /// Where this stands in the log's list.
    var index = 0

    init(
        session: Session, log: FollowedLog, client: ClientNumber, cursor: SequenceNumber, until: SequenceNumber,
        through: SequenceNumber
    ) {
        self.session = session
        self.log = log
        self.client = client
        self.cursor = cursor
        self.until = until
        self.through = through
    }

    /// The last entry that may be written.
    var end: SequenceNumber { min(until, through) }
    /// The last entry that can be written now.
    var target: SequenceNumber { min(log.last, end) }
}

/// A log that sessions of this loop follow.
///
/// Invariant, for a tracked group: how far each follower may read is known for all entries up to `last`.
final class FollowedLog {
    let number: LogNumber
    /// A tracked group: whoever follows it is a member, and gets digests of what its client has sent.
    let isTracked: Bool
    /// The last entry, as far as this loop has heard.
    var last: SequenceNumber
    private(set) var followers: [Follower] = []
    /// In the loop's list of logs that have grown.
    var isGrown = false

    init(number: LogNumber, isTracked: Bool, last: SequenceNumber) {
        self.number = number
        self.isTracked = isTracked
        self.last = last
    }

    func add(_ follower: Follower) {
        follower.index = followers.count
        followers.append(follower)
    }

    func remove(_ follower: Follower) {
        guard let last = followers.popLast(), last !== follower else { return }
        followers[follower.index] = last
        last.index = follower.index
    }
}
