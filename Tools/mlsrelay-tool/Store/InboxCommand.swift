import ArgumentParser
import RelayCore
import RelayStore
import RelayWire
import TLSPresentation

struct InboxCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inbox", abstract: "List what a client's inbox holds, and what the client has not processed.")

    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: ArgumentHelp(ClientReference.help, valueName: "client"))
    var client: String

    @Flag(help: "Only what the client has not acknowledged.")
    var unread = false

    /// Entries read in one transaction.
    private static let pageCount = 256

    func run() throws {
        let reader = try StoreReader(store.open())
        let client = try reader.client(named: client)
        var listing = Listing(EntryRow.columns + [.text("READ")], json: output.json)
        var last = SequenceNumber.zero
        if unread {
            last = try reader.read { (snapshot) throws(StoreError) in try snapshot.inbox(of: client).acknowledged }
        }
        while true {
            let rows = try reader.read { (snapshot) throws(StoreError) in
                let inbox = try snapshot.inbox(of: client)
                return try snapshot.rows(of: inbox.log, after: last, limit: Self.pageCount).map {
                    (row: $0, isRead: $0.number <= inbox.acknowledged)
                }
            }
            guard let end = rows.last?.row.number else {
                if last == .zero { listing.print(rows, cells: { $0.row.cells }, json: { $0.row.json }) }
                return
            }
            listing.print(rows) {
                $0.row.cells + [$0.isRead ? "yes" : "no"]
            } json: { (row, isRead) in
                guard case .object(let members) = row.json else { return row.json }
                return .object(members + [JSON.Member(name: "is_read", value: .bool(isRead))])
            }
            last = end
        }
    }
}

extension Snapshot {
    func inbox(of client: ClientNumber) throws(StoreError) -> (log: LogNumber, acknowledged: SequenceNumber) {
        guard let log = try log(.inbox, named: client.encoded.rawSpan) else {
            throw .corrupted("client \(client) has no inbox")
        }
        return (log, try acknowledged(log, by: client))
    }

    /// Entries of a log behind `after` as rows; those that are damaged too.
    func rows(
        of log: LogNumber, after: SequenceNumber, limit: Int, includesPayload: Bool = false
    ) throws(StoreError) -> [EntryRow] {
        guard let head = try head(of: log) else { throw .corrupted("log \(log) has no head") }
        var rows: [EntryRow] = []
        try forEachFrame(in: log, after: after, through: head.last) { (number, frame) throws(StoreError) in
            let stored: StoredEntry
            do throws(DecodingError) {
                stored = try Self.decodeStored(frame)
            } catch {
                // The others can be read all the same.
                rows.append(EntryRow(damaged: error, log, number, frame.count))
                return rows.count < limit
            }
            let sender = try nameText(of: stored.header.sender)
            switch stored {
            case .whole(let entry):
                let summary = try EntrySummary(entry) { (client) throws(StoreError) in try nameText(of: client) }
                rows.append(EntryRow(entry, summary, sender: sender, includesPayload: includesPayload))
            case .digest(let digest):
                // Retention has deleted its payload.
                let entry = Entry(header: digest.header, chain: digest.chain, payload: [])
                rows.append(EntryRow(entry, .withoutPayload, sender: sender, includesPayload: false))
            }
            return rows.count < limit
        }
        return rows
    }
}
