import ArgumentParser
import RelayStore

struct RestoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Put a backup in the place of a store that is gone.",
        discussion: """
            The backup is verified first, and copied: it stays what it is. A target that has a store is left alone: move \
            that away. Clients that have seen more than the backup has are told so (cursor_ahead), and find with their \
            members what is missing.
            """)

    @OptionGroup var output: OutputOptions

    @Argument(help: "The directory of the backup.")
    var directory: String

    @Argument(help: "The data directory to make.")
    var target: String

    func run() throws {
        let backup = try Store(directory, access: .inspector)
        let summary = try VerifyCommand.verify(backup, json: output.json)
        guard summary.findingCount == 0 else {
            throw ToolError("\(directory) is damaged: nothing was restored")
        }
        try backup.backUp(to: target)
        let restored = try Store(target, access: .inspector)
        if output.json {
            let json: JSON = ["target": .string(target), "byte_count": .number(UInt64(restored.size.byteCount))]
            print(json)
        } else {
            print("restored \(byteCountText(restored.size.byteCount)) to \(target)")
        }
    }
}
