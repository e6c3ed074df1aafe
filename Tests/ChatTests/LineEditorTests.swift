import Testing

@testable import mlsrelay_chat

@Suite("A line is edited")
struct LineEditorTests {
    /// An editor after `keys`, as its text with `|` where the cursor is.
    private func edited(_ keys: [Key]) -> String {
        var editor = LineEditor()
        for key in keys { _ = editor.handle(key) }
        return shown(editor)
    }

    private func shown(_ editor: LineEditor) -> String {
        String(editor.text[..<editor.cursor]) + "|" + String(editor.text[editor.cursor...])
    }

    private func typed(_ text: String) -> [Key] { text.map { .text(String($0)) } }

    @Test(
        "keys move, insert and remove",
        arguments: [
            ([.left, .left, .text("x")], "one tx|wo"), ([.home, .text("x")], "x|one two"),
            ([.control("a"), .right, .text("x")], "ox|ne two"), ([.backspace], "one tw|"),
            ([.home, .backspace], "|one two"),
            ([.home, .delete], "|ne two"), ([.delete], "one two|"), ([.wordLeft], "one |two"),
            ([.wordLeft, .wordLeft], "|one two"), ([.home, .wordRight], "one| two"), ([.alt("b")], "one |two"),
            ([.home, .alt("f"), .alt("f")], "one two|"), ([.control("w")], "one |"), ([.control("u")], "|"),
            ([.wordLeft, .control("u")], "|two"), ([.wordLeft, .control("k")], "one |"),
            ([.control("w"), .home, .control("y")], "two|one "), ([.home, .alt("d")], "| two"),
            ([.control("c")], "|"), ([.unknown, .escape, .alt("q")], "one two|"),
            ([.left, .left, .left, .left, .left, .left, .left, .left, .left], "|one two"),
            ([.control("a"), .control("e"), .control("b"), .control("f")], "one two|"),
            ([.home, .control("d")], "|ne two"),
        ] as [([Key], String)])
    func keys(keys: [Key], expected: String) {
        #expect(edited(typed("one two") + keys) == expected)
    }

    @Test("a mark joins the letter before the cursor, and one key removes both")
    func graphemes() {
        #expect(edited([.text("e"), .text("\u{301}"), .text("x"), .left]) == "e\u{301}|x")
        #expect(edited([.text("e"), .text("\u{301}"), .backspace]) == "|")
        let family = ["👩", "\u{200d}", "👧"].map { Key.text($0) }
        #expect(edited(family + [.left]) == "|👩\u{200d}👧")
        #expect(edited(family + [.backspace]) == "|")
    }

    @Test("what is inserted between may join what follows, and the cursor stays in the line")
    func joining() {
        // A joiner between two emoji makes one character of three.
        #expect(edited([.text("👩"), .text("👧"), .left, .text("\u{200d}")]) == "👩\u{200d}👧|")
    }

    @Test("Enter gives the line away")
    func submit() {
        var editor = LineEditor()
        for key in typed("hello") { _ = editor.handle(key) }
        #expect(editor.handle(.enter) == .submit("hello"))
        #expect(shown(editor) == "|")
        #expect(editor.handle(.enter) == .submit(""))
    }

    @Test("up and down bring lines back, and the one that was being written")
    func history() {
        var editor = LineEditor()
        for line in ["one", "two", "two", " "] {
            _ = editor.handle(.paste(line))
            _ = editor.handle(.enter)
        }
        _ = editor.handle(.text("n"))
        let seen = [Key.up, .up, .up, .down, .down, .down].map { key in
            _ = editor.handle(key)
            return shown(editor)
        }
        #expect(seen == ["two|", "one|", "one|", "two|", "n|", "n|"])
    }

    @Test("no more lines are kept than there may be")
    func historyLimit() {
        var editor = LineEditor()
        for number in 0..<(LineEditor.maxHistoryCount + 10) {
            _ = editor.handle(.paste("\(number)"))
            _ = editor.handle(.enter)
        }
        for _ in 0..<(LineEditor.maxHistoryCount + 50) { _ = editor.handle(.up) }
        #expect(shown(editor) == "10|")
    }

    @Test("what is pasted may have several lines; a line break at its end does not count")
    func paste() {
        #expect(edited([.paste("one\ntwo\n\n")]) == "one\ntwo|")
    }

    @Test(
        "other keys are for whoever has the editor",
        arguments: [
            (.tab, .complete), (.pageUp, .scroll(pages: 1)), (.pageDown, .scroll(pages: -1)), (.control("l"), .redraw),
            (.control("z"), .suspend), (.control("d"), .quit), (.control("c"), .quit),
        ] as [(Key, LineEditor.Action)])
    func actions(key: Key, action: LineEditor.Action) {
        var editor = LineEditor()
        #expect(editor.handle(key) == action)
        // In a line that somebody writes the two that end do not.
        _ = editor.handle(.text("x"))
        if action == .quit { #expect(editor.handle(key) == .none) }
    }

    @Test("any keys leave the cursor in the line")
    func random() {
        let keys: [Key] = [
            .text("a"), .text("\u{301}"), .text(" "), .text("漢"), .paste("x y"), .enter, .left, .right, .up, .down,
            .home,
            .end, .wordLeft, .wordRight, .backspace, .delete, .control("k"), .control("w"), .control("y"), .alt("d"),
        ]
        var editor = LineEditor()
        for _ in 0..<5000 {
            _ = editor.handle(keys.randomElement() ?? .left)
            #expect((0...editor.text.count).contains(editor.cursor))
        }
    }
}
