import Metrics
import RelayStore
import RelayTransport
import RelayWire
import WebSocketFraming

/// Gives every session of a loop what there is for it, in one write a turn.
///
/// The log is the queue: a follower is a cursor, and what it gets is read from the store when its socket takes more.
/// Followers that stand at the same place of a log that has grown share one piece of memory, a slice; those that stand
/// elsewhere are read for one by one. Nothing here costs a system call, an allocation or a look-up for a single delivery.
struct FanOut: ~Copyable {
    private var logs: [LogNumber: FollowedLog] = [:]
    /// Logs that have entries which no slice was made of yet.
    private var grown: [FollowedLog] = []
    /// Sessions that have answers or slices.
    private var dirty: [Session] = []
    /// Sessions that have followers which are behind; each gets one write a turn.
    private var behind: [Session] = []
    private var relieved: [Session] = []
    private var outrun: [Session] = []
    /// Members that were given something since the last report. Those that have gone meanwhile have `isReportDue` unset.
    private var delivered: [Follower] = []

    /// Slices of this turn, with room for a header before each.
    private var arena = OutputBuffer(capacity: 1 << 20)
    private var slices: [Slice] = []
    /// Who has sent what is in the slices of tracked groups, each slice's together.
    private var senders: [ClientNumber] = []
    /// What is put together for one session.
    private var scratch = OutputBuffer(capacity: 1 << 20)

    private var entriesPushed = 0
    private var bytesPushed = 0
    private var writesBlocked = 0

    private struct Slice {
        var offset: Int
        var byteCount: Int
        var entryCount: Int
        var end: SequenceNumber
        /// Of `senders`: clients that are given digests instead.
        var senders: Range<Int>
    }

    /// Bytes of slices in one turn; what is left waits for the next.
    private static let maxArenaByteCount = 16 << 20

    // MARK: Who follows what

    /// The log's place here, made when nobody follows it yet.
    /// - Parameter last: as a snapshot says that is not older than any before.
    mutating func followed(_ number: LogNumber, isTracked: Bool, last: SequenceNumber) -> FollowedLog {
        if let log = logs[number] {
            // A snapshot may know more than what the writer has told so far, never less than is true. Of a tracked group
            // that has to wait: with the same message comes who may not read it any more.
            if log.last < last, !isTracked {
                log.last = last
                noteGrown(log)
            }
            return log
        }
        let log = FollowedLog(number: number, isTracked: isTracked, last: last)
        logs[number] = log
        return log
    }

    func isFollowed(_ log: LogNumber) -> Bool { logs[log] != nil }

    /// Those who follow a log on this loop.
    func followers(of log: LogNumber) -> [Follower] { logs[log]?.followers ?? [] }

    mutating func dropIfUnfollowed(_ log: FollowedLog) {
        guard log.followers.isEmpty else { return }
        logs[log.number] = nil
        if log.isGrown { grown.removeAll { $0 === log } }
    }

    mutating func grow(_ growth: GrownLog) {
        guard let log = logs[growth.log], log.last < growth.last else { return }
        log.last = growth.last
        noteGrown(log)
    }

    private mutating func noteGrown(_ log: FollowedLog) {
        guard !log.isGrown else { return }
        log.isGrown = true
        grown.append(log)
    }

    /// A follower may have something to read on its own.
    mutating func catchUp(_ follower: Follower) {
        guard follower.cursor < follower.target, !follower.isBehind else { return }
        follower.isBehind = true
        follower.session.behind.append(follower)
        queueBehind(follower.session)
    }

    private mutating func queueBehind(_ session: Session) {
        guard !session.isQueuedBehind, !session.connection.isBlocked else { return }
        session.isQueuedBehind = true
        behind.append(session)
    }

    /// A follower goes; what is prepared for its session stays.
    mutating func leave(_ follower: Follower) {
        guard follower.isBehind else { return }
        follower.isBehind = false
        follower.session.behind.removeAll { $0 === follower }
    }

    mutating func markDirty(_ session: Session) {
        guard !session.isDirty else { return }
        session.isDirty = true
        dirty.append(session)
    }

    mutating func unblocked(_ session: Session) {
        if !session.answers.isEmpty || session.isEnding { markDirty(session) }
        if !session.behind.isEmpty { queueBehind(session) }
    }

    mutating func forget(_ session: Session) {
        if session.isDirty { dirty.removeAll { $0 === session } }
        if session.isQueuedBehind { behind.removeAll { $0 === session } }
    }

    // MARK: A turn

