import Synchronization

/// Those who want to know what a client is doing. Their streams end with the client.
final class StateObservers: Sendable {
    private typealias Continuation = AsyncStream<RelayConnection.State>.Continuation

    /// States that a slow reader has not read, at most.
    private static let bufferedStateCount = 64

    private let continuations = Mutex<[Continuation]>([])

    deinit {
        for continuation in continuations.withLock({ $0 }) { continuation.finish() }
    }

    /// A stream of `state` and those that are told from now on.
    func add(after state: RelayConnection.State) -> AsyncStream<RelayConnection.State> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: RelayConnection.State.self, bufferingPolicy: .bufferingNewest(Self.bufferedStateCount))
        if Self.yield(state, to: continuation) { continuations.withLock { $0.append(continuation) } }
        return stream
    }

    func tell(_ state: RelayConnection.State) {
        continuations.withLock { $0.removeAll { !Self.yield(state, to: $0) } }
    }

    /// - Returns: whether there is somebody to whom more can be told.
    private static func yield(_ state: RelayConnection.State, to continuation: Continuation) -> Bool {
        if case .terminated = continuation.yield(state) { return false }
        guard case .ended = state else { return true }
        continuation.finish()
        return false
    }
}
