import MLSCodec
import MLSCrypto
import RelayCore
import RelayServer
import RelayTransport
import RelayWire
import TLSPresentation
import TestSupport
import Testing

/// What may come from one address and on one connection, at the edge of each limit. RFC 9750 section 8.1.3.
@Suite("Limits of addresses and connections", .timeLimit(.minutes(2)))
struct LimitTests {
    /// The setting that an answer names; nil for an answer that is no such refusal.
    private static func limit(_ frame: Frame) throws -> String? {
        guard case .error(let error) = frame, error.code == .rateLimited else { return nil }
        let detail = try RetryDetail(decoding: error.detail)
        #expect(detail.retryAfterMilliseconds > 0)
        return String(decoding: detail.limit, as: UTF8.self)
    }

    @Test("RFC 9750 8.1.3, N-16: an address has as many connections at once as are allowed, on all loops together")
    func connections() async throws {
        try await withRelay(loops: 2) { configuration in
            configuration.addresses.loopback = .limited
            configuration.addresses.maxConnections = 2
        } _: { relay in
            let first = try relay.connect(.tcp)
            _ = try first.hello()
            var second: BlockingClient? = try relay.connect(.ws)
            _ = try second?.hello()
            let third = try relay.connect(.tcp)
            #expect(try third.next().flatMap { try Self.limit($0.1) } == "max-connections-per-address")
            #expect(try third.next() == nil)
            let head = try relay.connect(.ws, upgrade: false).peer.readHead()
            #expect(head.hasPrefix("HTTP/1.1 429 "))
            #expect(head.contains("Retry-After: 10\r\n"))
            _ = try first.request(Ping(data: [1]))
            // Once one has gone there is room for another; when the relay has seen it, nobody is told.
            second?.peer.shutDown()
            second = nil
            var isTaken = false
            for _ in 0..<100_000 where !isTaken {
                let next = try relay.connect(.tcp)
                _ = try? next.send(Hello(versions: [.v1]))
                if case .challenge? = try? next.next()?.1 { isTaken = true }
            }
            #expect(isTaken)
        }
    }

    @Test("RFC 9750 8.1.3, N-16: as many connections come from an address in a minute as are allowed")
    func newConnections() async throws {
        try await withRelay { configuration in
            configuration.addresses.loopback = .limited
            configuration.addresses.connectionsPerMinute = 3
        } _: { relay in
            for _ in 0..<3 { _ = try relay.connect(.tcp).hello() }
            let refused = try relay.connect(.tcp)
            #expect(try refused.next().flatMap { try Self.limit($0.1) } == "max-new-connections-per-minute")
        }
        try await withRelay { configuration in
            configuration.addresses.connectionsPerMinute = 3
        } _: { relay in
            // A proxy on the same machine stands for everybody.
            for _ in 0..<10 { _ = try relay.connect(.tcp).hello() }
        }
    }

    @Test("RFC 9750 8.1.3: after as many failures as are allowed nobody at an address logs in, until the pause is over")
    func authentications() async throws {
        try await withRelay { configuration in
            configuration.addresses.loopback = .limited
            configuration.addresses.failedAuthenticationsPerMinute = 2
        } _: { relay in
            let key = try SigningKey.generate(.ed25519)
            try relay.connect(.tcp).logIn("alice", key: key)
            for _ in 0..<2 {
                let client = try relay.connect(.tcp)
                _ = try client.hello()
                try client.send(Authenticate(identity: BlockingClient.identity("alice", key), signature: [1, 2, 3]))
                #expect(try client.expectEnd() == .authenticationFailed)
            }
            let identity = BlockingClient.identity("alice", key)
            // Told apart from a wrong signature. There is one attempt a connection.
            for _ in 0..<3 {
                let client = try relay.connect(.tcp)
                let signature = try BlockingClient.signature(identity, key, try client.hello(), .authenticate)
                let answer = try client.request(Authenticate(identity: identity, signature: signature))
                #expect(try Self.limit(answer) == "max-failed-authentications-per-minute")
                #expect(try client.next() == nil)
            }
        }
    }

