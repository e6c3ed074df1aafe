import ArgumentParser
import RelayCore
import RelayStore
import RelayWire
import TLSPresentation

struct IdentitiesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "identities", abstract: "List the registered identities, and what waits for them.")

    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions

    private struct Listed {
        var client: ClientNumber
        var identity: Identity
        /// Entries of the inbox, and how far the client has processed it.
        var inboxLast: SequenceNumber
        var inboxAcknowledged: SequenceNumber
        /// KeyPackages that can be handed out once.
        var keyPackageCount: Int
        var hasLastResort: Bool
    }

    /// Clients read in one transaction.
    private static let pageCount = 200

    func run() throws {
        let reader = try StoreReader(store.open())
        var table = Table([
            .init(title: "CLIENT", alignment: .right), .init(title: "NAME", isCut: true), .init(title: "SCHEME"),
            .init(title: "SIGNATURE KEY", isCut: true), .init(title: "INBOX", alignment: .right),
            .init(title: "UNREAD", alignment: .right), .init(title: "KEYPACKAGES"),
        ])
        var last = ClientNumber.relay
        var isAtEnd = false
        while !isAtEnd {
            let page = try Self.read(reader, after: last)
            isAtEnd = page.isEmpty
            last = page.last?.client ?? last
            if output.json {
                for listed in page { print(Self.json(listed)) }
            } else {
                for line in table.lines(page.map(Self.row)) { print(line) }
            }
        }
    }

    private static func read(_ reader: StoreReader, after last: ClientNumber) throws(StoreError) -> [Listed] {
        try reader.read { (snapshot) throws(StoreError) in
            var page: [Listed] = []
            try snapshot.forEachClient(after: last) { (client, record) throws(StoreError) in
                var listed = Listed(
                    client: client, identity: record.identity, inboxLast: .zero, inboxAcknowledged: .zero,
                    keyPackageCount: 0,
                    hasLastResort: false)
                if let inbox = try snapshot.log(.inbox, named: client.encoded.rawSpan) {
                    listed.inboxLast = try snapshot.head(of: inbox)?.last ?? .zero
                    listed.inboxAcknowledged = try snapshot.acknowledged(inbox, by: client)
                }
                try snapshot.forEachKeyPackage(of: client) { pooled in
                    if pooled.isLastResort { listed.hasLastResort = true } else { listed.keyPackageCount += 1 }
                    return true
                }
                page.append(listed)
                return page.count < pageCount
            }
            return page
        }
    }

    private static func row(_ listed: Listed) -> [String] {
        [
            "\(listed.client)", String(decoding: listed.identity.name, as: UTF8.self), "\(listed.identity.scheme)",
            listed.identity.signatureKey.hex, "\(listed.inboxLast)",
            "\(listed.inboxLast.rawValue - min(listed.inboxLast.rawValue, listed.inboxAcknowledged.rawValue))",
            "\(listed.keyPackageCount)\(listed.hasLastResort ? " and a last resort" : "")",
        ]
    }

    private static func json(_ listed: Listed) -> JSON {
        [
            "client": .number(listed.client.rawValue),
            "name": .string(String(decoding: listed.identity.name, as: UTF8.self)),
            "scheme": .string("\(listed.identity.scheme)"), "signature_key": .hex(listed.identity.signatureKey),
            "inbox_last": .number(listed.inboxLast.rawValue),
            "inbox_acknowledged": .number(listed.inboxAcknowledged.rawValue),
            "key_packages": .number(UInt64(listed.keyPackageCount)), "last_resort": .bool(listed.hasLastResort),
        ]
    }
}
