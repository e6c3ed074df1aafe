import ClientTransport
import MLSCrypto
import RelayWire
import TLSPresentation
import TestSupport
import Testing

@testable import RelayConnection

@Suite("RelayConnection: the session", .timeLimit(.minutes(1)))
struct SessionTests {
    @Test("the signature verifies, to register and to authenticate, with each scheme", arguments: [true, false])
    func signs(registers: Bool) async throws {
        for scheme in [SignatureScheme.ed25519, .ecdsaSecp256r1SHA256] {
            let relay = try FakeRelay()
            let identity = try ConnectionIdentity.generate(name: "alice ü", scheme: scheme)
            let client = try relay.client(identity) { $0.registers = registers }
            async let connected: Void = client.connect()
            let peer = try await relay.accept()
            let (id, proof) = try await peer.greet()
            #expect(proof.purpose == (registers ? .register : .authenticate) && proof.identity == identity.identity)
            try peer.send(Ready(client: ClientNumber(rawValue: 7), time: Timestamp(rawValue: 1)), id)
            try await connected
            #expect(await client.state == .ready(ClientNumber(rawValue: 7)))
            #expect(await client.clientNumber == ClientNumber(rawValue: 7))
            await client.close()
            #expect(await peer.next() == nil)
        }
    }

    @Test(
        "the client's name and why it may register are told and signed, on each connection",
        arguments: [
            Admission.open, .token([1, 2, 3]),
            .client(ClientNumber(rawValue: 5), notAfter: Timestamp(rawValue: 9), signature: [4]),
        ])
    func registration(admission: Admission) async throws {
        let relay = try FakeRelay()
        let name = Array("laptop ü".utf8)
        let client = try relay.client {
            $0.registration = Registration(clientName: name, admission: admission)
        }
        async let connected: Void = client.connect()
        for _ in 0..<2 {
            let peer = try await relay.accept()
            let (id, proof) = try await peer.greet()
            #expect(proof.purpose == .register && proof.clientName == name && proof.admission == admission)
            try peer.send(Ready(client: ClientNumber(rawValue: 7), time: Timestamp(rawValue: 1)), id)
            peer.close()
        }
        try await connected
        await client.close()
    }

    @Test("the relay's name is told, and may have to be a certain one")
    func serverName() async throws {
        let relay = try FakeRelay()
        let client = try relay.client { $0.expectedServerName = Array("test".utf8) }
        #expect(await client.serverName == nil)
        async let connected: Void = client.connect()
        _ = try await relay.acceptReady()
        try await connected
        #expect(await client.serverName == Array("test".utf8))
        await client.close()
    }

    @Test("a relay of another name than expected gets no signature, and ends the client")
    func otherServerName() async throws {
        let relay = try FakeRelay()
        let client = try relay.client { $0.expectedServerName = Array("other".utf8) }
        async let error = relayClientError { try await client.connect() }
        let peer = try await relay.accept()
        let (id, _) = try await peer.require(Hello.self)
        let nonce = randomBytes(WireLimits.nonceByteCount)
        let challenge = Challenge(version: .v1, serverName: Array("test".utf8), nonce: nonce, limits: FakeRelay.limits)
        try peer.send(challenge, id)
        #expect(await peer.next() == nil)
        #expect(await error?.code == .serverNameDiffers)
        guard case .ended(let ending) = await client.state else {
            Issue.record("not ended")
            return
        }
        #expect(ending.code == .serverNameDiffers)
    }

