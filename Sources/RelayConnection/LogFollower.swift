import MLSCrypto
import RelayWire
import TLSPresentation

/// One log that is followed, across connections: what has come, what may come, and whether it fits together.
///
/// Invariant: everything up to `cursor` was handed to `buffer`, in order and verified; nothing beyond `until` is.
struct LogFollower {
    let log: RelayLog
    let buffer: EntryBuffer
    private(set) var cursor: Cursor
    /// The credit: the last entry that the relay may send.
    private(set) var until: SequenceNumber
    private let window: Int
    /// The log's number, once the relay has said it.
    private(set) var number: LogNumber?
    /// Entries of the present batch.
    private var arrived: [ReceivedEntry] = []
    /// Whether the relay follows it on the present connection.
    var isSubscribed = false
    /// Hears of the first subscription.
    var firstResult: ((Result<SubscriptionResult, RelayConnectionError>) -> Void)?

    init(log: RelayLog, after cursor: Cursor, window: Int, buffer: EntryBuffer) {
        self.log = log
        self.buffer = buffer
        self.cursor = cursor
        self.window = window
        until = cursor.sequenceNumber.advanced(by: window)
    }

    var subscription: Subscription {
        Subscription(log: log.subscriptionName, after: cursor.sequenceNumber, until: until)
    }

    /// The relay follows the log from the cursor on: is it the log that it was?
    /// - Returns: the credit to give the relay, where the cursor is not the one that it was asked with.
    /// - Throws: what ends this log for the reader; the follower is then as it was.
    mutating func didSubscribe(
        _ result: SubscriptionResult, client: ClientNumber, _ chain: inout Chain
    ) throws(RelayConnectionError) -> Position? {
        let isResumed = number != nil || cursor.chain != nil
        switch result.error {
        case .none: break
        case .cursorAhead where isResumed: throw broken("the relay has fewer entries than it has shown", result.log)
        default: throw RelayConnectionError(result: result.error, "the relay does not let the log be followed")
        }
        if let number, number != result.log { throw broken("the log has another number than before", result.log) }
        let beginsLater = mayBeginLater && result.first > cursor.sequenceNumber.next
        if beginsLater {
            // It begins with what there is for it: in a tracked group, behind its joining.
            cursor = Cursor(
                sequenceNumber: SequenceNumber(rawValue: result.first.rawValue - 1), chain: result.chain)
        }
        guard result.first <= cursor.sequenceNumber.next else {
            throw RelayConnectionError(.entriesGone, "the relay keeps entries from \(result.first) on")
        }
        let expected =
            cursor.sequenceNumber == .zero ? chain.start(of: log.chainName(of: client)) : cursor.chain ?? result.chain
        guard expected == result.chain else { throw broken("the relay's chain is another one here", result.log) }
        number = result.log
        cursor.chain = expected
        isSubscribed = true
        guard beginsLater else { return nil }
        until = cursor.sequenceNumber.advanced(by: window)
        return Position(log: result.log, sequenceNumber: until)
    }

    /// Whether entries between the cursor and the first are not missing, but not for this reader: at the start, and where a
    /// member joins a group anew, whose chain it does not know then.
    private var mayBeginLater: Bool {
        guard cursor.chain == nil else { return false }
        if case .group = log { return true }
        return cursor.sequenceNumber == .zero
    }

    /// Takes the next entry.
    /// - Throws: `chainBroken`, `protocolViolation`; the follower is then as it was.
    mutating func accept(_ entry: ReceivedEntry, _ chain: inout Chain) throws(RelayConnectionError) {
        guard let previous = cursor.chain, let number else { preconditionFailure("an entry belongs to a subscription") }
        let next = cursor.sequenceNumber.next
        guard entry.header.sequenceNumber == next else {
            throw broken("entry \(entry.header.sequenceNumber) came where \(next) belongs", number)
        }
        guard next <= until else { throw RelayConnectionError(.protocolViolation, "an entry without credit") }
        let payloadHash: SHA256Digest
        switch entry {
        case .entry(let entry): payloadHash = chain.payloadHash(entry.payload.rawSpan)
        case .digest(let digest): payloadHash = digest.payloadHash
        }
        guard chain.next(after: previous, header: entry.header, payloadHash: payloadHash) == entry.chain else {
            throw broken("the entry does not continue the chain", number)
        }
        cursor = Cursor(entry)
        arrived.append(entry)
    }

    /// Hands what has arrived to the reader.
    mutating func handOver() {
        guard !arrived.isEmpty else { return }
        buffer.append(arrived)
        arrived = []
    }

    /// The reader has consumed `count` entries: so many more may come.
    /// - Returns: the credit to give the relay, where it follows the log.
    mutating func didConsume(_ count: Int) -> Position? {
        until = until.advanced(by: count)
        guard isSubscribed, let number else { return nil }
        return Position(log: number, sequenceNumber: until)
    }

    private func broken(_ message: String, _ log: LogNumber) -> RelayConnectionError {
        RelayConnectionError(
            .chainBroken, message, position: Position(log: number ?? log, sequenceNumber: cursor.sequenceNumber.next))
    }
}

extension SequenceNumber {
    fileprivate func advanced(by count: Int) -> SequenceNumber {
        let (sum, hasOverflowed) = rawValue.addingReportingOverflow(UInt64(count))
        return hasOverflowed ? .unlimited : SequenceNumber(rawValue: sum)
    }
}
