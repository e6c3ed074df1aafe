import Glibc
import RelayWire
import Synchronization
import TLSPresentation
import TestSupport

/// Somebody between clients and a relay, over TCP, who sees every frame and can do with it what a test says.
final class TamperingProxy: Sendable {
    enum Direction: Hashable, Sendable { case toRelay, toClient }

    /// A frame on its way.
    struct Passing: Sendable {
        /// Counts the proxy's connections, from 0 on.
        let connection: Int
        let direction: Direction
        let id: RequestID
        let frame: Frame
    }

    /// What is done instead of passing a frame on.
    enum Action: Sendable {
        /// Goes where the frame was going.
        case send(Frame, RequestID)
        /// Goes back to where it came from.
        case answer(Frame, RequestID)
        /// Nothing passes in this direction for as long.
        case wait(Duration)
        /// Ends the connection, both sides.
        case cut
    }

    /// Called on threads of the proxy, several at once; nil passes the frame on as it came.
    typealias Rule = @Sendable (Passing) -> [Action]?

    private struct State {
        var rule: Rule?
        var connections: [ProxiedConnection] = []
        var seen: [(direction: Direction, type: FrameType)] = []
        var isRefusing = false
        var isStopped = false
    }

    private let server: FakeServer
    private let relayPort: UInt16
    private let state = Mutex(State())

    init(before relay: RunningRelay) throws {
        server = try FakeServer()
        relayPort = relay.port
        startThread { [server] in
            // Ends with `stop`.
            while let client = try? server.accept() { self.take(client) }
        }
    }

    var url: String { "tcp://127.0.0.1:\(server.port)" }

    /// From here on frames pass as `rule` says; nil: as they come.
    func setRule(_ rule: Rule?) { state.withLock { $0.rule = rule } }

    /// How many frames have passed or been asked about, by type.
    func count(_ direction: Direction, _ types: Set<FrameType>? = nil) -> Int {
        state.withLock { $0.seen.count { $0.direction == direction && types?.contains($0.type) ?? true } }
    }

    /// The types of all frames in one direction, in their order.
    func types(_ direction: Direction) -> [FrameType] {
        state.withLock { $0.seen.filter { $0.direction == direction }.map(\.type) }
    }

    /// Forgets what was counted.
    func resetCounts() { state.withLock { $0.seen = [] } }

    /// Ends the connections that there are.
    func cut() {
        let connections = state.withLock { state in
            defer { state.connections = [] }
            return state.connections
        }
        for connection in connections { connection.cut() }
    }

    /// Ends connections and takes no more, or takes them again.
    func setRefusing(_ isRefusing: Bool) {
        state.withLock { $0.isRefusing = isRefusing }
        if isRefusing { cut() }
    }

    /// Sends a frame nobody asked for to every client.
    func push(_ frame: Frame) {
        for connection in state.withLock({ $0.connections }) { connection.send(frame, .none, .toClient) }
    }

    func stop() {
        state.withLock { $0.isStopped = true }
        server.stop()
        cut()
    }

    private func take(_ client: FakePeer) {
        // The relay may be away: the client finds its connection closed.
        guard let relay = try? FakePeer(connectingTo: relayPort) else { return client.shutDown() }
        let connection = state.withLock { state -> ProxiedConnection? in
            if state.isStopped || state.isRefusing { return nil }
            let connection = ProxiedConnection(
                number: state.connections.count, client: client, relay: relay, proxy: self)
            state.connections.append(connection)
            return connection
        }
        guard let connection else {
            client.shutDown()
            return relay.shutDown()
        }
        connection.start()
    }

    /// What is to be done with a frame.
    func judge(_ passing: Passing) -> [Action]? {
        let rule = state.withLock { state in
            state.seen.append((passing.direction, passing.frame.type))
            return state.rule
        }
        return rule?(passing)
    }
}

/// One connection through a proxy: a socket on each side, and a thread for each direction.
final class ProxiedConnection: Sendable {
    private let number: Int
    private let client: FakePeer
    private let relay: FakePeer
    private let proxy: TamperingProxy
    /// Both threads may write to both sides.
    private let writing = Mutex(())

    init(number: Int, client: FakePeer, relay: FakePeer, proxy: TamperingProxy) {
        (self.number, self.client, self.relay, self.proxy) = (number, client, relay, proxy)
        // An idle connection is not a hanging test.
        for peer in [client, relay] {
            var limit = timeval(tv_sec: 0, tv_usec: 0)
            setsockopt(peer.descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
    }

    func start() {
        startThread { self.pass(.toRelay, from: self.client) }
        startThread { self.pass(.toClient, from: self.relay) }
    }

    func cut() {
        client.shutDown()
        relay.shutDown()
    }

    func send(_ frame: Frame, _ id: RequestID, _ direction: TamperingProxy.Direction) {
        write(frame.body.frame(id), direction)
    }

    private func write(_ bytes: [UInt8], _ direction: TamperingProxy.Direction) {
        let peer = direction == .toRelay ? relay : client
        // A side that is gone is noticed where it is read.
        writing.withLock { _ in try? peer.write(bytes) }
    }

    private func pass(_ direction: TamperingProxy.Direction, from source: FakePeer) {
        var bytes: [UInt8] = []
        // An end of any kind ends both sides.
        while let piece = try? source.readSome(), !piece.isEmpty {
            bytes += piece
            bytes.removeFirst(passFrames(bytes, direction))
        }
        cut()
    }

    /// Passes on whole frames; returns how many bytes they have.
    private func passFrames(_ bytes: [UInt8], _ direction: TamperingProxy.Direction) -> Int {
        var start = 0
        // What is no frame is not passed on: tests of that are elsewhere.
        while case .frame(let body)? = try? FrameSplitter.step(bytes.rawSpan, from: start, maxByteCount: 1 << 25) {
            pass(Array(bytes[start..<body.upperBound]), body: Array(bytes[body]), direction)
            start = body.upperBound
        }
        return start
    }

    private func pass(_ whole: [UInt8], body: [UInt8], _ direction: TamperingProxy.Direction) {
        guard let (id, frame) = try? Frame.decode(body.rawSpan) else { return write(whole, direction) }
        let passing = TamperingProxy.Passing(connection: number, direction: direction, id: id, frame: frame)
        guard let actions = proxy.judge(passing) else { return write(whole, direction) }
        for action in actions { carryOut(action, direction) }
    }

    private func carryOut(_ action: TamperingProxy.Action, _ direction: TamperingProxy.Direction) {
        switch action {
        case .send(let frame, let id): send(frame, id, direction)
        case .answer(let frame, let id): send(frame, id, direction == .toRelay ? .toClient : .toRelay)
        case .wait(let duration): usleep(UInt32(duration / .microseconds(1)))
        case .cut: cut()
        }
    }
}

extension Frame {
    /// The type that the frame's header has.
    var type: FrameType { Swift.type(of: body).type }
}
