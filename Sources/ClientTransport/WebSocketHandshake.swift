import MLSCrypto
import WebSocketFraming

/// The opening handshake of a WebSocket, the client's side. RFC 6455 section 4.1.
struct WebSocketHandshake {
    /// The subprotocol that both sides must name. PROTOCOL.md section 2.
    static let subprotocol = WebSocketUpgrade.subprotocol
    /// Bytes of the longest head of a response that is read.
    static let maxHeadByteCount = 8 << 10

    /// The nonce as the request carries it, in base64.
    let key: String

    init() { key = base64(randomBytes(16)) }

    init(key: String) { self.key = key }

    func request(for url: RelayURL) -> [UInt8] {
        let lines = [
            "GET \(url.path) HTTP/1.1", "Host: \(url.authority)", "Upgrade: websocket", "Connection: Upgrade",
            "Sec-WebSocket-Key: \(key)", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Protocol: \(Self.subprotocol)",
        ]
        return Array(lines.joined(separator: "\r\n").utf8) + Array("\r\n\r\n".utf8)
    }

    /// What `Sec-WebSocket-Accept` must say. RFC 6455 section 4.2.2.
    var expectedAccept: String { webSocketAccept(key: key) }

    /// Bytes of the response's head with the empty line that ends it; nil while that has not come.
    static func headByteCount(_ bytes: [UInt8]) -> Int? {
        guard bytes.count >= 4 else { return nil }
        let end = Array("\r\n\r\n".utf8)
        for start in 0...bytes.count - 4 where bytes[start..<start + 4].elementsEqual(end) { return start + 4 }
        return nil
    }

    /// Checks a response's head: the first of what is wrong is the reason.
    /// - Throws: `upgradeRefused`.
    func check(head: some Collection<UInt8>) throws(TransportError) {
        let lines = String(decoding: head, as: UTF8.self).split(separator: "\r\n")
        let status = lines.first ?? ""
        guard status == "HTTP/1.1 101" || status.hasPrefix("HTTP/1.1 101 ") else {
            throw .upgradeRefused(reason: "the answer is \"\(status.prefix(80))\"")
        }
        var fields: [String: [String]] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else {
                throw .upgradeRefused(reason: "a header field without a colon")
            }
            let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            fields[line[..<colon].lowercased(), default: []].append(
                String(value.trimmingSuffix { $0 == " " || $0 == "\t" }))
        }
        func single(_ name: String) throws(TransportError) -> String {
            guard let values = fields[name], values.count == 1 else {
                throw .upgradeRefused(reason: "\(name) is not there once")
            }
            return values[0]
        }
        guard try single("upgrade").lowercased() == "websocket" else {
            throw .upgradeRefused(reason: "not to a WebSocket")
        }
        let connection = (fields["connection"] ?? []).joined(separator: ",").lowercased()
        let options = connection.split { ", \t".contains($0) }
        guard options.contains("upgrade") else { throw .upgradeRefused(reason: "connection does not say upgrade") }
        guard try single("sec-websocket-accept") == expectedAccept else {
            throw .upgradeRefused(reason: "sec-websocket-accept does not belong to the key")
        }
        guard try single("sec-websocket-protocol") == Self.subprotocol else {
            throw .upgradeRefused(reason: "the subprotocol is not \(Self.subprotocol)")
        }
        guard fields["sec-websocket-extensions"] == nil else {
            throw .upgradeRefused(reason: "an extension that nobody asked for")
        }
    }
}

extension Substring {
    fileprivate func trimmingSuffix(while predicate: (Character) -> Bool) -> Substring {
        var end = endIndex
        while end > startIndex, predicate(self[index(before: end)]) { end = index(before: end) }
        return self[..<end]
    }
}