    @Test("Receipts that are pushed are all told to everybody who wants them, also where nobody reads yet")
    func receipts() async throws {
        let relay = try FakeRelay()
        let (client, peer) = try await relay.connected()
        let streams = [await client.receipts(), await client.receipts()]
        let pushed = (1...1000).map { number in
            let position = SequenceNumber(rawValue: UInt64(number))
            return Receipts(
                log: LogNumber(rawValue: 42), positions: [], deliveredByAll: position, acknowledgedByAll: .zero)
        }
        for receipts in pushed { try peer.send(receipts) }
        // What answers a request is not told here.
        async let answer = client.ask(
            FollowReceipts(log: LogNumber(rawValue: 42), follow: true), for: Receipts.self, isRepeatable: true)
        try await peer.send(pushed[0], peer.require(FollowReceipts.self).id)
        #expect(try await answer == pushed[0])
        await client.close()
        for stream in streams {
            let told = await stream.reduce(into: []) { $0.append($1) }
            #expect(told == pushed)
        }
        var late = await client.receipts().makeAsyncIterator()
        #expect(await late.next() == nil)
    }

    @Test(
        "what cannot be mended ends the client, for everybody",
        arguments: [
            ErrorCode.authenticationFailed, .identityTaken, .identityUnknown, .nameInvalid, .admissionRequired,
            .admissionInvalid, .clientRevoked, .userSuspended, .keyInUse, .credentialInvalid,
        ])
    func fatal(code: ErrorCode) async throws {
        let relay = try FakeRelay()
        let client = try relay.client()
        async let first = relayClientError { try await client.connect() }
        let peer = try await relay.accept()
        let greeted = try await peer.greet()
        // Somebody who asks while the connection is being made waits for it, and hears the same.
        async let second = relayClientError { _ = try await client.countKeyPackages() }
        while await !client.hasWaitingRequests {}
        try peer.send(RelayError(code, "no"), greeted.id)
        #expect(await first?.code == .relay(code))
        #expect(await second?.code == .relay(code))
        #expect(await relayClientError { _ = try await client.connect() }?.code == .relay(code))
        #expect(await relayClientError { _ = try await client.publish([[1]]) }?.relayError?.code == code)
    }

    @Test("a version that the relay does not speak is fatal, and says which it does")
    func version() async throws {
        let relay = try FakeRelay()
        let client = try relay.client()
        async let error = relayClientError { try await client.connect() }
        let peer = try await relay.accept()
        let (id, _) = try await peer.require(Hello.self)
        let detail = VersionDetail(lowest: ProtocolVersion(rawValue: 2), highest: ProtocolVersion(rawValue: 3))
        try peer.send(RelayError(.versionUnsupported, "no", detail: detail.encoded), id)
        #expect(await error?.versionDetail == detail)
    }

    @Test("a first connection that fails is told at once, and can be tried again")
    func firstFails() async throws {
        let relay = try FakeRelay()
        let client = try relay.client()
        async let error = relayClientError { try await client.connect() }
        try await relay.accept().close()
        #expect(await error?.code == .connectionFailed)
        #expect(await client.state == .idle)
        #expect(await relayClientError { _ = try await client.ping() }?.code == .notConnected)
        async let connected: Void = client.connect()
        let peer = try await relay.acceptReady()
        try await connected
        peer.close()
    }

    @Test("a fatal error on a later connection ends what waits")
    func fatalLater() async throws {
        let relay = try FakeRelay()
        let (client, peer) = try await relay.connected()
        var log = FakeLog()
        async let followed = client.subscribe(to: .group([1, 2, 3]))
        try await peer.follow(log)
        let subscription = try await followed
        try peer.send(log.append(1))
        var iterator = subscription.makeAsyncIterator()
        #expect(try await iterator.next()?.entry == log.entries[0])
        async let published = relayClientError { _ = try await client.publish([[1]]) }
        _ = try await peer.require(Publish.self)
        peer.close()
        let second = try await relay.accept()
        let greeted = try await second.greet()
        try second.send(RelayError(.identityUnknown, "who?"), greeted.id)
        #expect(await published?.code == .relay(.identityUnknown))
        await #expect(throws: RelayConnectionError(RelayError(.identityUnknown, ""))) { _ = try await iterator.next() }
        guard case .ended(let error) = await client.state else {
            Issue.record("not ended")
            return
        }
        #expect(error.code == .relay(.identityUnknown))
    }

