/// The line that is being written.
enum InputRow {
    private static let prompt = "> "

    /// - Returns: the row, in which the cursor is visible, and its column from 0.
    static func make(_ editor: LineEditor, width: Int) -> (Row, column: Int) {
        let prompt = width > 8 ? Self.prompt : ""
        let available = max(1, width - prompt.count)
        let characters = editor.text.map { $0.isNewline ? "⏎" : $0 }
        let start = firstShown(characters, cursor: editor.cursor, width: available)
        let shown = Width.prefix(characters[start...], available)
        let column = prompt.count + Width.of(characters[start..<editor.cursor])
        return (Row(prompt + String(shown)), min(column, width - 1))
    }

    /// Where the shown part begins: at the beginning if the cursor is to be seen then, otherwise so that it stands in the
    /// last quarter.
    private static func firstShown(_ characters: [Character], cursor: Int, width: Int) -> Int {
        guard Width.of(characters[..<cursor]) >= width else { return 0 }
        var start = cursor
        var used = 0
        while start > 0, used + Width.of(characters[start - 1]) <= width * 3 / 4 {
            start -= 1
            used += Width.of(characters[start])
        }
        return start
    }
}
