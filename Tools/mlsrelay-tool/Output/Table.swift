/// Rows for people: columns aligned, and cut to the width of the terminal.
///
/// Rows may come in parts; a column grows with what comes, so that a log of any length is printed as it is read.
struct Table {
    struct Column {
        enum Alignment { case left, right }
        var title: String
        var alignment = Alignment.left
        /// Whether this column is cut where the table is wider than the terminal.
        var isCut = false
    }

    /// No column is cut below this.
    private static let leastWidth = 6
    private static let gap = "  "

    private let columns: [Column]
    /// Columns of the terminal; nil for no limit.
    private let width: Int?
    private var widths: [Int]
    private var hasHeader = false

    init(_ columns: [Column], width: Int? = Terminal.width) {
        self.columns = columns
        self.width = width
        widths = columns.map { $0.title.displayWidth }
    }

    /// The lines of more rows; the titles come before the first.
    mutating func lines(_ rows: [[String]]) -> [String] {
        for row in rows {
            for (index, cell) in row.enumerated() { widths[index] = max(widths[index], cell.displayWidth) }
        }
        let fitted = fittedWidths
        var lines = rows.map { line($0, fitted) }
        if !hasHeader {
            hasHeader = true
            lines.insert(line(columns.map(\.title), fitted), at: 0)
        }
        return lines
    }

    /// The widths, with what is too much taken from the columns that may be cut, always from the widest.
    private var fittedWidths: [Int] {
        var fitted = widths
        guard let width else { return fitted }
        var excess = fitted.reduce(0, +) + Self.gap.count * (fitted.count - 1) - width
        while excess > 0 {
            let candidates = columns.indices.filter { columns[$0].isCut && fitted[$0] > Self.leastWidth }
            guard let widest = candidates.max(by: { fitted[$0] < fitted[$1] }) else { break }
            fitted[widest] -= 1
            excess -= 1
        }
        return fitted
    }

    private func line(_ cells: [String], _ widths: [Int]) -> String {
        var line = ""
        for (index, cell) in cells.enumerated() {
            if index > 0 { line += Self.gap }
            let cut = cell.cut(to: widths[index])
            let padding = String(repeating: " ", count: max(0, widths[index] - cut.displayWidth))
            line += columns[index].alignment == .right ? padding + cut : cut + padding
        }
        while line.last == " " { line.removeLast() }
        return line
    }
}

extension String {
    /// How many columns of a terminal the text takes.
    var displayWidth: Int { reduce(0) { $0 + $1.displayWidth } }

    /// The text, or as much of it as fits into `width` columns with an ellipsis.
    func cut(to width: Int) -> String {
        guard displayWidth > width else { return self }
        var cut = ""
        var used = 1
        for character in self {
            used += character.displayWidth
            guard used <= width else { break }
            cut.append(character)
        }
        return cut + "…"
    }
}

extension Character {
    /// Two for what East Asian fonts and emoji draw twice as wide, else one. Unicode Standard Annex 11, the wide
    /// blocks.
    fileprivate var displayWidth: Int {
        switch unicodeScalars.first?.value ?? 0 {
        case 0x1100...0x115f, 0x2e80...0xa4cf, 0xac00...0xd7a3, 0xf900...0xfaff, 0xfe30...0xfe6f, 0xff00...0xff60,
            0xffe0...0xffe6, 0x1f300...0x1faff, 0x20000...0x3fffd:
            2
        default: 1
        }
    }
}