    /// Writes what there is.
    /// - Returns: whether there is more for sockets that would take it now.
    mutating func run(_ reader: StoreReader, _ limits: SessionLimits) throws(StoreError) -> Bool {
        if grown.isEmpty, behind.isEmpty {
            writeDirty(limits)
        } else {
            arena.clear()
            slices.removeAll(keepingCapacity: true)
            senders.removeAll(keepingCapacity: true)
            // One transaction for all reads of the turn.
            try reader.read { (snapshot) throws(StoreError) in
                try prepareSlices(snapshot, limits)
                writeDirty(limits)
                try serveBehind(snapshot, limits)
            }
        }
        return !grown.isEmpty || !behind.isEmpty || !dirty.isEmpty
    }

    /// Makes a slice of each log that has grown, and gives it to all followers that stand where it begins.
    private mutating func prepareSlices(_ snapshot: borrowing Snapshot, _ limits: SessionLimits) throws(StoreError) {
        var index = 0
        while index < grown.count, arena.count < Self.maxArenaByteCount {
            let log = grown[index]
            index += 1
            log.isGrown = false
            var slice: (index: Int, start: SequenceNumber)?
            for follower in log.followers where !follower.isBehind && follower.cursor < follower.target {
                let session = follower.session
                guard !session.connection.isBlocked, !session.isEnding else {
                    catchUp(follower)
                    continue
                }
                if slice == nil {
                    slice = (slices.count, follower.cursor)
                    slices.append(try makeSlice(of: log, after: follower.cursor, snapshot, limits.maxWriteByteCount))
                }
                if let slice, slice.start == follower.cursor { attach(slice.index, to: follower) }
                // Elsewhere in the log, or the slice does not reach to the end, or is not for this client.
                catchUp(follower)
            }
        }
        grown.removeFirst(index)
    }

    private mutating func makeSlice(
        of log: FollowedLog, after start: SequenceNumber, _ snapshot: borrowing Snapshot, _ maxByteCount: Int
    ) throws(StoreError) -> Slice {
        arena.skip(Connection.headroom)
        var slice = Slice(
            offset: arena.count, byteCount: 0, entryCount: 0, end: start, senders: senders.count..<senders.count)
        try snapshot.forEachStoredFrame(in: log.number, after: start, through: log.last) {
            (number, frame) throws(StoreError) in
            // Behind entries that are gone: nothing can be shared.
            guard number == slice.end.next else { return false }
            if slice.entryCount > 0, slice.byteCount + frame.bytes.count > maxByteCount { return false }
            arena.append(frame.bytes)
            slice.byteCount += frame.bytes.count
            slice.entryCount += 1
            slice.end = number
            if log.isTracked, !senders[slice.senders].contains(frame.sender) {
                senders.append(frame.sender)
                slice.senders = slice.senders.lowerBound..<senders.count
            }
            return true
        }
        return slice
    }

    private mutating func attach(_ index: Int, to follower: Follower) {
        let session = follower.session
        let slice = slices[index]
        guard slice.entryCount > 0, slice.end <= follower.end,
            session.sliceByteCount + slice.byteCount <= session.writeByteCount,
            !senders[slice.senders].contains(follower.client)
        else { return }
        if session.firstSlice < 0 { session.firstSlice = Int32(index) } else { session.moreSlices.append(Int32(index)) }
        session.sliceByteCount += slice.byteCount
        follower.cursor = slice.end
        noteDelivered(follower)
        entriesPushed += slice.entryCount
        markDirty(session)
    }

    private mutating func writeDirty(_ limits: SessionLimits) {
        var sessions: [Session] = []
        swap(&sessions, &dirty)
        for session in sessions {
            session.isDirty = false
            // What cannot be written now is marked again when the socket takes more.
            guard session.connection.isOpen, !session.connection.isBlocked else { continue }
            writeGathered(session, limits)
            endIfSaid(session)
        }
        // The storage is worth keeping when nothing new has come.
        sessions.removeAll(keepingCapacity: true)
        if dirty.isEmpty { swap(&sessions, &dirty) }
    }

    /// Answers first: who asked to follow a log learns so before its first entry.
    private mutating func writeGathered(_ session: Session, _ limits: SessionLimits) {
        if session.answers.isEmpty, session.firstSlice >= 0, session.moreSlices.isEmpty {
            let slice = slices[Int(session.firstSlice)]
            write(arena.start + slice.offset, byteCount: slice.byteCount, to: session, limits)
        } else if !session.answers.isEmpty || session.firstSlice >= 0 {
            scratch.clear()
            scratch.skip(Connection.headroom)
            session.answers.withUnsafeBytes { scratch.append($0) }
            if session.firstSlice >= 0 { appendToScratch(session.firstSlice) }
            for slice in session.moreSlices { appendToScratch(slice) }
            if session.answers.count >= limits.maxPendingAnswerByteCount { relieved.append(session) }
            // Given back: an idle session holds no buffer.
            session.answers = []
            writeScratch(to: session, limits)
        }
        session.firstSlice = -1
        session.moreSlices.removeAll(keepingCapacity: true)
        session.sliceByteCount = 0
    }

