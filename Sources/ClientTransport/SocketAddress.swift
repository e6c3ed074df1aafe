import Glibc

/// An IPv4 or IPv6 address with a port, as the kernel wants it.
public struct SocketAddress: Hashable, Sendable {
    enum Family: Hashable, Sendable { case v4, v6 }

    /// The bytes of a `sockaddr_in` or `sockaddr_in6`.
    private let bytes: [UInt8]
    let family: Family

    /// The address that `text` writes down, such as "127.0.0.2" or "::1"; nil if it is a name or nothing at all.
    public init?(literal text: String, port: UInt16) {
        var v4 = in_addr()
        var v6 = in6_addr()
        if unsafe inet_pton(AF_INET, text, &v4) == 1 {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr = v4
            self.init(family: .v4, bytes: unsafe withUnsafeBytes(of: &address) { unsafe [UInt8]($0) })
        } else if unsafe inet_pton(AF_INET6, text, &v6) == 1 {
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = port.bigEndian
            address.sin6_addr = v6
            self.init(family: .v6, bytes: unsafe withUnsafeBytes(of: &address) { unsafe [UInt8]($0) })
        } else {
            return nil
        }
    }

    /// A copy of what `getaddrinfo` found; nil for other families than IPv4 and IPv6.
    @unsafe init?(_ info: addrinfo) {
        guard let address = unsafe info.ai_addr else { return nil }
        let bytes = unsafe [UInt8](UnsafeRawBufferPointer(start: address, count: Int(info.ai_addrlen)))
        switch unsafe info.ai_family {
        case AF_INET: self.init(family: .v4, bytes: bytes)
        case AF_INET6: self.init(family: .v6, bytes: bytes)
        default: return nil
        }
    }

    private init(family: Family, bytes: [UInt8]) {
        self.family = family
        self.bytes = bytes
    }

    var domain: Int32 { family == .v4 ? AF_INET : AF_INET6 }

    /// Calls `body` with the address, which is valid for the call.
    func withSockaddr(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var storage = sockaddr_storage()
        unsafe withUnsafeMutableBytes(of: &storage) { unsafe $0.copyBytes(from: bytes) }
        return unsafe withUnsafePointer(to: &storage) { storage in
            unsafe storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, socklen_t(bytes.count)) }
        }
    }
}
