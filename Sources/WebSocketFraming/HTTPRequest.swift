import MLSCrypto
import TLSPresentation

/// The head of an HTTP/1.1 request, as far as a relay needs it. RFC 9112 section 3, RFC 6455 section 4.2.
public struct HTTPRequest: Sendable {
    public enum Failure: Error, Hashable, Sendable {
        case malformed
        /// The head is longer than `maxHeadByteCount`.
        case headTooLarge
    }

    public static let maxHeadByteCount = 8192

    public let method: String
    /// Without the query.
    public let path: String
    /// Only what is asked for becomes a String: whoever connects sends a dozen of them.
    private let fields: [(name: ArraySlice<UInt8>, value: ArraySlice<UInt8>)]

    /// Where a head ends in `bytes`: the index behind the empty line.
    /// - Returns: nil while it has not come.
    public static func endOfHead(_ bytes: [UInt8]) throws(Failure) -> Int? {
        var index = 3
        while index < bytes.count {
            if bytes[index] == 10, bytes[index - 1] == 13, bytes[index - 2] == 10, bytes[index - 3] == 13 {
                guard index < maxHeadByteCount else { throw .headTooLarge }
                return index + 1
            }
            index += 1
        }
        guard bytes.count <= maxHeadByteCount else { throw .headTooLarge }
        return nil
    }

    /// Parses a whole head, its empty line included or not.
    public init(head: some Collection<UInt8>) throws(Failure) {
        let bytes = Array(head)
        var lines: [ArraySlice<UInt8>] = []
        var start = 0
        for (index, byte) in bytes.enumerated() {
            switch byte {
            case 13:
                guard index + 1 < bytes.count, bytes[index + 1] == 10 else { throw .malformed }
                lines.append(bytes[start..<index])
                start = index + 2
            case 10: guard index > 0, bytes[index - 1] == 13 else { throw .malformed }
            // ASCII alone: what two parsers could read differently is refused.
            case 9, 0x20..<0x7f: break
            default: throw .malformed
            }
        }
        guard let requestLine = lines.first else { throw .malformed }
        let words = requestLine.split(separator: Self.space, omittingEmptySubsequences: false)
        guard words.count == 3, words[2].elementsEqual("HTTP/1.1".utf8), !words[0].isEmpty, words[1].first == Self.slash
        else { throw .malformed }
        method = String(decoding: words[0], as: UTF8.self)
        path = String(decoding: words[1].prefix { $0 != UInt8(ascii: "?") }, as: UTF8.self)
        var fields: [(name: ArraySlice<UInt8>, value: ArraySlice<UInt8>)] = []
        for line in lines.dropFirst() where !line.isEmpty {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex, line.first != Self.space,
                line.first != Self.tab
            else { throw .malformed }
            fields.append((line[..<colon], Self.trimmed(line[(colon + 1)...])))
        }
        self.fields = fields
    }

    private static let space = UInt8(ascii: " ")
    private static let tab: UInt8 = 9
    private static let slash = UInt8(ascii: "/")

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var bytes = bytes
        while let first = bytes.first, first == space || first == tab { bytes.removeFirst() }
        while let last = bytes.last, last == space || last == tab { bytes.removeLast() }
        return bytes
    }

    /// Values of the fields with this name, which is given in lower case.
    private func values(_ name: String) -> [ArraySlice<UInt8>] {
        fields.filter { field in
            field.name.count == name.utf8.count
                && zip(field.name, name.utf8).allSatisfy { $0 == $1 || ($0 | 0x20 == $1 && (0x41...0x5a).contains($0)) }
        }.map(\.value)
    }

    /// The elements of all fields with this name, as comma-separated lists.
    /// - Parameter name: in lower case.
    public func list(_ name: String) -> [String] {
        values(name).flatMap { value in
            value.split(separator: UInt8(ascii: ",")).map { String(decoding: Self.trimmed($0), as: UTF8.self) }
        }
    }

    /// The value of a field that stands once.
    /// - Parameter name: in lower case.
    public func value(_ name: String) -> String? {
        let all = values(name)
        return all.count == 1 ? all.first.map { String(decoding: $0, as: UTF8.self) } : nil
    }
}

/// The relay's answer to a request that asks for a WebSocket. RFC 6455 section 4.2.2.
public enum WebSocketUpgrade: Sendable {
    /// Not asked for.
    case none
    /// Asked for, and not as the RFC or PROTOCOL.md section 2 wants it: the whole response.
    case refused([UInt8])
    /// The whole response; frames follow.
    case accepted([UInt8])

    /// The one subprotocol. PROTOCOL.md section 2.
    public static let subprotocol = "mlsrelay.v1"

    public init(_ request: HTTPRequest) {
        guard request.list("upgrade").contains(where: { $0.lowercased() == "websocket" }) else {
            self = .none
            return
        }
        guard request.method == "GET", request.list("connection").contains(where: { $0.lowercased() == "upgrade" }),
            let key = request.value("sec-websocket-key"), key.utf8.count == 24
        else {
            self = .refused(httpResponse("400 Bad Request", body: "not a WebSocket handshake\n"))
            return
        }
        guard request.value("sec-websocket-version") == "13" else {
            self = .refused(
                httpResponse(
                    "426 Upgrade Required", fields: ["Sec-WebSocket-Version: 13"], body: "WebSocket version 13 only\n"))
            return
        }
        guard request.list("sec-websocket-protocol").contains(Self.subprotocol) else {
            self = .refused(httpResponse("400 Bad Request", body: "the subprotocol \(Self.subprotocol) is required\n"))
            return
        }
        let head = """
            HTTP/1.1 101 Switching Protocols\r
            Upgrade: websocket\r
            Connection: Upgrade\r
            Sec-WebSocket-Accept: \(webSocketAccept(key: key))\r
            Sec-WebSocket-Protocol: \(Self.subprotocol)\r
            \r

            """
        self = .accepted(Array(head.utf8))
    }
}

/// A whole HTTP response, after which the connection closes.
public func httpResponse(
    _ status: String, fields: [String] = [], contentType: String = "text/plain; charset=utf-8", body: String
) -> [UInt8] {
    var head = ["HTTP/1.1 \(status)", "Content-Type: \(contentType)", "Content-Length: \(body.utf8.count)"]
    head += fields + ["Connection: close", "", ""]
    return Array((head.joined(separator: "\r\n") + body).utf8)
}

/// The proof that a server has understood the handshake with this key. RFC 6455 section 4.2.2.
public func webSocketAccept(key: String) -> String {
    let proof = Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)
    return base64(sha1(proof.rawSpan))
}

/// RFC 4648 section 4.
public func base64(_ bytes: [UInt8]) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var text: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: 3) {
        let group = bytes[start..<min(start + 3, bytes.count)]
        let bits = group.enumerated().reduce(0) { $0 | Int($1.element) << (16 - 8 * $1.offset) }
        for position in 0..<4 {
            text.append(position <= group.count ? alphabet[bits >> (18 - 6 * position) & 63] : UInt8(ascii: "="))
        }
    }
    return String(decoding: text, as: UTF8.self)
}
