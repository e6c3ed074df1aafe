/// Where a relay is: `scheme://host[:port][/path]`. PROTOCOL.md section 2.
///
/// The host is an IPv4 address, an IPv6 address in brackets, or a name. A path is for `ws` and `wss` alone.
public struct RelayURL: Hashable, Sendable {
    public enum Scheme: String, Hashable, Sendable, CaseIterable {
        case ws, wss, tcp, tls

        public var isSecure: Bool { self == .wss || self == .tls }
        public var isWebSocket: Bool { self == .ws || self == .wss }

        /// The port of a URL that has none: the one that relays listen on unless told otherwise.
        public var defaultPort: UInt16 {
            switch self {
            case .ws: 7680
            case .wss: 7443
            case .tcp: 7681
            case .tls: 7444
            }
        }
    }

    /// Why a text is not the URL of a relay.
    public enum ParsingError: Error, Hashable, Sendable {
        case schemeMissing
        case schemeUnknown(String)
        case hostInvalid(String)
        case portInvalid(String)
        case pathInvalid(String)
    }

    public var scheme: Scheme
    /// A name or an address; an IPv6 address without its brackets.
    public var host: String
    public var port: UInt16
    /// What the WebSocket handshake asks for; "/" unless the URL says otherwise.
    public var path: String

    /// - Parameter port: nil for the scheme's default.
    public init(scheme: Scheme, host: String, port: UInt16? = nil, path: String = "/") {
        self.scheme = scheme
        self.host = host
        self.port = port ?? scheme.defaultPort
        self.path = path
    }

    public init(_ text: some StringProtocol) throws(ParsingError) {
        guard let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://") else { throw .schemeMissing }
        let name = text[..<colon].lowercased()
        guard let scheme = Scheme(rawValue: name) else { throw .schemeUnknown(name) }
        let rest = text[text.index(colon, offsetBy: 3)...]
        let authorityEnd = rest.firstIndex(of: "/") ?? rest.endIndex
        let (host, port) = try Self.split(authority: String(rest[..<authorityEnd]))
        let path = String(rest[authorityEnd...])
        guard Self.isValid(path: path, of: scheme) else { throw .pathInvalid(path) }
        self.init(scheme: scheme, host: host, port: port, path: path.isEmpty ? "/" : path)
    }

    /// Whether the host is an IPv6 address, which stands in brackets wherever a port may follow.
    var hasIPv6Host: Bool { host.utf8.contains(UInt8(ascii: ":")) }

    /// Host and port as the Host field of a request has them. RFC 9110 section 7.2.
    var authority: String { hasIPv6Host ? "[\(host)]:\(port)" : "\(host):\(port)" }

    private static func split(authority: String) throws(ParsingError) -> (host: String, port: UInt16?) {
        let host: Substring
        let afterHost: Substring
        if authority.hasPrefix("[") {
            guard let bracket = authority.firstIndex(of: "]") else { throw .hostInvalid(authority) }
            host = authority[authority.index(after: authority.startIndex)..<bracket]
            afterHost = authority[authority.index(after: bracket)...]
            guard case .v6? = SocketAddress(literal: String(host), port: 0)?.family else {
                throw .hostInvalid(authority)
            }
        } else {
            let colon = authority.firstIndex(of: ":") ?? authority.endIndex
            host = authority[..<colon]
            afterHost = authority[colon...]
            guard isValid(name: host) else { throw .hostInvalid(String(host)) }
        }
        if afterHost.isEmpty { return (String(host), nil) }
        let digits = afterHost.dropFirst()
        guard afterHost.hasPrefix(":"),
            digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let port = UInt16(digits), port > 0
        else { throw .portInvalid(String(digits)) }
        return (String(host), port)
    }

    /// Names as RFC 1123 has them, and the underscore that occurs anyway; an IPv4 address is one as well.
    private static func isValid(name: Substring) -> Bool {
        (1...253).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }

    /// A path goes into a request line as it is: printable ASCII, no space, no fragment.
    private static func isValid(path: String, of scheme: Scheme) -> Bool {
        guard scheme.isWebSocket else { return path.isEmpty || path == "/" }
        return path.utf8.count <= 1024 && path.utf8.allSatisfy { (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "#") }
    }
}

extension RelayURL: CustomStringConvertible {
    public var description: String {
        "\(scheme.rawValue)://\(authority)" + (scheme.isWebSocket && path != "/" ? path : "")
    }
}

extension RelayURL.ParsingError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .schemeMissing: "a relay's URL begins with ws://, wss://, tcp:// or tls://"
        case .schemeUnknown(let scheme): "\"\(scheme)\" is none of the schemes ws, wss, tcp and tls"
        case .hostInvalid(let host): "\"\(host)\" is neither a name nor an address"
        case .portInvalid(let port): "\"\(port)\" is not a port"
        case .pathInvalid(let path): "\"\(path)\" is not a path that this scheme can have"
        }
    }
}
