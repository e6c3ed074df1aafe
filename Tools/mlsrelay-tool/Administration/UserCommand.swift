import ArgumentParser
import RelayCore
import RelayStore
import RelayWire
import TLSPresentation

struct UserCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "user", abstract: "Show, suspend and resume users.",
        subcommands: [Show.self, Suspend.self, Resume.self])

    struct Suspend: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "End the connections of a user's clients, and let none of them connect.")

        @OptionGroup var administration: AdministrationOptions

        @Argument(help: "The user's name.")
        var name: String

        func run() async throws { _ = try await administration.perform(.suspendUser(name: Array(name.utf8))) }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Let a user's clients connect again.")

        @OptionGroup var administration: AdministrationOptions

        @Argument(help: "The user's name.")
        var name: String

        func run() async throws { _ = try await administration.perform(.resumeUser(name: Array(name.utf8))) }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show a user: its clients, revoked ones too, and the groups that it is in.")

        @OptionGroup var store: StoreOptions
        @OptionGroup var output: OutputOptions

        @Argument(help: "The user's name.")
        var name: String

        private struct Shown {
            var number: UserNumber
            var record: UserRecord
            var clients: [(number: ClientNumber, record: ClientRecord)] = []
            /// By log.
            var groups: [(log: LogNumber, id: [UInt8], role: Role)] = []
        }

        func run() throws {
            let reader = try StoreReader(store.open())
            let user = try reader.user(named: name)
            let shown = try reader.read { (snapshot) throws(StoreError) in
                var shown = Shown(number: user, record: try snapshot.existing(Tables.users, user))
                var logs: Set<LogNumber> = []
                for key in try snapshot.keys(Tables.userClients, prefix: user.recordKey) {
                    shown.clients.append((key.second, try snapshot.existing(Tables.clients, key.second)))
                    logs.formUnion(
                        try snapshot.keys(Tables.clientGroups, prefix: key.second.recordKey).map(\.second))
                }
                for log in logs.sorted() {
                    shown.groups.append(
                        (log, try snapshot.name(of: log)?.name ?? [], try snapshot.role(of: user, in: log)))
                }
                return shown
            }
            if output.json { print(Self.json(shown)) } else { show(shown) }
        }

        private func show(_ shown: Shown) {
            let record = shown.record
            print(
                "\(name) is user \(shown.number), registered \(record.registered.text), \(record.visibility)"
                    + (record.isSuspended ? ", suspended" : ""))
            var clients = Listing(
                [
                    .number("CLIENT"), .long("NAME"), .text("STATE"), .text("REGISTERED"), .text("KEY SINCE"),
                    .text("CREDENTIAL UNTIL"), .text("SCHEME"), .long("SIGNATURE KEY"),
                ], json: false)
            clients.print(shown.clients) { client in
                let record = client.record
                return [
                    "\(client.number)", readableText(record.clientName) ?? "",
                    record.isRevoked ? "revoked" : "active", record.registered.text, record.keySince.text,
                    record.credentialNotAfter.rawValue == 0 ? "none" : record.credentialNotAfter.text,
                    "\(record.identity.scheme)", record.identity.signatureKey.hex,
                ]
            } json: { _ in
                .null
            }
            guard !shown.groups.isEmpty else { return }
            var groups = Listing([.number("LOG"), .long("GROUP"), .text("ROLE")], json: false)
            groups.print(shown.groups) {
                ["\($0.log)", groupText($0.id), "\($0.role)"]
            } json: { _ in
                .null
            }
        }

        private static func json(_ shown: Shown) -> JSON {
            [
                "user": .number(shown.number.rawValue), "name": .text(shown.record.name),
                "visibility": .string("\(shown.record.visibility)"), "suspended": .bool(shown.record.isSuspended),
                "registered": .number(shown.record.registered.rawValue),
                "clients": .array(
                    shown.clients.map { number, record in
                        [
                            "client": .number(number.rawValue), "name": .text(record.clientName),
                            "revoked": .bool(record.isRevoked), "registered": .number(record.registered.rawValue),
                            "key_since": .number(record.keySince.rawValue),
                            "credential_not_after": .number(record.credentialNotAfter.rawValue),
                            "scheme": .string("\(record.identity.scheme)"),
                            "signature_key": .hex(record.identity.signatureKey),
                        ]
                    }),
                "groups": .array(
                    shown.groups.map { log, id, role in
                        ["log": .number(log.rawValue), "group_id": .hex(id), "role": .string("\(role)")]
                    }),
            ]
        }
    }
}
