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

    public var method: String
    /// Without the query.
    public var path: String
    /// Names in lower case, in the order of the request.
    public var fields: [(name: String, value: String)]

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

    /// Parses a whole head.
    public init(head: some Collection<UInt8>) throws(Failure) {
        // ASCII alone, and no bare CR or LF: what two parsers could read differently is refused.
        guard head.allSatisfy({ $0 < 0x7f && ($0 >= 0x20 || $0 == 13 || $0 == 10 || $0 == 9) }) else {
            throw .malformed
        }
        // Scalars, not Characters: in Swift CR LF is one Character.
        let text = Array(String(decoding: head, as: UTF8.self).unicodeScalars)
        var lines: [String] = []
        var line = String.UnicodeScalarView()
        var index = 0
        while index < text.count {
            switch text[index] {
            case "\r":
                guard index + 1 < text.count, text[index + 1] == "\n" else { throw .malformed }
                lines.append(String(line))
                line = .init()
                index += 2
            case "\n": throw .malformed
            default:
                line.append(text[index])
                index += 1
            }
        }
        guard let requestLine = lines.first else { throw .malformed }
        let words = requestLine.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 3, words[2] == "HTTP/1.1", !words[0].isEmpty, words[1].hasPrefix("/") else {
            throw .malformed
        }
        method = String(words[0])
        path = String(words[1].prefix { $0 != "?" })
        fields = []
        for line in lines.dropFirst() where !line.isEmpty {
            guard let colon = line.firstIndex(of: ":"), colon != line.startIndex, !line.hasPrefix(" "),
                !line.hasPrefix("\t")
            else { throw .malformed }
            let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            fields.append(
                (line[..<colon].lowercased(), String(value.reversed().drop { $0 == " " || $0 == "\t" }.reversed())))
        }
    }

    /// The elements of all fields with this name, as comma-separated lists.
    public func list(_ name: String) -> [String] {
        fields.filter { $0.name == name }.flatMap { field in
            field.value.split(separator: ",").map { element in
                String(element.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
            }
        }
    }

    /// The value of a field that stands once.
    public func value(_ name: String) -> String? {
        let all = fields.filter { $0.name == name }
        return all.count == 1 ? all.first?.value : nil
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
