import CLinux
import Glibc

/// One thread's sockets and deadlines, on epoll.
///
/// Confined to the thread that makes it, as everything that it runs: other threads use its `mailbox`. A turn of the
/// loop reads what is ready, does what the mailbox holds and what is due, and then sends once for each socket that has
/// something to send: however many frames a turn gives a socket, they leave in one system call.
///
/// Sockets are kept from `connect` until their delegate has heard `socket(_:didClose:)`.
@safe public final class ClientLoop {
    /// What the loop has done since it was made.
    public struct Statistics: Sendable {
        public var turnCount: UInt64 = 0
        public var readCount: UInt64 = 0
        public var readByteCount: UInt64 = 0
        public var writeCount: UInt64 = 0
        public var writtenByteCount: UInt64 = 0
    }

    /// The bytes of one read, shared by all sockets: what a loop takes from a socket before others get their turn.
    static let receiveBufferByteCount = 256 << 10

    public let mailbox: LoopMailbox
    /// The time at which the present turn began.
    public private(set) var now = ContinuousClock.now
    public internal(set) var statistics = Statistics()
    /// How many sockets are connected or being connected.
    public private(set) var socketCount = 0

    let poller: EventPoller
    let receiveBuffer: UnsafeMutableRawBufferPointer
    let randomPool = RandomPool()
    let resolver: Resolver
    private let thread = pthread_self()
    private var isRunning = false
    private var mustStop = false

    private var slots: [Slot] = []
    private var freeSlots: [Int] = []
    private var deadlines = DeadlineQueue()
    /// What must not happen inside of a socket's own code: telling delegates.
    private var deferred: [() -> Void] = []
    private var unflushed: [ClientSocket] = []
    /// Sockets that have something to read of which epoll does not know.
    private var readable: [ClientSocket] = []
    private var spareItems: [LoopMailbox.Item] = []
    private var spareBuffers: [[UInt8]] = []

    private struct Slot {
        var socket: ClientSocket?
        /// Tells sockets apart that had the same slot: an event of the present turn may be about one that is gone.
        var generation: UInt32 = 0
    }

    private static let mailboxToken = UInt64.max
    /// Output buffers kept for reuse, and the largest that is.
    private static let maxSpareBufferCount = 64
    private static let maxSpareBufferByteCount = 64 << 10

    /// A loop for the calling thread.
    public init() throws(TransportError) {
        mailbox = try LoopMailbox()
        poller = try EventPoller()
        resolver = Resolver(mailbox)
        unsafe receiveBuffer = .allocate(byteCount: Self.receiveBufferByteCount, alignment: 64)
        try poller.add(mailbox.eventDescriptor, token: Self.mailboxToken, interest: .read)
        mailbox.adopt(self)
    }

    deinit { unsafe receiveBuffer.deallocate() }

    func preconditionOnLoopThread() {
        precondition(pthread_equal(thread, pthread_self()) != 0, "a ClientLoop is confined to its thread")
    }

    // MARK: Running

    /// Runs until `stop()`. Sockets stay as they are and go on when it is called again. SIGPIPE stays blocked on this
    /// thread from then on.
    public func run() {
        preconditionOnLoopThread()
        precondition(!isRunning, "a loop does not run inside of itself")
        isRunning = true
        mustStop = false
        // OpenSSL writes without MSG_NOSIGNAL: a broken connection must not end the process.
        var brokenPipe = sigset_t()
        unsafe sigemptyset(&brokenPipe)
        unsafe sigaddset(&brokenPipe, SIGPIPE)
        _ = unsafe pthread_sigmask(SIG_BLOCK, &brokenPipe, nil)
        while !mustStop { turn() }
        isRunning = false
    }

    /// Ends `run()` after the present turn.
    public func stop() {
        preconditionOnLoopThread()
        mustStop = true
    }

    /// Aborts every socket, and tells their delegates before it returns.
    /// - Precondition: the loop does not run.
    public func abortAll() {
        preconditionOnLoopThread()
        precondition(!isRunning, "sockets are aborted between two runs")
        for slot in slots { slot.socket?.abort() }
        runDeferred()
    }

