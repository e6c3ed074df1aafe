import ClientTransport
import MLSCrypto
import RelayConnection
import RelayWire
import Synchronization
import TLSPresentation
import Testing

/// What the tests of others stand on: a proxy passes what it should, and a lie that is told well is not seen by whoever
/// looks at one chain alone.
@Suite("The proxy between client and relay", .timeLimit(.minutes(1)))
struct ProxyTests {
    private static let group = Array("proxied group 16".utf8)

    private func connection(_ name: String, at url: String) async throws -> RelayConnection {
        var configuration = RelayConnectionConfiguration()
        configuration.registers = true
        configuration.backoff = Backoff(initial: .milliseconds(2), maximum: .milliseconds(20))
        let connection = try RelayConnection(
            url: RelayURL(url), identity: ConnectionIdentity.generate(name: name), configuration: configuration)
        try await connection.connect()
        return connection
    }

    /// Publishes `texts` to a group that another client reads through `proxy`, and returns what that one got.
    private func received(
        _ relay: RunningRelay, through proxy: TamperingProxy, _ texts: [String]
    ) async throws -> Result<[ReceivedEntry], RelayConnectionError> {
        let sender = try await connection("alice", at: relay.url)
        let reader = try await connection("bob", at: proxy.url)
        _ = try await sender.createGroup(Self.group)
        let subscription = try await reader.subscribe(to: .group(Self.group))
        for text in texts { _ = try await sender.publish([privateMessage(Self.group, text)]) }
        var entries: [ReceivedEntry] = []
        do throws(RelayConnectionError) {
            for try await entry in subscription {
                entries.append(entry)
                if entry.entry.map({ Self.text(of: $0) }) == texts.last { break }
            }
        } catch {
            return .failure(error)
        }
        await sender.close()
        await reader.close()
        return .success(entries)
    }

    private func privateMessage(_ group: [UInt8], _ text: String) -> [UInt8] {
        var writer = Writer()
        writer.integer(1 as UInt16)
        writer.integer(2 as UInt16)
        writer.opaque(group)
        writer.integer(0 as UInt64)
        writer.integer(1 as UInt8)
        writer.opaque([])
        writer.opaque([1, 2, 3])
        writer.opaque(Array(repeating: 0, count: 16) + Array(text.utf8))
        return writer.bytes
    }

    private static func text(of entry: Entry) -> String { String(decoding: entry.payload.suffix(1), as: UTF8.self) }

    /// Does what `rule` says, and ends the connection once with this entry.
    private static func cutting(
        at sequence: UInt64, _ rule: @escaping TamperingProxy.Rule
    ) -> TamperingProxy.Rule {
        let mayCut = Atomic(true)
        return { passing in
            let actions = rule(passing)
            guard case .entry(let frame) = passing.frame, frame.entry.header.sequenceNumber.rawValue == sequence,
                mayCut.exchange(false, ordering: .relaxed)
            else { return actions }
            return (actions ?? [.send(passing.frame, passing.id)]) + [.cut]
        }
    }

    @Test("frames pass as they are, and a cut connection is made again where it was")
    func passes() async throws {
        try await withRelay { relay in
            let proxy = try TamperingProxy(before: relay)
            defer { proxy.stop() }
            proxy.setRule(Self.cutting(at: 2) { _ in nil })
            let entries = try await received(relay, through: proxy, ["1", "2", "3"]).get()
            #expect(entries.map(\.header.sequenceNumber.rawValue) == [1, 2, 3])
            #expect(proxy.count(.toRelay, [.hello]) == 2)
        }
    }

    @Test("a dropped entry breaks the chain where it is told badly")
    func dropsBadly() async throws {
        try await withRelay { relay in
            let proxy = try TamperingProxy(before: relay)
            defer { proxy.stop() }
            proxy.setRule { passing in
                if case .entry(let frame) = passing.frame, frame.entry.header.sequenceNumber.rawValue == 2 {
                    []
                } else {
                    nil
                }
            }
            let result = try await received(relay, through: proxy, ["1", "2", "3"])
            #expect(throws: RelayConnectionError.self) { try result.get() }
        }
    }

    @Test("a lie that is told well is not seen in one chain alone", arguments: ["drop", "replace", "twice", "swap"])
    func liesWell(_ kind: String) async throws {
        try await withRelay { relay in
            let proxy = try TamperingProxy(before: relay)
            defer { proxy.stop() }
            let liar = LyingLog(Self.group) { header, payload in
                guard header.sequenceNumber.rawValue == 2 else { return .truth }
                return switch kind {
                case "drop": .drop
                case "replace": .replace((payload ?? []) + [0])
                case "twice": .twice
                default: .afterNext
                }
            }
            proxy.setRule(Self.cutting(at: 3, liar.rule))
            let entries = try await received(relay, through: proxy, ["1", "2", "3", "4"]).get()
            #expect(liar.hasLied)
            #expect(proxy.count(.toRelay, [.hello]) == 2)
            let told = entries.compactMap(\.entry).map(Self.text)
            let expected = [
                "drop": ["1", "3", "4"], "replace": ["1", "\0", "3", "4"], "twice": ["1", "2", "2", "3", "4"],
            ]
            #expect(told == expected[kind] ?? ["1", "3", "2", "4"])
            #expect(entries.map(\.header.sequenceNumber.rawValue) == (1...UInt64(told.count)).map { $0 })
        }
    }
}
