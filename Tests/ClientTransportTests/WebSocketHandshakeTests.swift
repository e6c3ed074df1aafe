import Testing

@testable import ClientTransport

@Suite("WebSocketHandshake (RFC 6455 section 4)")
struct WebSocketHandshakeTests {
    /// The key of RFC 6455 section 1.3 and what belongs to it.
    static let handshake = WebSocketHandshake(key: "dGhlIHNhbXBsZSBub25jZQ==")
    static let good = [
        "HTTP/1.1 101 Switching Protocols", "Upgrade: WebSocket", "Connection: keep-alive, Upgrade",
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "Sec-WebSocket-Protocol:mlsrelay.v1",
    ]

    static func check(_ lines: [String]) throws(TransportError) {
        try handshake.check(head: Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8))
    }

    @Test("the RFC's example key gives the RFC's answer, which is taken")
    func good() throws {
        #expect(Self.handshake.expectedAccept == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        try Self.check(Self.good)
    }

    @Test(
        "an answer that lacks a field, has it twice, or says something else is refused",
        arguments: [
            (0, "HTTP/1.1 400 Bad Request"), (0, "HTTP/1.1 1010"), (1, ""), (1, "Upgrade: h2c"),
            (2, "Connection: close"), (2, ""), (3, ""),
            (3, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOO="), (4, ""), (4, "Sec-WebSocket-Protocol: other"),
            (4, "Sec-WebSocket-Protocol: mlsrelay.v1\r\nSec-WebSocket-Protocol: mlsrelay.v1"),
            (4, "Sec-WebSocket-Protocol: mlsrelay.v1\r\nSec-WebSocket-Extensions: permessage-deflate"), (1, "no colon"),
        ])
    func bad(index: Int, line: String) {
        var lines = Self.good
        lines[index] = line
        #expect(throws: TransportError.self) { try Self.check(lines.filter { !$0.isEmpty }) }
    }

    @Test("the request asks for the URL's path and host")
    func request() throws {
        let text = String(decoding: Self.handshake.request(for: try RelayURL("ws://[::1]:99/a?b")), as: UTF8.self)
        #expect(text.hasPrefix("GET /a?b HTTP/1.1\r\nHost: [::1]:99\r\n") && text.hasSuffix("\r\n\r\n"))
        #expect(text.contains("\r\nSec-WebSocket-Protocol: mlsrelay.v1\r\n"))
    }
}
