import MLSCodec
import MLSCrypto
import MLSTestSupport
import RelayCore
import RelayServer
import RelayStore
import RelayTransport
import RelayWire
import TLSPresentation
import TestSupport
import Testing

/// Entries of one log, checked as they come: numbers dense, hashes chained.
private struct LogReader {
    var number = LogNumber.none
    var last = SequenceNumber.zero
    var hash: SHA256Digest
    var payloads: [[UInt8]] = []

    init(_ name: LogName) {
        var chain = Chain()
        hash = chain.start(of: name)
    }

    mutating func take(_ entry: Entry) throws {
        var chain = Chain()
        let payload = entry.payload
        let expected = chain.next(after: hash, header: entry.header, payloadHash: chain.payloadHash(payload.rawSpan))
        guard entry.header.sequenceNumber == last.next, entry.chain == expected else {
            throw FakeServer.Failure(
                description: "entry \(entry.header.sequenceNumber) after \(last), or a broken chain")
        }
        (last, hash) = (entry.header.sequenceNumber, expected)
        payloads.append(payload)
    }
}

extension BlockingClient {
    fileprivate func subscribe(_ subscriptions: [Subscription]) throws -> [SubscriptionResult] {
        guard case .subscribed(let answer) = try request(Subscribe(subscriptions: subscriptions)) else {
            throw FakeServer.Failure(description: "not subscribed")
        }
        return answer.results
    }

    fileprivate func publish(_ messages: [[UInt8]]) throws -> [Receipt] {
        switch try request(Publish(messages: messages)) {
        case .published(let published): return published.receipts
        case let other: throw FakeServer.Failure(description: "\(other)")
        }
    }

    /// Reads `count` entries into their logs' readers.
    fileprivate func read(_ count: Int, _ readers: inout [LogNumber: LogReader]) throws {
        for _ in 0..<count {
            guard case .entry(let frame) = try expect().1 else { throw FakeServer.Failure(description: "no entry") }
            try readers[frame.entry.header.log]?.take(frame.entry)
        }
    }
}

private let groupID: [UInt8] = Array("group".utf8)

@Suite("Publishing and subscribing (PROTOCOL.md section 7)", .timeLimit(.minutes(3)))
struct DeliveryTests {
    @Test(
        "history and live entries come as one sequence, to the publisher too (S0-6, S1-4, S2-6, S2-8, RFC 9750 8.4.2.1)",
        arguments: [Scheme.ws, .tcp])
    func historyThenLive(scheme: Scheme) async throws {
        try await withRelay(loops: 2) { relay in
            let alice = try relay.connect(scheme)
            try alice.logIn("alice")
            let log = try alice.createGroup(groupID)
            let messages = (0..<300).map { privateMessage(groupID, number: $0) }
            for message in messages[..<100] { _ = try alice.publish([message]) }
            let bob = try relay.connect(scheme)
            try bob.logIn("bob")
            var readers = [[LogNumber: LogReader]](repeating: [log: LogReader(.group(groupID))], count: 2)
            for client in [alice, bob] {
                let results = try client.subscribe([Subscription(log: .group(groupID), after: .zero)])
                #expect(results.first?.last == SequenceNumber(rawValue: 100))
            }
            // Live ones, pipelined.
            for message in messages[100...] { try bob.send(Publish(messages: [message])) }
            try alice.read(300, &readers[0])
            var receipts = 0
            while (readers[1][log]?.payloads.count ?? 0) < 300 || receipts < 200 {
                switch try bob.expect().1 {
                case .published: receipts += 1
                case .entry(let frame): try readers[1][log]?.take(frame.entry)
                case let other: Issue.record("\(other)")
                }
            }
            #expect(readers[0][log]?.payloads == messages)
            #expect(readers[1][log]?.payloads == messages)
        }
    }

