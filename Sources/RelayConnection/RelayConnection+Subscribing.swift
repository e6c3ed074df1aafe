import ClientTransport
import RelayWire
import TLSPresentation

/// Following logs. PROTOCOL.md section 7.3.
extension RelayConnection {
    /// Follows `log` from behind `cursor` on. See `LogSubscription`.
    /// - Throws: `chainBroken` where the cursor's chain hash is not the relay's.
    public func subscribe(
        to log: RelayLog, after cursor: Cursor = .start, timeout: Duration? = nil
    ) async throws(RelayConnectionError) -> LogSubscription {
        try await subscribe(to: [(log, cursor)], timeout: timeout)[0].get()
    }

    /// Follows many logs, in as few frames as they fit into; one result for each of them.
    public func subscribe(
        to logs: [(log: RelayLog, after: Cursor)], timeout: Duration? = nil
    ) async throws(RelayConnectionError) -> [Result<LogSubscription, RelayConnectionError>] {
        try checkUsable()
        let batch = SubscriptionBatch(count: logs.count)
        let batchID = makeID()
        batches[batchID] = batch
        let window = max(1, configuration.window)
        var handles: [SubscriptionHandle?] = []
        var ids: [FollowerID] = []
        for (index, (log, cursor)) in logs.enumerated() {
            guard followersByLog[log] == nil else {
                batch.finish(
                    index, .failure(RelayConnectionError(.alreadyFollowed, "the client follows the log already")))
                handles.append(nil)
                continue
            }
            let id = FollowerID(rawValue: makeID())
            let buffer = EntryBuffer()
            var follower = LogFollower(log: log, after: cursor, window: window, buffer: buffer)
            follower.firstResult = { batch.finish(index, $0) }
            followers[id] = follower
            followersByLog[log] = id
            ids.append(id)
            // Made before the answer comes, so that a follower never is without somebody who ends it.
            handles.append(SubscriptionHandle(client: self, id: id, buffer: buffer, window: window))
        }
        let waiting = ids
        let deadline = mailbox.loop.schedule(after: timeout ?? configuration.requestTimeout) { [weak self] in
            self?.assumeIsolated { $0.giveUp(waiting, .timedOut) }
        }
        sendSubscribe(ids)
        await withTaskCancellationHandler {
            // By way of the client: a closure that does not name it is not run where it is (Swift 6.3 lets it touch what only
            // the client may all the same), and there answers come at the same time.
            await withCheckedContinuation { batches[batchID]?.wait($0) }
        } onCancel: {
            enqueue { $0.giveUp(waiting, .cancelled) }
        }
        mailbox.loop.cancel(deadline)
        batches[batchID] = nil
        return zip(zip(logs, handles), batch.results).map { pair, result in
            guard let result else { preconditionFailure("a batch ends when every result is there") }
            return result.map { info in
                guard let handle = pair.1 else { preconditionFailure("a log that is followed has its handle") }
                return LogSubscription(log: pair.0.log, info: info, handle: handle)
            }
        }
    }

    /// Those of `ids` that have no first result yet are followed no longer.
    private func giveUp(_ ids: [FollowerID], _ error: RelayConnectionError) {
        for id in ids where followers[id]?.firstResult != nil { failFollower(id, error) }
    }

    // MARK: Frames

    /// Bytes of subscriptions in one Subscribe, about: many for one frame, and a turn of the relay's at most.
    private static let maxSubscribeByteCount = 32 << 10

    /// Asks the relay to follow these logs, where there is a connection; else that is done when there is one.
    func sendSubscribe(_ ids: [FollowerID]) {
        guard let link, let limits, link.isReady, !isDraining else { return }
        let maxByteCount = min(Self.maxSubscribeByteCount, Int(limits.maxFrameByteCount) / 2)
        var chunk: [(id: FollowerID, subscription: Subscription)] = []
        var byteCount = 0
        for id in ids {
            guard let subscription = followers[id]?.subscription else { continue }
            chunk.append((id, subscription))
            byteCount += subscription.encoded.count
            if byteCount >= maxByteCount {
                sendSubscribe(chunk)
                chunk = []
                byteCount = 0
            }
        }
        if !chunk.isEmpty { sendSubscribe(chunk) }
    }

    private func sendSubscribe(_ chunk: [(id: FollowerID, subscription: Subscription)]) {
        let ids = chunk.map(\.id)
        begin(Subscribe(subscriptions: chunk.map(\.subscription)), .connection, ordinal: table.makeOrdinal()) {
            [weak self] result in
            self?.assumeIsolated { $0.didSubscribe(ids, result) }
        }
    }

