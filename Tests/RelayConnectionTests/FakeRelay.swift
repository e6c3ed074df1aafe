import ClientTransport
import MLSCrypto
import RelayWire
import Synchronization
import TLSPresentation
import TestSupport
import Testing

@testable import RelayConnection

/// A relay that does what the test says, frame by frame, on raw TCP.
final class FakeRelay: Sendable {
    static let limits = Limits(
        maxFrameByteCount: 1 << 20, maxMessageByteCount: 1 << 18, maxMessagesPerPublish: 256,
        maxRequestsInFlight: 1024, maxSubscriptions: 20_000, idleTimeoutMilliseconds: 60_000)

    private let server: FakeServer

    init() throws { server = try FakeServer() }

    var url: RelayURL { RelayURL(scheme: .tcp, host: "127.0.0.1", port: server.port) }

    /// The next connection.
    func accept() async throws -> RelayPeer { RelayPeer(try await server.run { try $0.accept() }) }

    /// The next connection, made ready for client number 7.
    func acceptReady(_ limits: Limits = limits) async throws -> RelayPeer {
        let peer = try await accept()
        try await peer.makeReady(limits)
        return peer
    }

    /// A client of this relay that comes back quickly.
    func client(
        _ identity: ConnectionIdentity? = nil, _ change: (inout RelayConnectionConfiguration) -> Void = { _ in }
    ) throws -> RelayConnection {
        var configuration = RelayConnectionConfiguration()
        configuration.backoff = Backoff(initial: .milliseconds(2), maximum: .milliseconds(20))
        change(&configuration)
        return try RelayConnection(
            url: url, identity: identity ?? ConnectionIdentity.generate(name: "alice"), configuration: configuration)
    }

    /// A client that is connected, and the relay's end of its connection.
    func connected(
        _ limits: Limits = limits, _ change: (inout RelayConnectionConfiguration) -> Void = { _ in }
    ) async throws -> (RelayConnection, RelayPeer) {
        let client = try client(nil, change)
        async let peer = acceptReady(limits)
        try await client.connect()
        return (client, try await peer)
    }
}

/// The relay's end of one connection.
final class RelayPeer: Sendable {
    struct Received: Sendable {
        let id: RequestID
        let frame: Frame
    }

    private let peer: FakePeer
    private let frames: Mutex<AsyncStream<Received>.Iterator>

    init(_ peer: FakePeer) {
        self.peer = peer
        let (stream, continuation) = AsyncStream.makeStream(of: Received.self)
        frames = Mutex(stream.makeAsyncIterator())
        startThread {
            var bytes: [UInt8] = []
            // An end of any kind ends the stream.
            while let piece = try? peer.readSome(), !piece.isEmpty {
                bytes += piece
                bytes.removeFirst(Self.forEachFrame(bytes) { continuation.yield($0) })
            }
            // As a relay does.
            peer.shutDown()
            continuation.finish()
        }
    }

    /// Calls `body` with each whole frame of `bytes`; returns how many bytes they have.
    private static func forEachFrame(_ bytes: [UInt8], _ body: (Received) -> Void) -> Int {
        var start = 0
        let span = bytes.rawSpan
        do {
            while case .frame(let range) = try FrameSplitter.step(span, from: start, maxByteCount: 1 << 24) {
                let (id, frame) = try Frame.decode(span.extracting(range))
                body(Received(id: id, frame: frame))
                start = range.upperBound
            }
        } catch {
            Issue.record("the client sent what is no frame: \(error)")
        }
        return start
    }

    /// The client's next frame; nil once it has closed.
    func next() async -> Received? {
        // One task at a time asks; the iterator is a reference to the stream's buffer.
        var iterator = frames.withLock { $0 }
        return await iterator.next(isolation: nil)
    }

