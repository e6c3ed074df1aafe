import RelayWire
import Synchronization

/// Entries on their way from the loop to whoever iterates: put in by batches, taken out by batches.
///
/// It holds as many as there is credit for, and no more.
final class EntryBuffer: Sendable {
    private struct State {
        var entries: [ReceivedEntry] = []
        /// Nothing more comes: nil for an end in good order.
        var ending: Result<Void, RelayConnectionError>?
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    func append(_ entries: [ReceivedEntry]) {
        let waiter = state.withLock { state in
            if state.ending == nil { state.entries += entries }
            return state.waiter.take()
        }
        waiter?.resume()
    }

    /// Nothing more comes; what is there can still be taken.
    func finish(_ ending: Result<Void, RelayConnectionError>) {
        let waiter = state.withLock { state in
            if state.ending == nil { state.ending = ending }
            return state.waiter.take()
        }
        waiter?.resume()
    }

    /// The reader wants nothing more.
    func cancel() {
        let waiter = state.withLock { state in
            state.entries = []
            state.ending = .success(())
            return state.waiter.take()
        }
        waiter?.resume()
    }

    /// Everything that is there, as soon as there is something; nil at the end.
    /// - Precondition: one task at a time asks.
    func takeAll(isolation actor: isolated (any Actor)?) async throws(RelayConnectionError) -> [ReceivedEntry]? {
        while true {
            let (entries, ending) = state.withLock { state in
                let entries = state.entries
                state.entries = []
                return (entries, state.ending)
            }
            if !entries.isEmpty { return entries }
            if let ending {
                try ending.get()
                return nil
            }
            await withCheckedContinuation(isolation: actor) { continuation in
                let mustWait = state.withLock { state in
                    precondition(state.waiter == nil, "one task at a time iterates over a subscription")
                    guard state.entries.isEmpty && state.ending == nil else { return false }
                    state.waiter = continuation
                    return true
                }
                if !mustWait { continuation.resume() }
            }
        }
    }
}
