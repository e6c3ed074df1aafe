import Glibc

/// A server on a loopback port of its own, for tests that play the relay's side byte by byte.
///
/// Its calls wait, so they belong on threads of their own: `run` makes one.
public final class FakeServer: Sendable {
    public struct Failure: Error, CustomStringConvertible {
        public let description: String
        public init(description: String) { self.description = description }
    }

    private let listener: Int32
    public let port: UInt16

    public init() throws {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var byteCount = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = listener
        let isListening = withUnsafeMutablePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, byteCount) == 0 && listen(descriptor, 64) == 0
                    && getsockname(descriptor, $0, &byteCount) == 0
            }
        }
        guard isListening else { throw Failure(description: "no loopback port: errno \(errno)") }
        port = UInt16(bigEndian: address.sin_port)
    }

    deinit { close(listener) }

    /// Waits for the next connection.
    public func accept() throws -> FakePeer {
        let descriptor = Glibc.accept(listener, nil, nil)
        guard descriptor >= 0 else { throw Failure(description: "accept: errno \(errno)") }
        return FakePeer(descriptor)
    }

    /// Ends the waiting of `accept`, which then throws.
    public func stop() { _ = shutdown(listener, Int32(SHUT_RDWR)) }

    /// Runs `script` on a thread of its own and waits for its end without holding up other tasks.
    public func run<Value: Sendable>(_ script: @escaping @Sendable (FakeServer) throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            startThread { continuation.resume(with: Result { try script(self) }) }
        }
    }
}

/// One end of a connection. Its calls wait.
public final class FakePeer: Sendable {
    public let descriptor: Int32

    init(_ descriptor: Int32) {
        self.descriptor = descriptor
        // Answers leave at once.
        var isOn: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &isOn, socklen_t(MemoryLayout<Int32>.size))
        // A test that hangs is worse than one that fails.
        var limit = timeval(tv_sec: 30, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    /// The other side: connects to a loopback port.
    public convenience init(connectingTo port: UInt16) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        address.sin_port = port.bigEndian
        let code = withUnsafePointer(to: address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0 else {
            let reason = errno
            close(descriptor)
            throw FakeServer.Failure(description: "connect: errno \(reason)")
        }
        self.init(descriptor)
    }

    deinit { close(descriptor) }

    /// The next bytes, at most `count`; none at the end.
    public func readSome(_ count: Int = 65_536) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let received = recv(descriptor, &bytes, count, 0)
        guard received >= 0 else { throw FakeServer.Failure(description: "recv: errno \(errno)") }
        return Array(bytes[..<received])
    }

    /// The next `count` bytes.
    public func read(_ count: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            let piece = try readSome(count - bytes.count)
            guard !piece.isEmpty else { throw FakeServer.Failure(description: "the client closed") }
            bytes += piece
        }
        return bytes
    }

    /// Bytes up to the first empty line.
    public func readHead() throws -> String {
        var bytes: [UInt8] = []
        while !bytes.suffix(4).elementsEqual(Array("\r\n\r\n".utf8)) { bytes += try read(1) }
        return String(decoding: bytes, as: UTF8.self)
    }

    public func write(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count >= 0 else { throw FakeServer.Failure(description: "send: errno \(errno)") }
            sent += count
        }
    }

    /// Reads until the client closes its side.
    public func readToEnd() throws -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            let piece = try readSome()
            if piece.isEmpty { return bytes }
            bytes += piece
        }
    }

    public func shutDown() { _ = shutdown(descriptor, Int32(SHUT_RDWR)) }
}

/// Runs `body` on a thread of its own, where it may wait.
public func startThread(_ body: @escaping @Sendable () -> Void) {
    final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    let code = pthread_create(
        &thread, nil,
        { argument in
            guard let argument else { return nil }
            Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body()
            return nil
        }, Unmanaged.passRetained(Box(body)).toOpaque())
    precondition(code == 0, "a thread for a test")
    pthread_detach(thread)
}

extension FakePeer {
    /// The IPv4 address that the client connects from.
    public var remoteHost: String {
        var address = sockaddr_in()
        var byteCount = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(descriptor, $0, &byteCount) }
        }
        let bits = UInt32(bigEndian: address.sin_addr.s_addr)
        return (0..<4).map { String(bits >> (24 - 8 * $0) & 0xff) }.joined(separator: ".")
    }
}
