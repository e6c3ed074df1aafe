import ClientTransport
import Foundation
import MLSCrypto
import MLSTestSupport
import RelayConnection
import RelayWire
import Synchronization
import TLSPresentation
import TestSupport
import Testing

/// Entries as one subscriber received them, log by log, and an event when there are as many as there must be.
private final class Collected: Sendable {
    private struct State {
        var entries: [RelayLog: [Entry]] = [:]
        var count = 0
        var target: Int?
        var waiter: CheckedContinuation<Void, Never>?
    }
    private let state = Mutex(State())

    var entries: [RelayLog: [Entry]] { state.withLock { $0.entries } }

    func add(_ entry: Entry, of log: RelayLog) {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.entries[log, default: []].append(entry)
            state.count += 1
            guard let target = state.target, state.count >= target else { return nil }
            return state.waiter.take()
        }
        waiter?.resume()
    }

    func wait(for target: Int) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                state.target = target
                if state.count >= target { return true }
                state.waiter = continuation
                return false
            }
            if isThere { continuation.resume() }
        }
    }
}

/// What was acknowledged: the message and where the relay said it stands.
private struct Acknowledged: Sendable {
    var message: [UInt8]
    var log: RelayLog
    var receipt: Receipt
}

@Suite("A relay that is killed loses nothing (issue 1, N-1, N-6)", .timeLimit(.minutes(5)), .serialized)
struct CrashTests {
    @Test(
        "the vectors' MLSMessages reach every subscriber byte for byte, in order and once, across a SIGKILL",
        arguments: [
            "ws", "wss", "tcp", "tls",
        ])
    func killedInTheMiddle(scheme: String) async throws {
        let directory = try TemporaryDirectory()
        let identities = (
            publisher: try ConnectionIdentity.generate(name: "publisher"),
            recipient: try ConnectionIdentity.generate(name: "recipient")
        )
        let vectors = try VectorMessages.load(
            publisher: TestClient("publisher", key: identities.publisher.key),
            recipient: TestClient("recipient", key: identities.recipient.key))
        let certificate =
            scheme == "wss" || scheme == "tls" ? try await onThread { try directory.makeCertificate() } : nil
        let data = directory.path + "/data"
        let first = try await onThread {
            try RelayProcess(dataDirectory: data, listeners: [(scheme, 0)], certificate: certificate)
        }
        let url = try RelayURL(first.urls[scheme] ?? "")
        var configuration = RelayConnectionConfiguration()
        configuration.registers = true
        configuration.backoff = Backoff(initial: .milliseconds(20), maximum: .milliseconds(200))
        configuration.requestTimeout = .seconds(60)
        if let certificate { configuration.socket.tls = try TLSClientContext(.file(certificate.chain)) }
        func connect(_ identity: ConnectionIdentity) async throws -> RelayConnection {
            let client = try RelayConnection(url: url, identity: identity, configuration: configuration)
            try await client.connect()
            return client
        }

        // The recipient of the Welcomes publishes its KeyPackages; the publisher creates the groups.
        let recipient = try await connect(identities.recipient)
        _ = try await recipient.publish(vectors.recipientKeyPackages)
        let publisher = try await connect(identities.publisher)
        for script in vectors.scripts {
            _ = try await publisher.createGroup(script.groupID, epoch: Epoch(rawValue: script.firstEpoch))
        }

        // Several subscribers follow everything that is theirs.
        var readers: [Task<Void, any Error>] = []
        let logs = vectors.scripts.map { RelayLog.group($0.groupID) }
        var collected: [Collected] = []
        var clients: [RelayConnection] = []
        for index in 0..<4 {
            let client = index == 3 ? recipient : try await connect(.generate(name: "subscriber \(index)"))
            clients.append(client)
            let target = Collected()
            collected.append(target)
            let own = index == 3 ? [RelayLog.inbox] : logs
            for subscription in try await client.subscribe(to: own.map { ($0, .start) }) {
                let subscription = try subscription.get()
                readers.append(
                    Task {
                        for try await received in subscription {
                            if let entry = received.entry { target.add(entry, of: subscription.log) }
                        }
                    })
            }
        }

        // Eight tasks publish; when half is acknowledged the relay is killed, and another takes its place.
        let (ticks, tick) = AsyncStream.makeStream(of: Void.self)
        let total = vectors.scripts.reduce(0) { $0 + $1.steps.count }
        let crash = Task {
            var count = 0
            for await _ in ticks {
                count += 1
                if count == total / 2 { break }
            }
            return try await onThread {
                try first.kill()
                return try RelayProcess(dataDirectory: data, listeners: first.listeners, certificate: certificate)
            }
        }
        let acknowledged = try await withThrowingTaskGroup(of: [Acknowledged].self) { group in
            for share in 0..<8 {
                group.addTask {
                    var acknowledged: [Acknowledged] = []
                    for (index, script) in vectors.scripts.enumerated() where index % 8 == share {
                        for step in script.steps {
                            acknowledged += try await Self.carryOut(step, of: script, publisher)
                            tick.yield()
                        }
                    }
                    return acknowledged
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        let second = try await crash.value

        // Everything that was acknowledged is there, once, in its place, for every subscriber.
        let inGroups = acknowledged.filter { if case .group = $0.log { true } else { false } }
        let welcomes = acknowledged.filter { $0.log == .inbox }
        for target in collected[..<3] { await target.wait(for: inGroups.count) }
        await collected[3].wait(for: welcomes.count)
        for target in collected[..<3] {
            let entries = target.entries
            #expect(entries.values.reduce(0) { $0 + $1.count } == inGroups.count)
            for item in inGroups {
                let log = entries[item.log] ?? []
                let entry = log.first { $0.header.sequenceNumber == item.receipt.sequenceNumber }
                #expect(entry?.payload == item.message)
                #expect(entry?.chain == item.receipt.chain)
            }
            for (log, entries) in entries {
                #expect(entries.map(\.header.sequenceNumber.rawValue) == Array(1...UInt64(entries.count)), "\(log)")
                #expect(Set(entries.map(\.payload)).count == entries.count)
            }
        }
        #expect(Set(collected[3].entries[.inbox, default: []].map(\.payload)) == Set(welcomes.map(\.message)))
        let counts = try await publisher.countKeyPackages()
        #expect(counts.map(\.count) == [100])

        for client in clients + [publisher] { await client.close() }
        for reader in readers { try await reader.value }
        #expect(try await onThread { try second.terminate() } == 0)
        try await verify(data)
    }

    /// Publishes a step's message and checks that the relay says of it what it must.
    private static func carryOut(
        _ step: VectorMessages.Step, of script: VectorMessages.Script, _ publisher: RelayConnection
    ) async throws -> [Acknowledged] {
        do throws(RelayConnectionError) {
            let receipts = try await publisher.publish([step.message])
            switch step.expected {
            case .entry:
                #expect(receipts.count == 1)
                return receipts.map { Acknowledged(message: step.message, log: .group(script.groupID), receipt: $0) }
            case .welcome:
                #expect(receipts.count == 1)
                return receipts.map { Acknowledged(message: step.message, log: .inbox, receipt: $0) }
            case .keyPackage:
                #expect(receipts.count == 1)
                return receipts.map { Acknowledged(message: step.message, log: .keyPackages, receipt: $0) }
            case .again: #expect(receipts.count == 1)
            case .groupInfo: #expect(receipts.isEmpty)
            case .refused(let code): Issue.record("taken, and should be refused with \(code)")
            }
        } catch {
            guard case .refused(let code) = step.expected, error.code == .relay(code) else { throw error }
        }
        return []
    }

    /// `mlsrelay-tool verify` finds nothing; and after one byte of a stored message is turned it finds that.
    private func verify(_ data: String) async throws {
        try await onThread {
            let clean = try ToolProcess("mlsrelay-tool", ["verify", "--data", data])
            #expect(try clean.wait() == 0, "\(clean.output)\(clean.errors)")

            let file = data + "/data.mdb"
            var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: file)))
            // A private message's bytes stand in the store as they came.
            let vectors = try VectorMessages.load()
            let step = vectors.scripts.lazy.compactMap { script in script.steps.first { $0.expected == .entry } }.first
            let needle = try #require(step).message
            // Wherever it stands: LMDB leaves the old copy of a page where it was until it needs the place.
            let found = bytes.ranges(of: needle)
            #expect(!found.isEmpty)
            for range in found { bytes[range.upperBound - 1] ^= 1 }
            try Data(bytes).write(to: URL(fileURLWithPath: file))
            let damaged = try ToolProcess("mlsrelay-tool", ["verify", "--data", data])
            #expect(try damaged.wait() == 1, "\(damaged.output)\(damaged.errors)")
        }
    }
}

