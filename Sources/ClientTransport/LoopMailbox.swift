import CLinux
import Glibc
import Synchronization

/// How other threads reach a `ClientLoop`: what is put in runs on the loop's thread, in order.
///
/// It is also a serial executor, so that an actor can live on a loop: its methods then run on the loop's thread and
/// may touch the loop's sockets, and nothing has to be carried between threads.
public final class LoopMailbox: SerialExecutor {
    enum Item {
        case work(@Sendable (ClientLoop) -> Void)
        case job(UnownedJob)
        case stop
    }

    private struct Inbox {
        var items: [Item] = []
        /// The loop's thread, once it is known.
        var thread: pthread_t?
    }

    private let inbox = Mutex(Inbox())
    /// Readable when the inbox went from empty to not empty on another thread than the loop's.
    let eventDescriptor: Int32

    // Set once, by the loop's own initializer, and read on the loop's thread alone.
    private nonisolated(unsafe) weak var ownLoop: ClientLoop?

    init() throws(TransportError) {
        eventDescriptor = try SystemCall.check("eventfd") {
            eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        }
    }

    deinit { SystemCall.close(eventDescriptor) }

    /// Runs `work` on the loop's thread, soon. What comes after the loop has stopped never runs.
    public func enqueue(_ work: @escaping @Sendable (ClientLoop) -> Void) { put(.work(work)) }

    /// Ends the loop's `run()` after what was put in before.
    public func stop() { put(.stop) }

    /// The loop itself, for whoever is on its thread: an actor that lives there.
    public var loop: ClientLoop {
        checkIsolated()
        guard let ownLoop = unsafe ownLoop else { preconditionFailure("the loop is there while its thread runs") }
        return ownLoop
    }

    private func put(_ item: Item) {
        let mustWake = inbox.withLock { inbox in
            inbox.items.append(item)
            // The loop itself looks into the inbox before it waits.
            return inbox.items.count == 1 && !Self.isCurrent(inbox.thread)
        }
        guard mustWake else { return }
        // Fails only where the counter is full, and then the loop is being woken anyway.
        _ = eventfd_write(eventDescriptor, 1)
    }

    // MARK: For the loop

    /// `loop`, on the calling thread, is the one that this mailbox belongs to.
    func adopt(_ loop: ClientLoop) {
        unsafe ownLoop = loop
        inbox.withLock { $0.thread = pthread_self() }
    }

    var isEmpty: Bool { inbox.withLock { $0.items.isEmpty } }

    /// Everything that was put in, in order; the emptied `spare` takes its place.
    func takeAll(swappingIn spare: inout [Item]) -> [Item] {
        let empty = spare
        spare = []
        return inbox.withLock { inbox in
            let items = inbox.items
            inbox.items = empty
            return items
        }
    }

    /// Takes back the wake-up that made the event descriptor readable.
    func clearWakeUp() {
        var count: eventfd_t = 0
        // Fails only where there is nothing to take back.
        _ = unsafe eventfd_read(eventDescriptor, &count)
    }

    // MARK: SerialExecutor

    public func enqueue(_ job: consuming ExecutorJob) { put(.job(UnownedJob(job))) }

    public func checkIsolated() { precondition(isOnLoopThread, "called on another thread than the loop's") }

    public func isIsolatingCurrentContext() -> Bool? { isOnLoopThread }

    /// Whether the calling thread is the loop's.
    public var isOnLoopThread: Bool { Self.isCurrent(inbox.withLock { $0.thread }) }

    private static func isCurrent(_ thread: pthread_t?) -> Bool {
        guard let thread else { return false }
        return pthread_equal(thread, pthread_self()) != 0
    }
}
