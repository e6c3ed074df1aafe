import CLinux
import Glibc

/// Finds the addresses of names: `getaddrinfo` waits, so it runs on a thread of its own. Confined to a loop.
///
/// Who asks for a name that is being looked up already waits for the same answer.
final class Resolver {
    typealias Answer = Result<[SocketAddress], TransportError>

    private struct Query: Hashable {
        let host: String
        let port: UInt16
    }

    private let mailbox: LoopMailbox
    private var waiting: [Query: [(Answer) -> Void]] = [:]

    init(_ mailbox: LoopMailbox) { self.mailbox = mailbox }

    /// Calls `body` with the addresses of `host`, at least one, on the loop's thread: never before this returns.
    func resolve(_ host: String, port: UInt16, _ body: @escaping (Answer) -> Void) {
        let query = Query(host: host, port: port)
        waiting[query, default: []].append(body)
        guard waiting[query]?.count == 1 else { return }
        let lookUp = LookUp(host: host, port: port) { [mailbox] answer in
            mailbox.enqueue { loop in loop.resolver.finish(query, answer) }
        }
        lookUp.start()
    }

    private func finish(_ query: Query, _ answer: Answer) {
        for body in waiting.removeValue(forKey: query) ?? [] { body(answer) }
    }
}

/// One call of `getaddrinfo`.
private final class LookUp: Sendable {
    private let host: String
    private let port: UInt16
    private let tell: @Sendable (Resolver.Answer) -> Void

    init(host: String, port: UInt16, tell: @escaping @Sendable (Resolver.Answer) -> Void) {
        self.host = host
        self.port = port
        self.tell = tell
    }

    func start() {
        var thread = pthread_t()
        let argument = unsafe Unmanaged.passRetained(self).toOpaque()
        let code = unsafe pthread_create(
            &thread, nil,
            { argument in
                guard let argument = unsafe argument else { preconditionFailure("the thread was given its look-up") }
                unsafe Unmanaged<LookUp>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, argument)
        if code == 0 {
            pthread_detach(thread)
        } else {
            unsafe Unmanaged<LookUp>.fromOpaque(argument).release()
            tell(.failure(.system(call: "pthread_create", code: code)))
        }
    }

    private func run() {
        var hints = unsafe addrinfo()
        unsafe hints.ai_family = AF_UNSPEC
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = unsafe getaddrinfo(host, String(port), &hints, &list)
        defer { if let list = unsafe list { unsafe freeaddrinfo(list) } }
        guard code == 0 else {
            let reason = unsafe gai_strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
            return tell(.failure(.nameUnresolved(host: host, reason: reason)))
        }
        var addresses: [SocketAddress] = []
        var next = unsafe list
        while let info = unsafe next {
            if let address = unsafe SocketAddress(info.pointee) { addresses.append(address) }
            unsafe next = info.pointee.ai_next
        }
        tell(
            addresses.isEmpty
                ? .failure(.nameUnresolved(host: host, reason: "none of IPv4 or IPv6")) : .success(addresses))
    }
}
