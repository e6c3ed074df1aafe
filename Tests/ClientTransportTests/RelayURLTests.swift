import ClientTransport
import Testing

@Suite("RelayURL")
struct RelayURLTests {
    @Test(
        "every scheme has its default port",
        arguments: [
            ("ws://relay.example", RelayURL(scheme: .ws, host: "relay.example", port: 7680)),
            ("wss://relay.example", RelayURL(scheme: .wss, host: "relay.example", port: 7443)),
            ("tcp://relay.example", RelayURL(scheme: .tcp, host: "relay.example", port: 7681)),
            ("tls://relay.example", RelayURL(scheme: .tls, host: "relay.example", port: 7444)),
            ("WS://127.0.0.1:1/", RelayURL(scheme: .ws, host: "127.0.0.1", port: 1)),
            ("tcp://[::1]:65535", RelayURL(scheme: .tcp, host: "::1", port: 65_535)),
            ("tls://[2001:db8::1]", RelayURL(scheme: .tls, host: "2001:db8::1", port: 7444)),
            (
                "wss://a_b-c.example:443/relay/x?y=1",
                RelayURL(scheme: .wss, host: "a_b-c.example", port: 443, path: "/relay/x?y=1")
            ),
        ])
    func valid(text: String, url: RelayURL) throws { #expect(try RelayURL(text) == url) }

    @Test(
        "what is wrong is named",
        arguments: [
            ("relay.example", .schemeMissing), ("", .schemeMissing), ("ws:relay", .schemeMissing),
            ("http://relay.example", .schemeUnknown("http")), ("://x", .schemeUnknown("")),
            ("ws://", .hostInvalid("")), ("ws://:80", .hostInvalid("")), ("ws://user@host", .hostInvalid("user@host")),
            ("ws://ho st", .hostInvalid("ho st")), ("tcp://[::1", .hostInvalid("[::1")),
            ("tcp://[127.0.0.1]", .hostInvalid("[127.0.0.1]")),
            ("tcp://[]:1", .hostInvalid("[]:1")), ("ws://::1", .hostInvalid("")),
            ("ws://host:", .portInvalid("")), ("ws://host:0", .portInvalid("0")),
            ("ws://host:65536", .portInvalid("65536")),
            ("ws://host:+1", .portInvalid("+1")), ("ws://[::1]x", .portInvalid("")),
            ("ws://host:1:2", .portInvalid("1:2")),
            ("ws://host/a b", .pathInvalid("/a b")), ("ws://host/#x", .pathInvalid("/#x")),
            ("ws://host/\r\n", .pathInvalid("/\r\n")),
            ("tcp://host/path", .pathInvalid("/path")),
        ] as [(String, RelayURL.ParsingError)])
    func invalid(text: String, error: RelayURL.ParsingError) {
        #expect(throws: error) { try RelayURL(text) }
    }

    @Test(
        "a description is a URL of the same relay",
        arguments: [
            "ws://relay.example:7680", "wss://[::1]:9/x", "tcp://127.0.0.2:7681", "tls://relay.example:1",
        ])
    func description(text: String) throws { #expect(try RelayURL(text).description == text) }
}
