import ClientTransport
import Glibc
import Synchronization

/// SIGINT and SIGTERM: the first ends the run, which still says what it has; the second ends the process.
enum Interruption {
    private static let flag = Atomic<Bool>(false)

    static var hasHappened: Bool { flag.load(ordering: .relaxed) }

    private static var signals: sigset_t {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGINT)
        sigaddset(&signals, SIGTERM)
        return signals
    }

    /// Stops the loop of `mailbox` at the first signal. Called before other threads are made, which inherit the mask.
    static func tell(_ mailbox: LoopMailbox) {
        var signals = signals
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        var thread = pthread_t()
        let argument = Unmanaged.passRetained(mailbox).toOpaque()
        let code = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { preconditionFailure("the thread was given its mailbox") }
                Interruption.watch(Unmanaged<LoopMailbox>.fromOpaque(argument).takeRetainedValue())
                return nil
            }, argument)
        // Without the thread signals are blocked: let them end the process instead.
        if code != 0 { pthread_sigmask(SIG_UNBLOCK, &signals, nil) } else { pthread_detach(thread) }
    }

    private static func watch(_ mailbox: LoopMailbox) {
        var signals = signals
        var signal: Int32 = 0
        while sigwait(&signals, &signal) == 0 {
            if flag.exchange(true, ordering: .relaxed) { _exit(130) }
            mailbox.enqueue { $0.stop() }
        }
    }
}
