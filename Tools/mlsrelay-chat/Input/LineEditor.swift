/// A line that is being written: keys in, text and cursor out.
struct LineEditor: Equatable {
    /// What whoever has the editor is to do after a key.
    enum Action: Equatable {
        case none
        /// The line is done; the editor is empty again.
        case submit(String)
        case complete
        case scroll(pages: Int)
        case redraw
        case suspend
        case quit
    }

    /// Lines that `up` brings back.
    static let maxHistoryCount = 500

    /// What is written; a line break in it was pasted.
    private(set) var text: [Character] = []
    /// The place of the cursor: 0 is before the first character.
    private(set) var cursor = 0
    /// What was cut last, for ctrl-y.
    private var cut: [Character] = []
    private var history: [String] = []
    /// The line of the history that is shown; nil for the one that is being written, which is in `draft` meanwhile.
    private var shown: Int?
    private var draft: [Character] = []

    mutating func handle(_ key: Key) -> Action {
        switch key {
        case .text(let text): insert(text)
        case .paste(let text): insert(String(text.reversed().drop { $0 == "\n" }.reversed()))
        case .enter: return submit()
        case .tab: return .complete
        case .pageUp: return .scroll(pages: 1)
        case .pageDown: return .scroll(pages: -1)
        case .control(let letter): return control(letter)
        case .alt("b"): cursor = wordStart()
        case .alt("f"): cursor = wordEnd()
        case .alt("d"): cutRange(cursor..<wordEnd())
        case .alt, .unknown, .escape: break
        default: move(key)
        }
        return .none
    }

    /// Puts `text` in place of everything, with the cursor behind `cursor` characters of it.
    mutating func replace(_ text: String, cursor: Int) {
        self.text = Array(text)
        self.cursor = min(max(0, cursor), self.text.count)
    }

    mutating func insert(_ new: String) {
        let before = String(text[..<cursor]) + new
        // Anew, because what is inserted may join the characters around it to one.
        let whole = before + String(text[cursor...])
        cursor = min(before.count, whole.count)
        text = Array(whole)
    }

    private mutating func submit() -> Action {
        let line = String(text)
        if !line.allSatisfy(\.isWhitespace), history.last != line { history.append(line) }
        history.removeFirst(max(0, history.count - Self.maxHistoryCount))
        (text, cursor, shown, draft) = ([], 0, nil, [])
        return .submit(line)
    }

    private mutating func move(_ key: Key) {
        switch key {
        case .left: cursor = max(0, cursor - 1)
        case .right: cursor = min(text.count, cursor + 1)
        case .home: cursor = 0
        case .end: cursor = text.count
        case .wordLeft: cursor = wordStart()
        case .wordRight: cursor = wordEnd()
        case .up: recall(-1)
        case .down: recall(1)
        case .backspace: remove(max(0, cursor - 1)..<cursor)
        case .delete: remove(cursor..<min(text.count, cursor + 1))
        default: break
        }
    }

    private mutating func control(_ letter: Character) -> Action {
        switch letter {
        case "a": cursor = 0
        case "e": cursor = text.count
        case "b": move(.left)
        case "f": move(.right)
        case "p": recall(-1)
        case "n": recall(1)
        case "u": cutRange(0..<cursor)
        case "k": cutRange(cursor..<text.count)
        case "w": cutRange(wordStart()..<cursor)
        case "y": insert(String(cut))
        default: return rareControl(letter)
        }
        return .none
    }

    private mutating func rareControl(_ letter: Character) -> Action {
        switch letter {
        case "l": return .redraw
        case "z": return .suspend
        case "d" where text.isEmpty, "c" where text.isEmpty: return .quit
        case "d": move(.delete)
        case "c": (text, cursor, shown) = ([], 0, nil)
        default: break
        }
        return .none
    }

    private mutating func remove(_ range: Range<Int>) {
        text.removeSubrange(range)
        cursor = range.lowerBound
    }

    private mutating func cutRange(_ range: Range<Int>) {
        if !range.isEmpty { cut = Array(text[range]) }
        remove(range)
    }

    private func wordStart() -> Int {
        let spaces = text[..<cursor].reversed().prefix { $0.isWhitespace }.count
        let word = text[..<(cursor - spaces)].reversed().prefix { !$0.isWhitespace }.count
        return cursor - spaces - word
    }

    private func wordEnd() -> Int {
        let spaces = text[cursor...].prefix { $0.isWhitespace }.count
        return cursor + spaces + text[(cursor + spaces)...].prefix { !$0.isWhitespace }.count
    }

    /// Shows the line `step` further in the history, or the one that is being written behind its end.
    private mutating func recall(_ step: Int) {
        let target = (shown ?? history.count) + step
        guard target >= 0, target <= history.count, !history.isEmpty else { return }
        if shown == nil { draft = text }
        shown = target < history.count ? target : nil
        text = target < history.count ? Array(history[target]) : draft
        cursor = text.count
    }
}
