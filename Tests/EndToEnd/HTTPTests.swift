import ClientTransport
import Foundation
import RelayConnection
import RelayWire
import TestSupport
import Testing

@Suite("HTTP on the WebSocket port", .timeLimit(.minutes(2)))
struct HTTPTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private struct Response {
        var status: String
        var fields: [String: String]
        var body: String

        init(_ text: String) throws {
            let parts = try #require(text.range(of: "\r\n\r\n"))
            let lines = text[..<parts.lowerBound].components(separatedBy: "\r\n")
            status = try #require(lines.first)
            fields = [:]
            for line in lines.dropFirst() {
                let colon = try #require(line.range(of: ": "))
                fields[line[..<colon.lowerBound].lowercased()] = String(line[colon.upperBound...])
            }
            body = String(text[parts.upperBound...])
        }
    }

    private func request(_ line: String, _ relay: RelayProcess) async throws -> Response {
        try Response(try await httpExchange("\(line) HTTP/1.1\r\nHost: localhost\r\n\r\n", port: relay.port("ws")))
    }

    @Test("GET /healthz is 200 while the relay works, /metrics is in Prometheus' format, anything else is 404")
    func get() async throws {
        let relay = try await RelayProcess.started(in: directory)
        let health = try await request("GET /healthz?verbose", relay)
        #expect(health.status == "HTTP/1.1 200 OK")
        #expect(health.body == "ok\n")
        let metrics = try await request("GET /metrics", relay)
        #expect(metrics.status == "HTTP/1.1 200 OK")
        #expect(metrics.fields["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
        #expect(metrics.fields["content-length"] == "\(metrics.body.utf8.count)")
        #expect(try await request("GET /", relay).status == "HTTP/1.1 404 Not Found")
        #expect(try await relay.ended() == 0)
    }

    @Test("HEAD has the head of GET and no body")
    func head() async throws {
        let relay = try await RelayProcess.started(in: directory)
        let head = try await request("HEAD /healthz", relay)
        #expect(head.status == "HTTP/1.1 200 OK")
        #expect(head.fields["content-length"] == "3")
        #expect(head.body.isEmpty)
        let missing = try await request("HEAD /nothing", relay)
        #expect(missing.status == "HTTP/1.1 404 Not Found")
        #expect(missing.body.isEmpty)
    }

    @Test("other methods are not allowed, and Allow says which are", arguments: ["POST", "PUT", "DELETE", "OPTIONS"])
    func methods(_ method: String) async throws {
        let relay = try await RelayProcess.started(in: directory)
        for path in ["/healthz", "/metrics"] {
            let response = try await request("\(method) \(path)", relay)
            #expect(response.status == "HTTP/1.1 405 Method Not Allowed")
            #expect(response.fields["allow"] == "GET, HEAD")
        }
    }

    @Test(
        "every line of /metrics is a comment or a sample, every name has one type, and what an operator wants is there")
    func metrics() async throws {
        let relay = try await RelayProcess.started(in: directory)
        let lines = try await request("GET /metrics", relay).body.split(separator: "\n").map(String.init)
        let sample = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? [-+0-9.eInf]+$/
        var types: Set<String> = []
        for line in lines {
            if line.hasPrefix("# TYPE ") {
                #expect(types.insert(String(line.split(separator: " ")[2])).inserted)
            } else if !line.hasPrefix("# HELP ") {
                let name = try #require(line.firstMatch(of: sample)?.1, "\(line)")
                let base = String(name).replacing(/_(bucket|sum|count)$/, with: "")
                #expect(types.contains(String(name)) || types.contains(String(base)))
            }
        }
        for name in [
            "mlsrelay_connections", "mlsrelay_sessions", "mlsrelay_subscriptions", "mlsrelay_writer_queue_commands",
            "mlsrelay_transaction_commands", "mlsrelay_transaction_seconds", "mlsrelay_store_bytes",
            "mlsrelay_store_limit_bytes",
            "mlsrelay_entries_appended_total", "mlsrelay_build_info", "process_start_time_seconds",
            "process_cpu_seconds_total",
        ] { #expect(types.contains(name), "\(name)") }
        // No label tells who or where: these are all there are.
        let labels = Set(lines.flatMap { $0.matches(of: /[{,]([a-z_]+)="/).map { String($0.1) } })
        #expect(labels == ["code", "le", "log", "scheme", "version"])
    }

    @Test("/metrics counts what clients do, and tells how many there are")
    func counting() async throws {
        let relay = try await RelayProcess.started(in: directory)
        var configuration = RelayConnectionConfiguration()
        configuration.registers = true
        let client = try RelayConnection(
            url: RelayURL(relay.urls["tcp"] ?? ""), identity: try .generate(name: "counted"),
            configuration: configuration)
        try await client.connect()
        _ = try await client.createGroup(Array("group".utf8))
        // An MLSMessage with a PrivateMessage of the group in epoch 0.
        let message: [UInt8] = [0, 1, 0, 2, 5] + Array("group".utf8) + [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 7]
        _ = try await client.publish([message])
        await #expect(throws: RelayConnectionError.self) { _ = try await client.publish([[0, 1]]) }
        let subscription = try await client.subscribe(to: .group(Array("group".utf8)))
        for try await _ in subscription { break }

        let expected = [
            #"mlsrelay_connections{scheme="tcp"} 1"#, #"mlsrelay_connections{scheme="ws"} 0"#, "mlsrelay_sessions 1",
            "mlsrelay_subscriptions 1", "mlsrelay_sessions_authenticated_total 1",
            "mlsrelay_connections_opened_total 1",
            #"mlsrelay_entries_appended_total{log="directory"} 1"#, #"mlsrelay_entries_appended_total{log="group"} 1"#,
            #"mlsrelay_entries_appended_total{log="groups"} 1"#, "mlsrelay_entries_pushed_total 1",
            #"mlsrelay_refusals_total{code="message_malformed"} 1"#, "mlsrelay_transactions_total 3",
            "mlsrelay_transaction_seconds_count 3", "mlsrelay_transaction_commands_sum 3",
            "mlsrelay_requests_in_flight 0",
        ]
        // Loops tell what they have counted some times a second; until then it is asked again.
        var missing = expected
        while !missing.isEmpty, !Task.isCancelled {
            let lines = Set(try await request("GET /metrics", relay).body.split(separator: "\n").map(String.init))
            missing = expected.filter { !lines.contains($0) }
        }
        #expect(missing == [])
        await client.close()
        #expect(try await relay.ended() == 0)
    }
}
