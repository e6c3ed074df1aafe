import ArgumentParser
import RelayWire

struct GroupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "group", abstract: "Ban users from a group, and delete groups.",
        subcommands: [BanUser.self, Unban.self, Delete.self])

    struct BanUser: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ban", abstract: "Let nobody add a user to a tracked group.",
            discussion: """
                Whoever is in it stays until members remove it: only they can. Online this is for admins of the group.
                """)

        @OptionGroup var administration: AdministrationOptions
        @OptionGroup var arguments: BanArguments

        func run() async throws { try await arguments.set(true, administration) }
    }

    struct Unban: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "unban", abstract: "Let a user be added to a tracked group again.")

        @OptionGroup var administration: AdministrationOptions
        @OptionGroup var arguments: BanArguments

        func run() async throws { try await arguments.set(false, administration) }
    }

    struct BanArguments: ParsableArguments {
        @Argument(help: ArgumentHelp(LogReference.help, valueName: "group"))
        var group: String

        @Argument(help: "The user's name.")
        var user: String

        func set(_ isBanned: Bool, _ administration: AdministrationOptions) async throws {
            let log = try administration.log(group)
            try await administration.ban(Ban(log: log, name: Array(user.utf8), isBanned: isBanned))
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "End a group: everybody in it is told, and nothing more comes. For ever.")

        @OptionGroup var administration: AdministrationOptions

        @Argument(help: ArgumentHelp(LogReference.help, valueName: "group"))
        var group: String

        func run() async throws {
            _ = try await administration.perform(.deleteGroup(administration.log(group)))
        }
    }
}

struct VoidCommitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "void-commit", abstract: "Void a provisional commit that members cannot accept.",
        discussion: """
            The commit and those behind it stay in the log and count for nothing; the epoch is open again, and members go on \
            from there. epochs shows which commits are provisional: one that a member has confirmed cannot be voided.
            """)

    @OptionGroup var administration: AdministrationOptions

    @Argument(help: ArgumentHelp(LogReference.help, valueName: "group"))
    var group: String

    @Argument(help: "The entry of the commit.")
    var commit: UInt64

    @Option(help: "Why; members read it.")
    var reason: String

    func validate() throws {
        if reason.utf8.count > WireLimits.maxReasonByteCount {
            throw ValidationError("--reason has at most \(WireLimits.maxReasonByteCount) bytes.")
        }
    }

    func run() async throws {
        _ = try await administration.perform(
            .voidCommit(
                log: administration.log(group), sequenceNumber: SequenceNumber(rawValue: commit),
                text: Array(reason.utf8)))
    }
}
