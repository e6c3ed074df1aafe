import RelayWire
import TestSupport
import Testing

@testable import ClientTransport

@Suite("ClientSocket over loopback", .timeLimit(.minutes(1)))
struct ClientSocketTests {
    static let plain: [RelayURL.Scheme] = [.ws, .tcp]
    static let bodies: [[UInt8]] = [Array(1...5), Array(1...100), [UInt8](repeating: 9, count: 20_000)]

    /// The frames as this scheme's server sends them.
    static func wire(_ scheme: RelayURL.Scheme, _ bodies: [[UInt8]]) -> [UInt8] {
        let frames = bodies.flatMap(framed)
        return scheme.isWebSocket ? ServerFrame.binary(frames) : frames
    }

    @Test("frames go both ways, those of one turn as one message", arguments: plain)
    func bothWays(scheme: RelayURL.Scheme) async throws {
        let server = try FakeServer()
        let socket = try TestSocket(server, scheme)
        async let received = server.run { server in
            let peer = try server.accept()
            if scheme.isWebSocket { try peer.upgrade() }
            try peer.write(Self.wire(scheme, Self.bodies))
            if scheme.isWebSocket {
                let frame = try peer.readClientFrame()
                _ = try peer.readClientFrame()
                try peer.write(ServerFrame.close(1000))
                return frame.payload
            }
            return try peer.readToEnd()
        }
        #expect(await socket.next() == .open)
        #expect(await socket.bodies(3) == Self.bodies)
        let didSend = await socket.onLoop { socket in
            let results = Self.bodies.map { socket.send(framed($0)) }
            let pending = socket.pendingByteCount
            socket.close()
            return results == [true, true, true] && pending >= 20_105
        }
        #expect(didSend)
        #expect(try await received == Self.bodies.flatMap(framed))
        #expect(await socket.next() == .closed(.closedLocally))
    }

    @Test("a WebSocket's frames may be split anywhere: between segments, fragments and control frames")
    func fragmented() async throws {
        let server = try FakeServer()
        let socket = try TestSocket(server, .ws)
        let frames = Self.bodies.flatMap(framed)
        async let script: Void = server.run { server in
            let peer = try server.accept()
            try peer.upgrade()
            var stream = ServerFrame.frame(0x02, Array(frames[..<3]))
            stream += ServerFrame.ping([1]) + ServerFrame.frame(0x00, Array(frames[3..<50]))
            stream += ServerFrame.frame(0x80, Array(frames[50...]))
            // One byte at a time over the places where something begins.
            for byte in stream[..<80] { try peer.write([byte]) }
            try peer.write(Array(stream[80...]))
            #expect(try peer.readClientFrame() == ClientFrame(opcode: 10, payload: [1]))
            peer.shutDown()
        }
        #expect(await socket.next() == .open)
        var bodies: [[UInt8]] = []
        var controls = 0
        while let heard = await socket.next() {
            switch heard {
            case .frames(let more): bodies += more
            case .control: controls += 1
            case .closed(let reason): #expect(reason == .closedByPeer(closeCode: nil, reason: ""))
            default: Issue.record("unexpected: \(heard)")
            }
        }
        #expect(bodies == Self.bodies && controls == 1)
        try await script
    }

    @Test("many frames of one segment are one call")
    func batch() async throws {
        let server = try FakeServer()
        let socket = try TestSocket(server, .ws)
        let bodies = (0..<1000).map { [UInt8](repeating: UInt8($0 % 251), count: 40) }
        async let script: Void = server.run { server in
            let peer = try server.accept()
            try peer.upgrade()
            try peer.write(Self.wire(.ws, bodies))
            _ = try peer.readToEnd()
        }
        #expect(await socket.next() == .open)
        var calls = 0
        var count = 0
        while count < 1000, case .frames(let more)? = await socket.next() {
            calls += 1
            #expect(more.elementsEqual(bodies[count..<count + more.count]))
            count += more.count
        }
        // A segment on loopback holds up to 64 KiB.
        #expect(calls <= 8)
        await socket.onLoop { $0.abort() }
        #expect(await socket.next() == .closed(.closedLocally))
        try await script
    }

    @Test("a WebSocket message has no more bytes than it may, unless one frame has")
    func messageLimit() async throws {
        let server = try FakeServer()
        let socket = try TestSocket(server, .ws)
        let frames = [100, 100, 100, 800, 100, 100, 2000, 5].map { framed([UInt8](repeating: 4, count: $0)) }
        async let received = server.run { server in
            let peer = try server.accept()
            try peer.upgrade()
            var payloads: [[UInt8]] = []
            while payloads.joined().count < frames.joined().count {
                payloads.append(try peer.readClientFrame().payload)
            }
            return payloads
        }
        #expect(await socket.next() == .open)
        await socket.onLoop { socket in
            socket.maxMessageByteCount = 1000
            #expect(socket.send(frames[0]))
            #expect(socket.send(Array(frames[1...].joined())))
        }
        let payloads = try await received
        #expect(payloads.joined().elementsEqual(frames.joined()))
        #expect(payloads.count >= 4 && payloads.allSatisfy { $0.count <= 1000 || $0 == frames[6] })
    }

