import ClientTransport
import MLSCrypto
import RelayWire
import TLSPresentation

/// One connection of a client: the socket, and the session on it. Confined to the client's loop.
final class Link {
    /// What the client hears, in batches: whatever one read gave.
    enum Event: Sendable {
        case ready(Ready, Limits, serverName: [UInt8])
        case goAway(GoAway)
        case answer(RequestID, Frame)
        case entry(ReceivedEntry)
        case receipts(Receipts)
    }

    /// Tells this connection from the client's others.
    let number: Int
    private weak var client: RelayConnection?
    private let identity: ConnectionIdentity
    private let registration: Registration?
    private let expectedServerName: [UInt8]?
    private var socket: ClientSocket?
    private var session = Session()
    private var serverName: [UInt8] = []
    private var failure: RelayConnectionError?
    /// When something last came.
    private(set) var lastReceived: ContinuousClock.Instant

    init(
        _ loop: ClientLoop, number: Int, url: RelayURL, identity: ConnectionIdentity,
        _ configuration: RelayConnectionConfiguration, client: RelayConnection
    ) {
        self.number = number
        self.client = client
        self.identity = identity
        registration = configuration.registration
        expectedServerName = configuration.expectedServerName
        lastReceived = loop.now
        let socket = ClientSocket(loop, url: url, options: configuration.socket, delegate: self)
        self.socket = socket
        socket.connect()
    }

    var isReady: Bool { session.state == .ready && failure == nil }

    /// - Returns: false where it cannot be sent now.
    func send(_ frame: [UInt8]) -> Bool { socket?.send(frame) ?? false }

    /// Ends the connection at once; the client hears `error`.
    func fail(_ error: RelayConnectionError) {
        if failure == nil { failure = error }
        socket?.abort()
    }

    /// Ends the connection after what was sent; the client hears `error`.
    func close(_ error: RelayConnectionError) {
        if failure == nil { failure = error }
        socket?.close()
    }

    // MARK: Frames

    /// Reads `body`, and appends what the client has to hear of it.
    private func take(_ body: RawSpan, _ events: inout [Event]) throws(DecodingError) {
        var reader = Reader(body)
        let header = try FrameHeader(from: &reader)
        // What a later version of the protocol sends is not for this one.
        guard let type = FrameType(rawValue: header.type) else { return }
        if type == .entry || type == .entryDigest {
            guard session.state == .ready, header.requestID == .none else {
                throw DecodingError(.invalidField("entry"), at: 0)
            }
            let entry: ReceivedEntry =
                type == .entry ? .entry(try Entry(from: &reader)) : .digest(try EntryDigest(from: &reader))
            try reader.expectEnd()
            return events.append(.entry(entry))
        }
        let (id, frame) = try Frame.decode(body)
        switch session.receive(id, frame) {
        case .authenticate(let challenge, let id): authenticate(challenge, id)
        case .becomeReady(let ready, let limits):
            if let socket {
                socket.maxMessageByteCount = min(socket.maxMessageByteCount, Int(limits.maxFrameByteCount))
            }
            events.append(.ready(ready, limits, serverName: serverName))
        // A full output means that the relay does not read: it does not wait for this answer either.
        case .answerPing(let data): _ = send(Pong(data: data).frame(.none))
        case .goAway(let goAway): events.append(.goAway(goAway))
        case .deliver(let id, let frame): events.append(.answer(id, frame))
        case .receipts(let receipts): events.append(.receipts(receipts))
        case .fail(let error): fail(error)
        }
    }

    private func authenticate(_ challenge: Challenge, _ id: RequestID) {
        if let expectedServerName, expectedServerName != challenge.serverName {
            return fail(RelayConnectionError(.serverNameDiffers, "the relay has another name than expected"))
        }
        serverName = challenge.serverName
        do throws(CryptoError) {
            _ = send(try proof(for: challenge, id))
        } catch {
            fail(RelayConnectionError(.identityUnusable, "\(error)"))
        }
    }

    /// The frame that says who this is, and shows it.
    private func proof(for challenge: Challenge, _ id: RequestID) throws(CryptoError) -> [UInt8] {
        let identity = self.identity.identity
        guard let registration else {
            let signature = try sign(
                AuthenticationTBS(challenge: challenge, purpose: .authenticate, identity: identity))
            return Authenticate(identity: identity, signature: signature).frame(id)
        }
        let (name, admission) = (registration.clientName, registration.admission)
        let signature = try sign(
            AuthenticationTBS(
                challenge: challenge, purpose: .register, identity: identity, clientName: name, admission: admission))
        return Register(identity: identity, clientName: name, admission: admission, signature: signature).frame(id)
    }

    private func sign(_ content: AuthenticationTBS) throws(CryptoError) -> [UInt8] {
        let bytes = content.encoded
        return try identity.key.signWithLabel(
            AuthenticationTBS.label, content: bytes.rawSpan, prefix: SignatureLabel.prefix)
    }
}

extension Link: ClientSocketDelegate {
    func socketDidOpen(_ socket: ClientSocket) {
        lastReceived = socket.loop.now
        _ = send(session.hello())
    }

    func socket(_ socket: ClientSocket, didReceive frames: inout ReceivedFrames) {
        lastReceived = socket.loop.now
        var events: [Event] = []
        do throws(DecodingError) {
            while failure == nil, let body = frames.next() { try take(body, &events) }
        } catch {
            fail(RelayConnectionError(.protocolViolation, "\(error)"))
        }
        guard !events.isEmpty else { return }
        client?.assumeIsolated { [number] client in client.receive(events, from: number) }
    }

    func socketDidReceiveControl(_ socket: ClientSocket) { lastReceived = socket.loop.now }

    func socketDidDrain(_ socket: ClientSocket) {
        client?.assumeIsolated { [number] client in client.didDrain(number) }
    }

    func socket(_ socket: ClientSocket, didClose reason: TransportError) {
        let error = failure ?? RelayConnectionError(reason, wasReady: session.state == .ready)
        self.socket = nil
        client?.assumeIsolated { [number] client in client.didClose(number, error) }
    }
}
