import MLSCrypto
import RelayServer
import RelayTransport
import RelayWire
import TLSPresentation
import TestSupport
import Testing
import WebSocketFraming

/// How an end was announced: the error's code, and the close code where it was a WebSocket.
private struct End: Equatable, Sendable {
    var error: ErrorCode?
    var closeCode: UInt16?
}

private func end(of client: BlockingClient) throws -> End {
    let error = try client.expectEnd()
    return End(error: error, closeCode: client.closeCode)
}

@Suite("A relay and peers that break the rules (PROTOCOL.md sections 2 and 8)", .timeLimit(.minutes(2)))
struct HostilePeerTests {
    @Test("a text frame closes with 1003, an unmasked one with 1002")
    func webSocketViolations() async throws {
        let ends = try await withRelay { relay in
            try [
                BlockingClient.webSocketFrame(.text, Array("hello".utf8)),
                BlockingClient.webSocketFrame(.binary, Hello(versions: [.v1]).frame(RequestID(rawValue: 1)), mask: nil),
                [0xc2, 0x80, 0, 0, 0, 0],
            ].map { bytes in
                let client = try relay.connect(.ws)
                try client.peer.write(bytes)
                return try end(of: client)
            }
        }
        #expect(
            ends == [
                End(error: .malformedFrame, closeCode: 1003), End(error: .malformedFrame, closeCode: 1002),
                End(error: .malformedFrame, closeCode: 1002),
            ])
    }

    @Test("another subprotocol, none, or another version gets an HTTP error and no WebSocket")
    func wrongSubprotocol() async throws {
        let heads = try await withRelay { relay in
            try [
                ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Protocol: mlsrelay.v9"], ["Sec-WebSocket-Version: 13"],
                ["Sec-WebSocket-Version: 8", "Sec-WebSocket-Protocol: mlsrelay.v1"],
            ].map { fields in try relay.connect(.ws, upgrade: false).handshake(fields).prefix(12) }
        }
        #expect(heads == ["HTTP/1.1 400", "HTTP/1.1 400", "HTTP/1.1 426"])
    }

    @Test(
        "a frame of the largest size is taken, one byte more ends with frame_too_large and 1009",
        arguments: [Scheme.ws, .tcp])
    func oversized(scheme: Scheme) async throws {
        let (inside, outside) = try await withRelay { configuration in
            configuration.transport.maxFrameByteCount = 100_000
        } _: { relay in
            // An unknown frame type, so that the size alone decides.
            let body = [UInt8](repeating: 0xff, count: 100_000)
            let client = try relay.connect(scheme)
            try client.logIn("alice")
            var frame = Writer()
            frame.opaque(body)
            try client.send(frame.bytes)
            guard case .error(let error) = try client.expect().1 else {
                throw FakeServer.Failure(description: "no error")
            }
            // The length alone is enough: the body never comes.
            try client.send([0x80, 0x01, 0x86, 0xa1])
            return (error.code, try end(of: client))
        }
        #expect(inside == .unknownFrameType)
        #expect(outside == End(error: .frameTooLarge, closeCode: scheme == .ws ? 1009 : nil))
    }

    @Test(
        "bytes that are no frame end the connection with malformed_frame",
        arguments: [
            [0xc0], [0x00], [0x40, 0x05], [0x04, 1, 0, 0, 0], [0x06, 1, 0, 0, 0, 1, 9], [0x05, 4, 0, 0, 0, 0],
            [0x06, 1, 0, 0, 0, 0, 0], [0x05, 63, 0, 0, 0, 0],
        ] as [[UInt8]])
    func malformed(bytes: [UInt8]) async throws {
        let ends = try await withRelay { relay in
            try [Scheme.ws, .tcp].map { scheme in
                let client = try relay.connect(scheme)
                try client.send(bytes)
                return try end(of: client)
            }
        }
        #expect(ends == [End(error: .malformedFrame, closeCode: 1002), End(error: .malformedFrame)])
    }

    @Test("a WebSocket message that ends inside a frame is malformed")
    func cutFrame() async throws {
        let end = try await withRelay { relay in
            let client = try relay.connect(.ws)
            try client.send(Array(Hello(versions: [.v1]).frame(RequestID(rawValue: 1)).dropLast()))
            return try RelayServerTests.end(of: client)
        }
        #expect(end == End(error: .malformedFrame, closeCode: 1002))
    }

    @Test("a connection that does not authenticate in time ends with timed_out and 4001", arguments: [Scheme.ws, .tcp])
    func silent(scheme: Scheme) async throws {
        let end = try await withRelay {
            $0.session.helloTimeoutMilliseconds = 300
        } _: { relay in
            try RelayServerTests.end(of: try relay.connect(scheme))
        }
        #expect(end == End(error: .timedOut, closeCode: scheme == .ws ? 4001 : nil))
    }

    @Test("an HTTP head that does not end in time is closed")
    func slowHandshake() async throws {
        let rest = try await withRelay {
            $0.transport.handshakeTimeoutMilliseconds = 300
        } _: { relay in
            let client = try relay.connect(.ws, upgrade: false)
            try client.peer.write(Array("GET / HTTP/1.1\r\n".utf8))
            return try client.peer.readToEnd()
        }
        #expect(rest.isEmpty)
    }

    @Test("a client that answers the relay's pings stays, one that says nothing ends with timed_out")
    func idle() async throws {
        let (pinged, end) = try await withRelay {
            $0.session.idleTimeoutMilliseconds = 800
        } _: { relay in
            let client = try relay.connect(.tcp)
            try client.logIn("alice")
            var pings = 0
            // Longer than the timeout: it lives because it answers.
            while pings < 4 {
                guard let (request, frame) = try client.next() else { break }
                if case .ping(let ping) = frame, request == .none {
                    pings += 1
                    try client.send(Pong(data: ping.data).frame(.none))
                }
            }
            return (pings, try RelayServerTests.end(of: client))
        }
        #expect(pinged == 4)
        #expect(end.error == .timedOut)
    }

    @Test("before authentication nothing but Hello and the login is taken, and leaves no trace (S0-1)")
    func unauthenticated() async throws {
        let groupID: [UInt8] = Array("secret".utf8)
        let (ends, then) = try await withRelay { relay in
            var ends: [ErrorCode?] = []
            for step in 0..<4 {
                let client = try relay.connect(.tcp)
                if step == 3 { _ = try client.hello() }
                switch step {
                case 0: try client.send(CreateGroup(groupID: groupID, epoch: Epoch(rawValue: 0)))
                case 1: try client.send(Publish(messages: [privateMessage(groupID, number: 1)]))
                case 2: try client.send(Subscribe(subscriptions: [.init(log: .directory, after: .zero)]))
                default: try client.send(FetchKeyPackages(requests: []))
                }
                ends.append(try client.expectEnd())
            }
            let client = try relay.connect(.tcp)
            try client.logIn("alice")
            return (ends, try client.request(Publish(messages: [privateMessage(groupID, number: 1)])))
        }
        #expect(ends == [.unexpectedFrame, .unexpectedFrame, .unexpectedFrame, .unexpectedFrame])
        guard case .error(let error) = then else {
            Issue.record("the group was created by somebody who was not authenticated")
            return
        }
        #expect(error.code == .groupUnknown)
    }

    @Test("nobody acts as somebody else: wrong keys, replayed and transplanted signatures are refused (S3-1)")
    func impersonation() async throws {
        let codes = try await withRelay { relay -> [ErrorCode?] in
            let alice = try SigningKey.generate(.ed25519)
            let mallory = try SigningKey.generate(.ed25519)
            try relay.connect(.tcp).logIn("alice", key: alice)
            let identity = BlockingClient.identity("alice", alice)

            func attempt(
                _ purpose: FrameType, _ claimed: Identity, _ signature: (Challenge) throws -> [UInt8]
            ) throws -> ErrorCode? {
                let client = try relay.connect(.tcp)
                let challenge = try client.hello()
                if purpose == .register {
                    try client.send(Register(identity: claimed, signature: try signature(challenge)))
                } else {
                    try client.send(Authenticate(identity: claimed, signature: try signature(challenge)))
                }
                return try client.expectEnd()
            }

            let old = try relay.connect(.tcp)
            let replayed = try BlockingClient.signature(identity, alice, try old.hello(), .authenticate)
            let asMallory = BlockingClient.identity("alice", mallory)
            return [
                // Mallory's signature under Alice's key; a signature for another connection; for the other purpose.
                try attempt(.authenticate, identity) {
                    try BlockingClient.signature(identity, mallory, $0, .authenticate)
                },
                try attempt(.authenticate, identity) { _ in replayed },
                try attempt(.authenticate, identity) { try BlockingClient.signature(identity, alice, $0, .register) },
                try attempt(.register, identity) { _ in [] },
                // Alice's name with a key of Mallory's own.
                try attempt(.register, asMallory) { try BlockingClient.signature(asMallory, mallory, $0, .register) },
                try attempt(.authenticate, asMallory) {
                    try BlockingClient.signature(asMallory, mallory, $0, .authenticate)
                },
                // A name that nobody has; a name that is none.
                try attempt(.authenticate, BlockingClient.identity("bob", mallory)) {
                    try BlockingClient.signature(BlockingClient.identity("bob", mallory), mallory, $0, .authenticate)
                },
                try attempt(.register, BlockingClient.identity("a\u{0}b", mallory)) {
                    try BlockingClient.signature(BlockingClient.identity("a\u{0}b", mallory), mallory, $0, .register)
                },
            ]
        }
        #expect(
            codes == [
                .authenticationFailed, .authenticationFailed, .authenticationFailed, .authenticationFailed,
                .identityTaken, .identityUnknown, .identityUnknown, .nameInvalid,
            ])
    }

    @Test("two connections that register the same name at once with different keys: one has it")
    func registrationRace() async throws {
        let codes = try await withRelay(loops: 2) { relay in
            let clients = try (0..<8).map { _ in try relay.connect(.tcp) }
            for client in clients {
                let key = try SigningKey.generate(.ed25519)
                let identity = BlockingClient.identity("alice", key)
                let signature = try BlockingClient.signature(identity, key, try client.hello(), .register)
                try client.send(Register(identity: identity, signature: signature))
            }
            return try clients.map { client -> ErrorCode in
                switch try client.expect().1 {
                case .ready: .none
                case .error(let error): error.code
                default: .malformedFrame
                }
            }
        }
        #expect(codes.count { $0 == .none } == 1)
        #expect(codes.count { $0 == .identityTaken } == 7)
    }

    @Test("versions: the highest in common is chosen, none in common is refused with the range")
    func versions() async throws {
        let (chosen, refused) = try await withRelay { relay in
            let client = try relay.connect(.tcp)
            let answer = try client.request(Hello(versions: [.init(rawValue: 9), .v1, .init(rawValue: 0)]))
            let other = try relay.connect(.tcp)
            return (answer, try other.request(Hello(versions: [.init(rawValue: 7)])))
        }
        guard case .challenge(let challenge) = chosen, case .error(let error) = refused else {
            Issue.record("\(chosen), \(refused)")
            return
        }
        #expect(challenge.version == .v1)
        #expect(error.code == .versionUnsupported)
        #expect(try VersionDetail(decoding: error.detail) == VersionDetail(lowest: .v1, highest: .v1))
    }

    @Test("before Ready a frame has at most 16 KiB: nobody unknown fills the relay's memory")
    func beforeReady() async throws {
        let (inside, outside) = try await withRelay { relay in
            let client = try relay.connect(.tcp)
            _ = try client.hello()
            var frame = Writer()
            frame.opaque([UInt8](repeating: 0xff, count: WireLimits.maxFrameByteCountBeforeReady))
            try client.send(frame.bytes)
            guard case .error(let error) = try client.expect().1 else {
                throw FakeServer.Failure(description: "no error")
            }
            // The length alone is enough: 16,385.
            try client.send([0x80, 0x00, 0x40, 0x01])
            return (error.code, try end(of: client))
        }
        #expect(inside == .unknownFrameType)
        #expect(outside == End(error: .frameTooLarge))
    }

    @Test("a Hello of 63 bytes is taken, a first frame of one more ends with frame_too_large")
    func helloSize() async throws {
        let (answer, code) = try await withRelay { relay in
            var frames = [63, 64].map { byteCount in
                // One byte of length, the header, one byte of length, then versions of two bytes: 63 is odd, as it must be.
                Hello(versions: Array(repeating: .v1, count: (byteCount - 7) / 2)).frame(RequestID(rawValue: 1))
            }
            #expect(frames[0].count == 63)
            frames[1] = Hello(versions: Array(repeating: .v1, count: 29)).frame(RequestID(rawValue: 1))
            #expect(frames[1].count > 63)
            let good = try relay.connect(.tcp)
            try good.send(frames[0])
            let answer = try good.expect().1
            let bad = try relay.connect(.tcp)
            try bad.send(frames[1])
            return (answer, try bad.expectEnd())
        }
        guard case .challenge = answer else {
            Issue.record("\(answer)")
            return
        }
        #expect(code == .frameTooLarge)
    }

    @Test("an unknown frame type is answered with its request id, and the connection goes on")
    func unknownFrameType() async throws {
        let (first, second) = try await withRelay { relay in
            let client = try relay.connect(.tcp)
            _ = try client.hello()
            try client.send([0x07, 63, 0, 0, 0, 77, 1, 2])
            return (try client.expect(), try client.request(Ping(data: [5])))
        }
        guard case .error(let error) = first.1 else {
            Issue.record("\(first)")
            return
        }
        #expect(first.0 == RequestID(rawValue: 77))
        #expect(error.code == .unknownFrameType)
        #expect(second == .pong(Pong(data: [5])))
    }
}