    /// The next frame, which has to be there.
    func require() async throws -> Received { try #require(await next(), "the client closed the connection") }

    /// The next frame, which has to be a `Body`.
    func require<Body: FrameBody>(_ type: Body.Type) async throws -> (id: RequestID, body: Body) {
        let received = try await require()
        return (received.id, try #require(received.frame.body as? Body, "got \(received.frame)"))
    }

    func send(_ body: some FrameBody, _ id: RequestID = .none) throws { try peer.write(body.frame(id)) }

    func send(raw bytes: [UInt8]) throws { try peer.write(bytes) }

    func send(_ entries: [Entry]) throws { try peer.write(entries.flatMap { EntryFrame($0).frame(.none) }) }

    func close() { peer.shutDown() }

    /// Greets the client and checks what it signs.
    func greet(_ limits: Limits = FakeRelay.limits) async throws -> (id: RequestID, proof: Proof) {
        let (helloID, hello) = try await require(Hello.self)
        #expect(
            hello.versions == [.v1] && helloID != .none && hello.frame(helloID).count <= WireLimits.maxHelloByteCount)
        let challenge = Challenge(
            version: .v1, serverName: Array("test".utf8), nonce: randomBytes(WireLimits.nonceByteCount), limits: limits)
        try send(challenge, helloID)
        let received = try await require()
        let proof = try Proof(in: received.frame)
        let content = AuthenticationTBS(
            challenge: challenge, purpose: proof.purpose, identity: proof.identity, clientName: proof.clientName,
            admission: proof.admission
        ).encoded
        let key = try SignaturePublicKey(proof.identity.signatureKey.rawSpan, scheme: proof.identity.scheme)
        let isValid = key.verifyWithLabel(
            AuthenticationTBS.label, content: content.rawSpan, signature: proof.signature.rawSpan,
            prefix: SignatureLabel.prefix)
        #expect(isValid)
        return (received.id, proof)
    }

    /// What a Register or an Authenticate says.
    struct Proof {
        var purpose: FrameType
        var identity: Identity
        var clientName: [UInt8] = []
        var admission = Admission.open
        var signature: [UInt8]

        init(in frame: Frame) throws {
            switch frame {
            case .register(let body):
                (purpose, identity, signature) = (.register, body.identity, body.signature)
                (clientName, admission) = (body.clientName, body.admission)
            case .authenticate(let body):
                (purpose, identity, signature) = (.authenticate, body.identity, body.signature)
            default: throw FakeServer.Failure(description: "no signature but \(frame)")
            }
        }
    }

    func makeReady(_ limits: Limits = FakeRelay.limits) async throws {
        let (id, _) = try await greet(limits)
        try send(Ready(client: ClientNumber(rawValue: 7), time: Timestamp(rawValue: 1)), id)
    }

    /// Answers the next frame, a Subscribe of one log, with where `log` stands.
    @discardableResult
    func follow(_ log: FakeLog) async throws -> Subscription {
        let (id, subscribe) = try await require(Subscribe.self)
        let subscription = try #require(subscribe.subscriptions.first)
        try send(Subscribed(results: [log.result(after: subscription.after)]), id)
        return subscription
    }
}

/// A log with a chain that holds.
struct FakeLog {
    let name: LogName
    let number: LogNumber
    private(set) var entries: [Entry] = []
    private var chains: [SHA256Digest]

    init(_ name: LogName = .group([1, 2, 3]), number: UInt64 = 42) {
        self.name = name
        self.number = LogNumber(rawValue: number)
        var chain = Chain()
        chains = [chain.start(of: name)]
    }

    /// Appends `count` entries and returns them.
    @discardableResult
    mutating func append(_ count: Int) -> [Entry] {
        var chain = Chain()
        for _ in 0..<count {
            let header = EntryHeader(
                log: number, sequenceNumber: SequenceNumber(rawValue: UInt64(entries.count + 1)),
                time: Timestamp(rawValue: UInt64(1000 + entries.count)), sender: ClientNumber(rawValue: 9),
                kind: .message)
            let payload = Array("message \(entries.count + 1)".utf8)
            let hash = chain.next(
                after: chains[entries.count], header: header, payloadHash: chain.payloadHash(payload.rawSpan))
            chains.append(hash)
            entries.append(Entry(header: header, chain: hash, payload: payload))
        }
        return Array(entries.suffix(count))
    }

    func cursor(_ index: Int) -> Cursor {
        Cursor(sequenceNumber: SequenceNumber(rawValue: UInt64(index)), chain: chains[index])
    }

    func result(after: SequenceNumber) -> SubscriptionResult {
        let index = Int(after.rawValue)
        guard index < chains.count else { return SubscriptionResult(error: .cursorAhead) }
        return SubscriptionResult(
            log: number, first: SequenceNumber(rawValue: 1), last: SequenceNumber(rawValue: UInt64(entries.count)),
            epoch: Epoch(rawValue: 0), chain: chains[index])
    }
}

/// What `body` throws, which has to be an error of the client.
func relayClientError(_ body: () async throws -> Void) async -> RelayConnectionError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? RelayConnectionError
    }
}

extension RelayConnection {
    var inFlightCount: Int { table.inFlightCount }
    var hasWaitingRequests: Bool { table.hasWaiting }
    var followedLogCount: Int { followers.count }
}
