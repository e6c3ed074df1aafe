import ArgumentParser
import MLSCodec
import RelayCore
import RelayStore
import RelayWire
import TLSPresentation

struct PoolsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pools", abstract: "List pools of KeyPackages: how many are left, how old, and until when.",
        discussion: "One line for each client and cipher suite. A client without any has a line too: nobody can add it."
    )

    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: "Only those of this user, or of one client: NAME, NAME/CLIENT or #N; else all.")
    var user: String?

    private struct Pool {
        var client: ClientNumber
        var name: String
        var suite: CipherSuite?
        var count = 0
        var oldest: Timestamp?
        /// When the first of them expires, in seconds; of those that are handed out once.
        var expires: UInt64?
        var lastResort: (published: Timestamp, expires: UInt64?)?
    }

    func run() throws {
        let reader = try StoreReader(store.open())
        var listing = Listing(
            [
                .number("CLIENT"), .long("NAME"), .long("SUITE"), .number("COUNT"), .text("OLDEST"),
                .text("NEXT EXPIRY"), .long("LAST RESORT"),
            ], json: output.json)
        let now = currentTime
        for client in try clients(reader) {
            let pools = try reader.read { (snapshot) throws(StoreError) in try Self.pools(of: client, in: snapshot) }
            listing.print(pools, cells: { Self.cells($0, now) }, json: Self.json)
        }
    }

    private func clients(_ reader: StoreReader) throws -> [ClientNumber] {
        if let user { return try reader.clients(named: user) }
        return try reader.read { (snapshot) throws(StoreError) in
            var clients: [ClientNumber] = []
            try snapshot.forEachClient { client, record in
                if !record.isRevoked { clients.append(client) }
                return true
            }
            return clients
        }
    }

    private static func pools(
        of client: ClientNumber, in snapshot: borrowing Snapshot
    ) throws(StoreError) -> [Pool] {
        let name = try snapshot.nameText(of: client)
        guard let log = try snapshot.log(.keyPackages, named: client.encoded.rawSpan) else {
            throw .corrupted("client \(client) has no log of KeyPackages")
        }
        var pooled: [PooledKeyPackage] = []
        try snapshot.forEachKeyPackage(of: client) {
            pooled.append($0)
            return true
        }
        var pools: [Pool] = []
        for package in pooled {
            guard let entry = try snapshot.entry(package.sequenceNumber, in: log) else {
                throw .corrupted("log \(log) has no entry \(package.sequenceNumber)")
            }
            if pools.last?.suite != package.cipherSuite {
                pools.append(Pool(client: client, name: name, suite: package.cipherSuite))
            }
            let notAfter = KeyPackagesCommand.lifetime(of: entry.payload)?.notAfter
            let index = pools.count - 1
            if package.isLastResort {
                pools[index].lastResort = (entry.header.time, notAfter)
            } else {
                pools[index].count += 1
                pools[index].oldest = min(pools[index].oldest ?? entry.header.time, entry.header.time)
                if let notAfter { pools[index].expires = min(pools[index].expires ?? notAfter, notAfter) }
            }
        }
        return pools.isEmpty ? [Pool(client: client, name: name, suite: nil)] : pools
    }

    private static func cells(_ pool: Pool, _ now: Timestamp) -> [String] {
        [
            "\(pool.client)", pool.name, pool.suite.map { "\($0)" } ?? "none", "\(pool.count)",
            pool.oldest.map { ageText($0, to: now) } ?? "", pool.expires.map(expiryText) ?? "",
            pool.lastResort.map { "\(ageText($0.published, to: now)) old, \($0.expires.map(expiryText) ?? "unknown")" }
                ?? "none",
        ]
    }

    /// A time in seconds, where the largest mean never.
    private static func expiryText(_ seconds: UInt64) -> String {
        seconds > UInt64.max / 1000 ? "never" : Timestamp(rawValue: seconds * 1000).text
    }

    private static func json(_ pool: Pool) -> JSON {
        [
            "client": .number(pool.client.rawValue), "name": .string(pool.name),
            "cipher_suite": pool.suite.map { .number(UInt64($0.rawValue)) } ?? .null,
            "cipher_suite_name": pool.suite.map { .string("\($0)") } ?? .null,
            "count": .number(UInt64(pool.count)), "oldest": pool.oldest.map { .number($0.rawValue) } ?? .null,
            "next_not_after": pool.expires.map { .number($0) } ?? .null,
            "last_resort": pool.lastResort.map { lastResort in
                [
                    "time": .number(lastResort.published.rawValue),
                    "not_after": lastResort.expires.map { .number($0) } ?? .null,
                ]
            } ?? .null,
        ]
    }
}
