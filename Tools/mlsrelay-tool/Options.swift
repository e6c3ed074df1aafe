import ArgumentParser
import RelayStore

/// What every command on a data directory has.
struct StoreOptions: ParsableArguments {
    @Option(help: "The relay's data directory.")
    var data = "mlsrelay-data"

    func open() throws -> Store { try Store(data, access: .inspector) }
}

/// What every command that lists has.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print one JSON object per line.")
    var json = false
}