    @Test("one commit per epoch: of many that race one wins, the others learn its place (S2-12)")
    func commitRace() async throws {
        try await withRelay(loops: 2) { relay in
            let clients = try (0..<8).map { _ in try relay.connect(.tcp) }
            for (index, client) in clients.enumerated() { try client.logIn("client \(index)") }
            let log = try clients[0].createGroup(groupID)
            for epoch in 0..<5 as Range<UInt64> {
                for (index, client) in clients.enumerated() {
                    let commit = privateMessage(groupID, epoch: epoch, contentType: 3, number: UInt64(index))
                    try client.send(Publish(messages: [commit]))
                }
                var winners: [SequenceNumber] = []
                var losers: [EpochDetail] = []
                for client in clients {
                    switch try client.expect().1 {
                    case .published(let published): winners += published.receipts.map(\.sequenceNumber)
                    case .error(let error):
                        #expect(error.code == .staleEpoch)
                        var detail = try EpochDetail(decoding: error.detail)
                        let winner = try Entry(decoding: detail.entry)
                        #expect(winner.header.sequenceNumber == detail.commit)
                        detail.entry = []
                        losers.append(detail)
                    case let other: Issue.record("\(other)")
                    }
                }
                #expect(winners == [SequenceNumber(rawValue: epoch + 1)])
                let detail = EpochDetail(
                    log: log, epoch: Epoch(rawValue: epoch + 1), commit: SequenceNumber(rawValue: epoch + 1))
                #expect(losers == Array(repeating: detail, count: 7))
            }
        }
    }

    @Test("the same message published again, by whomever and after a restart, is one entry (N-6)")
    func idempotence() async throws {
        try await withRelay { relay in
            let alice = try relay.connect(.tcp)
            let key = try SigningKey.generate(.ed25519)
            try alice.logIn("alice", key: key)
            _ = try alice.createGroup(groupID)
            let message = privateMessage(groupID, number: 1)
            let first = try alice.publish([message])
            #expect(try alice.publish([message]) == first)
            let other = try relay.connect(.ws)
            try other.logIn("bob")
            #expect(try other.publish([message]) == first)

            relay.stop()
            let again = try RunningRelay(directory: relay.directory)
            defer { again.stop() }
            let returned = try again.connect(.tcp)
            try returned.logIn("alice", key: key)
            #expect(try returned.publish([message]) == first)
            #expect(try returned.publish([privateMessage(groupID, number: 2)]).first?.sequenceNumber.rawValue == 2)
        }
    }

    @Test("credit: nothing is pushed behind `until`, and a Credit lets it go on (N-7)")
    func credit() async throws {
        try await withRelay { relay in
            let client = try relay.connect(.tcp)
            try client.logIn("alice")
            let log = try client.createGroup(groupID)
            for number in 0..<10 { _ = try client.publish([privateMessage(groupID, number: UInt64(number))]) }
            _ = try client.subscribe([
                Subscription(log: .group(groupID), after: .zero, until: SequenceNumber(rawValue: 4))
            ])
            var readers = [log: LogReader(.group(groupID))]
            try client.read(4, &readers)
            // The answer to a Ping comes after everything that was due.
            #expect(try client.request(Ping(data: [1])) == .pong(Pong(data: [1])))
            let until = Position(log: log, sequenceNumber: SequenceNumber(rawValue: 7))
            #expect(try client.request(Credit(until: [until])) == .done(Done()))
            try client.read(3, &readers)
            #expect(try client.request(Ping(data: [2])) == .pong(Pong(data: [2])))
            _ = try client.send(Publish(messages: [privateMessage(groupID, number: 10)]))
            guard case .published = try client.expect().1 else {
                throw FakeServer.Failure(description: "an entry came")
            }
            let all = Position(log: log, sequenceNumber: .unlimited)
            #expect(try client.request(Credit(until: [all])) == .done(Done()))
            try client.read(4, &readers)
            #expect(readers[log]?.last.rawValue == 11)
            let unknown = Position(log: LogNumber(rawValue: 999), sequenceNumber: .unlimited)
            guard case .error(let error) = try client.request(Credit(until: [unknown])) else {
                throw FakeServer.Failure(description: "credit for a log that is not followed")
            }
            #expect(error.code == .notSubscribed)
        }
    }

    @Test("after Unsubscribe's answer nothing more comes; subscribing again goes on from the cursor")
    func unsubscribe() async throws {
        try await withRelay { relay in
            let client = try relay.connect(.ws)
            try client.logIn("alice")
            let log = try client.createGroup(groupID)
            _ = try client.subscribe([Subscription(log: .group(groupID), after: .zero)])
            _ = try client.publish([privateMessage(groupID, number: 1)])
            var readers = [log: LogReader(.group(groupID))]
            try client.read(1, &readers)
            #expect(try client.request(Unsubscribe(logs: [log])) == .done(Done()))
            let receipt = try client.publish([privateMessage(groupID, number: 2)])
            #expect(try client.request(Ping(data: [])) == .pong(Pong(data: [])))
            let result = try client.subscribe([Subscription(log: .group(groupID), after: SequenceNumber(rawValue: 1))])
            #expect(result.first?.chain == readers[log]?.hash)
            try client.read(1, &readers)
            #expect(readers[log]?.hash == receipt.first?.chain)
        }
    }

