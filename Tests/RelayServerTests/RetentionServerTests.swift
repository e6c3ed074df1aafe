import MLSCrypto
import RelayCore
import RelayServer
import RelayTransport
import RelayWire
import TLSPresentation
import TestSupport
import Testing

private let groupID: [UInt8] = Array("tracked".utf8)

@Suite("Retention and sizes over the wire (PROTOCOL.md sections 6.2, 9)", .timeLimit(.minutes(3)))
struct RetentionServerTests {
    @Test(
        "N-4: a member that was away is given digests, or told from where on there is something; the sequence goes on")
    func retention() async throws {
        try await withRelay {
            $0.core.retentionMilliseconds = 300
            // It is asked again and again whether time has passed.
            $0.session.maxRequestsPerSecond = 1_000_000
            $0.core.maxLagMilliseconds = 600
            $0.session.receiptIntervalMilliseconds = 0
        } _: { relay in
            let alice = try GroupClient("alice", on: relay)
            let log = try alice.create(groupID)
            let bob = try GroupClient("bob", on: relay)
            try bob.join(groupID, epoch: 1)
            try bob.acknowledgeAfterFollowing(groupID, SequenceNumber(rawValue: 2))
            try alice.follow(groupID)
            for _ in 0..<3 { try alice.say(groupID, epoch: 2) }
            let last = try bob.commit(groupID, epoch: 2)
            try alice.read(log, through: last)
            // The commit is confirmed by that. Nothing is known of Bob since: the longest lag lets the whole log go.
            try alice.acknowledge(log, last)
            var result = SubscriptionResult(error: .none)
            let start = ContinuousClock.now
            repeat {
                result = try alice.follow(groupID, after: last.rawValue)
            } while result.first <= last && ContinuousClock.now - start < .seconds(20)
            #expect(result.first == last.next)
            #expect(result.chain == alice.followed[log]?.hash)
            let late = try GroupClient("bob", on: relay, key: bob.key)
            let told = try late.follow(groupID, after: 3)
            #expect(told.error == .none)
            #expect(told.first == last.next)
            let next = try alice.say(groupID, epoch: 3)
            #expect(next == last.next)
            try late.read(log, through: next)
            try alice.read(log, through: next)
            #expect(late.followed[log]?.hash == alice.followed[log]?.hash)
        }
    }

    @Test("N-4: what became a digest is given as one, in its place")
    func digests() async throws {
        try await withRelay {
            $0.core.retentionMilliseconds = 200
            // It is asked again and again whether time has passed.
            $0.session.maxRequestsPerSecond = 1_000_000
        } _: { relay in
            let alice = try GroupClient("alice", on: relay)
            let log = try alice.create(groupID)
            let bob = try GroupClient("bob", on: relay)
            try bob.join(groupID, epoch: 1)
            let first = try alice.say(groupID, epoch: 2, byteCount: 3000)
            let commit = try alice.commit(groupID, epoch: 2)
            // Bob acknowledges nothing: all stays, but what was said.
            let start = ContinuousClock.now
            repeat {
                try bob.follow(groupID)
                try bob.read(log, through: commit)
            } while bob.followed[log]?.digests != [first.rawValue] && ContinuousClock.now - start < .seconds(20)
            #expect(bob.followed[log]?.digests == [first.rawValue])
            #expect(bob.followed[log]?.entries == [commit.rawValue])
        }
    }

    @Test("a connection that did not read entries before they were removed ends, and goes on anew from what there is")
    func outrun() async throws {
        try await withRelay {
            $0.core.retentionMilliseconds = 100
            // It is asked again and again whether time has passed.
            $0.session.maxRequestsPerSecond = 1_000_000
            // Alice reads meanwhile.
            $0.core.maxLagMilliseconds = 2000
        } _: { relay in
            let alice = try GroupClient("alice", on: relay)
            let log = try alice.create(groupID)
            let bob = try GroupClient("bob", on: relay)
            try bob.join(groupID, epoch: 1)
            try bob.follow(groupID, until: SequenceNumber(rawValue: 3))
            var last = SequenceNumber.zero
            for _ in 0..<4 { last = try alice.say(groupID, epoch: 2) }
            try bob.read(log, through: SequenceNumber(rawValue: 3))
            // That confirms the commit by which Bob came: nothing holds the log then.
            try alice.follow(groupID)
            try alice.read(log, through: last)
            try alice.acknowledge(log, last)
            let start = ContinuousClock.now
            var first = SequenceNumber.zero
            while first <= last, ContinuousClock.now - start < .seconds(20) {
                // From its end: what is there may go while it is read.
                first = try alice.follow(groupID, after: last.rawValue).first
            }
            try bob.client.send(Credit(until: [Position(log: log, sequenceNumber: .unlimited)]))
            _ = try alice.say(groupID, epoch: 2)
            #expect(try bob.client.expectEnd() == .timedOut)
            let again = try GroupClient("bob", on: relay, key: bob.key)
            let result = try again.follow(groupID, after: 3)
            #expect(result.first > last)
        }
    }

