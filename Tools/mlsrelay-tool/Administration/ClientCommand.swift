import ArgumentParser
import RelayWire

struct ClientCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "client", abstract: "Revoke clients.", subcommands: [Revoke.self])

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Revoke a client for ever: it connects no more, and its groups are told.")

        @OptionGroup var administration: AdministrationOptions

        @Argument(help: ArgumentHelp(ClientReference.help, valueName: "client"))
        var client: String

        @Option(help: "Why: unspecified, lost, compromised, retired or operator.")
        var reason = "operator"

        private static func reason(_ text: String) -> RevocationReason? {
            RevocationReason.allCases.first { "\($0)" == text }
        }

        func validate() throws {
            if Self.reason(reason) == nil {
                let names = RevocationReason.allCases.map { "\($0)" }.joined(separator: ", ")
                throw ValidationError("--reason is one of \(names).")
            }
        }

        func run() async throws {
            let number = try administration.client(client)
            _ = try await administration.perform(.revokeClient(number, Self.reason(reason) ?? .operator))
        }
    }
}
