public import RelayWire

/// The entries of a log from a cursor on, history first and then as they come: in order, without a gap, each verified
/// against the log's hash chain, across lost connections.
///
/// One task iterates, once. The log is followed until the subscription and its iterator are gone, the iterating task is
/// cancelled, or `cancel()` is called. An iteration that is cancelled or whose client was closed ends with nil; it throws
/// `chainBroken` behind the last entry that holds.
public struct LogSubscription: AsyncSequence, Sendable {
    public typealias Element = ReceivedEntry
    public typealias Failure = RelayConnectionError

    public let log: RelayLog
    /// What the relay said about the log when it was first followed: its number, its last entry, a group's epoch.
    public let info: SubscriptionResult
    let handle: SubscriptionHandle

    /// Stops following the log; the iteration ends.
    public func cancel() { handle.cancel() }

    public func makeAsyncIterator() -> Iterator { Iterator(handle: handle) }

    public struct Iterator: AsyncIteratorProtocol {
        let handle: SubscriptionHandle
        private var batch: [ReceivedEntry] = []
        private var index = 0
        /// Entries returned for which no credit was given back yet.
        private var unreported = 0

        init(handle: SubscriptionHandle) { self.handle = handle }

        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(RelayConnectionError) -> ReceivedEntry? {
            guard try await fill(isolation: actor) else { return nil }
            let entry = batch[index]
            didReturn(1)
            return entry
        }

        /// What has come, at least one entry, and no more than `limit`: for who does something once for many. Waits
        /// where nothing has come; nil at the end, and throws as `next` does.
        /// - Precondition: `limit` is positive.
        public mutating func nextBatch(
            limit: Int = .max, isolation actor: isolated (any Actor)? = #isolation
        ) async throws(RelayConnectionError) -> [ReceivedEntry]? {
            precondition(limit > 0, "a batch has room for an entry")
            guard try await fill(isolation: actor) else { return nil }
            let entries = Array(batch[index...].prefix(limit))
            didReturn(entries.count)
            return entries
        }

        /// Waits until `batch` has an entry that was not returned.
        /// - Returns: false at the end.
        private mutating func fill(isolation actor: isolated (any Actor)?) async throws(RelayConnectionError) -> Bool {
            if Task.isCancelled {
                handle.cancel()
                batch = []
                index = 0
            }
            guard index == batch.count else { return true }
            guard let more = try await handle.nextBatch(isolation: actor) else { return false }
            batch = more
            index = 0
            return true
        }

        /// The next `count` entries of `batch` are the reader's: gives credit for them back, half a window at a time.
        private mutating func didReturn(_ count: Int) {
            index += count
            unreported += count
            guard unreported >= handle.creditStep else { return }
            handle.didConsume(unreported)
            unreported = 0
        }

        public mutating func next() async throws(RelayConnectionError) -> ReceivedEntry? {
            try await next(isolation: nil)
        }
    }
}

/// Keeps a log followed for as long as it lives.
final class SubscriptionHandle: Sendable {
    private let client: RelayConnection
    private let id: FollowerID
    private let buffer: EntryBuffer
    /// How many entries to consume before credit for them is given back: half of the window.
    let creditStep: Int

    init(client: RelayConnection, id: FollowerID, buffer: EntryBuffer, window: Int) {
        self.client = client
        self.id = id
        self.buffer = buffer
        creditStep = max(1, window / 2)
    }

    deinit { client.enqueue { [id] client in client.unfollow(id) } }

    func cancel() {
        buffer.cancel()
        client.enqueue { [id] client in client.unfollow(id) }
    }

    func didConsume(_ count: Int) { client.enqueue { [id] client in client.extendCredit(of: id, by: count) } }

    func nextBatch(isolation actor: isolated (any Actor)?) async throws(RelayConnectionError) -> [ReceivedEntry]? {
        let result: Result<[ReceivedEntry]?, RelayConnectionError> = await withTaskCancellationHandler(
            operation: {
                do throws(RelayConnectionError) {
                    return .success(try await buffer.takeAll(isolation: actor))
                } catch {
                    return .failure(error)
                }
            }, onCancel: { cancel() }, isolation: actor)
        return try result.get()
    }
}

/// Names a followed log inside of a client.
struct FollowerID: Hashable, Sendable {
    let rawValue: Int
}
