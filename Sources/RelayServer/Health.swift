import Synchronization

/// Whether the relay can do its work, as the writer last saw it. Any thread.
final class Health: Sendable {
    private let failedAt = Atomic<UInt64>(0)
    private let busySince = Atomic<UInt64>(0)
    private let isEnding = Atomic<Bool>(false)

    /// A failure counts for this long, unless a transaction succeeds before. Without an end, a relay that gets no traffic
    /// because it is not healthy would never learn that it is.
    private static let failureMilliseconds: UInt64 = 15_000
    /// A transaction takes milliseconds; after this long the disk hangs.
    private static let maxTransactionMilliseconds: UInt64 = 10_000

    func transactionBegins(at now: UInt64) { busySince.store(now, ordering: .relaxed) }

    func transactionEnded(at now: UInt64, succeeded: Bool) {
        busySince.store(0, ordering: .relaxed)
        failedAt.store(succeeded ? 0 : now, ordering: .relaxed)
    }

    /// The store could not be read.
    func readingFailed(at now: UInt64) { failedAt.store(now, ordering: .relaxed) }

    func ending() { isEnding.store(true, ordering: .relaxed) }

    /// Why the relay should get no traffic; nil when all is well.
    func problem(at now: UInt64) -> String? {
        if isEnding.load(ordering: .relaxed) { return "shutting down" }
        let (failed, busy) = (failedAt.load(ordering: .relaxed), busySince.load(ordering: .relaxed))
        if failed != 0, now < failed + Self.failureMilliseconds { return "the store fails" }
        if busy != 0, now > busy + Self.maxTransactionMilliseconds { return "a transaction does not end" }
        return nil
    }
}
