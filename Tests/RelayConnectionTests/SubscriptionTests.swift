import MLSCrypto
import RelayWire
import TLSPresentation
import Testing

@testable import RelayConnection

@Suite("RelayConnection: subscriptions", .timeLimit(.minutes(1)))
struct SubscriptionTests {
    static let group = RelayLog.group([1, 2, 3])

    /// A client that follows `log`, with the relay's end of its connection.
    static func following(
        _ relay: FakeRelay, _ log: FakeLog, after cursor: Cursor = .start, window: Int = 1024
    ) async throws -> (RelayConnection, RelayPeer, LogSubscription) {
        let (client, peer) = try await relay.connected { $0.window = window }
        async let followed = client.subscribe(to: group, after: cursor)
        try await peer.follow(log)
        return (client, peer, try await followed)
    }

    @Test("history and live entries come in order, and the log's state is told")
    func order() async throws {
        let relay = try FakeRelay()
        var log = FakeLog()
        log.append(3)
        let (client, peer, subscription) = try await Self.following(relay, log)
        #expect(subscription.info == log.result(after: .zero))
        try peer.send(log.entries)
        try peer.send(log.append(2))
        var iterator = subscription.makeAsyncIterator()
        for index in 0..<5 { #expect(try await iterator.next()?.entry == log.entries[index]) }
        await client.close()
        #expect(try await iterator.next() == nil)
    }

    @Test("a batch has all that has come, up to a limit, and nothing is left out between ways of reading")
    func batches() async throws {
        let relay = try FakeRelay()
        var log = FakeLog()
        let (client, peer, subscription) = try await Self.following(relay, log)
        // One write, which the client may read in pieces.
        try peer.send(log.append(10))
        var iterator = subscription.makeAsyncIterator()
        var entries: [ReceivedEntry] = []
        while entries.count < 4 {
            let batch = try #require(await iterator.nextBatch(limit: 4 - entries.count))
            #expect(!batch.isEmpty)
            entries += batch
        }
        #expect(entries.count == 4)
        entries.append(try #require(await iterator.next()))
        while entries.count < 10 { entries += try #require(await iterator.nextBatch()) }
        #expect(entries.map(\.entry) == log.entries)
        await client.close()
        #expect(try await iterator.nextBatch() == nil)
    }

    @Test("credit is given back for what comes in batches too", arguments: [1, 3, 8])
    func batchCredit(limit: Int) async throws {
        let relay = try FakeRelay()
        var log = FakeLog()
        let (client, peer, subscription) = try await Self.following(relay, log, window: 8)
        var iterator = subscription.makeAsyncIterator()
        var credit = 8
        var read = 0
        while log.entries.count < 40 {
            try peer.send(log.append(credit - log.entries.count))
            while read < log.entries.count { read += try #require(await iterator.nextBatch(limit: limit)).count }
            // Less than half a window is not given back.
            while credit < read + 8 - 3 {
                let (id, body) = try await peer.require(Credit.self)
                credit = Int(body.until[0].sequenceNumber.rawValue)
                try peer.send(Done(), id)
            }
            #expect(credit <= read + 8)
        }
        await client.close()
    }

    @Test("one's own inbox and KeyPackages go by an empty name, and their chain by the client's number")
    func ownLogs() async throws {
        let relay = try FakeRelay()
        let (client, peer) = try await relay.connected()
        for (own, name) in [
            (RelayLog.inbox, LogName.inbox(of: ClientNumber(rawValue: 7))),
            (.keyPackages, .keyPackages(of: ClientNumber(rawValue: 7))),
        ] {
            let task = Task { try await client.subscribe(to: own).log }
            let log = FakeLog(name, number: UInt64(name.kind.rawValue))
            let subscription = try await peer.follow(log)
            #expect(subscription.log == LogName(kind: name.kind, name: []))
            #expect(try await task.value == own)
            // Nobody has kept the subscription.
            _ = try await peer.require(Unsubscribe.self)
        }
        await client.close()
    }

    @Test("after a lost connection the log goes on behind the last entry that came")
    func resume() async throws {
        let relay = try FakeRelay()
        var log = FakeLog()
        let (client, peer, subscription) = try await Self.following(relay, log)
        var iterator = subscription.makeAsyncIterator()
        try peer.send(log.append(3))
        #expect(try await iterator.next()?.entry == log.entries[0])
        // The beginning of an entry is lost with the connection.
        log.append(2)
        try peer.send(raw: Array(EntryFrame(log.entries[3]).frame(.none).prefix(50)))
        peer.close()
        let later = try await relay.acceptReady()
        let subscriptionAgain = try await later.follow(log)
        #expect(
            subscriptionAgain.after == SequenceNumber(rawValue: 3)
                && subscriptionAgain.until == SequenceNumber(rawValue: 1024))
        try later.send(Array(log.entries[3...]))
        for index in 1..<5 { #expect(try await iterator.next()?.entry == log.entries[index]) }
        await client.close()
    }

    @Test("an entry that does not continue the chain ends the log, behind those that do", arguments: 0..<5)
    func chainBroken(way: Int) async throws {
        let relay = try FakeRelay()
        var log = FakeLog()
        let (client, peer, subscription) = try await Self.following(relay, log)
        var entries = log.append(5)
        switch way {
        case 0: entries[2].payload[0] ^= 1
        case 1: entries[2].header.time = Timestamp(rawValue: 1)
        case 2: entries[2].chain = .zero
        case 3: entries.remove(at: 2)
        default: entries.swapAt(2, 3)
        }
        try peer.send(entries)
        var iterator = subscription.makeAsyncIterator()
        for index in 0..<2 { #expect(try await iterator.next()?.entry == log.entries[index]) }
        let error = await relayClientError { _ = try await iterator.next() }
        #expect(error?.code == .chainBroken)
        #expect(error?.position == Position(log: log.number, sequenceNumber: SequenceNumber(rawValue: 3)))
        // The relay is told, and everything else goes on.
        #expect(try await peer.require(Unsubscribe.self).body.logs == [log.number])
        async let ping = client.ping()
        try await peer.send(Pong(data: []), peer.require(Ping.self).id)
        _ = try await ping
        await client.close()
    }

    @Test("a log whose chain is another one at the cursor is refused, at the beginning and when it goes on")
    func chainMismatch() async throws {
        let relay = try FakeRelay()
        var log = FakeLog()
        log.append(3)
        let (client, peer) = try await relay.connected()
        for cursor in [Cursor(sequenceNumber: SequenceNumber(rawValue: 2), chain: .zero), .start] {
            async let error = relayClientError { _ = try await client.subscribe(to: Self.group, after: cursor) }
            var other = FakeLog(.group([9]))
            other.append(3)
            try await peer.follow(other)
            #expect(await error?.code == .chainBroken)
            #expect(try await peer.require(Unsubscribe.self).body.logs == [other.number])
        }
        let cursor = log.cursor(2)
        async let followed = client.subscribe(to: Self.group, after: cursor)
        try await peer.follow(log)
        var iterator = try await followed.makeAsyncIterator()
        peer.close()
        // The same length, another history.
        var forged = FakeLog(.group([9]))
        forged.append(3)
        try await relay.acceptReady().follow(forged)
        await #expect(throws: RelayConnectionError(.chainBroken, "")) { _ = try await iterator.next() }
        await client.close()
    }

    @Test("a relay that has forgotten entries is found out; a cursor of nobody's is merely refused")
    func forgotten() async throws {
        let relay = try FakeRelay()
        var log = FakeLog()
        let (client, peer) = try await relay.connected()
        async let error = relayClientError {
            _ = try await client.subscribe(
                to: Self.group, after: Cursor(sequenceNumber: SequenceNumber(rawValue: 5), chain: nil))
        }
        try await peer.follow(log)
        #expect(await error?.code == .relay(.cursorAhead))
        async let followed = client.subscribe(to: Self.group)
        try await peer.follow(log)
        var iterator = try await followed.makeAsyncIterator()
        let restored = log
        try peer.send(log.append(2))
        for index in 0..<2 { #expect(try await iterator.next()?.entry == log.entries[index]) }
        peer.close()
        try await relay.acceptReady().follow(restored)
        await #expect(throws: RelayConnectionError(.chainBroken, "")) { _ = try await iterator.next() }
        await client.close()
    }

    @Test("a cursor without a hash believes the relay once; entries that are gone are told")
    func cursors() async throws {
        let relay = try FakeRelay()
        var log = FakeLog()
        log.append(4)
        let (client, peer) = try await relay.connected()
        async let followed = client.subscribe(
            to: Self.group, after: Cursor(sequenceNumber: SequenceNumber(rawValue: 3), chain: nil))
        try await peer.follow(log)
        var iterator = try await followed.makeAsyncIterator()
        try peer.send([log.entries[3]])
        #expect(try await iterator.next()?.entry == log.entries[3])

        async let error = relayClientError {
            _ = try await client.subscribe(
                to: .directory, after: Cursor(sequenceNumber: SequenceNumber(rawValue: 1), chain: nil))
        }
        var result = log.result(after: .zero)
        result.first = SequenceNumber(rawValue: 3)
        try await peer.send(Subscribed(results: [result]), peer.require(Subscribe.self).id)
        #expect(await error?.code == .entriesGone)

        _ = try await peer.require(Unsubscribe.self)

        // A group is joined again behind entries that were for others.
        async let joined = client.subscribe(
            to: .group([7]), after: Cursor(sequenceNumber: SequenceNumber(rawValue: 1), chain: nil))
        var later = FakeLog()
        later.append(3)
        var answer = later.result(after: SequenceNumber(rawValue: 2))
        answer.first = SequenceNumber(rawValue: 3)
        answer.log = LogNumber(rawValue: 77)
        try await peer.send(Subscribed(results: [answer]), peer.require(Subscribe.self).id)
        #expect(try await joined.info.first == SequenceNumber(rawValue: 3))
        await client.close()
    }

    @Test("who joins a long log is given credit from where it begins")
    func creditBehindTheStart() async throws {
        let relay = try FakeRelay()
        var log = FakeLog()
        log.append(1)
        let (client, peer) = try await relay.connected()
        async let followed = client.subscribe(to: Self.group)
        let subscribe = try await peer.require(Subscribe.self)
        var result = log.result(after: .zero)
        result.first = SequenceNumber(rawValue: 5001)
        result.last = SequenceNumber(rawValue: 6000)
        try peer.send(Subscribed(results: [result]), subscribe.id)
        let window = subscribe.body.subscriptions[0].until.rawValue
        let credit = try await peer.require(Credit.self)
        let wanted = Position(log: result.log, sequenceNumber: SequenceNumber(rawValue: 5000 + window))
        #expect(credit.body.until == [wanted])
        _ = try await followed
        await client.close()
    }

    @Test("a reader from the start begins with what is there for it, and takes digests for what they are")
    func digests() async throws {
        let relay = try FakeRelay()
        var log = FakeLog()
        log.append(4)
        let (client, peer) = try await relay.connected()
        async let followed = client.subscribe(to: Self.group)
        // The reader joined with entry 2.
        var result = log.result(after: SequenceNumber(rawValue: 2))
        result.first = SequenceNumber(rawValue: 3)
        try await peer.send(Subscribed(results: [result]), peer.require(Subscribe.self).id)
        var iterator = try await followed.makeAsyncIterator()
        var chain = Chain()
        let payload = log.entries[2].payload
        let digest = EntryDigest(
            header: log.entries[2].header, chain: log.entries[2].chain,
            payloadHash: chain.payloadHash(payload.rawSpan))
        try peer.send(digest, .none)
        try peer.send([log.entries[3]])
        #expect(try await iterator.next() == .digest(digest))
        #expect(try await iterator.next()?.entry == log.entries[3])
        await client.close()
    }

    @Test("a slow reader gets what its window holds, and more only as it reads")
    func credit() async throws {
        let relay = try FakeRelay()
        var log = FakeLog()
        let (client, peer) = try await relay.connected { $0.window = 8 }
        async let followed = client.subscribe(to: Self.group)
        #expect(try await peer.follow(log).until == SequenceNumber(rawValue: 8))
        let subscription = try await followed
        try peer.send(log.append(8))
        // The relay answers what comes after the entries: so they have been taken in, and no credit was given for them.
        async let ping = client.ping()
        try await peer.send(Pong(data: []), peer.require(Ping.self).id)
        _ = try await ping
        var iterator = subscription.makeAsyncIterator()
        for index in 0..<4 { #expect(try await iterator.next()?.entry == log.entries[index]) }
        let (id, credit) = try await peer.require(Credit.self)
        #expect(credit.until == [Position(log: log.number, sequenceNumber: SequenceNumber(rawValue: 12))])
        try peer.send(Done(), id)
        for index in 4..<8 { #expect(try await iterator.next()?.entry == log.entries[index]) }
        #expect(try await peer.require(Credit.self).body.until.first?.sequenceNumber == SequenceNumber(rawValue: 16))
        // What was consumed counts on the next connection as well.
        peer.close()
        let again = try await relay.acceptReady().follow(log)
        #expect(again.after == SequenceNumber(rawValue: 8) && again.until == SequenceNumber(rawValue: 16))
        await client.close()
    }

    @Test("an entry for which there is no credit ends the log")
    func withoutCredit() async throws {
        let relay = try FakeRelay()
        var log = FakeLog()
        let (client, peer, subscription) = try await Self.following(relay, log, window: 2)
        try peer.send(log.append(3))
        var iterator = subscription.makeAsyncIterator()
        for index in 0..<2 { #expect(try await iterator.next()?.entry == log.entries[index]) }
        await #expect(throws: RelayConnectionError(.protocolViolation, "")) { _ = try await iterator.next() }
        await client.close()
    }

    @Test("a slow reader of one log holds up no other, and loses nothing")
    func twoLogs() async throws {
        let relay = try FakeRelay()
        var logs = [FakeLog(.group([1]), number: 1), FakeLog(.group([2]), number: 2)]
        let (client, peer) = try await relay.connected { $0.window = 16 }
        let requested: [(log: RelayLog, after: Cursor)] = [(.group([1]), .start), (.group([2]), .start)]
        async let followed = client.subscribe(to: requested)
        let (id, subscribe) = try await peer.require(Subscribe.self)
        #expect(subscribe.subscriptions.count == 2)
        try peer.send(Subscribed(results: logs.map { $0.result(after: .zero) }), id)
        let subscriptions = try await followed.map { try $0.get() }
        logs[0].append(1000)
        logs[1].append(1000)
        let all = logs
        // A relay that keeps to the credit it was given.
        let script = Task {
            var until: [UInt64] = [16, 16]
            var sent: [UInt64] = [0, 0]
            while true {
                for index in 0..<2 where sent[index] < min(1000, until[index]) {
                    try peer.send(Array(all[index].entries[Int(sent[index])..<Int(min(1000, until[index]))]))
                    sent[index] = min(1000, until[index])
                }
                guard let received = await peer.next() else { return }
                guard case .credit(let credit) = received.frame else { continue }
                for position in credit.until {
                    until[Int(position.log.rawValue) - 1] = position.sequenceNumber.rawValue
                }
                // The client may be gone by now: then this ends as well.
                guard (try? peer.send(Done(), received.id)) != nil else { return }
            }
        }
        var slow = subscriptions[0].makeAsyncIterator()
        #expect(try await slow.next()?.entry == all[0].entries[0])
        var fast = subscriptions[1].makeAsyncIterator()
        for index in 0..<1000 { #expect(try await fast.next()?.entry == all[1].entries[index]) }
        for index in 1..<1000 { #expect(try await slow.next()?.entry == all[0].entries[index]) }
        await client.close()
        try await script.value
    }

    @Test("a refused log is told, the others of the same frame go on, and the same log cannot be followed twice")
    func refused() async throws {
        let relay = try FakeRelay()
        let log = FakeLog()
        let (client, peer) = try await relay.connected()
        let requested: [(log: RelayLog, after: Cursor)] = [
            (.groups, .start), (Self.group, .start), (Self.group, .start),
        ]
        async let followed = client.subscribe(to: requested)
        let (id, subscribe) = try await peer.require(Subscribe.self)
        #expect(subscribe.subscriptions.count == 2)
        try peer.send(Subscribed(results: [SubscriptionResult(error: .notPermitted), log.result(after: .zero)]), id)
        let results = try await followed
        #expect(throws: RelayConnectionError(RelayError(.notPermitted, ""))) { _ = try results[0].get() }
        #expect(throws: Never.self) { _ = try results[1].get() }
        #expect(throws: RelayConnectionError(.alreadyFollowed, "")) { _ = try results[2].get() }
        await client.close()
    }

    @Test("a relay that is shutting down, or whose disk fails, is asked again on the next connection")
    func askedAgain() async throws {
        let relay = try FakeRelay()
        var log = FakeLog()
        let (client, peer) = try await relay.connected()
        async let followed = client.subscribe(to: Self.group)
        try await peer.send(RelayError(.shuttingDown, "bye"), peer.require(Subscribe.self).id)
        #expect(await peer.next() == nil)
        let second = try await relay.acceptReady()
        try await second.follow(log)
        var iterator = try await followed.makeAsyncIterator()
        second.close()
        let third = try await relay.acceptReady()
        try await third.send(RelayError(.storageFailed, "broken"), third.require(Subscribe.self).id)
        let fourth = try await relay.acceptReady()
        try await fourth.follow(log)
        try fourth.send(log.append(1))
        #expect(try await iterator.next()?.entry == log.entries[0])
        // Whoever asks for the first time is told.
        async let error = relayClientError { _ = try await client.subscribe(to: .directory) }
        try await fourth.send(RelayError(.storageFailed, "broken"), fourth.require(Subscribe.self).id)
        #expect(await error?.code == .relay(.storageFailed))
        await client.close()
    }

    @Test("thousands of logs are resumed in a few frames")
    func manyLogs() async throws {
        let relay = try FakeRelay()
        let (client, peer) = try await relay.connected()
        let count = 5000
        let requested: [(log: RelayLog, after: Cursor)] = (0..<count).map { index in
            (.group([UInt8(index >> 8), UInt8(index & 0xff)]), .start)
        }
        func answer(_ peer: RelayPeer) async throws -> Int {
            var frames = 0
            var answered = 0
            while answered < count {
                let (id, subscribe) = try await peer.require(Subscribe.self)
                let results = subscribe.subscriptions.enumerated().map { index, subscription in
                    FakeLog(subscription.log, number: UInt64(answered + index + 1)).result(after: .zero)
                }
                try peer.send(Subscribed(results: results), id)
                frames += 1
                answered += subscribe.subscriptions.count
            }
            return frames
        }
        async let followed = client.subscribe(to: requested)
        #expect(try await answer(peer) <= 5)
        let subscriptions = try await followed.map { try $0.get() }
        #expect(subscriptions.count == count && subscriptions.last?.info.log == LogNumber(rawValue: UInt64(count)))
        peer.close()
        #expect(try await answer(relay.acceptReady()) <= 5)
        await client.close()
    }

    @Test("a cancelled iteration ends, and the log is followed no longer")
    func cancelledIteration() async throws {
        let relay = try FakeRelay()
        var log = FakeLog()
        let (client, peer, subscription) = try await Self.following(relay, log)
        try peer.send(log.append(1))
        let (first, continuation) = AsyncStream.makeStream(of: Void.self)
        let task = Task {
            var count = 0
            for try await _ in subscription {
                count += 1
                continuation.yield()
            }
            return count
        }
        for await _ in first { break }
        task.cancel()
        #expect(try await task.value == 1)
        let (id, unsubscribe) = try await peer.require(Unsubscribe.self)
        #expect(unsubscribe.logs == [log.number])
        // Entries that were on the way are passed over.
        try peer.send(log.append(1))
        try peer.send(Done(), id)
        // And it can be followed again.
        let cursor = log.cursor(1)
        async let followed = client.subscribe(to: Self.group, after: cursor)
        #expect(try await peer.follow(log).after == SequenceNumber(rawValue: 1))
        _ = try await followed
        await client.close()
    }

    @Test("whoever lets go of a subscription, or cancels it, follows no longer", arguments: [true, false])
    func letGo(cancels: Bool) async throws {
        let relay = try FakeRelay()
        let log = FakeLog()
        let client: RelayConnection
        let peer: RelayPeer
        do {
            let subscription: LogSubscription
            (client, peer, subscription) = try await Self.following(relay, log)
            if cancels {
                subscription.cancel()
                var iterator = subscription.makeAsyncIterator()
                #expect(try await iterator.next() == nil)
            }
        }
        #expect(try await peer.require(Unsubscribe.self).body.logs == [log.number])
        await client.close()
    }

    @Test("a subscription that is cancelled before its answer leaves nothing behind")
    func cancelledSubscribe() async throws {
        let relay = try FakeRelay()
        let log = FakeLog()
        let (client, peer) = try await relay.connected()
        let task = Task { await relayClientError { _ = try await client.subscribe(to: Self.group) } }
        let (id, _) = try await peer.require(Subscribe.self)
        task.cancel()
        #expect(await task.value?.code == .cancelled)
        try peer.send(Subscribed(results: [log.result(after: .zero)]), id)
        #expect(try await peer.require(Unsubscribe.self).body.logs == [log.number])
        #expect(await client.followedLogCount == 0)
        await client.close()
    }
}
