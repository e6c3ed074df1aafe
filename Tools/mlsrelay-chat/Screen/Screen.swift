/// Columns and rows of a terminal.
struct ScreenSize: Equatable, Sendable {
    var width: Int
    var height: Int
}

/// The screen of a state: what was said, a line of status, and the line that is being written.
struct Screen: Equatable {
    var rows: [Row]
    /// Where the cursor is in the last row, from 0.
    var cursorColumn: Int

    init(_ state: ScreenState, size: ScreenSize) {
        let (width, height) = (max(1, size.width), max(1, size.height))
        let (input, column) = InputRow.make(state.editor, width: width)
        var foot = [input]
        if height >= 2 { foot.insert(StatusRow.make(state.status, width: width), at: 0) }
        let hint = Self.hint(state)
        if height >= 4, !hint.isEmpty { foot.insert(Row(Width.fitted(hint, width), .dim), at: 0) }
        rows = Self.body(state, width: width, height: height - foot.count) + foot
        cursorColumn = column
    }

    /// What a terminal shows it by, whatever was there before.
    var bytes: [UInt8] {
        var text = "\u{1b}[?25l"
        for (index, row) in rows.enumerated() { text += "\u{1b}[\(index + 1);1H\u{1b}[2K" + row.sequence }
        text += "\u{1b}[\(rows.count);\(cursorColumn + 1)H\u{1b}[?25h"
        return Array(text.utf8)
    }

    private static func hint(_ state: ScreenState) -> String {
        state.scroll > 0 ? "-- more below: page down --" : state.hint
    }

    /// The last rows that fit, `scroll` rows before the end; empty ones above where there are fewer.
    private static func body(_ state: ScreenState, width: Int, height: Int) -> [Row] {
        guard height > 0 else { return [] }
        let rows = rows(state, width: width, count: height + state.scroll)
        let shown = rows.dropLast(min(state.scroll, max(0, rows.count - height))).suffix(height)
        return Array(repeating: Row(), count: height - shown.count) + shown
    }

    /// The last `count` rows, or all.
    private static func rows(_ state: ScreenState, width: Int, count: Int) -> [Row] {
        let maker = LineRows(state: state, width: width)
        var blocks: [[Row]] = []
        var found = 0
        for line in state.shown.reversed() where found < count {
            blocks.append(maker.rows(line))
            found += blocks.last?.count ?? 0
        }
        return Array(blocks.reversed().joined().suffix(count))
    }

    /// The most that `scroll` can be.
    static func maxScroll(_ state: ScreenState, size: ScreenSize) -> Int {
        max(0, rows(state, width: size.width, count: .max).count - (size.height - 2))
    }
}
