import MLSCodec
import MLSCrypto
import RelayWire
import TLSPresentation
import Testing

@testable import RelayConnection

@Suite("RelayConnection: requests", .timeLimit(.minutes(1)))
struct RequestTests {
    static func receipt(_ number: UInt64) -> Receipt {
        Receipt(
            message: 0, log: LogNumber(rawValue: 42), sequenceNumber: SequenceNumber(rawValue: number),
            time: Timestamp(rawValue: 5), chain: .zero)
    }

    @Test("answers come in any order")
    func outOfOrder() async throws {
        let relay = try FakeRelay()
        let (client, peer) = try await relay.connected()
        async let log = client.createGroup([1])
        let (first, create) = try await peer.require(CreateGroup.self)
        async let receipts = client.publish([[1], [2]])
        let (second, publish) = try await peer.require(Publish.self)
        async let ping = client.ping()
        let (third, _) = try await peer.require(Ping.self)
        #expect(
            create.groupID == [1] && publish.messages == [[1], [2]] && Set([first, second, third, .none]).count == 4)
        try peer.send(Pong(data: []), third)
        try peer.send(Published(receipts: [Self.receipt(2)]), second)
        try peer.send(GroupCreated(log: LogNumber(rawValue: 5)), first)
        #expect(try await ping > .zero)
        #expect(try await receipts == [Self.receipt(2)])
        #expect(try await log == LogNumber(rawValue: 5))
        await client.close()
    }

    @Test("every request carries what it was given, and returns what came")
    func allKinds() async throws {
        let relay = try FakeRelay()
        let (client, peer) = try await relay.connected()
        let suite = CipherSuite(rawValue: 1)
        let requests = [KeyPackageRequest(name: [0x62], cipherSuite: suite)]
        async let packages = client.fetchKeyPackages(requests)
        let (fetchID, fetch) = try await peer.require(FetchKeyPackages.self)
        let results = [KeyPackageResult(error: .none, client: ClientNumber(rawValue: 2), message: [9])]
        try peer.send(KeyPackages(results: results), fetchID)
        #expect(fetch.requests == requests)
        #expect(try await packages == results)

        async let counts = client.countKeyPackages()
        let answer = [KeyPackageCount(cipherSuite: suite, count: 3, hasLastResort: true)]
        try await peer.send(KeyPackageCounts(counts: answer), peer.require(CountKeyPackages.self).id)
        #expect(try await counts == answer)

        async let info = client.fetchGroupInfo([7])
        let (infoID, fetchInfo) = try await peer.require(FetchGroupInfo.self)
        try peer.send(GroupInfoAnswer(log: LogNumber(rawValue: 1), message: [4]), infoID)
        #expect(fetchInfo.groupID == [7])
        #expect(try await info.message == [4])

        let positions = [Position(log: LogNumber(rawValue: 1), sequenceNumber: SequenceNumber(rawValue: 2))]
        async let acknowledged: Void = client.acknowledge(positions)
        let (ackID, acknowledge) = try await peer.require(Acknowledge.self)
        try peer.send(Done(), ackID)
        #expect(acknowledge.positions == positions)
        try await acknowledged
        await client.close()
    }

    @Test("a refusal carries the relay's error, and where the epoch is")
    func refused() async throws {
        let relay = try FakeRelay()
        let (client, peer) = try await relay.connected()
        async let error = relayClientError { _ = try await client.publish([[1]]) }
        let detail = EpochDetail(
            log: LogNumber(rawValue: 1), epoch: Epoch(rawValue: 4), commit: SequenceNumber(rawValue: 9))
        try await peer.send(RelayError(.staleEpoch, "too late", detail: detail.encoded), peer.require(Publish.self).id)
        let refusal = try #require(await error)
        #expect(refusal.code == .relay(.staleEpoch) && refusal.epochDetail == detail && refusal.message == "too late")
        #expect(refusal == RelayConnectionError(RelayError(.staleEpoch, "another text")))
        #expect(refusal != RelayConnectionError(RelayError(.futureEpoch, "too late")))
        await client.close()
    }

    @Test("a refusal says when to come again and which rule was broken, if the code has that and the detail is one")
    func details() {
        let retry = RetryDetail(retryAfterMilliseconds: 1500, limit: Array("rate".utf8))
        let rule = RuleDetail(rule: Array("12.2-committer-remove".utf8))
        for code in [ErrorCode.rateLimited, .quotaExceeded, .commitReserved] {
            let error = RelayConnectionError(RelayError(code, "", detail: retry.encoded))
            #expect(error.retryDetail == retry && error.ruleDetail == nil)
        }
        for code in [ErrorCode.keyPackageInvalid, .groupInfoInvalid, .proposalInvalid, .commitInvalid] {
            let error = RelayConnectionError(RelayError(code, "", detail: rule.encoded))
            #expect(error.ruleDetail == rule && error.retryDetail == nil)
        }
        #expect(RelayConnectionError(RelayError(.rateLimited, "", detail: [1])).retryDetail == nil)
        #expect(RelayConnectionError(RelayError(.commitInvalid, "", detail: [1])).ruleDetail == nil)
        #expect(RelayConnectionError(RelayError(.notMember, "", detail: retry.encoded)).retryDetail == nil)
    }

    @Test("after a lost connection the same publishes are sent again in their order, and each has one answer")
    func publishRetry() async throws {
        let relay = try FakeRelay()
        let (client, peer) = try await relay.connected()
        let messages: [[UInt8]] = [[UInt8](repeating: 1, count: 300), [2]]
        async let first = client.publish(messages)
        let sent = try await peer.require(Publish.self).body
        async let second = client.publish([[3]])
        let sentSecond = try await peer.require(Publish.self).body
        peer.close()
        let later = try await relay.acceptReady()
        let (id, again) = try await later.require(Publish.self)
        let (secondID, againSecond) = try await later.require(Publish.self)
        #expect(again.encoded == sent.encoded && againSecond.encoded == sentSecond.encoded && sent.messages == messages)
        try later.send(Published(receipts: [Self.receipt(2)]), secondID)
        try later.send(Published(receipts: [Self.receipt(1)]), id)
        #expect(try await first == [Self.receipt(1)])
        #expect(try await second == [Self.receipt(2)])
        // Nothing is sent a third time.
        try later.send(Ping(data: [1]))
        _ = try await later.require(Pong.self)
        await client.close()
    }

    @Test("what must not be sent twice fails with its connection, and what was not sent yet waits")
    func once() async throws {
        let relay = try FakeRelay()
        var limits = FakeRelay.limits
        limits.maxRequestsInFlight = 1
        let (client, peer) = try await relay.connected(limits)
        async let sent = relayClientError { _ = try await client.fetchKeyPackages([]) }
        _ = try await peer.require(FetchKeyPackages.self)
        async let unsent = client.fetchKeyPackages([])
        while await !client.hasWaitingRequests {}
        peer.close()
        #expect(await sent?.code == .connectionLost)
        let later = try await relay.acceptReady()
        try await later.send(KeyPackages(results: []), later.require(FetchKeyPackages.self).id)
        #expect(try await unsent == [])
        await client.close()
    }

    @Test("no more requests are in flight than the relay takes")
    func inFlight() async throws {
        let relay = try FakeRelay()
        var limits = FakeRelay.limits
        limits.maxRequestsInFlight = 2
        let (client, peer) = try await relay.connected(limits)
        try await withThrowingTaskGroup(of: Duration.self) { group in
            for _ in 0..<5 { group.addTask { try await client.ping() } }
            var open: [RequestID] = [try await peer.require(Ping.self).id, try await peer.require(Ping.self).id]
            for _ in 0..<3 {
                #expect(await client.inFlightCount == 2)
                try peer.send(Pong(data: []), open.removeFirst())
                open.append(try await peer.require(Ping.self).id)
            }
            for id in open { try peer.send(Pong(data: []), id) }
            try await group.waitForAll()
        }
        await client.close()
    }

    @Test("a request that the relay would hang up for is refused here")
    func tooLarge() async throws {
        let relay = try FakeRelay()
        let (client, peer) = try await relay.connected()
        let message = [UInt8](repeating: 0, count: 1 << 20)
        #expect(await relayClientError { _ = try await client.publish([message]) }?.code == .relay(.frameTooLarge))
        peer.close()
        await client.close()
    }

    @Test("shutting_down is not told: the request goes to the next connection")
    func shuttingDown() async throws {
        let relay = try FakeRelay()
        let (client, peer) = try await relay.connected()
        async let receipts = client.publish([[1]])
        try await peer.send(RelayError(.shuttingDown, "bye"), peer.require(Publish.self).id)
        #expect(await peer.next() == nil)
        let later = try await relay.acceptReady()
        try await later.send(Published(receipts: []), later.require(Publish.self).id)
        #expect(try await receipts == [])
        await client.close()
    }

    @Test("GoAway: what is in flight is answered, what comes later goes to the next connection")
    func goAway() async throws {
        let relay = try FakeRelay()
        let (client, peer) = try await relay.connected()
        async let before = client.publish([[1]])
        let id = try await peer.require(Publish.self).id
        try peer.send(GoAway(graceMilliseconds: 10_000, text: []))
        while await !client.isDraining {}
        async let after = client.publish([[2]])
        while await !client.hasWaitingRequests {}
        try peer.send(Published(receipts: [Self.receipt(1)]), id)
        #expect(try await before == [Self.receipt(1)])
        #expect(await peer.next() == nil)
        let later = try await relay.acceptReady()
        let (laterID, publish) = try await later.require(Publish.self)
        #expect(publish.messages == [[2]])
        try later.send(Published(receipts: [Self.receipt(2)]), laterID)
        #expect(try await after == [Self.receipt(2)])
        await client.close()
    }

    @Test("a request ends with its time, and its late answer harms nobody")
    func timeout() async throws {
        let relay = try FakeRelay()
        let (client, peer) = try await relay.connected()
        #expect(
            await relayClientError { _ = try await client.publish([[1]], timeout: .milliseconds(20)) }?.code
                == .timedOut)
        let id = try await peer.require(Publish.self).id
        try peer.send(Published(receipts: []), id)
        async let ping = client.ping()
        try await peer.send(Pong(data: []), peer.require(Ping.self).id)
        #expect(try await ping > .zero)
        await client.close()
    }

    @Test("a cancelled task stops waiting, before and after its request is sent")
    func cancellation() async throws {
        let relay = try FakeRelay()
        let (client, peer) = try await relay.connected()
        let task = Task { await relayClientError { _ = try await client.publish([[1]]) } }
        _ = try await peer.require(Publish.self)
        task.cancel()
        #expect(await task.value?.code == .cancelled)
        peer.close()
        // On the next connection it is not sent again.
        let later = try await relay.acceptReady()
        let (never, continuation) = AsyncStream.makeStream(of: Void.self)
        let waiting = Task {
            // Ends when the task is cancelled.
            for await _ in never {}
            return await relayClientError { _ = try await client.publish([[2]]) }
        }
        waiting.cancel()
        #expect(await waiting.value?.code == .cancelled)
        continuation.finish()
        async let ping = client.ping()
        var received = try await later.require()
        // The publish of a task that was cancelled beforehand may have left; the first one must not have.
        if case .publish(let publish) = received.frame {
            #expect(publish.messages == [[2]])
            received = try await later.require()
        }
        try later.send(Pong(data: []), received.id)
        _ = try await ping
        await client.close()
    }

    @Test("connecting can be cancelled")
    func cancelConnect() async throws {
        let relay = try FakeRelay()
        let client = try relay.client()
        let task = Task { await relayClientError { try await client.connect() } }
        let peer = try await relay.accept()
        _ = try await peer.require(Hello.self)
        task.cancel()
        #expect(await task.value?.code == .cancelled)
        #expect(await peer.next() == nil)
    }
}
