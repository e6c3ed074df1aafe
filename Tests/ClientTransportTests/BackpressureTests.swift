import TestSupport
import Testing

@testable import ClientTransport

@Suite("ClientSocket: slow peers and slow readers", .timeLimit(.minutes(1)))
struct BackpressureTests {
    @Test(
        "what the peer does not take waits, up to the limit, and all of it arrives", arguments: ClientSocketTests.plain)
    func slowPeer(scheme: RelayURL.Scheme) async throws {
        let server = try FakeServer()
        var options = ConnectOptions()
        options.maxPendingByteCount = 20 << 20
        let socket = try TestSocket(server, scheme, options: options)
        let frame = framed([UInt8](repeating: 5, count: 100_000))
        let peer = try await server.run { server in
            let peer = try server.accept()
            if scheme.isWebSocket { try peer.upgrade() }
            return peer
        }
        #expect(await socket.next() == .open)
        // More than the kernel's buffers take, in one turn.
        let count = await socket.onLoop { socket in
            var count = 0
            while socket.send(frame) { count += 1 }
            return count
        }
        #expect(count * frame.count <= 20 << 20 && (count + 2) * frame.count > 20 << 20)
        // A turn later the kernel has taken what it takes: there is room again.
        let (pending, isTaken) = await socket.onLoop { (socket: ClientSocket) in
            (socket.pendingByteCount, socket.send(frame))
        }
        #expect(pending > 0 && isTaken)
        let total = (count + 1) * frame.count
        async let received = server.run { _ in
            if !scheme.isWebSocket { return try peer.read(total) }
            var payload: [UInt8] = []
            var bytes: [UInt8] = []
            while payload.count < total {
                bytes += try peer.readSome(1 << 20)
                while let (frame, byteCount) = ClientFrame.first(bytes.prefix(300_000)) {
                    payload += frame.payload
                    bytes.removeFirst(byteCount)
                }
            }
            return payload
        }
        #expect(await socket.next() == .drained)
        #expect(await socket.onLoop { $0.pendingByteCount } == 0)
        #expect(try await received == (0...count).flatMap { _ in frame })
    }

    @Test("a socket that does not read holds the peer up, and loses nothing")
    func slowReader() async throws {
        let server = try FakeServer()
        var options = ConnectOptions()
        options.receiveBufferByteCount = 4096
        let socket = try TestSocket(server, .tcp, options: options)
        let peer = try await server.run { try $0.accept() }
        #expect(await socket.next() == .open)
        await socket.onLoop { $0.pauseReading() }
        let frame = framed([UInt8](repeating: 6, count: 50_000))
        let count = 200
        async let script: Void = server.run { _ in
            for _ in 0..<count { try peer.write(frame) }
            peer.shutDown()
        }
        // Turns pass and nothing is heard: the next thing is heard only after `resumeReading`.
        for _ in 0..<10 { await socket.onLoop { #expect($0.isReadingPaused) } }
        await socket.onLoop { $0.resumeReading() }
        #expect(await socket.bodies(count).count == count)
        #expect(await socket.next() == .closed(.closedByPeer(closeCode: nil, reason: "")))
        try await script
    }

    @Test("a delegate may close and abort from inside of a call", arguments: [true, false])
    func reentrant(aborts: Bool) async throws {
        let server = try FakeServer()
        let url = RelayURL(scheme: .tcp, host: "127.0.0.1", port: server.port)
        let socket = try TestSocket(url) { aborts ? $0.abort() : $0.close() }
        async let script = server.run { server in
            let peer = try server.accept()
            try peer.write((0..<3).flatMap { framed([UInt8](repeating: $0, count: 50_000)) })
            return try? peer.readToEnd()
        }
        #expect(await socket.next() == .open)
        guard case .frames? = await socket.next() else {
            Issue.record("no frames")
            return
        }
        #expect(await socket.next() == .closed(.closedLocally))
        _ = try await script
    }
}
