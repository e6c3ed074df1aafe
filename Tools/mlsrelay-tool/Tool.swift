import ArgumentParser
import Glibc
import RelayStore

/// The inspector: reads a relay's store, whether the relay runs or not.
///
/// Exits with 0; with 1 where `verify` found damage; with 2 where a command could not be carried out; with 64 where
/// it was not understood. Output goes to standard output and can be cut off by a closed pipe, which ends the tool
/// quietly.
@main
struct Tool: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mlsrelay-tool",
        abstract: "Look into a relay's store: its groups, logs, identities and KeyPackages.",
        discussion: """
            The store is only read, and may be in use by a running relay. With --json every command prints one JSON \
            object per line.
            """,
        subcommands: [
            GroupsCommand.self, LogCommand.self, ShowCommand.self, IdentitiesCommand.self, KeyPackagesCommand.self,
            AcknowledgementsCommand.self, StatCommand.self, VerifyCommand.self, BackupCommand.self,
        ])

    static func main() {
        // Whoever started this may have it ignored; then a closed pipe would be an error for each line.
        signal(SIGPIPE, SIG_DFL)
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch let error as ToolError {
            Terminal.fail(error.description)
        } catch let error as StoreError {
            Terminal.fail(error.description)
        } catch {
            exit(withError: error)
        }
    }
}

/// Why a command could not be carried out, as a sentence for people.
struct ToolError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