    @Test("what cannot be followed says why, each subscription for itself")
    func subscriptionErrors() async throws {
        try await withRelay {
            $0.session.maxSubscriptions = 2
        } _: { relay in
            let client = try relay.connect(.tcp)
            try client.logIn("alice")
            _ = try client.createGroup(groupID)
            _ = try client.createGroup([1])
            let subscriptions = [
                Subscription(log: .group([9, 9]), after: .zero), Subscription(log: .groups, after: .zero),
                Subscription(log: .inbox(of: ClientNumber(rawValue: 99)), after: .zero),
                Subscription(log: .group(groupID), after: SequenceNumber(rawValue: 1)),
                Subscription(log: .group(groupID), after: .zero),
                Subscription(log: LogName(kind: .inbox, name: []), after: .zero),
                Subscription(log: .group([1]), after: .zero), Subscription(log: .group(groupID), after: .zero),
            ]
            let results = try subscriptions.flatMap { try client.subscribe([$0]) }
            #expect(
                results.map(\.error) == [
                    .groupUnknown, .notPermitted, .notPermitted, .cursorAhead, .none, .none, .tooManySubscriptions,
                    .none,
                ])
            guard case .error(let error) = try client.request(Subscribe(subscriptions: Array(subscriptions[..<3])))
            else {
                throw FakeServer.Failure(description: "three at once")
            }
            #expect(error.code == .tooManySubscriptions)
        }
    }

    @Test(
        "a reader that stops costs a cursor: the others go on, and it finds everything later (N-7)",
        arguments: [Scheme.ws, .tcp])
    func slowReader(scheme: Scheme) async throws {
        try await withRelay { relay in
            let publisher = try relay.connect(.tcp)
            try publisher.logIn("publisher")
            let log = try publisher.createGroup(groupID)
            let slow = try relay.connect(scheme)
            try slow.logIn("slow")
            let quick = try relay.connect(scheme)
            try quick.logIn("quick")
            for client in [slow, quick] { _ = try client.subscribe([Subscription(log: .group(groupID), after: .zero)]) }
            var readers = [[LogNumber: LogReader]](repeating: [log: LogReader(.group(groupID))], count: 2)
            // 40 MB: far more than sockets hold.
            let count = 10_000
            for start in stride(from: 0, to: count, by: 100) {
                for number in start..<start + 100 {
                    try publisher.send(
                        Publish(messages: [privateMessage(groupID, number: UInt64(number), byteCount: 4000)]))
                }
                for _ in 0..<100 { _ = try publisher.expect() }
                try quick.read(100, &readers[0])
            }
            // Only now the slow one reads.
            try slow.read(count, &readers[1])
            #expect(readers[0][log]?.hash == readers[1][log]?.hash)
            #expect(readers[1][log]?.last.rawValue == UInt64(count))
        }
    }

    @Test("thousands of logs are followed with one frame, each from its own cursor (N-8)")
    func manyLogs() async throws {
        try await withRelay {
            $0.core.groupsPerDay = 20_000
        } _: { relay in
            let client = try relay.connect(.tcp)
            try client.logIn("alice")
            let count = 2000
            let groups = (0..<count).map { UInt64($0).encoded }
            for group in groups { try client.send(CreateGroup(groupID: group, epoch: Epoch(rawValue: 0))) }
            var logs: [LogNumber] = []
            for _ in groups {
                guard case .groupCreated(let created) = try client.expect().1 else { continue }
                logs.append(created.log)
            }
            for group in groups {
                try client.send(Publish(messages: (0..<3).map { privateMessage(group, number: $0) }))
            }
            for _ in groups { _ = try client.expect() }
            // Every second log is followed from its first entry on, the others from the beginning.
            var readers: [LogNumber: LogReader] = [:]
            let results = try client.subscribe(
                groups.enumerated().map { index, group in
                    Subscription(log: .group(group), after: SequenceNumber(rawValue: UInt64(index % 2)))
                })
            for (index, (result, group)) in zip(results, groups).enumerated() {
                var reader = LogReader(.group(group))
                if index % 2 == 1 { (reader.last, reader.hash) = (SequenceNumber(rawValue: 1), result.chain) }
                readers[result.log] = reader
            }
            try client.read(count / 2 * 5, &readers)
            #expect(readers.values.allSatisfy { $0.last.rawValue == 3 })
        }
    }

    @Test("a connection with more requests in flight than it may have is read no further, and all are answered")
    func requestsInFlight() async throws {
        try await withRelay { configuration in
            configuration.session.maxRequestsInFlight = 4
            configuration.session.maxByteCountInFlight = 1000
            configuration.session.maxByteCountInFlightPerLoop = 2000
        } _: { relay in
            let clients = try [Scheme.ws, .tcp, .ws].map { try relay.connect($0) }
            for (index, client) in clients.enumerated() {
                try client.logIn("client \(index)")
                _ = try client.createGroup([UInt8(index)])
            }
            for (index, client) in clients.enumerated() {
                // All in one write, and in one WebSocket message.
                let frames = (0..<500).flatMap { number in
                    Publish(messages: [privateMessage([UInt8(index)], number: UInt64(number))])
                        .frame(RequestID(rawValue: UInt32(1000 + number)))
                }
                try client.send(frames)
            }
            for client in clients {
                for number in 0..<500 {
                    let (request, frame) = try client.expect()
                    guard case .published(let published) = frame else {
                        throw FakeServer.Failure(description: "\(frame)")
                    }
                    #expect(request.rawValue == UInt32(1000 + number))
                    #expect(published.receipts.first?.sequenceNumber.rawValue == UInt64(number + 1))
                }
            }
        }
    }

    @Test("many large answers are not gathered without bound: a client that does not read them is read no further")
    func largeAnswers() async throws {
        try await withRelay {
            $0.session.maxPendingAnswerByteCount = 10_000
        } _: { relay in
            let client = try relay.connect(.tcp)
            try client.logIn("alice")
            for number in 0..<200 as Range<UInt8> { _ = try client.createGroup([number]) }
            let subscriptions = (0..<200).map { Subscription(log: .group([UInt8($0)]), after: .zero) }
            let frame = Subscribe(subscriptions: subscriptions)
            try client.send((1...300).flatMap { frame.frame(RequestID(rawValue: 5000 + $0)) })
            for number in 1...300 as ClosedRange<UInt32> {
                let (request, frame) = try client.expect()
                guard case .subscribed(let answer) = frame else { throw FakeServer.Failure(description: "\(frame)") }
                #expect(request.rawValue == 5000 + number)
                #expect(answer.results.count == 200)
            }
        }
    }

    @Test("a message of the largest size goes through, one byte more is refused, and the connection goes on")
    func messageSize() async throws {
        try await withRelay {
            $0.publish.maxMessageByteCount = 300_000
        } _: { relay in
            let client = try relay.connect(.ws)
            try client.logIn("alice")
            let log = try client.createGroup(groupID)
            let overhead = privateMessage(groupID, number: 1, byteCount: 100_000).count - 100_000
            let largest = privateMessage(groupID, number: 1, byteCount: 300_000 - overhead)
            #expect(largest.count == 300_000)
            _ = try client.publish([largest])
            let request = Publish(messages: [privateMessage(groupID, number: 2, byteCount: 300_001 - overhead)])
            guard case .error(let error) = try client.request(request) else {
                throw FakeServer.Failure(description: "taken")
            }
            #expect(error.code == .messageTooLarge)
            _ = try client.subscribe([Subscription(log: .group(groupID), after: .zero)])
            var readers = [log: LogReader(.group(groupID))]
            try client.read(1, &readers)
            #expect(readers[log]?.payloads == [largest])
        }
    }

    @Test("at shutdown clients are told, what they sent is answered, and the connection ends with 1001")
    func goAway() async throws {
        try await withRelay { relay in
            let client = try relay.connect(.ws)
            try client.logIn("alice")
            _ = try client.createGroup(groupID)
            for number in 0..<50 {
                try client.send(Publish(messages: [privateMessage(groupID, number: UInt64(number))]))
            }
            // One answer: the others are with the relay or on their way.
            _ = try client.expect()
            startThread { relay.stop() }
            var (published, refused, wasTold) = (1, 0, false)
            while let (_, frame) = try client.next() {
                switch frame {
                case .published: published += 1
                case .error(let error) where error.code == .shuttingDown: refused += 1
                case .goAway: wasTold = true
                case let other: Issue.record("\(other)")
                }
            }
            #expect(published + refused == 50)
            #expect(wasTold)
            #expect(client.closeCode == 1001)
        }
    }

    @Test(
        "a full store refuses with storage_full, loses nothing, still serves readers, and takes more when it may grow")
    func fullStore() async throws {
        try await withRelay {
            $0.store.maxByteCount = 1 << 20
        } _: { relay in
            let key = try SigningKey.generate(.ed25519)
            let client = try relay.connect(.tcp)
            try client.logIn("alice", key: key)
            let log = try client.createGroup(groupID)
            var taken: [[UInt8]] = []
            var refused: [UInt8] = []
            while refused.isEmpty {
                let message = privateMessage(groupID, number: UInt64(taken.count), byteCount: 20_000)
                switch try client.request(Publish(messages: [message])) {
                case .published: taken.append(message)
                case .error(let error):
                    #expect(error.code == .storageFull)
                    refused = message
                case let other: Issue.record("\(other)")
                }
            }
            #expect(taken.count > 10)
            // The same connection reads all that was acknowledged.
            _ = try client.subscribe([Subscription(log: .group(groupID), after: .zero)])
            var readers = [log: LogReader(.group(groupID))]
            try client.read(taken.count, &readers)
            #expect(readers[log]?.payloads == taken)

            relay.stop()
            let larger = try RunningRelay(directory: relay.directory)
            defer { larger.stop() }
            let returned = try larger.connect(.tcp)
            try returned.logIn("alice", key: key)
            let receipts = try returned.publish([refused])
            #expect(receipts.first?.sequenceNumber.rawValue == UInt64(taken.count + 1))
            _ = try returned.subscribe([
                Subscription(log: .group(groupID), after: SequenceNumber(rawValue: UInt64(taken.count)))
            ])
            try returned.read(1, &readers)
            #expect(readers[log]?.payloads == taken + [refused])
        }
    }

    @Test("a Welcome goes to the inboxes of those whose KeyPackages it names, and to nobody else (S1-5)")
    func welcome() async throws {
        struct Case: Decodable {
            var cipher_suite: UInt16
            var welcome: Hex
        }
        // One of each suite with Ed25519.
        let all = try Vectors.load("passive-client-welcome.json", of: Case.self)
        let vectors = [1, 3].compactMap { suite in all.first { $0.cipher_suite == suite } }
        try await withRelay(loops: 2) { relay in
            // A client has one key, and that is of one or two suites.
            let key = try SigningKey.generate(.ed25519)
            let owner = try relay.connect(.tcp)
            let number = try owner.logIn("owner", key: key)
            let other = try relay.connect(.ws)
            let otherNumber = try other.logIn("other")
            let sender = try relay.connect(.tcp)
            try sender.logIn("sender")
            let packages = try vectors.map { vector in
                try TestClient("owner", key: key, suite: CipherSuite(rawValue: vector.cipher_suite))
                    .publishableKeyPackage()
            }
            _ = try owner.publish(packages)
            var readers: [LogNumber: LogReader] = [:]
            for (client, number) in [(owner, number), (other, otherNumber)] {
                let inbox = try client.subscribe([Subscription(log: LogName(kind: .inbox, name: []), after: .zero)])
                readers[inbox.first?.log ?? .none] = LogReader(.inbox(of: number))
            }
            // A KeyPackage of each suite is taken, the Welcome that names it goes to its owner.
            for (vector, package) in zip(vectors, packages) {
                let suite = CipherSuite(rawValue: vector.cipher_suite)
                let request = KeyPackageRequest(name: Array("owner".utf8), cipherSuite: suite)
                guard
                    case .keyPackages(let answer) = try sender.request(FetchKeyPackages(requests: [request, request]))
                else {
                    throw FakeServer.Failure(description: "no KeyPackages")
                }
                #expect(answer.results.map(\.error) == [.none, .keyPackageUnavailable])
                #expect(answer.results.first?.message == package)
                let welcome = try TestClient.welcome(vector.welcome.bytes, to: [TestClient.reference(of: package)])
                let receipts = try sender.publish([welcome])
                #expect(receipts.map(\.log) == readers.keys.filter { $0 == receipts.first?.log })
            }
            // Each beside the notice that the pool is empty.
            try owner.read(2 * vectors.count, &readers)
            #expect(readers.values.map(\.payloads.count).sorted() == [0, 2 * vectors.count])
            #expect(try other.request(Ping(data: [])) == .pong(Pong(data: [])))
        }
    }
}
