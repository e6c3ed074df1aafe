import CLinux

/// An epoll instance: which sockets are ready. One thread at a time.
///
/// Level-triggered: a socket with more to read than one read took is reported again, so that sockets take turns.
@safe struct EventPoller: ~Copyable {
    /// What a socket is ready for, and the token that it was added with.
    struct Event {
        let token: UInt64
        let isReadable: Bool
        let isWritable: Bool
        /// The connection failed or ended in both directions; reported whether asked for or not.
        let hasFailed: Bool
    }

    /// What to report of a socket, failures aside.
    struct Interest: OptionSet {
        let rawValue: UInt8
        static let read = Interest(rawValue: 1)
        static let write = Interest(rawValue: 2)

        fileprivate var events: UInt32 {
            (contains(.read) ? mlsrelay_EPOLLIN() : 0) | (contains(.write) ? mlsrelay_EPOLLOUT() : 0)
        }
    }

    /// Events that one wait reports at most; the others come with the next.
    private static let capacity = 512

    private let descriptor: Int32
    private let events: UnsafeMutablePointer<epoll_event>

    init() throws(TransportError) {
        descriptor = try SystemCall.check("epoll_create1") { epoll_create1(Int32(EPOLL_CLOEXEC)) }
        unsafe events = .allocate(capacity: Self.capacity)
    }

    deinit {
        unsafe events.deallocate()
        SystemCall.close(descriptor)
    }

    func add(_ socket: Int32, token: UInt64, interest: Interest) throws(TransportError) {
        try control(EPOLL_CTL_ADD, socket, token, interest)
    }

    func change(_ socket: Int32, token: UInt64, interest: Interest) throws(TransportError) {
        try control(EPOLL_CTL_MOD, socket, token, interest)
    }

    func remove(_ socket: Int32) throws(TransportError) { try control(EPOLL_CTL_DEL, socket, 0, []) }

    private func control(
        _ operation: Int32, _ socket: Int32, _ token: UInt64, _ interest: Interest
    ) throws(TransportError) {
        var event = unsafe epoll_event()
        unsafe event.events = interest.events
        unsafe event.data.u64 = token
        try SystemCall.check("epoll_ctl") { unsafe epoll_ctl(descriptor, operation, socket, &event) }
    }

    /// Waits until something is ready or `timeout` is over, nil for ever; then calls `body` for each event.
    func wait(timeout: Duration?, _ body: (Event) -> Void) {
        let count: Int32
        if let timeout {
            let (seconds, attoseconds) = max(timeout, .zero).components
            var time = timespec(tv_sec: Int(seconds), tv_nsec: Int(attoseconds / 1_000_000_000))
            count = unsafe epoll_pwait2(descriptor, events, Int32(Self.capacity), &time, nil)
        } else {
            count = unsafe epoll_wait(descriptor, events, Int32(Self.capacity), -1)
        }
        // Negative where a signal came first: then nothing is ready, and the loop asks again.
        for index in 0..<max(0, Int(count)) {
            let event = unsafe events[index]
            body(
                Event(
                    token: unsafe event.data.u64,
                    isReadable: unsafe event.events & mlsrelay_EPOLLIN() != 0,
                    isWritable: unsafe event.events & mlsrelay_EPOLLOUT() != 0,
                    hasFailed: unsafe event.events & (mlsrelay_EPOLLERR() | mlsrelay_EPOLLHUP()) != 0))
        }
    }
}
