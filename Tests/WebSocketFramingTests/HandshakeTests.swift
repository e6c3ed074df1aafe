import Testing
import WebSocketFraming

private let good = [
    "GET /?x=1 HTTP/1.1", "Host: relay", "Upgrade: websocket", "Connection: keep-alive, Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Protocol: other, mlsrelay.v1",
]

private func request(_ lines: [String]) throws(HTTPRequest.Failure) -> HTTPRequest {
    try HTTPRequest(head: Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8))
}

/// The status line of what is answered; nil where no WebSocket is asked for.
private func status(_ lines: [String]) throws -> String? {
    switch WebSocketUpgrade(try request(lines)) {
    case .none: nil
    case .accepted(let response), .refused(let response):
        String(decoding: response.prefix { $0 != 13 }, as: UTF8.self)
    }
}

@Suite("The WebSocket handshake (RFC 6455 section 4, PROTOCOL.md section 2)")
struct HandshakeTests {
    @Test("the accept key is the one of the RFC's example")
    func acceptKey() {
        #expect(webSocketAccept(key: "dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    }

    @Test(
        "base64 of every remainder (RFC 4648 section 10)",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy"),
        ])
    func remainders(text: String, encoded: String) { #expect(base64(Array(text.utf8)) == encoded) }

    @Test("a good handshake is accepted with our subprotocol")
    func accepted() throws {
        guard case .accepted(let response) = WebSocketUpgrade(try request(good)) else {
            Issue.record("refused")
            return
        }
        let lines = String(decoding: response, as: UTF8.self).split(separator: "\r\n")
        #expect(lines.first == "HTTP/1.1 101 Switching Protocols")
        #expect(lines.contains("Sec-WebSocket-Protocol: mlsrelay.v1"))
        #expect(lines.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
    }

    @Test("a handshake without our subprotocol, of another version, or without a key is refused")
    func refused() throws {
        #expect(try status(good.map { $0.replacing("mlsrelay.v1", with: "mlsrelay.v2") }) == "HTTP/1.1 400 Bad Request")
        #expect(try status(good.filter { !$0.contains("Protocol:") }) == "HTTP/1.1 400 Bad Request")
        #expect(try status(good.map { $0.replacing(": 13", with: ": 8") }) == "HTTP/1.1 426 Upgrade Required")
        #expect(try status(good.filter { !$0.contains("Key") }) == "HTTP/1.1 400 Bad Request")
        #expect(try status(good.map { $0.replacing("GET", with: "POST") }) == "HTTP/1.1 400 Bad Request")
        #expect(try status(good.filter { !$0.contains("Connection") }) == "HTTP/1.1 400 Bad Request")
        #expect(try status(good.filter { !$0.contains("Upgrade: ") }) == nil)
    }

    @Test(
        "a head that two parsers could read differently is malformed",
        arguments: [
            "GET / HTTP/1.0", "GET  / HTTP/1.1", "GET /", " GET / HTTP/1.1", "GET / HTTP/1.1\r\nno colon",
            "GET / HTTP/1.1\r\n: x", "GET / HTTP/1.1\r\nA: 1\r\n folded", "GET / HTTP/1.1\nA: 1",
            "GET / HTTP/1.1\r\nA: \u{7f}",
            "GET x HTTP/1.1", "", "GET / HTTP/1.1\r\nA: b\rc",
        ])
    func malformed(text: String) {
        #expect(throws: HTTPRequest.Failure.malformed) { try request([text]) }
    }

    @Test("the end of a head is found at its last byte, and 8192 bytes are the most")
    func endOfHead() throws {
        let line = Array("GET / HTTP/1.1\r\n".utf8)
        let fill = Array("X: ".utf8) + [UInt8](repeating: 65, count: HTTPRequest.maxHeadByteCount - line.count - 3 - 4)
        let head = line + fill + Array("\r\n\r\n".utf8)
        #expect(head.count == HTTPRequest.maxHeadByteCount)
        #expect(try HTTPRequest.endOfHead(head) == head.count)
        #expect(try HTTPRequest.endOfHead(head.dropLast()) == nil)
        #expect(try HTTPRequest.endOfHead(head + [1, 2, 3]) == head.count)
        let longer = line + [65] + fill + Array("\r\n\r\n".utf8)
        #expect(throws: HTTPRequest.Failure.headTooLarge) { try HTTPRequest.endOfHead(longer) }
        #expect(throws: HTTPRequest.Failure.headTooLarge) {
            try HTTPRequest.endOfHead([UInt8](repeating: 65, count: HTTPRequest.maxHeadByteCount + 1))
        }
    }
}
