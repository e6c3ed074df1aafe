import Glibc
import MLSCodec
import MLSCrypto
import RelayWire
import TLSPresentation
import TestSupport
import WebSocketFraming

/// A client that a test drives frame by frame, over WebSocket or raw TCP; its calls wait.
///
/// Unlike the client library it sends whatever a test wants.
final class BlockingClient {
    let peer: FakePeer
    let isWebSocket: Bool
    private var received: [UInt8] = []
    /// How much of it was taken.
    private var taken = 0
    private var receiver = WebSocketReceiver(role: .client)
    /// The code of the relay's Close frame.
    private(set) var closeCode: UInt16?
    private(set) var challenge: Challenge?
    private var nextRequest: UInt32 = 0

    init(port: UInt16, isWebSocket: Bool, upgrade: Bool = true) throws {
        peer = try FakePeer(connectingTo: port)
        self.isWebSocket = isWebSocket
        if isWebSocket, upgrade {
            let head = try handshake(["Sec-WebSocket-Version: 13", "Sec-WebSocket-Protocol: mlsrelay.v1"])
            guard head.hasPrefix("HTTP/1.1 101 ") else { throw FakeServer.Failure(description: head) }
        }
    }

    /// Asks for a WebSocket, and returns the head of the answer.
    func handshake(_ fields: [String]) throws -> String {
        let lines =
            [
                "GET / HTTP/1.1", "Host: x", "Upgrade: websocket", "Connection: Upgrade",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            ] + fields
        try peer.write(Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8))
        return try peer.readHead()
    }

    /// A WebSocket frame as this client would send it.
    static func webSocketFrame(_ opcode: WebSocketOpcode, _ payload: [UInt8], mask: UInt32? = 0x1234_5678) -> [UInt8] {
        let header = WebSocketFrameHeader(opcode: opcode, mask: mask, payloadByteCount: payload.count)
        var bytes = [UInt8](repeating: 0, count: header.byteCount)
        bytes.withUnsafeMutableBytes { if let start = $0.baseAddress { header.write(to: start) } }
        var payload = payload
        if let mask { payload.withUnsafeMutableBytes { applyWebSocketMask(mask, to: $0) } }
        return bytes + payload
    }

    /// Sends the bytes of frames, in one WebSocket message where it is one.
    func send(_ bytes: [UInt8]) throws { try peer.write(isWebSocket ? Self.webSocketFrame(.binary, bytes) : bytes) }

    @discardableResult
    func send(_ body: some FrameBody) throws -> RequestID {
        nextRequest += 1
        let request = RequestID(rawValue: nextRequest)
        try send(body.frame(request))
        return request
    }

    /// The first of the frames that were received whole.
    private func takeFrame() throws -> (RequestID, Frame)? {
        // A reference that ends here: what is received next is not to copy what is there.
        let gathered = received
        let step = try FrameSplitter.step(gathered.rawSpan, from: taken, maxByteCount: WireLimits.maxFrameByteCount)
        guard case .frame(let body) = step else { return nil }
        taken = body.upperBound
        return try Frame.decode(gathered.rawSpan.extracting(body))
    }

    /// The next frame; nil when the relay has closed.
    func next() throws -> (RequestID, Frame)? {
        while true {
            if let frame = try takeFrame() { return frame }
            received.removeFirst(taken)
            taken = 0
            let bytes = try peer.readSome()
            if bytes.isEmpty { return nil }
            guard isWebSocket else {
                received += bytes
                continue
            }
            var position = 0
            loop: while true {
                switch try receiver.next(bytes.rawSpan, position: &position) {
                case .data(let range, _, _): received += bytes[range]
                case .close(let code, _): closeCode = code
                case .ping, .pong: break
                case .needsMore: break loop
                }
            }
        }
    }

    /// The next frame that is no Ping of the relay's; it must come.
    func expect() throws -> (RequestID, Frame) {
        while let (request, frame) = try next() {
            if case .ping(let ping) = frame, request == .none {
                try send(Pong(data: ping.data).frame(.none))
                continue
            }
            return (request, frame)
        }
        throw FakeServer.Failure(description: "the relay closed")
    }

    /// Sends a request and returns the answer to it; entries that come before are dropped.
    func request(_ body: some FrameBody) throws -> Frame {
        let request = try send(body)
        while true {
            let (answered, frame) = try expect()
            if answered == request { return frame }
        }
    }

    /// The error that ends the connection, and that it ended.
    func expectEnd() throws -> ErrorCode? {
        var last: ErrorCode?
        while let (_, frame) = try next() { if case .error(let error) = frame { last = error.code } }
        return last
    }

    // MARK: Sessions

    func hello() throws -> Challenge {
        guard case .challenge(let challenge) = try request(Hello(versions: [.v1])) else {
            throw FakeServer.Failure(description: "no challenge")
        }
        self.challenge = challenge
        return challenge
    }

    static func signature(
        _ identity: Identity, _ key: SigningKey, _ challenge: Challenge, _ purpose: FrameType
    ) throws -> [UInt8] {
        let signed = AuthenticationTBS(challenge: challenge, purpose: purpose, identity: identity).encoded
        return try key.signWithLabel(AuthenticationTBS.label, content: signed.rawSpan, prefix: SignatureLabel.prefix)
    }

    static func identity(_ name: String, _ key: SigningKey) -> Identity {
        Identity(name: Array(name.utf8), scheme: key.scheme, signatureKey: key.publicKey.bytes)
    }

    /// Registers `name`, or logs in where it is registered with this key.
    @discardableResult
    func logIn(_ name: String, key: SigningKey? = nil) throws -> ClientNumber {
        let key = try key ?? SigningKey.generate(.ed25519)
        let identity = Self.identity(name, key)
        let signature = try Self.signature(identity, key, try hello(), .register)
        guard case .ready(let ready) = try request(Register(identity: identity, signature: signature)) else {
            throw FakeServer.Failure(description: "not ready")
        }
        return ready.client
    }

    func createGroup(_ groupID: [UInt8], epoch: UInt64 = 0) throws -> LogNumber {
        guard
            case .groupCreated(let created) = try request(CreateGroup(groupID: groupID, epoch: Epoch(rawValue: epoch)))
        else { throw FakeServer.Failure(description: "no group") }
        return created.log
    }
}

/// An MLSMessage with a PrivateMessage whose ciphertext says which one it is.
func privateMessage(
    _ groupID: [UInt8], epoch: UInt64 = 0, contentType: UInt8 = 1, number: UInt64, byteCount: Int = 16
) -> [UInt8] {
    var writer = Writer()
    writer.integer(1 as UInt16)
    writer.integer(2 as UInt16)
    writer.opaque(groupID)
    writer.integer(epoch)
    writer.integer(contentType)
    writer.opaque([])
    writer.opaque([1, 2, 3])
    var ciphertext = [UInt8](repeating: 0x5a, count: max(byteCount, 8))
    ciphertext.replaceSubrange(0..<8, with: number.encoded)
    writer.opaque(ciphertext)
    return writer.bytes
}