    @Test(
        "what a relay must not send closes the WebSocket with its code",
        arguments: [
            (ServerFrame.frame(0x81, [0x61]), 1003), ([0x82, 0x85, 1, 2, 3, 4, 5, 6, 7, 8, 9], 1002),
            (ServerFrame.binary(Array(framed([1, 2, 3, 4, 5])[..<4])), 1002), (ServerFrame.binary([0xc0]), 1002),
            (ServerFrame.binary([0x80, 0x01, 0x00, 0x00]), 1009), (ServerFrame.binary([0x01, 0x01]), 1002),
            ([0xf2, 0x00], 1002),
        ] as [([UInt8], UInt16)])
    func violations(bytes: [UInt8], code: UInt16) async throws {
        let server = try FakeServer()
        var options = ConnectOptions()
        options.maxFrameByteCount = 1 << 15
        let socket = try TestSocket(server, .ws, options: options)
        async let frame = server.run { server in
            let peer = try server.accept()
            try peer.upgrade()
            try peer.write(bytes)
            return try peer.readClientFrame()
        }
        #expect(await socket.next() == .open)
        guard case .closed(.protocolViolation(let seen, _))? = await socket.next() else {
            Issue.record("not closed for a violation")
            return
        }
        #expect(seen == code)
        #expect(try await frame == ClientFrame(opcode: 8, payload: [UInt8(code >> 8), UInt8(code & 0xff)]))
    }

    @Test("on raw TCP a length that is too large ends the connection before its body comes")
    func oversizeTCP() async throws {
        let server = try FakeServer()
        let socket = try TestSocket(server, .tcp)
        async let script = server.run { server in
            let peer = try server.accept()
            try peer.write([0x81, 0x00, 0x00, 0x01])
            return try peer.readToEnd()
        }
        #expect(await socket.next() == .open)
        guard case .closed(.protocolViolation(1009, _))? = await socket.next() else {
            Issue.record("not closed for its size")
            return
        }
        #expect(try await script == [])
    }

    @Test("the peer's close code and reason are told, and answered")
    func closedByPeer() async throws {
        let server = try FakeServer()
        let socket = try TestSocket(server, .ws)
        async let answer = server.run { server in
            let peer = try server.accept()
            try peer.upgrade()
            try peer.write(ServerFrame.close(4001, "silent"))
            return try peer.readClientFrame()
        }
        #expect(await socket.next() == .open)
        #expect(await socket.next() == .closed(.closedByPeer(closeCode: 4001, reason: "silent")))
        #expect(try await answer == ClientFrame(opcode: 8, payload: [0x0f, 0xa1]))
    }

    static let refusedUpgrades = [
        "another status": "HTTP/1.1 200 OK\r\n\r\n", "another protocol": "SSH-2.0", "nothing": "",
        "too long": "HTTP/1.1 101 Switching Protocols\r\nX: " + String(repeating: "x", count: 9000),
    ]

    @Test("an answer to the upgrade that is refused, too long or missing is an error", arguments: refusedUpgrades.keys)
    func upgradeRefused(name: String) async throws {
        let answer = try #require(Self.refusedUpgrades[name])
        let server = try FakeServer()
        let socket = try TestSocket(server, .ws)
        async let script: Void = server.run { server in
            let peer = try server.accept()
            _ = try peer.readHead()
            try peer.write(Array(answer.utf8))
            peer.shutDown()
        }
        guard case .closed(.upgradeRefused)? = await socket.next() else {
            Issue.record("not refused")
            return
        }
        try await script
    }

    @Test("a relay that does not answer in time is given up", arguments: plain.filter(\.isWebSocket))
    func timeout(scheme: RelayURL.Scheme) async throws {
        let server = try FakeServer()
        var options = ConnectOptions()
        options.timeout = .milliseconds(50)
        let socket = try TestSocket(server, scheme, options: options)
        #expect(await socket.next() == .closed(.timedOut))
    }

    @Test("a port on which nobody listens is an error, a name too; an unknown name as well")
    func refused() async throws {
        let port = try FakeServer().port
        for host in ["127.0.0.1", "localhost"] {
            let socket = try TestSocket(RelayURL(scheme: .tcp, host: host, port: port))
            guard case .closed(.system("connect", _))? = await socket.next() else {
                Issue.record("connected to nobody")
                continue
            }
        }
        // A label of 64 bytes is no name: that is known without asking a server, which might not answer.
        let nobody = String(repeating: "a", count: 64) + ".invalid"
        let socket = try TestSocket(RelayURL(scheme: .tcp, host: nobody))
        guard case .closed(.nameUnresolved(nobody, _))? = await socket.next() else {
            Issue.record("found nobody")
            return
        }
    }

    @Test("a name is looked up, and a local address is used")
    func nameAndLocalAddress() async throws {
        let server = try FakeServer()
        var options = ConnectOptions()
        options.localAddress = SocketAddress(literal: "127.0.0.77", port: 0)
        let socket = try TestSocket(RelayURL(scheme: .tcp, host: "localhost", port: server.port), options: options)
        let address = try await server.run { try $0.accept().remoteHost }
        #expect(await socket.next() == .open)
        #expect(address == "127.0.0.77")
    }
}
