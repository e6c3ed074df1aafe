import Glibc

/// Where a connection comes from: an IPv4 address, or the first 64 bits of an IPv6 one, of which one customer has all.
public struct PeerAddress: Hashable, Sendable {
    /// The address, or its network, as IPv6 writes it.
    public let high: UInt64
    public let low: UInt64

    private static let mappedPrefix: UInt64 = 0xffff

    private init(v4 address: UInt32) {
        high = 0
        low = Self.mappedPrefix << 32 | UInt64(address)
    }

    private init(v6 address: in6_addr) {
        let (first, second) = withUnsafeBytes(of: address) { bytes in
            (
                UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
                UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            )
        }
        high = first
        // ::1 and IPv4 addresses within IPv6 have no network of their own.
        low = first == 0 ? second : 0
    }

    /// - Returns: nil for what is no IP address.
    init?(_ storage: sockaddr_storage) {
        switch Int32(storage.ss_family) {
        case AF_INET:
            let address = withUnsafeBytes(of: storage) { $0.load(as: sockaddr_in.self).sin_addr }
            self.init(v4: UInt32(bigEndian: address.s_addr))
        case AF_INET6: self.init(v6: withUnsafeBytes(of: storage) { $0.load(as: sockaddr_in6.self).sin6_addr })
        default: return nil
        }
    }

    /// An address as people write it; nil for what is none.
    public init?(_ text: String) {
        var v4 = in_addr()
        var v6 = in6_addr()
        if inet_pton(AF_INET, text, &v4) == 1 {
            self.init(v4: UInt32(bigEndian: v4.s_addr))
        } else if inet_pton(AF_INET6, text, &v6) == 1 {
            self.init(v6: v6)
        } else {
            return nil
        }
    }

    /// What is no IP address has this.
    static let unknown = PeerAddress(v4: 0)

    /// From the same machine: its operator, or a proxy that stands for everybody.
    public var isLoopback: Bool {
        guard high == 0 else { return false }
        return low == 1 || low >> 24 == Self.mappedPrefix << 8 | 127
    }
}

/// Why a connection is not taken.
public struct ConnectionRefusal: Sendable {
    /// What it is told, where frames go straight over TCP: an Error.
    public var frame: [UInt8]
    /// When to try again, as HTTP says it.
    public var retryAfterSeconds: UInt64

    public init(frame: [UInt8], retryAfterSeconds: UInt64) {
        self.frame = frame
        self.retryAfterSeconds = retryAfterSeconds
    }

    /// What is written to the socket before it is closed. Where a handshake would be needed before, nothing is.
    func bytes(for scheme: Scheme) -> [UInt8] {
        switch scheme {
        case .tcp: frame
        case .ws:
            Array(
                """
                HTTP/1.1 429 Too Many Requests\r
                Retry-After: \(retryAfterSeconds)\r
                Content-Length: 0\r
                Connection: close\r
                \r

                """.utf8)
        case .tls, .wss: []
        }
    }
}