@Suite("The specification is enough (Wire/PROTOCOL.md)", .timeLimit(.minutes(2)))
struct PythonClientTests {
    @Test("a Python client written from PROTOCOL.md registers, publishes, subscribes and verifies the chain")
    func pythonClient() async throws {
        let directory = try TemporaryDirectory()
        let vectors = try VectorMessages.load()
        let script = try #require(vectors.scripts.first { $0.steps.count { $0.expected == .entry } >= 3 })
        let messages = script.steps.filter { $0.expected == .entry }.map(\.message.hex)
        let file = directory.path + "/messages"
        try messages.joined(separator: "\n").write(toFile: file, atomically: true, encoding: .utf8)
        try await onThread {
            let relay = try RelayProcess(dataDirectory: directory.path + "/data")
            let client = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .appendingPathComponent("Python/relay_client.py").path
            let arguments = [client, relay.urls["ws"] ?? "", script.groupID.hex, String(script.firstEpoch), file]
            let python = try ToolProcess("/usr/bin/python3", arguments)
            #expect(try python.wait() == 0, "\(python.output)\(python.errors)")
            #expect(python.output.contains("\"ok\": true, \"entries\": \(messages.count)"), "\(python.output)")
            #expect(try relay.terminate() == 0)
        }
        let lines = try String(
            contentsOf: URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .appendingPathComponent("Python/relay_client.py"), encoding: .utf8
        ).split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count <= 150)
    }
}

@Suite("Addresses", .timeLimit(.minutes(1)))
struct AddressTests {
    @Test("IPv6 is listened at and connected to, over WebSocket and TCP", arguments: ["ws", "tcp"])
    func ipv6(scheme: String) async throws {
        let directory = try TemporaryDirectory()
        let (relay, url) = try await onThread {
            let relay = try RelayProcess(
                dataDirectory: directory.path + "/data", arguments: ["--listen", "\(scheme)://[::1]:0"])
            let prefix = "listening on \(scheme)://[::1]:"
            let url = try relay.process.line {
                $0.hasPrefix(prefix) ? String($0.dropFirst("listening on ".count)) : nil
            }
            return (relay, url)
        }
        var configuration = RelayConnectionConfiguration()
        configuration.registers = true
        let client = try RelayConnection(
            url: RelayURL(url), identity: try .generate(name: "six"), configuration: configuration)
        try await client.connect()
        #expect(try await client.ping() < .seconds(10))
        await client.close()
        #expect(try await onThread { try relay.terminate() } == 0)
    }
}
