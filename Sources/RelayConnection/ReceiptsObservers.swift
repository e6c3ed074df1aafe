import RelayWire
import Synchronization

/// Those who want to know how far members are. Their streams end with the client.
final class ReceiptsObservers: Sendable {
    private struct State {
        var continuations: [AsyncStream<Receipts>.Continuation] = []
        var isFinished = false
    }

    private let state = Mutex(State())

    deinit { finish() }

    /// A stream of all that is told from now on.
    func add() -> AsyncStream<Receipts> {
        let (stream, continuation) = AsyncStream.makeStream(of: Receipts.self, bufferingPolicy: .unbounded)
        let isFinished = state.withLock { state in
            if !state.isFinished { state.continuations.append(continuation) }
            return state.isFinished
        }
        if isFinished { continuation.finish() }
        return stream
    }

    func tell(_ receipts: Receipts) {
        state.withLock { state in
            state.continuations.removeAll { if case .terminated = $0.yield(receipts) { true } else { false } }
        }
    }

    /// Nothing more comes.
    func finish() {
        let continuations = state.withLock { state in
            defer { state.continuations = [] }
            state.isFinished = true
            return state.continuations
        }
        for continuation in continuations { continuation.finish() }
    }
}
