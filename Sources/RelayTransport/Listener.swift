import Glibc

/// How frames travel on a connection. PROTOCOL.md section 2.
public enum Scheme: String, Sendable, CaseIterable {
    case ws, wss, tcp, tls

    public var isWebSocket: Bool { self == .ws || self == .wss }
    public var isEncrypted: Bool { self == .wss || self == .tls }

    /// Where a relay listens that was told no port.
    public var defaultPort: UInt16 {
        switch self {
        case .ws: 7680
        case .tcp: 7681
        case .wss: 7443
        case .tls: 7444
        }
    }
}

/// Where a relay listens: `SCHEME://HOST:PORT`, the host an IPv4 or bracketed IPv6 address, port 0 for any free one. Without a
/// port it is the scheme's own.
public struct ListenAddress: Hashable, Sendable, CustomStringConvertible {
    public var scheme: Scheme
    /// An address, without brackets.
    public var host: String
    public var port: UInt16

    public init(scheme: Scheme, host: String, port: UInt16) {
        self.scheme = scheme
        self.host = host
        self.port = port
    }

    /// - Returns: nil unless `text` is a scheme, an address and, where there is one, a port.
    public init?(_ text: String) {
        guard let separator = text.firstRange(of: "://"),
            let scheme = Scheme(rawValue: String(text[..<separator.lowerBound]))
        else { return nil }
        var host = text[separator.upperBound...]
        var port = scheme.defaultPort
        // In [::1] the last colon is the address's own.
        if let colon = host.lastIndex(of: ":"), !host[colon...].contains("]") {
            guard let number = UInt16(host[host.index(after: colon)...]) else { return nil }
            port = number
            host = host[..<colon]
        }
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        self.init(scheme: scheme, host: String(host), port: port)
        // Only asked whether it is one.
        guard (try? SocketAddress(host: self.host, port: port)) != nil else { return nil }
    }

    public var description: String { "\(scheme)://\(host.contains(":") ? "[\(host)]" : host):\(port)" }
}

/// The transport could not be set up.
public struct TransportError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Reason: Hashable, Sendable {
        /// Something else listens there.
        case addressInUse
        /// The machine has no such address.
        case addressUnavailable
        /// The operating system does not allow it, as it keeps ports below 1024 for root.
        case notPermitted
        /// The certificate or its key cannot be used.
        case certificate
        /// The operating system or libwebsockets refused; nothing that this program expects.
        case system
    }

    public var reason: Reason
    public var description: String

    init(_ description: String, reason: Reason = .system) {
        self.reason = reason
        self.description = description
    }

    init(call: String, code: Int32 = errno) {
        description = "\(call): \(String(cString: strerror(code)))"
        reason =
            switch code {
            case EADDRINUSE: .addressInUse
            case EADDRNOTAVAIL: .addressUnavailable
            case EACCES, EPERM: .notPermitted
            default: .system
            }
    }
}

/// A `sockaddr` of IPv4 or IPv6.
struct SocketAddress {
    private var storage = sockaddr_storage()
    private var byteCount: socklen_t = 0

    init(host: String, port: UInt16) throws(TransportError) {
        var v4 = sockaddr_in()
        var v6 = sockaddr_in6()
        if inet_pton(AF_INET, host, &v4.sin_addr) == 1 {
            v4.sin_family = sa_family_t(AF_INET)
            v4.sin_port = port.bigEndian
            byteCount = socklen_t(MemoryLayout<sockaddr_in>.size)
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: v4, as: sockaddr_in.self) }
        } else if inet_pton(AF_INET6, host, &v6.sin6_addr) == 1 {
            v6.sin6_family = sa_family_t(AF_INET6)
            v6.sin6_port = port.bigEndian
            byteCount = socklen_t(MemoryLayout<sockaddr_in6>.size)
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: v6, as: sockaddr_in6.self) }
        } else {
            throw TransportError("\(host) is not an IP address")
        }
    }

    var family: Int32 { Int32(storage.ss_family) }

    func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        withUnsafePointer(to: storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, byteCount) }
        }
    }

    /// The port that a bound socket has.
    static func port(of socket: Int32) throws(TransportError) -> UInt16 {
        var storage = sockaddr_storage()
        var byteCount = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let code = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket, $0, &byteCount) }
        }
        guard code == 0 else { throw TransportError(call: "getsockname") }
        // sin_port and sin6_port stand at the same place.
        return withUnsafeBytes(of: storage) { UInt16(bigEndian: $0.load(fromByteOffset: 2, as: UInt16.self)) }
    }
}

/// Sockets that listen at one address: one for each service loop, between which the kernel shares out the connections.
struct ListenerGroup {
    let address: ListenAddress
    let sockets: [Int32]

    /// Pending connections that the kernel keeps.
    private static let backlog: Int32 = 4096

    init(_ address: ListenAddress, count: Int) throws(TransportError) {
        // Without SO_REUSEPORT first: two relays must not share a port without knowing.
        var bound = address
        let probe = try Self.socket(address, sharesPort: false)
        close(probe)
        var sockets: [Int32] = []
        do throws(TransportError) {
            for _ in 0..<count {
                let socket = try Self.socket(bound, sharesPort: true)
                sockets.append(socket)
                if bound.port == 0 { bound.port = try SocketAddress.port(of: socket) }
                guard listen(socket, Self.backlog) == 0 else { throw TransportError(call: "cannot listen on \(bound)") }
            }
        } catch {
            for socket in sockets { close(socket) }
            throw error
        }
        self.address = bound
        self.sockets = sockets
    }

    private static func socket(_ address: ListenAddress, sharesPort: Bool) throws(TransportError) -> Int32 {
        let target = try SocketAddress(host: address.host, port: address.port)
        let socket = Glibc.socket(
            target.family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0
        )
        guard socket >= 0 else { throw TransportError(call: "socket") }
        var on: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, size)
        if sharesPort { setsockopt(socket, SOL_SOCKET, SO_REUSEPORT, &on, size) }
        if target.family == AF_INET6 { setsockopt(socket, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &on, size) }
        guard target.withPointer({ bind(socket, $0, $1) }) == 0 else {
            let error = TransportError(call: "cannot listen on \(address)")
            close(socket)
            throw error
        }
        return socket
    }
}