    @Test(
        "S4-17: a message of the largest size goes through whole, and one byte more is refused",
        arguments: [Scheme.tcp, .ws])
    func largestMessage(scheme: Scheme) async throws {
        let largest = WireLimits.maxFrameByteCount - 256
        try await withRelay {
            $0.transport.maxFrameByteCount = WireLimits.maxFrameByteCount
            $0.publish.maxMessageByteCount = largest
            $0.session.maxByteCountInFlight = 64 << 20
        } _: { relay in
            let alice = try GroupClient("alice", on: relay, scheme)
            let bob = try GroupClient("bob", on: relay, scheme)
            let log = try alice.create(groupID)
            try bob.join(groupID, epoch: 1)
            try bob.follow(groupID)
            let overhead = privateMessage(groupID, epoch: 2, number: 1, byteCount: 1 << 20).count - (1 << 20)
            func message(_ byteCount: Int) -> [UInt8] {
                privateMessage(groupID, epoch: 2, number: 7, byteCount: byteCount - overhead)
            }
            let whole = message(largest)
            #expect(whole.count == largest)
            #expect(try alice.refusal(Publish(messages: [message(largest + 1)])) == .messageTooLarge)
            guard case .published(let published) = try alice.request(Publish(messages: [whole])) else {
                throw FakeServer.Failure(description: "not taken")
            }
            let number = try #require(published.receipts.first?.sequenceNumber)
            try bob.read(log, through: number)
            #expect(bob.followed[log]?.items[number] == .entry(whole))
            // And the digest of it to its sender.
            try alice.follow(groupID)
            try alice.read(log, through: number)
            #expect(alice.followed[log]?.items[number] == .digest(SHA256.hash(whole)))
            // What does not even fit into a frame ends the connection.
            try alice.client.send(Publish(messages: [message(WireLimits.maxFrameByteCount)]))
            #expect(try alice.client.expectEnd() == .frameTooLarge)
        }
    }

    @Test("quota_exceeded says which limit, and when to try again")
    func quota() async throws {
        try await withRelay {
            $0.core.maxGroupByteCount = 3000
        } _: { relay in
            let alice = try GroupClient("alice", on: relay)
            _ = try alice.create(groupID)
            try alice.say(groupID, epoch: 1, byteCount: 1000)
            let message = privateMessage(groupID, epoch: 1, number: 1, byteCount: 2500)
            guard case .error(let error) = try alice.request(Publish(messages: [message])) else {
                throw FakeServer.Failure(description: "taken")
            }
            #expect(error.code == .quotaExceeded)
            #expect(try RetryDetail(decoding: error.detail).limit == Array("max-group-size".utf8))
            try alice.commit(groupID, epoch: 1)
        }
    }

    @Test("N-8: ten thousand groups are resumed with one frame, history and what is live without a seam")
    func tenThousandGroups() async throws {
        try await withRelay {
            $0.session.maxSubscriptions = 10_000
            $0.core.groupsPerDay = 20_000
        } _: { relay in
            let count = 10_000
            let alice = try GroupClient("alice", on: relay)
            let groups = (0..<count).map { UInt64($0).encoded }
            var logs: [LogNumber] = []
            for group in groups { try alice.client.send(CreateGroup(groupID: group, epoch: Epoch(rawValue: 0))) }
            for _ in groups {
                guard case .groupCreated(let created) = try alice.client.expect().1 else { continue }
                logs.append(created.log)
            }
            for group in groups {
                try alice.client.send(Publish(messages: (0..<2).map { privateMessage(group, number: $0) }))
            }
            for _ in groups { _ = try alice.client.expect() }
            // Each from its own cursor, while the other side goes on publishing.
            let bob = try GroupClient("bob", on: relay)
            let subscriptions = groups.enumerated().map { index, group in
                Subscription(log: .group(group), after: SequenceNumber(rawValue: UInt64(index % 3)))
            }
            for group in groups[..<(count / 2)] {
                try alice.client.send(Publish(messages: [privateMessage(group, number: 2)]))
            }
            let start = ContinuousClock.now
            let results = try bob.follow(subscriptions)
            #expect(results.allSatisfy { $0.error == .none })
            for group in groups[(count / 2)...] {
                try alice.client.send(Publish(messages: [privateMessage(group, number: 2)]))
            }
            for log in logs { try bob.read(log, through: SequenceNumber(rawValue: 3)) }
            #expect(ContinuousClock.now - start < .seconds(30))
            for _ in groups { _ = try alice.client.expect() }
        }
    }
}