    @Test("RFC 9750 8.1.3: an address registers as many identities in an hour as are allowed, and logs in as they are")
    func registrations() async throws {
        try await withRelay { configuration in
            configuration.addresses.loopback = .limited
            configuration.addresses.registrationsPerHour = 2
        } _: { relay in
            let key = try SigningKey.generate(.ed25519)
            try relay.connect(.tcp).logIn("alice", key: key)
            try relay.connect(.tcp).logIn("bob")
            let client = try relay.connect(.tcp)
            let carol = try SigningKey.generate(.ed25519)
            let identity = BlockingClient.identity("carol", carol)
            let signature = try BlockingClient.signature(identity, carol, try client.hello(), .register)
            let answer = try client.request(Register(identity: identity, signature: signature))
            #expect(try Self.limit(answer) == "max-registrations-per-hour")
            try relay.connect(.tcp).logIn("alice", key: key)
        }
    }

    @Test("N-16: a connection gets as many answers in a second as are allowed; what it publishes is not counted")
    func requests() async throws {
        try await withRelay {
            $0.session.maxRequestsPerSecond = 5
        } _: { relay in
            let client = try relay.connect(.tcp)
            try client.logIn("alice")
            _ = try client.createGroup([1])
            var limits: [String?] = []
            for _ in 0..<20 { try client.send(Ping(data: [])) }
            for _ in 0..<20 { limits.append(try Self.limit(try client.expect().1)) }
            #expect(limits.prefix(5) == [nil, nil, nil, nil, nil])
            #expect(limits.contains("max-requests-per-second"))
            for number in 0..<20 as Range<UInt64> {
                let answer = try client.request(Publish(messages: [privateMessage([1], number: number)]))
                guard case .published = answer else {
                    Issue.record("not published: \(answer)")
                    return
                }
            }
            // Another connection of the same client has its own.
            _ = try relay.connect(.tcp).logIn("bob")
        }
    }

    @Test("Addresses are IPv4 addresses and networks of IPv6")
    func addresses() {
        #expect(PeerAddress("2001:db8::1") == PeerAddress("2001:db8::ffff:1"))
        #expect(PeerAddress("2001:db8::1") != PeerAddress("2001:db8:0:1::1"))
        #expect(PeerAddress("192.0.2.1") != PeerAddress("192.0.2.2"))
        #expect(PeerAddress("::ffff:192.0.2.1") == PeerAddress("192.0.2.1"))
        for loopback in ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"] {
            #expect(PeerAddress(loopback)?.isLoopback == true)
        }
        for other in ["128.0.0.1", "::2", "fe80::1", "2001:db8::1"] { #expect(PeerAddress(other)?.isLoopback == false) }
        #expect(PeerAddress("localhost") == nil)
    }

    @Test("N-13, RFC 9420 16.12: why a commit was refused is in the log and the metrics, without anybody's name")
    func refusedCommits() async throws {
        let log = LogLines()
        let metrics = try await withRelay(log: log) { relay in
            let client = try relay.connect(.tcp)
            try client.logIn("alice in the log")
            let group = Array("a group of alice".utf8)
            let number = try client.createGroup(group)
            #expect(number.rawValue == 5)
            for content in [1, 2] as [UInt64] {
                _ = try client.request(
                    Publish(messages: [privateMessage(group, contentType: 3, number: content)]))
            }
            let scraper = try relay.connect(.ws, upgrade: false)
            try scraper.peer.write(Array("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".utf8))
            return String(decoding: try scraper.peer.readToEnd(), as: UTF8.self)
        }
        #expect(metrics.contains("mlsrelay_commits_refused_total{code=\"stale_epoch\",rule=\"\"} 1\n"))
        #expect(!metrics.contains("alice"))
        #expect(log.all.contains("a commit was refused code=stale_epoch epoch=0 log=5"))
        #expect(!log.all.contains { $0.contains("alice") })
    }

    @Test("N-16: a client of other versions is told the range of those that the relay speaks")
    func versions() async throws {
        let error = try await withRelay { relay in
            let client = try relay.connect(.tcp)
            guard case .error(let error) = try client.request(Hello(versions: [.init(rawValue: 7)])) else {
                throw FakeServer.Failure(description: "not refused")
            }
            #expect(try client.next() == nil)
            return error
        }
        #expect(error.code == .versionUnsupported)
        #expect(try VersionDetail(decoding: error.detail) == VersionDetail(lowest: .v1, highest: .v1))
    }
}
