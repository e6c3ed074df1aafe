import ClientTransport
import Glibc

/// The relay under load, and how it is talked to.
struct Target {
    let url: RelayURL
    var tls: TLSClientContext?
    var timeout: Duration = .seconds(120)
    /// Connections that are being connected at the same time.
    var connecting = 256
    var verifiesChain = false

    /// Connections of one process: what a limit of 20,000 files leaves.
    static let maxConnectionCount = 19_900

    /// Source addresses: each has as many ports for the target as the kernel gives out, about 28,000.
    private static let sourceAddressCount = 32

    func options(forConnection number: Int) -> ConnectOptions {
        var options = ConnectOptions()
        options.tls = tls
        if Self.loopback(of: url.host) == .v4 {
            options.localAddress = SocketAddress(literal: "127.0.0.\(1 + number % Self.sourceAddressCount)", port: 0)
        }
        return options
    }

    enum Loopback {
        /// 127.0.0.0/8.
        case v4
        /// ::1.
        case v6
    }

    /// Whether `host` is an address of this machine that no other can reach; nil for names, whatever they stand for.
    static func loopback(of host: String) -> Loopback? {
        var v4 = in_addr()
        var v6 = in6_addr()
        if inet_pton(AF_INET, host, &v4) == 1 { return UInt32(bigEndian: v4.s_addr) >> 24 == 127 ? .v4 : nil }
        guard inet_pton(AF_INET6, host, &v6) == 1 else { return nil }
        let isLoopback = withUnsafeBytes(of: &v6) { $0.elementsEqual([UInt8](repeating: 0, count: 15) + [1]) }
        return isLoopback ? .v6 : nil
    }
}
