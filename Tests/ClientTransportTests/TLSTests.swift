import TestSupport
import Testing

@testable import ClientTransport

@Suite("ClientSocket over TLS", .timeLimit(.minutes(1)))
struct TLSTests {
    static func options(_ trust: TLSClientContext.Trust) throws -> ConnectOptions {
        var options = ConnectOptions()
        options.tls = try TLSClientContext(trust)
        return options
    }

    @Test("frames go both ways, more of them than one read takes", arguments: ["127.0.0.1", "localhost"])
    func bothWays(host: String) async throws {
        let tls = try TLSServer()
        let server = try FakeServer()
        let socket = try TestSocket(
            RelayURL(scheme: .tls, host: host, port: server.port), options: Self.options(.file(tls.certificateFile)))
        let frame = framed([UInt8](repeating: 3, count: 30_000))
        async let received = server.run { server in
            let peer = try server.accept()
            guard let secured = tls.accept(peer) else { throw FakeServer.Failure(description: "no TLS") }
            for _ in 0..<100 { secured.write(frame) }
            let received = secured.read(100 * frame.count)
            secured.shutDown()
            return received
        }
        #expect(await socket.next() == .open)
        let bodies = await socket.bodies(100)
        #expect(bodies.count == 100 && bodies.allSatisfy { $0.count == 30_000 })
        await socket.onLoop { socket in for _ in 0..<100 { #expect(socket.send(frame)) } }
        #expect(try await received == (0..<100).flatMap { _ in frame })
        while let heard = await socket.next() {
            #expect(heard == .drained || heard == .closed(.closedByPeer(closeCode: nil, reason: "")))
        }
    }

    @Test("pausing holds back what TLS has already read")
    func pausing() async throws {
        let tls = try TLSServer()
        let server = try FakeServer()
        let socket = try TestSocket(server, .tls, options: Self.options(.anybody))
        let peer = try await server.run { server in
            guard let peer = try tls.accept(server.accept()) else { throw FakeServer.Failure(description: "no TLS") }
            return peer
        }
        #expect(await socket.next() == .open)
        await socket.onLoop { $0.pauseReading() }
        async let script: Void = server.run { _ in
            for _ in 0..<40 { peer.write(framed([UInt8](repeating: 3, count: 16_000))) }
        }
        for _ in 0..<10 { await socket.onLoop { #expect($0.isReadingPaused) } }
        await socket.onLoop { $0.resumeReading() }
        #expect(await socket.bodies(40).count == 40)
        try await script
        await socket.onLoop { $0.close() }
        #expect(peer.read(1) == [])
    }

    @Test("a certificate for another host, or of an authority that is not trusted, is refused")
    func refused() async throws {
        let stranger = try TLSServer(subjectAltName: "DNS:other.example,IP:127.0.0.2")
        let tls = try TLSServer()
        for (shown, trust) in [
            (stranger, .file(stranger.certificateFile)), (stranger, .file(tls.certificateFile)), (tls, .system),
        ] as [(TLSServer, TLSClientContext.Trust)] {
            let server = try FakeServer()
            let socket = try TestSocket(server, .tls, options: Self.options(trust))
            async let isSecured = server.run { try shown.accept($0.accept()) != nil }
            guard case .closed(.certificateRefused)? = await socket.next() else {
                Issue.record("trusted \(trust)")
                continue
            }
            #expect(try await isSecured == false)
        }
    }

    @Test("whoever trusts anybody connects; a relay without TLS is an error")
    func anybody() async throws {
        let stranger = try TLSServer(subjectAltName: "DNS:other.example")
        let server = try FakeServer()
        let socket = try TestSocket(server, .tls, options: Self.options(.anybody))
        async let script: Void = server.run { server in
            _ = try stranger.accept(server.accept())?.read(1)
            _ = try server.accept().write(Array("not TLS at all".utf8))
        }
        #expect(await socket.next() == .open)
        await socket.onLoop { $0.close() }
        #expect(await socket.next() == .closed(.closedLocally))
        let other = try TestSocket(server, .tls, options: Self.options(.anybody))
        guard case .closed(.tls)? = await other.next() else {
            Issue.record("took it for TLS")
            return
        }
        try await script
    }
}
