/// What a command lists: a table for people, a JSON object a line for programs.
struct Listing {
    private var table: Table
    private let isJSON: Bool

    init(_ columns: [Table.Column], json: Bool) {
        table = Table(columns)
        isJSON = json
    }

    /// Prints more rows; the titles of the columns come before the first, also where there are none.
    mutating func print<Row>(_ rows: [Row], cells: (Row) -> [String], json: (Row) -> JSON) {
        if isJSON {
            for row in rows { Swift.print(json(row)) }
        } else {
            for line in table.lines(rows.map(cells)) { Swift.print(line) }
        }
    }
}

extension Table.Column {
    /// A column of numbers.
    static func number(_ title: String) -> Self { Self(title: title, alignment: .right) }
    static func text(_ title: String) -> Self { Self(title: title) }
    /// A column that is cut where the table is wider than the terminal.
    static func long(_ title: String) -> Self { Self(title: title, isCut: true) }
}

extension JSON {
    /// Bytes that should be text.
    static func text(_ bytes: [UInt8]) -> JSON { .string(String(decoding: bytes, as: UTF8.self)) }
}
