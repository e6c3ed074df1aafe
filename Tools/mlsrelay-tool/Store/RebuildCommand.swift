import ArgumentParser
import RelayStore

struct RebuildCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rebuild",
        abstract: "Rebuild the tables from the logs alone, in memory, and compare them with what is stored.",
        discussion: """
            Users, clients, keys, the list of groups, epochs, pools of KeyPackages and the public state of tracked groups. \
            Changes nothing. Prints what differs, and exits with 1 if there is anything. It reads in one transaction, \
            during which a running relay cannot reuse pages of its file. That the logs themselves are what was written is \
            for verify to say.
            """)

    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let rebuilder = try StoreRebuilder(store.open()) { [output] finding in
            print(output.json ? finding.json.description : finding.description)
        }
        let summary = try rebuilder.rebuild()
        print(output.json ? Self.json(summary).description : Self.text(summary))
        if summary.findingCount > 0 { throw ExitCode(1) }
    }

    private static func text(_ summary: StoreRebuilder.Summary) -> String {
        let rebuilt = [
            counted(summary.userCount, "user", "users"), counted(summary.clientCount, "client", "clients"),
            counted(summary.groupCount, "group", "groups"), counted(summary.commitCount, "commit", "commits"),
            counted(summary.keyPackageCount, "KeyPackage", "KeyPackages"),
        ].joined(separator: ", ")
        let result =
            summary.findingCount == 0
            ? "the tables are what the logs say" : counted(summary.findingCount, "difference", "differences")
        return "\(rebuilt): \(result)"
    }

    private static func json(_ summary: StoreRebuilder.Summary) -> JSON {
        [
            "users": .number(UInt64(summary.userCount)), "clients": .number(UInt64(summary.clientCount)),
            "groups": .number(UInt64(summary.groupCount)), "commits": .number(UInt64(summary.commitCount)),
            "key_packages": .number(UInt64(summary.keyPackageCount)),
            "findings": .number(UInt64(summary.findingCount)),
        ]
    }
}
