import ArgumentParser
import MLSCrypto
import RelayConnection
import RelayCore
import RelayStore
import RelayWire

/// Where an operator administers: a running relay, as a client of a user that the setting `operators` names, or the data
/// directory of a relay that does not run.
struct AdministrationOptions: ParsableArguments {
    @Option(help: "The data directory of a relay that does not run; beside --identity, where names are looked up.")
    var data = "mlsrelay-data"

    @Option(help: "Where a running relay is: ws, wss, tcp or tls.")
    var url = "ws://127.0.0.1:7680"

    @Option(
        help: ArgumentHelp(
            "The identity of an operator: then the running relay is asked. Without it the data directory is changed.",
            valueName: "file"))
    var identity: String?

    @Option(help: ArgumentHelp("Trust the certificates in this PEM file, and no others.", valueName: "file"))
    var trust: String?

    @Option(help: ArgumentHelp("How long the relay may take to answer.", valueName: "seconds"))
    var timeout = 30

    func validate() throws {
        if timeout < 1 { throw ValidationError("--timeout is at least 1.") }
    }

    /// Does what operators may do, with a running relay or without.
    func perform(_ action: Administer.Action) async throws -> Administered {
        if identity == nil {
            return try offline { (offline, now) in try offline.administer(action, at: now) }
                .decoded(as: Administered.self)
        }
        return try await withClient { client in try await client.administer(action) }
    }

    /// Bans a user from a group, or no longer: online as an admin of the group.
    func ban(_ request: Ban) async throws {
        if identity == nil {
            _ = try offline { (offline, now) in try offline.ban(request, at: now) }
            return
        }
        try await withClient { client in try await client.ban(request) }
    }

    /// The number of a group's log: of the relay's store, where it is on this machine, or as it is named.
    func log(_ group: String) throws -> LogNumber {
        if case .number(let log) = LogReference(group), identity != nil { return log }
        return try reader(for: group).group(group).log
    }

    func client(_ name: String) throws -> ClientNumber {
        if identity != nil, name.hasPrefix("#"), let number = UInt64(name.dropFirst()) {
            return ClientNumber(rawValue: number)
        }
        return try reader(for: name).client(named: name)
    }

    private func reader(for name: String) throws -> StoreReader {
        do {
            return try StoreReader(Store(data, access: .inspector))
        } catch StoreError.missing(let directory) {
            if identity == nil { throw StoreError.missing(directory: directory) }
            throw ToolError("\(name) cannot be looked up without the relay's --data: say #N, its number")
        }
    }

    // MARK: How

    private func withClient<Result>(_ body: (RelayConnection) async throws -> Result) async throws -> Result {
        var options = try RelayOptions.parse(["--identity", identity ?? ""])
        options.url = url
        options.trust = trust
        options.timeout = timeout
        return try await options.withClient(as: options.loadIdentity(), body)
    }

    private func openToWrite() throws -> Store {
        do {
            // A store that is not there is not made.
            _ = try Store(data, access: .inspector)
            return try Store(data, access: .relay)
        } catch StoreError.inUse {
            throw ToolError(
                "a relay runs on \(data): ask it with --identity FILE and --url URL, FILE being the identity of an operator"
            )
        }
    }

    /// Changes the store of a relay that does not run, in one transaction.
    /// - Throws: `ToolError` where the relay refuses or runs; nothing has changed then.
    private func offline(
        _ body: (OfflineRelay, Timestamp) throws -> Outcome
    ) throws -> EncodedFrame {
        let offline = OfflineRelay(try openToWrite())
        try offline.writer.begin()
        defer { offline.writer.abort() }
        switch try body(offline, currentTime) {
        case .answered(let frame):
            _ = try offline.writer.commit()
            return frame
        case .refused(let error): throw ToolError("\(error.code): \(String(decoding: error.text, as: UTF8.self))")
        default: throw ToolError("an answer that was not expected")
        }
    }
}

/// What a relay decides, without a relay.
private final class OfflineRelay {
    let writer: StoreWriter
    var relay: Relay<StoreWriter>

    init(_ store: Store) {
        writer = StoreWriter(store)
        relay = Relay(writer, limits: CoreLimits())
    }

    func administer(_ action: Administer.Action, at now: Timestamp) throws(StoreError) -> Outcome {
        // As many bytes as a relay gives a token.
        let token = action.type == .createToken ? randomBytes(16) : []
        let command = Command(
            connection: ConnectionID(loop: 0, slot: 0, generation: 0), requestID: .none, client: .relay,
            action: .administer(action, token: token))
        var receipts: [Receipt] = []
        return try relay.apply(command, in: CommandBatch(), at: now, receipts: &receipts)
    }

    func ban(_ request: Ban, at now: Timestamp) throws(StoreError) -> Outcome {
        try relay.banAsOperator(request, at: now)
    }
}
