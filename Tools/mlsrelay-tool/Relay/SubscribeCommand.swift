import ArgumentParser
import Glibc
import RelayConnection
import RelayStore
import RelayWire
import Synchronization
import TLSPresentation

struct SubscribeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "subscribe", abstract: "Follow logs of a relay: what is there, and what comes.",
        discussion: """
            Every entry is verified against its log's hash chain. A lost connection is made again, and the logs go on \
            where they were.
            """)

    @OptionGroup var relay: RelayOptions
    @OptionGroup var output: OutputOptions

    @Argument(
        help: ArgumentHelp(
            "Group ids as hexadecimal digits or as text (hex:ID or text:ID where both could be meant), or inbox, "
                + "keypackages, directory, groups.", valueName: "group"))
    var logs: [String]

    @Option(help: "Begin behind this entry of each log.")
    var after: UInt64 = 0

    @Option(help: "End after so many entries.")
    var count: Int?

    @Flag(help: "With --json: also the payloads, in hexadecimal digits.")
    var payload = false

    func validate() throws {
        if let count, count < 1 { throw ValidationError("--count is at least 1.") }
    }

    func run() async throws {
        let wanted = try logs.map { (name: $0, logs: try Self.relayLogs($0)) }
        let identity = try relay.loadIdentity()
        try await relay.withClient(as: identity) { client in
            let number = await client.clientNumber
            let printer = EntryPrinter(
                logCount: wanted.count, limit: count, json: output.json, payload: payload
            ) { sender in
                sender == .relay ? "relay" : sender == number ? identity.name : "client \(sender)"
            }
            var subscriptions: [LogSubscription] = []
            for (name, logs) in wanted { subscriptions.append(try await subscribe(client, name, logs)) }
            try await Self.follow(subscriptions, client, printer)
        }
    }

    // MARK: Logs

    /// What a name may mean; the relay knows which of them there is.
    private static func relayLogs(_ name: String) throws -> [RelayLog] {
        switch name {
        case "inbox": return [.inbox]
        case "keypackages": return [.keyPackages]
        default: break
        }
        switch LogReference(name) {
        case .directory: return [.directory]
        case .groups: return [.groups]
        case .group(let hex, let text): return [hex, text.map { Array($0.utf8) }].compactMap { $0 }.map { .group($0) }
        case .number, .inbox, .keyPackages, nil:
            throw ToolError("\(name) names no log that a client may follow")
        }
    }

    private func subscribe(
        _ client: RelayConnection, _ name: String, _ logs: [RelayLog]
    ) async throws -> LogSubscription {
        let cursor = Cursor(sequenceNumber: SequenceNumber(rawValue: after), chain: nil)
        let results = try await client.subscribe(to: logs.map { ($0, cursor) })
        let found = results.compactMap { try? $0.get() }
        if found.count > 1 {
            throw LogReference.ambiguity(name)
        }
        if let subscription = found.first { return subscription }
        // All of them failed: what is said of the text is what was meant most likely.
        guard case .failure(let error)? = results.last else { throw ToolError("\(name) names no log") }
        throw ToolError("\(name): \(error)")
    }

    // MARK: Entries

    private static func follow(
        _ subscriptions: [LogSubscription], _ client: RelayConnection, _ printer: EntryPrinter
    ) async throws {
        let watcher = Task { await reportLosses(of: client) }
        defer { watcher.cancel() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for subscription in subscriptions {
                group.addTask {
                    for try await entry in subscription {
                        let isLive = entry.header.sequenceNumber >= subscription.info.last
                        guard try printer.print(entry, isLive: isLive) else { return }
                    }
                }
            }
            // The first that ends has printed the last entry wanted, or its log cannot be followed on.
            try await group.next()
            group.cancelAll()
        }
    }

    /// Says on standard error when the connection is lost, once for each reason, and when it is back.
    private static func reportLosses(of client: RelayConnection) async {
        var last: RelayConnectionError?
        for await state in await client.states() {
            switch state {
            case .waiting(_, let error) where error != last:
                last = error
                Terminal.writeError("mlsrelay-tool: \(error); trying again\n")
            case .ready where last != nil:
                last = nil
                Terminal.writeError("mlsrelay-tool: connected again\n")
            case .idle, .connecting, .ready, .waiting, .ended: break
            }
        }
    }
}

/// Prints the entries of several logs, which come on several tasks.
private final class EntryPrinter: Sendable {
    private struct State {
        var table: Table
        var left: Int
        var unflushed = 0
    }

    private let state: Mutex<State>
    private let hasLogColumn: Bool
    private let json: Bool
    private let payload: Bool
    private let name: @Sendable (ClientNumber) -> String

    init(
        logCount: Int, limit: Int?, json: Bool, payload: Bool, name: @escaping @Sendable (ClientNumber) -> String
    ) {
        hasLogColumn = logCount > 1
        let columns = (hasLogColumn ? [Table.Column(title: "LOG", alignment: .right)] : []) + EntryRow.columns
        state = Mutex(State(table: Table(columns), left: limit ?? .max))
        self.json = json
        self.payload = payload
        self.name = name
    }

    /// - Returns: whether more entries are wanted.
    func print(_ received: ReceivedEntry, isLive: Bool) throws(StoreError) -> Bool {
        let entry = received.entry ?? Entry(header: received.header, chain: received.chain, payload: [])
        let summary = try received.entry.map { (entry) throws(StoreError) in try EntrySummary(entry) { name($0) } }
        let row = EntryRow(
            entry, summary ?? .withoutPayload, sender: name(entry.header.sender), includesPayload: payload)
        return state.withLock { state in
            guard state.left > 0 else { return false }
            state.left -= 1
            if json {
                Swift.print(row.json)
            } else {
                let cells = (hasLogColumn ? ["\(entry.header.log)"] : []) + row.cells
                for line in state.table.lines([cells]) { Swift.print(line) }
            }
            state.unflushed += 1
            // Whoever waits for new entries sees each at once; history goes out in larger pieces.
            if isLive || state.unflushed >= 256 || state.left == 0 {
                fflush(nil)
                state.unflushed = 0
            }
            return state.left > 0
        }
    }
}
