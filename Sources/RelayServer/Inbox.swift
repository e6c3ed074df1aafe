import Glibc
import Synchronization

/// Where threads meet: values are put in by any thread and taken out, all at once, by one.
///
/// The lock is held for an append or a swap.
final class Inbox<Element: Sendable>: Sendable {
    private let elements = Mutex<[Element]>([])

    /// - Returns: whether the inbox was empty, so that the taker must be woken.
    func put(_ element: Element) -> Bool {
        elements.withLock { elements in
            elements.append(element)
            return elements.count == 1
        }
    }

    /// Everything that is there.
    func takeAll() -> [Element] {
        elements.withLock { elements in
            var taken: [Element] = []
            swap(&taken, &elements)
            return taken
        }
    }
}

/// Lets one thread sleep until another has something for it.
// @unchecked: POSIX semaphores are made for use by any thread.
final class WakeSignal: @unchecked Sendable {
    private let semaphore: UnsafeMutablePointer<sem_t>

    init() {
        semaphore = .allocate(capacity: 1)
        sem_init(semaphore, 0, 0)
    }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func signal() { sem_post(semaphore) }

    /// - Returns: false when `milliseconds` have passed without a signal.
    func wait(milliseconds: Int) -> Bool {
        var deadline = timespec()
        clock_gettime(CLOCK_REALTIME, &deadline)
        let nanoseconds = deadline.tv_nsec + milliseconds * 1_000_000
        deadline.tv_sec += nanoseconds / 1_000_000_000
        deadline.tv_nsec = nanoseconds % 1_000_000_000
        while sem_timedwait(semaphore, &deadline) != 0 { if errno == ETIMEDOUT { return false } }
        return true
    }
}

/// A clock that never goes back, in milliseconds; never 0.
func monotonicMilliseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1000 + UInt64(time.tv_nsec) / 1_000_000 + 1
}

/// The relay's clock, in milliseconds since 1970.
func wallClockMilliseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return UInt64(time.tv_sec) * 1000 + UInt64(time.tv_nsec) / 1_000_000
}
