import ArgumentParser
import Glibc
import RelayStore
import RelayWire

struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Check every entry, hash chain, index and pool of a store.",
        discussion: "Prints what is not as it must be, and exits with 1 if there is anything.")

    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let summary = try Self.verify(store.open(), json: output.json)
        if summary.findingCount > 0 { throw ExitCode(1) }
    }

    /// Verifies a store, and prints what is found as it is found and a summary in the end.
    static func verify(_ store: Store, json: Bool) throws(StoreError) -> StoreVerifier.Summary {
        // The bar and the findings share it: it goes away where a finding is printed.
        let bar = SharedBar("verifying")
        let verifier = try StoreVerifier(store) { finding in
            bar.value.clear()
            print(json ? finding.json.description : finding.description)
        } onProgress: { progress in
            bar.value.show(progress.checkedCount, of: progress.totalCount)
        }
        let summary = try verifier.verify()
        bar.value.clear()
        print(json ? Self.json(summary).description : Self.text(summary))
        return summary
    }

    private final class SharedBar {
        var value: ProgressBar
        init(_ title: String) { value = ProgressBar(title) }
    }

    private static func text(_ summary: StoreVerifier.Summary) -> String {
        let checked = [
            counted(summary.entryCount, "entry", "entries"), counted(summary.logCount, "log", "logs"),
            counted(summary.clientCount, "client", "clients"),
        ].joined(separator: ", ")
        let result =
            summary.findingCount == 0 ? "no damage found" : counted(summary.findingCount, "finding", "findings")
        return "\(checked): \(result)"
    }

    private static func json(_ summary: StoreVerifier.Summary) -> JSON {
        [
            "entries": .number(UInt64(summary.entryCount)), "logs": .number(UInt64(summary.logCount)),
            "clients": .number(UInt64(summary.clientCount)), "findings": .number(UInt64(summary.findingCount)),
        ]
    }
}

extension Finding {
    var json: JSON {
        [
            "problem": .string(problem.rawValue), "table": .string(table),
            "log": log.map { .number($0.rawValue) } ?? .null,
            "seq": sequenceNumber.map { .number($0.rawValue) } ?? .null, "row": row.map { .string($0) } ?? .null,
            "expected": .string(expected), "found": .string(found),
        ]
    }
}
