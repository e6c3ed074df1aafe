import Synchronization

/// Where a device's store crashes: at one of its next transactions, and from there on nothing is stored, as by a process
/// that is no more.
final class StoreFaults: Sendable {
    /// A moment around a transaction.
    enum Moment: CaseIterable, Sendable {
        /// Nothing of the transaction is stored.
        case before
        /// All of it is, but whoever wrote it does not learn that.
        case after
    }

    private struct State {
        /// How many transactions are left, this one included; nil: no end.
        var left: Int?
        var moment = Moment.before
        /// Counts how often the store was opened: what an earlier client still writes is its own crash.
        var life = 0
        var crashedLife: Int?
        var count = 0
        var crashCount = 0
        var whenCrashed: (@Sendable () -> Task<Void, Never>)?
        var ending: Task<Void, Never>?
    }
    private let state = Mutex(State())

    /// Crashes at the `count`th transaction from now on, 1 being the next.
    func crash(at count: Int, _ moment: Moment) {
        state.withLock { ($0.left, $0.moment) = (count, moment) }
    }

    /// Crashes no more. What has crashed stays so until it is opened again.
    func disarm() { state.withLock { $0.left = nil } }

    var isDown: Bool { state.withLock { $0.crashedLife == $0.life } }
    var isArmed: Bool { state.withLock { $0.left != nil } }
    /// How many transactions there were, and how many crashes.
    var count: Int { state.withLock { $0.count } }
    var crashCount: Int { state.withLock { $0.crashCount } }

    /// What ends the client that has the store now, once that has crashed.
    func whenCrashed(_ end: @escaping @Sendable () -> Task<Void, Never>) { state.withLock { $0.whenCrashed = end } }

    /// Waits until a client that has crashed has ended.
    func settle() async { await state.withLock { $0.ending }?.value }

    /// For a client that opens the store now.
    func begin() -> @Sendable (_ isCommitted: Bool) -> Bool {
        let life = state.withLock { state in
            state.life += 1
            state.whenCrashed = nil
            return state.life
        }
        return { isCommitted in self.permits(life, isCommitted ? .after : .before) }
    }

    private func permits(_ life: Int, _ moment: Moment) -> Bool {
        state.withLock { state in
            // A crashed client, whoever has come in its place.
            if life != state.life || state.crashedLife == life { return moment == .after }
            if moment == .before {
                state.count += 1
                state.left? -= 1
            }
            guard let left = state.left, left <= 0, state.moment == moment else { return true }
            state.left = nil
            state.crashedLife = life
            state.crashCount += 1
            state.ending = state.whenCrashed?()
            return false
        }
    }
}