    @Test("a relay's Ping is answered; what is unknown is passed over")
    func pong() async throws {
        let relay = try FakeRelay()
        let (client, peer) = try await relay.connected()
        try peer.send(raw: [6, 200, 0, 0, 0, 0, 1])
        try peer.send(Ping(data: [1, 2, 3]))
        let (id, pong) = try await peer.require(Pong.self)
        #expect(id == .none && pong.data == [1, 2, 3])
        await client.close()
    }

    @Test("a relay that goes silent is asked whether it is there, again and again for as long as it answers")
    func asked() async throws {
        let relay = try FakeRelay()
        let (client, peer) = try await relay.connected { $0.pingInterval = .milliseconds(10) }
        for _ in 0..<3 { try await peer.send(Pong(data: []), peer.require(Ping.self).id) }
        await client.close()
    }

    @Test("a relay that does not answer that is given up, and connected to again")
    func silence() async throws {
        let relay = try FakeRelay()
        let (client, peer) = try await relay.connected {
            $0.pingInterval = .milliseconds(10)
            $0.pingTimeout = .milliseconds(10)
        }
        _ = try await peer.require(Ping.self)
        #expect(await peer.next() == nil)
        _ = try await relay.accept()
        await client.close()
    }

    @Test(
        "frames that do not belong where they come end the connection, which comes back",
        arguments: [
            Done().frame(.none), Hello(versions: [.v1]).frame(.none), [0x01, 0x00],
            Ready(client: .relay, time: Timestamp(rawValue: 0)).frame(.none),
        ])
    func violation(bytes: [UInt8]) async throws {
        let relay = try FakeRelay()
        let (client, peer) = try await relay.connected()
        try peer.send(raw: bytes)
        if bytes != Done().frame(.none) {
            #expect(await peer.next() == nil)
            _ = try await relay.acceptReady()
        }
        await client.close()
    }

    @Test("who lets go of a client closes its connection")
    func deinitialised() async throws {
        let relay = try FakeRelay()
        let peer: RelayPeer
        do { (_, peer) = try await relay.connected() }
        #expect(await peer.next() == nil)
    }

    @Test("whoever watches sees the client come, go and end")
    func states() async throws {
        let relay = try FakeRelay()
        let client = try relay.client()
        var states = await client.states().makeAsyncIterator()
        async let connected: Void = client.connect()
        let peer = try await relay.acceptReady()
        try await connected
        let number = ClientNumber(rawValue: 7)
        for expected in [RelayConnection.State.idle, .connecting, .ready(number)] {
            #expect(await states.next() == expected)
        }
        peer.close()
        guard case .waiting(_, let error)? = await states.next() else {
            Issue.record("not waiting")
            return
        }
        #expect(error.code == .connectionLost)
        #expect(await states.next() == .connecting)
        try await relay.acceptReady().close()
        #expect(await states.next() == .ready(number))
        await client.close()
        var last: RelayConnection.State?
        while let state = await states.next() { last = state }
        #expect(last == .ended(RelayConnectionError(.closed, "")))
    }

    @Test("close ends requests and iterations")
    func close() async throws {
        let relay = try FakeRelay()
        let (client, peer) = try await relay.connected()
        async let followed = client.subscribe(to: .inbox)
        try await peer.follow(FakeLog(.inbox(of: ClientNumber(rawValue: 7))))
        let subscription = try await followed
        async let entries = subscription.reduce(into: 0) { count, _ in count += 1 }
        async let error = relayClientError { _ = try await client.countKeyPackages() }
        _ = try await peer.require(CountKeyPackages.self)
        await client.close()
        #expect(await error?.code == .closed)
        #expect(try await entries == 0)
        #expect(await relayClientError { try await client.connect() }?.code == .closed)
    }
}
