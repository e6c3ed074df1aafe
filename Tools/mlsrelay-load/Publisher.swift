import ClientTransport
import RelayWire
import TLSPresentation

/// Publishes to one group over one connection: as many messages at once as its window has room for, or at a fixed rate.
///
/// Invariant: `completedCount <= answeredCount <= sentCount`, where completion is asked for and nothing is refused.
final class Publisher {
    enum Pace {
        /// So many messages are under way: sent, and not answered or not delivered to all.
        case window(Int, until: Completion)
        /// A message each so many nanoseconds, whatever comes back.
        case interval(Double)
    }

    /// When a message makes room for another.
    enum Completion {
        /// The relay has answered: it is durable.
        case acknowledged
        /// And every subscriber has it.
        case delivered
    }

    let group: GroupFeed
    let pace: Pace
    /// Messages to send; nil for as many as there is time for.
    let limit: UInt64?
    private let index: Int
    private let frames: PublishFrames
    private unowned let run: Run
    private unowned let connection: RelayConnection

    private(set) var sentCount: UInt64 = 0
    /// All messages before this one were answered.
    private(set) var answeredCount: UInt64 = 0
    /// Answered before one that was sent earlier.
    private var answeredEarly: Set<UInt64> = []
    private var lastSequenceNumber: UInt64 = 0
    private var isRunning = false
    /// When the next message is due, in nanoseconds, where there is an interval.
    private var nextDue: Double = 0

    /// Request ids go round below those of other requests.
    private static let requestIDCount: UInt64 = 1 << 31
    private static let maxBatchCount = 128

    init(_ run: Run, _ connection: RelayConnection, to group: GroupFeed, index: Int = 0, pace: Pace, limit: UInt64?) {
        self.run = run
        self.connection = connection
        self.group = group
        self.index = index
        self.pace = pace
        self.limit = limit
        let capacity: Int
        switch pace {
        case .window(let count, _): capacity = min(count, Self.maxBatchCount)
        case .interval: capacity = Self.maxBatchCount
        }
        frames = PublishFrames(group.template, publisher: UInt32(index), capacity: capacity)
        connection.publisher = self
        state.pointee.client = connection.client.rawValue
        state.pointee.publisher = .passUnretained(self)
    }

    private var state: UnsafeMutablePointer<PublisherState> { group.state.pointee.publishers.advanced(by: index) }

    /// Whether all that was sent was answered.
    var isAnswered: Bool { answeredCount == sentCount }
    /// Whether there is a limit, and all up to it was answered and delivered to all subscribers.
    var isDone: Bool {
        sentCount == limit && isAnswered && (group.subscriberCount == 0 || state.pointee.completedCount == sentCount)
    }

    func start() {
        isRunning = true
        switch pace {
        case .window: pump()
        case .interval:
            nextDue = Double(monotonicNanoseconds())
            sendDue()
        }
    }

    /// Sends nothing more.
    func stop() { isRunning = false }

    // MARK: Sending

    /// Fills the window.
    func pump() {
        state.pointee.isMarked = false
        if isDone { run.wake() }
        guard isRunning, case .window(let window, let completion) = pace else { return }
        let over: UInt64
        switch completion {
        case .acknowledged: over = answeredCount
        case .delivered: over = min(answeredCount, state.pointee.completedCount)
        }
        var room = window - Int(sentCount - over)
        if let limit { room = min(room, Int(limit - sentCount)) }
        guard room > 0 else { return }
        let now = monotonicNanoseconds()
        while room > 0 {
            let count = min(room, frames.capacity)
            guard send(count, at: now) else { return }
            room -= count
        }
    }

    /// Sends what is due, and comes back when the next one is.
    private func sendDue() {
        guard isRunning, case .interval(let interval) = pace else { return }
        let now = Double(monotonicNanoseconds())
        while nextDue <= now, sentCount != limit {
            // What is late counts as sent when it should have been, or waiting would not be seen.
            guard send(1, at: UInt64(nextDue)) else { return }
            nextDue += interval
        }
        guard sentCount != limit else { return }
        run.loop.schedule(after: .nanoseconds(Int64(max(0, nextDue - now)))) { [weak self] in self?.sendDue() }
    }

    private func send(_ count: Int, at time: UInt64) -> Bool {
        for index in 0..<count {
            frames.stamp(
                index, counter: sentCount + UInt64(index), requestID: Self.requestID(sentCount + UInt64(index)))
        }
        group.state.pointee.note(sending: count, by: index, at: time)
        sentCount += UInt64(count)
        run.sentCount += UInt64(count)
        guard frames.withFrames(count, { connection.send($0) }) else {
            isRunning = false
            run.fail(.connection("the relay takes no messages: more than the output buffer holds are waiting"))
            return false
        }
        return true
    }

    private static func requestID(_ counter: UInt64) -> UInt32 { UInt32(counter % requestIDCount) + 1 }

    // MARK: Answers

    /// Takes the body of a Published frame.
    /// ```
    /// | type 1 | request id 4 | length of the receipts 1 | message 4 | log 8 | seq 8 | time 8 | chain 32 |
    /// ```
    func published(_ body: UnsafeRawBufferPointer, at now: UInt64) {
        guard let base = body.baseAddress, body.count == 6 + Receipt.byteCount, load32(base, 6) == 0,
            load64(base, 10) == group.state.pointee.log, let counter = answered(load32(base, 1))
        else { return run.note("an answer to a Publish that is none") }
        run.ackLatency.record(now - state.pointee.messages[Int(counter)].time)
        run.acknowledgedCount += 1
        group.state.pointee.acknowledgedCount += 1
        let sequenceNumber = load64(base, 18)
        let digest = EntryLayout.digest(time: load64(base, 26), chain: load64(base, 34))
        guard sequenceNumber > 0, sequenceNumber <= group.sentCount,
            group.state.pointee.agrees(digest, at: sequenceNumber)
        else {
            run.counts.pointee.corrupted += 1
            return run.note("a receipt that agrees with nothing")
        }
        if group.state.pointee.publisherCount == 1
            ? sequenceNumber != counter + 1 : sequenceNumber <= lastSequenceNumber
        {
            run.counts.pointee.outOfOrder += 1
        }
        lastSequenceNumber = sequenceNumber
    }

    /// Takes an Error in place of a Published.
    func refused(_ requestID: RequestID, _ error: RelayError) {
        run.note("a Publish was refused: \(error)")
        if answered(requestID.rawValue) == nil { run.note("an error that answers nothing: \(error)") }
    }

    /// The counter of the message that `requestID` stands for, once; nil where it is unknown or was answered.
    private func answered(_ requestID: UInt32) -> UInt64? {
        let isNext = requestID == Self.requestID(answeredCount) && answeredCount < sentCount
        if isNext, answeredEarly.isEmpty {
            answeredCount += 1
            return answeredCount - 1
        }
        let distance = (UInt64(requestID) &- 1 &- answeredCount) % Self.requestIDCount
        let counter = answeredCount + distance
        guard requestID > 0, UInt64(requestID) <= Self.requestIDCount, counter < sentCount,
            answeredEarly.insert(counter).inserted
        else { return nil }
        while answeredEarly.remove(answeredCount) != nil { answeredCount += 1 }
        return counter
    }
}
