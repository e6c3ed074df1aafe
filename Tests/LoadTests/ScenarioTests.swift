import Foundation
import TestSupport
import Testing

/// Runs `mlsrelay-load` as its users do, against a relay of its own.
@Suite("Scenarios, against a real relay", .serialized)
struct ScenarioTests {
    private let directory: TemporaryDirectory
    private let relay: RelayProcess

    init() throws {
        directory = try TemporaryDirectory()
        relay = try RelayProcess(dataDirectory: directory.path + "/data")
    }

    private func url(_ scheme: String) throws -> String { try #require(relay.urls[scheme]) }

    /// The line of JSON of a run that has to end well.
    private func load(_ arguments: String...) async throws -> [String: Any] {
        let process = try ToolProcess("mlsrelay-load", arguments)
        let status = try await onThread { try process.wait(within: 60) }
        #expect(status == 0, "\(process.output)\(process.errors)")
        let lines = process.output.split(separator: "\n")
        #expect(lines.count == 1)
        let object = try JSONSerialization.jsonObject(with: Data(try #require(lines.first).utf8))
        let json = try #require(object as? [String: Any])
        for name in ["lost", "duplicated", "out_of_order", "corrupted", "errors"] {
            #expect(json[name] as? Int == 0, "\(name) in \(process.output)")
        }
        return json
    }

    @Test("s1 publishes what it is told to, and reads it back", arguments: ["ws", "tcp"])
    func publish(scheme: String) async throws {
        let json = try await load(
            "s1", try url(scheme), "--publishers", "3", "--window", "8", "--count", "50", "--pid",
            "\(relay.process.processID)")
        #expect(json["scenario"] as? String == "s1")
        #expect(json["scheme"] as? String == scheme)
        #expect(json["acks"] as? Int == 150)
        let latency = try #require(json["latency_us"] as? [String: Double])
        #expect(Set(latency.keys) == ["p50", "p99", "p99_9", "max"])
        #expect(try #require(json["server_rss_bytes"] as? Int) > 0)
    }

    @Test("s1 publishes to one group from several connections")
    func publishToOneGroup() async throws {
        let json = try await load(
            "s1", try url("tcp"), "--publishers", "4", "--one-group", "--count", "25", "--verify-chain")
        #expect(json["acks"] as? Int == 100)
    }

    @Test("s1 ends when its time is over")
    func time() async throws {
        let json = try await load("s1", try url("tcp"), "--seconds", "0.3", "--warm-up", "0.1")
        let duration = try #require(json["duration_s"] as? Double)
        #expect((0.3..<3).contains(duration))
        #expect(try #require(json["acks_per_s"] as? Double) > 0)
    }

    @Test("s2 delivers to all, in a window and at a rate", arguments: ["ws", "tcp"])
    func fanOut(scheme: String) async throws {
        let window = try await load("s2", try url(scheme), "--subscribers", "7", "--window", "16", "--count", "100")
        #expect(window["deliveries"] as? Int == 700)
        let rate = try await load(
            "s2", try url(scheme), "--subscribers", "3", "--rate", "500", "--count", "100", "--verify-chain")
        #expect(rate["deliveries"] as? Int == 300)
        #expect(try #require(rate["latency_us"] as? [String: Double])["p50"] ?? 0 > 0)
    }

    @Test("s3, s5 and s6 lose nothing")
    func others() async throws {
        let groups = try await load("s3", try url("ws"), "--groups", "12", "--members", "4", "--count", "10")
        #expect(groups["deliveries"] as? Int == 480)
        let catchUp = try await load("s5", try url("tcp"), "--entries", "3000", "--readers", "4")
        #expect(catchUp["deliveries"] as? Int == 12_000)
        let stopped = try await load(
            "s6", try url("ws"), "--subscribers", "4", "--rate", "500", "--before", "0.2", "--seconds", "0.5")
        #expect(try #require(stopped["deliveries"] as? Int) > 0)
    }

    @Test("s4 connects, holds, reaches and closes all", arguments: ["ws", "tcp"])
    func idle(scheme: String) async throws {
        let json = try await load(
            "s4", try url(scheme), "--connections", "50", "--hold", "0.1", "--pid", "\(relay.process.processID)")
        #expect(json["connected"] as? Int == 50)
        #expect(try #require(json["accepted_per_s"] as? Double) > 0)
        #expect(json["broadcast_latency_us"] is [String: Double])
        #expect(json["rss_bytes_per_connection"] is Double)
    }

    @Test("an interrupted run says what it has")
    func interruption() async throws {
        let process = try ToolProcess("mlsrelay-load", ["s1", try url("tcp"), "--seconds", "60", "--progress"])
        // Its progress says that it has begun.
        try await onThread { try process.waitForError("acks/s") }
        process.send(signal: SIGINT)
        let status = try await onThread { try process.wait(within: 20) }
        #expect(status == 1)
        #expect(process.output.hasPrefix(#"{"scenario":"s1","#))
        #expect(process.output.contains(#""error":"interrupted""#))
        #expect(process.errors.contains("acks/s"))
    }

    @Test("a relay that goes away ends the run with an error")
    func relayEnds() async throws {
        let process = try ToolProcess("mlsrelay-load", ["s1", try url("tcp"), "--seconds", "60", "--progress"])
        try await onThread { [relay] in
            try process.waitForError("acks/s")
            try relay.kill()
        }
        #expect(try await onThread { try process.wait(within: 20) } == 1)
        #expect(process.output.contains(#""errors":1,"error":"connection 0"#))
    }

    @Test(
        "what it should not load or cannot mean is refused",
        arguments: [
            ["s1", "tcp://192.0.2.1:7681"], ["s4", "ws://localhost:7680"], ["s2", "wss://[2001:db8::1]:7443"],
            ["s1", "http://127.0.0.1"], ["s1", "tcp://127.0.0.1", "--size", "3"],
            ["s1", "tcp://127.0.0.1", "--window", "0"],
            ["s4", "tcp://127.0.0.1", "--connections", "19900"], ["s2", "tcp://127.0.0.1", "--subscribers", "0"],
            ["s1", "tcp://127.0.0.1", "--pid", "999999999"], ["s3", "tcp://127.0.0.1", "--members", "2000"],
            ["s1", "tls://127.0.0.1", "--ca", "file", "--insecure"],
        ])
    func refusal(arguments: [String]) async throws {
        let process = try ToolProcess("mlsrelay-load", arguments)
        #expect(try await onThread { try process.wait(within: 20) } == 64)
        #expect(process.output.isEmpty)
    }
}

@Suite("Scenarios over TLS")
struct TLSScenarioTests {
    @Test("a connection lives on when the time for its handshake is over", arguments: ["wss", "tls"])
    func longerThanHandshake(scheme: String) async throws {
        let directory = try TemporaryDirectory()
        let certificate = try await onThread { try directory.makeCertificate() }
        let relay = try RelayProcess(
            dataDirectory: directory.path + "/data", listeners: [(scheme, 0)], certificate: certificate)
        let process = try ToolProcess(
            "mlsrelay-load",
            ["s4", try #require(relay.urls[scheme]), "--insecure", "--connections", "3", "--hold", "7"])
        #expect(try await onThread { try process.wait(within: 30) } == 0, "\(process.output)\(process.errors)")
    }

    @Test("a certificate is checked unless told otherwise", arguments: ["wss", "tls"])
    func certificate(scheme: String) async throws {
        let directory = try TemporaryDirectory()
        let certificate = try await onThread { try directory.makeCertificate() }
        let relay = try RelayProcess(
            dataDirectory: directory.path + "/data", listeners: [(scheme, 0)], certificate: certificate)
        let arguments = ["s2", try #require(relay.urls[scheme]), "--subscribers", "3", "--count", "20"]
        for (options, expected) in [(["--ca", certificate.chain], 0), (["--insecure"], 0), ([], 1)]
            as [([String], Int32)]
        {
            let process = try ToolProcess("mlsrelay-load", arguments + options)
            #expect(
                try await onThread { try process.wait(within: 30) } == expected, "\(process.output)\(process.errors)")
        }
    }
}