    private func turn() {
        var events = 0
        poller.wait(timeout: timeout()) { event in
            if events == 0 { now = .now }
            events += 1
            handle(event)
        }
        if events == 0 { now = .now }
        statistics.turnCount += 1
        readMore()
        runMailbox()
        while let body = deadlines.popDue(at: now) { body() }
        runDeferred()
        flush()
    }

    private func timeout() -> Duration? {
        if !readable.isEmpty || !unflushed.isEmpty || !deferred.isEmpty || !mailbox.isEmpty { return .zero }
        return deadlines.nextInstant().map { ContinuousClock.now.duration(to: $0) }
    }

    private func handle(_ event: EventPoller.Event) {
        if event.token == Self.mailboxToken { return mailbox.clearWakeUp() }
        let slot = slots[Int(event.token & 0xffff_ffff)]
        guard let socket = slot.socket, slot.generation == UInt32(event.token >> 32) else { return }
        socket.handle(event)
    }

    private func runMailbox() {
        var items = mailbox.takeAll(swappingIn: &spareItems)
        for item in items {
            switch item {
            case .work(let work): work(self)
            case .job(let job): unsafe job.runSynchronously(on: mailbox.asUnownedSerialExecutor())
            case .stop: mustStop = true
            }
        }
        items.removeAll(keepingCapacity: items.count <= 1024)
        spareItems = items
    }

    private func readMore() {
        let sockets = readable
        readable.removeAll(keepingCapacity: true)
        for socket in sockets { socket.readAgain() }
    }

    private func runDeferred() {
        while !deferred.isEmpty {
            let bodies = deferred
            deferred.removeAll(keepingCapacity: true)
            for body in bodies { body() }
        }
    }

    private func flush() {
        // Who writes while this goes on is served in the next turn, so that reading gets its turn as well.
        let sockets = unflushed
        unflushed = []
        for socket in sockets { socket.flush() }
    }

    // MARK: Deadlines

    /// Calls `body` on this loop's thread once `delay` from now is over.
    @discardableResult
    public func schedule(after delay: Duration, _ body: @escaping () -> Void) -> DeadlineID {
        schedule(at: ContinuousClock.now.advanced(by: delay), body)
    }

    /// Calls `body` on this loop's thread at `instant`, or soon where that is past.
    @discardableResult
    public func schedule(at instant: ContinuousClock.Instant, _ body: @escaping () -> Void) -> DeadlineID {
        preconditionOnLoopThread()
        return deadlines.schedule(at: instant, body)
    }

    /// Calls off what was scheduled, if it did not happen yet.
    public func cancel(_ id: DeadlineID) {
        preconditionOnLoopThread()
        deadlines.cancel(id)
    }

    // MARK: For sockets

    /// Keeps `socket` and returns the token for its events.
    func register(_ socket: ClientSocket) -> UInt64 {
        let index: Int
        if let free = freeSlots.popLast() {
            index = free
        } else {
            index = slots.count
            slots.append(Slot())
        }
        slots[index].socket = socket
        slots[index].generation &+= 1
        socketCount += 1
        return UInt64(slots[index].generation) << 32 | UInt64(index)
    }

    func unregister(token: UInt64) {
        let index = Int(token & 0xffff_ffff)
        precondition(slots[index].generation == UInt32(token >> 32), "a socket is unregistered once")
        slots[index].socket = nil
        freeSlots.append(index)
        socketCount -= 1
    }

    func flushLater(_ socket: ClientSocket) { unflushed.append(socket) }

    func readLater(_ socket: ClientSocket) { readable.append(socket) }

    func perform(_ body: @escaping () -> Void) { deferred.append(body) }

    /// An empty output buffer, with room where one was given back.
    func takeBuffer() -> [UInt8] { spareBuffers.popLast() ?? [] }

    func giveBack(_ buffer: consuming [UInt8]) {
        guard buffer.capacity <= Self.maxSpareBufferByteCount, spareBuffers.count < Self.maxSpareBufferCount else {
            return
        }
        buffer.removeAll(keepingCapacity: true)
        spareBuffers.append(buffer)
    }
}
