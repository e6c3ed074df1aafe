import ArgumentParser
import ClientTransport
import Glibc
import RelayConnection
import RelayStore

/// The inspector: reads a relay's store, whether the relay runs or not, and speaks to a running relay as a client.
///
/// Exits with 0; with 1 where `verify` found damage or `rebuild` a difference; with 2 where a command could not be carried
/// out; with 64 where it was not understood. Output goes to standard output and can be cut off by a closed pipe, which ends
/// the tool quietly.
@main
struct Tool: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mlsrelay-tool",
        abstract: "Look into a relay: its groups, logs, identities and KeyPackages.",
        discussion: """
            Most commands read a data directory, which may be in use by a running relay. Those of a client speak to a \
            running relay, and those of an operator do either. With --json every command prints one JSON object per line.
            """,
        groupedSubcommands: [
            CommandGroup(
                name: "On a data directory",
                subcommands: [
                    GroupsCommand.self, LogCommand.self, ShowCommand.self, EpochsCommand.self, MembersCommand.self,
                    LagCommand.self, RejectsCommand.self, DirectoryCommand.self, IdentitiesCommand.self,
                    InboxCommand.self, PoolsCommand.self, KeyPackagesCommand.self, AcknowledgementsCommand.self,
                    StatCommand.self, VerifyCommand.self, RebuildCommand.self, BackupCommand.self,
                    RestoreCommand.self, RetainCommand.self,
                ]),
            CommandGroup(
                name: "As an operator, of a running relay or on a data directory",
                subcommands: [
                    TokenCommand.self, UserCommand.self, ClientCommand.self, GroupCommand.self, VoidCommitCommand.self,
                ]),
            CommandGroup(
                name: "As a client of a running relay",
                subcommands: [
                    RegisterCommand.self, PublishCommand.self, PublishKeyPackageCommand.self, SubscribeCommand.self,
                ]),
        ])

    static func main() async {
        // Whoever started this may have it ignored; then a closed pipe would be an error for each line.
        signal(SIGPIPE, SIG_DFL)
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch let error as ToolError {
            Terminal.fail(error.description)
        } catch let error as StoreError {
            Terminal.fail(error.description)
        } catch let error as RelayConnectionError {
            Terminal.fail(error.description)
        } catch let error as TransportError {
            Terminal.fail("\(error)")
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
