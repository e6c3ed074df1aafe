import Foundation
import MLSCodec
import MLSCrypto
import RelayStore
import RelayTestSupport
import RelayWire
import TestSupport
import Testing

@Suite("mlsrelay-tool", .serialized)
struct CommandTests {
    let example: Example
    init() throws { example = try Example() }

    @Test("groups lists what there is, while the relay has the store open (N-13)")
    func groups() throws {
        let run = try ToolRun("groups", "--data", example.path)
        #expect(run.status == 0)
        #expect(run.errorOutput.isEmpty)
        #expect(
            run.lines == [
                "LOG  GROUP    EPOCH  ENTRIES  LAST                      CREATOR  GROUPINFO",
                " 10  00ff         7        0  2025-11-21T02:00:00.005Z  bob      none",
                "  9  \"choir\"      1        3  2025-11-21T02:00:00.008Z  alice    current",
            ])
        try example.relay.publish(.commit("c2", "choir", 1), by: ClientNumber(rawValue: 1))
        let objects = try ToolRun("groups", "--json", "--data", example.path).objects
        #expect(objects.count == 2)
        #expect(objects[1]["group_id"] as? String == "63686f6972")
        #expect(objects[1]["epoch"] as? Int == 2)
        #expect(objects[1]["last"] as? Int == 4)
        #expect(objects[1]["group_info_epoch"] as? Int == 1)
        #expect(objects[0]["group_info_epoch"] is NSNull)
    }

    @Test("log prints entries behind a cursor, up to a limit, of a group by any of its names (N-13)")
    func log() throws {
        let run = try ToolRun("log", "choir", "--data", example.path)
        #expect(run.status == 0)
        #expect(
            run.lines == [
                "ENTRY  TIME                      SENDER  BYTES  WHAT",
                "    1  2025-11-21T02:00:00.008Z  alice      29  private proposal, epoch 0",
                "    2  2025-11-21T02:00:00.008Z  alice      29  private commit, epoch 0",
                "    3  2025-11-21T02:00:00.008Z  alice      30  private application, epoch 1",
            ])
        for name in ["63686f6972", "hex:63686f6972", "text:choir", "#9"] {
            #expect(try ToolRun("log", name, "--data", example.path).output == run.output)
        }
        let part = try ToolRun(
            "log", "choir", "--after", "1", "--limit", "1", "--json", "--payload", "--data", example.path)
        let objects = try part.objects
        #expect(objects.map { $0["seq"] as? Int } == [2])
        let entry = try example.relay.entries(of: LogNumber(rawValue: 9))[1]
        #expect(objects[0]["payload"] as? String == entry.payload.map { String(format: "%02x", $0) }.joined())
        #expect(objects[0]["chain"] as? String == entry.chain.description)
        #expect((objects[0]["content"] as? [String: Any])?["content_type"] as? String == "commit")
    }

    @Test(
        "every kind of log can be read",
        arguments: [
            ("directory", 3, "client 3 is çarol"), ("groups", 2, "group 00ff is log 10, by bob, in epoch 7"),
            ("inbox:bob", 1, "Welcome for 1 client, MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519"),
            ("inbox:çarol", 0, "WHAT"), ("keypackages:bob", 5, "entry 1 was handed out to alice"), ("00ff", 0, "WHAT"),
        ])
    func kinds(log: String, count: Int, last: String) throws {
        let run = try ToolRun("log", log, "--data", example.path)
        #expect(run.status == 0)
        #expect(run.lines.count == count + 1)
        #expect(run.lines.last?.hasSuffix(last) == true)
    }

    @Test("a log that is followed goes on with what is published, and ends at its limit", .timeLimit(.minutes(1)))
    func follow() async throws {
        let tool = try ToolProcess(
            "mlsrelay-tool",
            ["log", "choir", "--after", "2", "--limit", "3", "--follow", "--json", "--data", example.path])
        func seen() async throws -> [Int] {
            // Entry 3 is there before; each of the others is published when the one before it was seen.
            var seen: [Int] = []
            for number in 3...5 {
                let line = try await onThread { try tool.line { $0.contains("\"seq\":\(number)") ? String($0) : nil } }
                let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
                if let number = object?["seq"] as? Int { seen.append(number) }
                if number == 5 { break }
                try example.relay.publish(.application("\(number)", "choir", 1), by: ClientNumber(rawValue: 2))
            }
            return seen
        }
        #expect(try await seen() == [3, 4, 5])
        #expect(try await onThread { try tool.wait() } == 0)
        #expect(tool.output.split(separator: "\n").count == 3)
    }

    @Test("show has an entry's header and its message field by field (N-13)")
    func show() throws {
        let run = try ToolRun("show", "choir", "2", "--data", example.path)
        #expect(run.status == 0)
        #expect(
            run.lines.suffix(10) == [
                "mls_message:", "  version: mls10", "  wire_format: mls_private_message", "  private_message:",
                "    group_id: 63686f6972 \"choir\"", "    epoch: 0", "    content_type: commit",
                "    authenticated_data: (empty)", "    encrypted_sender_data: 73656e646572 \"sender\"",
                "    ciphertext: 63 \"c\"",
            ])
        let object = try #require(try ToolRun("show", "inbox:bob", "1", "--json", "--data", example.path).objects.first)
        let content = object["content"] as? [String: Any]
        let welcome = content?["welcome"] as? [String: Any]
        #expect((welcome?["secrets"] as? [Any])?.count == 1)
        let notice = try ToolRun("show", "keypackages:bob", "5", "--data", example.path)
        #expect(
            notice.lines.suffix(4) == [
                "key_package_handed_out:", "  key_package_seq: 1", "  recipient: 1", "  recipient_name: alice",
            ])
    }

    @Test("keypackages, identities and acknowledgements say what waits for whom (N-13)")
    func clients() throws {
        let packages = try ToolRun("keypackages", "bob", "--json", "--data", example.path).objects
        #expect(packages.map { $0["seq"] as? Int } == [2, 4, 3])
        #expect(packages.map { $0["last_resort"] as? Bool } == [false, true, false])
        let identities = try ToolRun("identities", "--json", "--data", example.path).objects
        #expect(identities.map { $0["name"] as? String } == ["alice", "bob", "çarol"])
        #expect(identities[1]["inbox_last"] as? Int == 1)
        #expect(identities[1]["key_packages"] as? Int == 2)
        #expect(try ToolRun("identities", "--data", example.path).lines.count == 4)
        #expect(try ToolRun("keypackages", "bob", "--data", example.path).lines.count == 4)
        try example.relay.acknowledge(LogNumber(rawValue: 9), 2, by: ClientNumber(rawValue: 2))
        let acknowledgements = try ToolRun("acknowledgements", "choir", "--data", example.path)
        #expect(acknowledgements.lines == ["CLIENT  NAME  ACKNOWLEDGED  BEHIND", "     2  bob              2       1"])
    }

    @Test("stat counts rows, sizes and readers")
    func stat() throws {
        let reader = try StoreReader(example.relay.store)
        let object = try #require(try ToolRun("stat", "--json", "--data", example.path).objects.first)
        let tables = try #require(object["tables"] as? [String: [String: Any]])
        #expect(tables["entries"]?["rows"] as? Int == 14)
        #expect(tables["clients"]?["rows"] as? Int == 3)
        #expect(object["max_byte_count"] as? Int == 64 << 20)
        let readers = try #require(object["readers"] as? [[String: Any]])
        #expect(readers.allSatisfy { $0["process"] as? Int == Int(getpid()) })
        // The relay's own and this one.
        #expect(readers.count == 2)
        let run = try ToolRun("stat", "--data", example.path)
        #expect(run.status == 0)
        #expect(run.output.contains("\nentries "))
        withExtendedLifetime(reader) {}
    }

    // MARK: Verifying and copying

    @Test("verify ends with 0 on a clean store and with 1 and the findings on a damaged one (N-13)")
    func verify() throws {
        let clean = try ToolRun("verify", "--data", example.path)
        #expect(clean.status == 0)
        #expect(clean.lines == ["14 entries, 10 logs, 3 clients: no damage found"])
        #expect(clean.errorOutput.isEmpty)
        let copy = example.path + "/copy"
        try example.relay.publish(.application("a text in the file", "choir", 1), by: ClientNumber(rawValue: 1))
        try example.relay.store.backUp(to: copy)
        try Self.damage("a text in the file", in: copy)
        let damaged = try ToolRun("verify", "--data", copy)
        #expect(damaged.status == 1)
        #expect(damaged.lines.count == 2)
        #expect(damaged.lines[0].hasPrefix("entries, log 9, entry 4: payloadHash: expected "))
        #expect(damaged.lines[1] == "15 entries, 10 logs, 3 clients: 1 finding")
        let objects = try ToolRun("verify", "--json", "--data", copy).objects
        #expect(objects[0]["problem"] as? String == "payloadHash")
        #expect(objects[0]["log"] as? Int == 9)
        #expect(objects[0]["seq"] as? Int == 4)
        #expect(objects[1]["findings"] as? Int == 1)
        // The rest of a damaged log can still be read.
        #expect(try ToolRun("log", "choir", "--data", copy).lines.count == 5)
    }

    private static func damage(_ text: String, in directory: String) throws {
        let file = URL(fileURLWithPath: directory + "/data.mdb")
        var bytes = try Data(contentsOf: file)
        let place = try #require(bytes.range(of: Data(text.utf8)))
        bytes[place.lowerBound] ^= 1
        try bytes.write(to: file)
    }

    @Test("backup copies a store in use, which a relay then opens, and never overwrites one (N-13)")
    func backup() throws {
        let target = example.path + "/copy"
        let run = try ToolRun("backup", target, "--verify", "--data", example.path)
        #expect(run.status == 0)
        #expect(run.lines.last == "14 entries, 10 logs, 3 clients: no damage found")
        let again = try ToolRun("backup", target, "--data", example.path)
        #expect(again.status == 2)
        #expect(again.errorOutput == "mlsrelay-tool: there is a store already in \(target)\n")
        let before = try example.relay.state
        let groups = try ToolRun("groups", "--data", example.path).output
        #expect(try ToolRun("groups", "--data", target).output == groups)
        _ = try Store(target, access: .relay, configuration: .forTests)
        #expect(try ToolRun("verify", "--data", target).status == 0)
        #expect(try example.relay.state == before)
    }

    // MARK: What goes wrong

    @Test("what is not there is said in one line, with exit code 2")
    func errors() throws {
        _ = try example.relay.createGroup([0xab], by: ClientNumber(rawValue: 1))
        _ = try example.relay.createGroup("ab", by: ClientNumber(rawValue: 1))
        let data = example.path
        let failures: [([String], String)] = [
            (["groups", "--data", data + "/nowhere"], "there is no store in \(data)/nowhere"),
            (["log", "nope", "--data", data], "there is no group nope"),
            (["log", "#99", "--data", data], "there is no log 99"),
            (["log", "inbox:dave", "--data", data], "nobody is registered as dave"),
            (["keypackages", "dave", "--data", data], "nobody is registered as dave"),
            (["show", "choir", "4", "--data", data], "group 63686f6972 (log 9) has no entry 4"),
            (["show", "choir", "0", "--data", data], "group 63686f6972 (log 9) has no entry 0"),
            (
                ["log", "ab", "--data", data],
                "ab is the id of one group as text and of another in hexadecimal digits: say text:ab or hex:ab"
            ),
        ]
        for (arguments, message) in failures {
            let run = try ToolRun(arguments)
            #expect(run.status == 2)
            #expect(run.output.isEmpty)
            #expect(run.errorOutput == "mlsrelay-tool: \(message)\n")
        }
        #expect(try ToolRun("log", "hex:ab", "--data", data).status == 0)
        #expect(try ToolRun("log", "--data", data).status == 64)
        #expect(try ToolRun("log", "choir", "--limit", "-1", "--data", data).status == 64)
        #expect(try ToolRun("nonsense").status == 64)
    }

    @Test("a closed pipe ends the tool quietly")
    func closedPipe() throws {
        let messages = (0..<2000).map {
            TestMessage.application("\($0) \(String(repeating: "x", count: 100))", "choir", 1)
        }
        _ = try example.relay.perform(.publish(messages), by: ClientNumber(rawValue: 1))
        let run = try ToolRun(shell: "$TOOL log choir --json --payload --data \(example.path) | head -n 2 | wc -l")
        #expect(run.output.trimmingCharacters(in: .whitespacesAndNewlines) == "2")
        #expect(run.errorOutput.isEmpty)
    }
}
