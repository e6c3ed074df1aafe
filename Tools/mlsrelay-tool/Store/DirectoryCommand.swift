import ArgumentParser
import Glibc
import RelayCore
import RelayStore
import RelayWire
import TLSPresentation

struct DirectoryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "directory",
        abstract: "Print the directory: registrations, credentials, new keys, revocations, suspensions.")

    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions

    @Option(help: "Only what concerns this user.")
    var user: String?

    @Option(help: "Begin behind this entry.")
    var after: UInt64 = 0

    @Flag(help: "Go on with new entries until interrupted.")
    var follow = false

    /// Entries read in one transaction.
    private static let pageCount = 1024

    func run() throws {
        let reader = try StoreReader(store.open())
        let log = try reader.log("directory").number
        let wanted = try user.map { try reader.user(named: $0) }
        var listing = Listing(EntryRow.columns, json: output.json)
        var last = SequenceNumber(rawValue: after)
        var hasPrinted = false
        while true {
            let (rows, end) = try reader.read { (snapshot) throws(StoreError) in
                let rows = try snapshot.rows(of: log, after: last, limit: Self.pageCount)
                guard let wanted else { return (rows, rows.last?.number) }
                var own: [EntryRow] = []
                for row in rows {
                    // What is damaged may concern anybody.
                    guard let entry = try? snapshot.entry(row.number, in: log) else {
                        own.append(row)
                        continue
                    }
                    if try snapshot.concerns(entry, wanted) { own.append(row) }
                }
                return (own, rows.last?.number)
            }
            if !rows.isEmpty || !hasPrinted && end == nil && !follow {
                listing.print(rows, cells: \.cells, json: \.json)
                hasPrinted = true
            }
            if let end {
                last = end
                continue
            }
            guard follow else { return }
            fflush(nil)
            // As `log --follow` does.
            usleep(LogCommand.pollMicroseconds)
        }
    }
}

extension Snapshot {
    /// Whether an entry of the directory tells of a user or one of its clients.
    fileprivate func concerns(_ entry: Entry, _ user: UserNumber) throws(StoreError) -> Bool {
        let client: ClientNumber?
        switch entry.header.kind {
        case .identity: return (try? IdentityNotice(decoding: entry.payload))?.user == user
        case .userSuspended: return (try? SuspensionNotice(decoding: entry.payload))?.user == user
        case .credentialIssued: client = (try? CredentialNotice(decoding: entry.payload))?.client
        case .keyRotated: client = (try? KeyRotationNotice(decoding: entry.payload))?.client
        case .clientRevoked: client = (try? RevocationNotice(decoding: entry.payload))?.client
        default: return false
        }
        guard let client else { return false }
        return try get(Tables.clients, client)?.user == user
    }
}