    private func didSubscribe(_ ids: [FollowerID], _ answer: Result<Frame, RelayConnectionError>) {
        switch answer {
        case .failure(let error):
            // It was not carried out: the next connection, or the next relay, does.
            if error.code == .relay(.shuttingDown) { return drain(within: .zero) }
            // A disk that fails now may not later: what was followed before goes on with the next connection, and
            // whoever asks for the first time is told.
            for id in ids where error.code != .relay(.storageFailed) || followers[id]?.firstResult != nil {
                failFollower(id, error)
            }
            if ids.contains(where: { followers[$0] != nil }) { link?.fail(error) }
        case .success(.subscribed(let subscribed)) where subscribed.results.count == ids.count:
            for (id, result) in zip(ids, subscribed.results) { didSubscribe(id, result) }
        case .success:
            link?.fail(RelayConnectionError(.protocolViolation, "an answer to Subscribe that is none"))
        }
    }

    private func didSubscribe(_ id: FollowerID, _ result: SubscriptionResult) {
        guard let clientNumber, followers[id] != nil else {
            // Nobody wants it any more.
            if result.error == .none { sendUnsubscribe(result.log) }
            return
        }
        do throws(RelayConnectionError) {
            let position = try followers[id]?.didSubscribe(result, client: clientNumber, &chain)
            followersByNumber[result.log] = id
            position.map { giveCredit($0) }
            followers[id]?.firstResult.take()?(.success(result))
        } catch {
            failFollower(id, error)
            if result.error == .none { sendUnsubscribe(result.log) }
        }
    }

    private func sendUnsubscribe(_ log: LogNumber) {
        begin(Unsubscribe(logs: [log]), .connection, ordinal: table.makeOrdinal()) { _ in }
    }

    // MARK: Entries

    /// Takes an entry; remembers its follower in `touched`.
    func accept(_ entry: ReceivedEntry, _ touched: inout [FollowerID]) {
        // Entries may still come for a while after Unsubscribe.
        guard let id = followersByNumber[entry.header.log] else { return }
        do throws(RelayConnectionError) {
            try followers[id]?.accept(entry, &chain)
            if touched.last != id { touched.append(id) }
        } catch {
            failFollower(id, error)
        }
    }

    /// The reader of `id` has consumed `count` entries.
    func extendCredit(of id: FollowerID, by count: Int) {
        followers[id]?.didConsume(count).map { giveCredit($0) }
    }

    private func giveCredit(_ position: Position) {
        // Whatever readers consume until the loop comes to it goes into one frame.
        if credit.isEmpty { enqueue { $0.sendCredit() } }
        credit[position.log] = position.sequenceNumber
    }

    private func sendCredit() {
        let positions = credit.map { Position(log: $0.key, sequenceNumber: $0.value) }
            .filter { followersByNumber[$0.log] != nil }
        credit = [:]
        guard let link, link.isReady, !positions.isEmpty else { return }
        begin(Credit(until: positions), .connection, ordinal: table.makeOrdinal()) { _ in }
    }

    // MARK: Ends

    /// The reader of `id` wants nothing more.
    func unfollow(_ id: FollowerID) { remove(id, .success(())) }

    /// The log of `id` cannot be followed on: the reader gets what has come, and then `error`.
    func failFollower(_ id: FollowerID, _ error: RelayConnectionError) {
        remove(id, error.code == .closed ? .success(()) : .failure(error))
    }

    private func remove(_ id: FollowerID, _ ending: Result<Void, RelayConnectionError>) {
        guard var follower = followers.removeValue(forKey: id) else { return }
        followersByLog[follower.log] = nil
        follower.handOver()
        follower.buffer.finish(ending)
        if follower.isSubscribed, let number = follower.number {
            followersByNumber[number] = nil
            sendUnsubscribe(number)
        }
        let failure: RelayConnectionError = if case .failure(let error) = ending { error } else { .closedByReader }
        follower.firstResult?(.failure(failure))
    }

    /// The connection is gone, and with it what the relay knew.
    func forgetSubscriptions() {
        followersByNumber = [:]
        credit = [:]
        for id in followers.keys { followers[id]?.isSubscribed = false }
    }
}

extension RelayConnectionError {
    fileprivate static let closedByReader = RelayConnectionError(.closed, "the log is followed no longer")
}

/// Waits for the first results of several subscriptions. Confined to its client.
final class SubscriptionBatch {
    private(set) var results: [Result<SubscriptionResult, RelayConnectionError>?]
    private var missingCount: Int
    private var continuation: CheckedContinuation<Void, Never>?

    init(count: Int) {
        results = Array(repeating: nil, count: count)
        missingCount = count
    }

    func finish(_ index: Int, _ result: Result<SubscriptionResult, RelayConnectionError>) {
        guard results[index] == nil else { return }
        results[index] = result
        missingCount -= 1
        resumeIfComplete()
    }

    func wait(_ continuation: CheckedContinuation<Void, Never>) {
        self.continuation = continuation
        resumeIfComplete()
    }

    private func resumeIfComplete() {
        if missingCount == 0 { continuation.take()?.resume() }
    }
}
