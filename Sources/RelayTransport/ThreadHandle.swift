import CLibwebsockets
import Glibc

/// A POSIX thread that runs one closure.
///
/// For threads that block or spin in C libraries, which Swift's own pool must not do.
// @unchecked: `thread` is written by `start` and read by `join`, which one owner calls in this order.
public final class ThreadHandle: @unchecked Sendable {
    private var thread = pthread_t()
    private var isStarted = false

    public init() {}

    /// - Parameter name: at most 15 bytes are kept.
    public func start(name: String, _ body: @escaping @Sendable () -> Void) {
        precondition(!isStarted, "a thread starts once")
        isStarted = true
        let box = Unmanaged.passRetained(Box(name: name, body: body))
        let code = pthread_create(
            &thread, nil,
            { pointer in
                guard let pointer else { return nil }
                let box = Unmanaged<Box>.fromOpaque(pointer).takeRetainedValue()
                pthread_setname_np(pthread_self(), String(box.name.prefix(15)))
                box.body()
                return nil
            }, box.toOpaque())
        precondition(code == 0, "the system gives a thread")
    }

    /// Waits for the thread to end.
    public func join() {
        guard isStarted else { return }
        pthread_join(thread, nil)
        isStarted = false
    }

    private final class Box: Sendable {
        let name: String
        let body: @Sendable () -> Void
        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }
}
