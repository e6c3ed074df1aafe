import RelayWire
import Synchronization
import TLSPresentation
import TestSupport

@testable import ClientTransport

/// What a delegate heard, in order.
enum Heard: Equatable, Sendable {
    case open
    /// The bodies of one call.
    case frames([[UInt8]])
    case control
    case drained
    case closed(TransportError)
}

/// A socket on a loop of its own, with everything its delegate hears as a stream.
final class TestSocket: @unchecked Sendable {
    // Sendable because `socket` and `onFrames` are touched on the loop's thread alone.
    private var socket: ClientSocket?
    private var onFrames: ((ClientSocket) -> Void)?
    let mailbox: LoopMailbox
    private let continuation: AsyncStream<Heard>.Continuation
    private let heard: Mutex<AsyncStream<Heard>.Iterator>

    init(
        _ url: RelayURL, options: ConnectOptions = ConnectOptions(),
        onFrames: (@Sendable (ClientSocket) -> Void)? = nil
    ) throws {
        let (stream, continuation) = AsyncStream.makeStream(of: Heard.self)
        self.continuation = continuation
        heard = Mutex(stream.makeAsyncIterator())
        mailbox = try ClientLoop.startThread(named: "test-loop")
        self.onFrames = onFrames
        mailbox.enqueue { [self] loop in
            let socket = ClientSocket(loop, url: url, options: options, delegate: self)
            self.socket = socket
            socket.connect()
        }
    }

    deinit { mailbox.stop() }

    convenience init(_ server: FakeServer, _ scheme: RelayURL.Scheme, options: ConnectOptions = ConnectOptions()) throws
    {
        try self.init(RelayURL(scheme: scheme, host: "127.0.0.1", port: server.port), options: options)
    }

    /// The next thing heard.
    func next() async -> Heard? {
        // One task at a time asks; the iterator is a reference to the stream's buffer.
        var iterator = heard.withLock { $0 }
        return await iterator.next(isolation: nil)
    }

    /// Bodies of the frames heard from now on, until there are `count` of them.
    func bodies(_ count: Int) async -> [[UInt8]] {
        var bodies: [[UInt8]] = []
        while bodies.count < count, case .frames(let more)? = await next() { bodies += more }
        return bodies
    }

    /// Runs `body` with the socket on its thread.
    @discardableResult
    func onLoop<Value: Sendable>(_ body: @escaping @Sendable (ClientSocket) -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            mailbox.enqueue { [self] _ in
                guard let socket else { preconditionFailure("a test's socket lives as long as the test") }
                continuation.resume(returning: body(socket))
            }
        }
    }
}

extension TestSocket: ClientSocketDelegate {
    func socketDidOpen(_ socket: ClientSocket) { continuation.yield(.open) }
    func socket(_ socket: ClientSocket, didReceive frames: inout ReceivedFrames) {
        var bodies: [[UInt8]] = []
        while let body = frames.next() { bodies.append([UInt8](body)) }
        continuation.yield(.frames(bodies))
        onFrames?(socket)
    }
    func socketDidDrain(_ socket: ClientSocket) { continuation.yield(.drained) }
    func socketDidReceiveControl(_ socket: ClientSocket) { continuation.yield(.control) }
    func socket(_ socket: ClientSocket, didClose reason: TransportError) {
        continuation.yield(.closed(reason))
        continuation.finish()
        self.socket = nil
    }
}

extension FakePeer {
    /// Answers the WebSocket handshake as a relay does.
    func upgrade() throws {
        let head = try readHead()
        let line = head.split(separator: "\r\n").first { $0.hasPrefix("Sec-WebSocket-Key: ") }
        guard let key = line?.dropFirst("Sec-WebSocket-Key: ".count) else {
            throw FakeServer.Failure(description: "no key")
        }
        let accept = WebSocketHandshake(key: String(key)).expectedAccept
        try write(
            Array(
                """
                HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                Sec-WebSocket-Accept: \(accept)\r\nSec-WebSocket-Protocol: mlsrelay.v1\r\n\r\n
                """.utf8))
    }

    /// The next frame of the client.
    func readClientFrame() throws -> ClientFrame {
        var bytes: [UInt8] = []
        while true {
            bytes += try read(1)
            if let (frame, _) = ClientFrame.first(bytes[...]) { return frame }
        }
    }
}

/// A frame with this body.
func framed(_ body: [UInt8]) -> [UInt8] {
    var writer = Writer()
    writer.opaque(body)
    return writer.bytes
}
