import CLinux
import Glibc
import Synchronization

extension ClientLoop {
    /// Starts a thread that runs a loop of its own until `LoopMailbox.stop()`, and returns how to reach it.
    ///
    /// A loop on which actors live must run for as long as they do.
    public static func startThread(named name: String) throws(TransportError) -> LoopMailbox {
        let start = ThreadStart(name: name)
        var thread = pthread_t()
        let argument = unsafe Unmanaged.passRetained(start).toOpaque()
        let code = unsafe pthread_create(&thread, nil, runLoopThread, argument)
        guard code == 0 else {
            unsafe Unmanaged<ThreadStart>.fromOpaque(argument).release()
            throw .system(call: "pthread_create", code: code)
        }
        pthread_detach(thread)
        return try start.outcome()
    }

    /// The loop thread that everything shares which does not bring its own; it runs for as long as the process does.
    public static func sharedThread() throws(TransportError) -> LoopMailbox { try shared.get() }

    private static let shared = Result { () throws(TransportError) in try startThread(named: "mlsrelay-loop") }
}

/// Carries the mailbox of a loop out of its thread.
@safe private final class ThreadStart: Sendable {
    let name: String
    private let result = Mutex<Result<LoopMailbox, TransportError>?>(nil)
    private nonisolated(unsafe) let isKnown: UnsafeMutablePointer<sem_t>  // A semaphore is made for several threads.

    init(name: String) {
        self.name = name
        unsafe isKnown = .allocate(capacity: 1)
        unsafe sem_init(isKnown, 0, 0)
    }

    deinit {
        unsafe sem_destroy(isKnown)
        unsafe isKnown.deallocate()
    }

    func tell(_ outcome: Result<LoopMailbox, TransportError>) {
        result.withLock { $0 = outcome }
        unsafe sem_post(isKnown)
    }

    func outcome() throws(TransportError) -> LoopMailbox {
        while unsafe sem_wait(isKnown) != 0 {}
        guard let outcome = result.withLock({ $0 }) else { preconditionFailure("the outcome is known") }
        return try outcome.get()
    }
}

private func runLoopThread(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument = unsafe argument else { preconditionFailure("the thread was given its start") }
    let start = unsafe Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue()
    // A name has at most 15 bytes; one that is refused is only missed by people who look.
    _ = unsafe mlsrelay_name_thread(String(start.name.prefix(15)))
    do throws(TransportError) {
        let loop = try ClientLoop()
        start.tell(.success(loop.mailbox))
        loop.run()
        loop.abortAll()
    } catch {
        start.tell(.failure(error))
    }
    return nil
}
