import ArgumentParser
import RelayStore
import RelayWire

struct StatCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stat", abstract: "Show sizes, counts and who is reading the store.")

    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        let store = try store.open()
        let readers = try store.readers
        let size = store.size
        let (tables, freeByteCount) = try StoreReader(store).read { (snapshot) throws(StoreError) in
            (try snapshot.tableSizes, try snapshot.freeByteCount)
        }
        if output.json {
            print(json(size, tables, freeByteCount, readers))
            return
        }
        print("format:   \(Store.format)")
        print("file:     \(byteCountText(size.byteCount)), of which \(byteCountText(freeByteCount)) can be reused")
        print("limit:    \(byteCountText(size.maxByteCount))")
        print("written:  \(counted(size.transaction, "transaction", "transactions"))")
        print("readers:  \(readers.isEmpty ? "none" : "")")
        for reader in readers {
            let state = reader.transaction.map { "reading, \(size.transaction - $0) transactions behind" } ?? "waiting"
            print("  process \(reader.process): \(state)")
        }
        print()
        var table = Table([
            .init(title: "TABLE"), .init(title: "ROWS", alignment: .right), .init(title: "SIZE", alignment: .right),
            .init(title: "DEPTH", alignment: .right),
        ])
        let rows = tables.map { [$0.name, "\($0.rowCount)", byteCountText($0.byteCount), "\($0.depth)"] }
        for line in table.lines(rows) { print(line) }
    }

    private func json(
        _ size: Store.Size, _ tables: [Snapshot.TableSize], _ freeByteCount: Int, _ readers: [Store.OpenReader]
    ) -> JSON {
        let tables = tables.map { table in
            JSON.Member(
                name: table.name,
                value: [
                    "rows": .number(UInt64(table.rowCount)), "byte_count": .number(UInt64(table.byteCount)),
                    "depth": .number(UInt64(table.depth)),
                ])
        }
        let readers = readers.map { reader -> JSON in
            [
                "process": .number(UInt64(reader.process)),
                "transaction": reader.transaction.map { .number(UInt64($0)) } ?? .null,
            ]
        }
        return [
            "format": .number(UInt64(Store.format)), "byte_count": .number(UInt64(size.byteCount)),
            "free_byte_count": .number(UInt64(freeByteCount)), "max_byte_count": .number(UInt64(size.maxByteCount)),
            "transaction": .number(UInt64(size.transaction)), "readers": .array(readers), "tables": .object(tables),
        ]
    }
}