    private mutating func appendToScratch(_ index: Int32) {
        let slice = slices[Int(index)]
        scratch.append(UnsafeRawBufferPointer(start: arena.start + slice.offset, count: slice.byteCount))
    }

    private mutating func writeScratch(to session: Session, _ limits: SessionLimits) {
        write(
            scratch.start + Connection.headroom, byteCount: scratch.count - Connection.headroom, to: session, limits)
    }

    private mutating func write(
        _ frames: UnsafeMutableRawPointer, byteCount: Int, to session: Session, _ limits: SessionLimits
    ) {
        session.connection.write(frames, byteCount: byteCount)
        bytesPushed += byteCount
        if session.connection.isBlocked {
            // What the socket did not take is copied and kept: let it be little, until it keeps up again.
            session.writeByteCount = limits.minWriteByteCount
            writesBlocked += 1
        } else if session.writeByteCount < limits.maxWriteByteCount {
            session.writeByteCount = min(session.writeByteCount * 2, limits.maxWriteByteCount)
        }
    }

    private func endIfSaid(_ session: Session) {
        guard case .ending(let code) = session.state, session.answers.isEmpty, !session.connection.isBlocked else {
            return
        }
        session.connection.close(code)
    }

    /// One write for each session that is behind, as far as this turn's share goes.
    private mutating func serveBehind(_ snapshot: borrowing Snapshot, _ limits: SessionLimits) throws(StoreError) {
        var served = 0
        var byteCount = 0
        // Those that are still behind after their write are put at the end, and are not served twice.
        let waiting = behind.count
        while served < waiting, byteCount < Self.maxArenaByteCount {
            let session = behind[served]
            served += 1
            session.isQueuedBehind = false
            guard session.connection.isOpen, !session.connection.isBlocked, !session.isEnding else { continue }
            try gatherBehind(session, snapshot)
            byteCount += scratch.count
            if scratch.count > Connection.headroom { writeScratch(to: session, limits) }
            if !session.behind.isEmpty { queueBehind(session) }
        }
        behind.removeFirst(served)
    }

    private mutating func gatherBehind(_ session: Session, _ snapshot: borrowing Snapshot) throws(StoreError) {
        scratch.clear()
        scratch.skip(Connection.headroom)
        let end = Connection.headroom + session.writeByteCount
        while let follower = session.behind.last, scratch.count < end {
            let start = follower.cursor
            let isTracked = follower.log.isTracked
            var isGone = false
            try snapshot.forEachStoredFrame(in: follower.log.number, after: start, through: follower.target) {
                (number, frame) throws(StoreError) in
                guard number == follower.cursor.next else {
                    isGone = true
                    return false
                }
                let isOwn = isTracked && frame.sender == follower.client
                let byteCount = isOwn ? EntryDigest.frameByteCount : frame.bytes.count
                if scratch.count > Connection.headroom, scratch.count + byteCount > end { return false }
                if isOwn { frame.writeDigest(to: scratch.extend(byteCount)) } else { scratch.append(frame.bytes) }
                follower.cursor = number
                entriesPushed += 1
                return true
            }
            if follower.cursor > start { noteDelivered(follower) }
            if isGone || follower.cursor == start && scratch.count == Connection.headroom {
                // Retention was faster than this reader. Subscribing again tells it what there is.
                outrun.append(session)
                return
            }
            if follower.cursor >= follower.target {
                follower.isBehind = false
                session.behind.removeLast()
            } else {
                // The next turn begins with another log of this session.
                session.behind.swapAt(0, session.behind.count - 1)
                return
            }
        }
    }

    /// A follower was given something, of which reports tell where it is a member of a group.
    mutating func noteDelivered(_ follower: Follower) {
        guard follower.log.isTracked, !follower.isReportDue else { return }
        follower.isReportDue = true
        delivered.append(follower)
    }

    /// Members that were given something since the last call. What a socket has not taken is told when it has.
    mutating func takeDelivered(_ body: (Follower) -> Void) {
        delivered.removeAll { follower in
            guard follower.isReportDue else { return true }
            guard !follower.session.connection.isBlocked else { return false }
            follower.isReportDue = false
            body(follower)
            return true
        }
    }

    /// Sessions that have to begin anew, since entries that they have not read are gone.
    mutating func takeOutrun() -> [Session] {
        var sessions: [Session] = []
        swap(&sessions, &outrun)
        return sessions
    }

    /// Sessions whose answers were many and have been written.
    mutating func takeRelieved() -> [Session] {
        var sessions: [Session] = []
        swap(&sessions, &relieved)
        return sessions
    }

    mutating func report(to metrics: RelayMetrics) {
        metrics.entriesPushed.increment(by: entriesPushed)
        metrics.bytesPushed.increment(by: bytesPushed)
        metrics.writesBlocked.increment(by: writesBlocked)
        (entriesPushed, bytesPushed, writesBlocked) = (0, 0, 0)
    }
}
