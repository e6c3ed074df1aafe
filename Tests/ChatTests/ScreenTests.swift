@testable import RelayClient
import Testing

@testable import mlsrelay_chat

@Suite("The screen of a state")
struct ScreenTests {
    /// A state in which something was said.
    private func state(_ kinds: [GroupEvent.Kind]) -> ScreenState {
        var state = ScreenState(Samples.status)
        for kind in kinds {
            if let line = Samples.line(kind) { state.apply(.line(line)) }
        }
        return state
    }

    private func rows(_ state: ScreenState, _ width: Int, _ height: Int) -> [String] {
        Screen(state, size: ScreenSize(width: width, height: height)).rows.map(\.text)
    }

    private let talk: [GroupEvent.Kind] = [
        .joined(Samples.bob, by: Samples.alice), Samples.said("hello", by: Samples.alice, 1),
        Samples.said("Which song do we sing tomorrow evening?", by: Samples.bob, 2),
        .integrityWarning(.historiesDiffer(Samples.bob)),
    ]

    @Test("people talk: times, names, marks, warnings, status, input")
    func talking() {
        var state = state(talk)
        state.apply(.marks([Samples.message(1): .acknowledged]))
        state.apply(.trust([Samples.bob.fingerprint: .verified]))
        state.editor.insert("The first")
        #expect(
            rows(state, 44, 11) == [
                "",
                "14:02   * bob/phone joined choir, added by",
                "          alice/laptop",
                "14:02 ✓✓  alice: hello",
                "14:02   = bob: Which song do we sing",
                "               tomorrow evening?",
                "14:02 !! integrity: the relay shows",
                "         bob/phone another history than you",
                "         (in choir)",
                " alice@laptop · connected · choir · 2 people",
                "> The first",
            ])
    }

    @Test("wide characters take two columns, and lines break by columns")
    func wide() {
        let state = state([Samples.said("漢字漢字漢字 👩\u{200d}👧 ok", by: Samples.bob)])
        #expect(
            rows(state, 25, 4) == [
                "14:02     bob: 漢字漢字漢", "               字 👩\u{200d}👧 ok", " alice@laptop · connected", "> ",
            ])
        let screen = Screen(state, size: ScreenSize(width: 25, height: 4))
        #expect(screen.rows.allSatisfy { Width.of($0.text) <= 25 })
    }

    @Test(
        "messages of this device carry how far they are, others do not",
        arguments: [
            (DeliveryMark.waiting, "14:02 …   alice: x"), (.sent, "14:02 ·   alice: x"),
            (.delivered, "14:02 ✓   alice: x"),
            (.acknowledged, "14:02 ✓✓  alice: x"), (.failed, "14:02 ✗   alice: x"),
        ])
    func marks(mark: DeliveryMark, expected: String) {
        var state = state([Samples.said("x", by: Samples.alice, 1), Samples.said("y", by: Samples.bob, 2)])
        state.apply(.marks([Samples.message(1): mark, Samples.message(2): mark]))
        #expect(rows(state, 40, 4).prefix(2) == [expected, "14:02     bob: y"])
    }

    @Test("the status has other groups' unread messages and the count of warnings, within the width")
    func status() {
        var state = ScreenState(Samples.status)
        var status = Samples.status
        status.unread = [.init(name: "book club", count: 3)]
        status.warningCount = 2
        status.connection = .waiting
        state.apply(.status(status))
        let wide = rows(state, 90, 3)[1]
        #expect(wide.hasPrefix(" alice@laptop · connection lost · choir · 2 people · epoch 5 · \"book club\" +3 "))
        #expect(wide.hasSuffix(" !! 2 "))
        #expect(Width.of(wide) == 90)
        #expect(rows(state, 20, 3)[1] == " alice@laptop  !! 2 ")
    }

    @Test("only the group that is talked in is shown, and what concerns all")
    func groups() {
        var state = state([Samples.said("here", by: Samples.bob)])
        let others: [GroupEvent.Kind] = [Samples.said("there", by: Samples.bob), .integrityWarning(.historyChanged)]
        for kind in others {
            if let line = Samples.line(kind, in: Samples.club) { state.apply(.line(line)) }
        }
        state.apply(.line(ChatLine(.notice, "connected")))
        let shown = rows(state, 90, 10).joined(separator: "\n")
        #expect(shown.contains("here"))
        #expect(!shown.contains("there"))
        #expect(shown.contains("integrity"))
        #expect(shown.contains("connected"))
    }

    @Test("history takes the place of what was shown of the group")
    func history() {
        var state = state([Samples.said("old", by: Samples.bob)])
        let line = Samples.line(Samples.said("from the store", by: Samples.bob))
        state.apply(.history(Samples.choir, [line].compactMap { $0 }))
        let shown = rows(state, 60, 6).joined()
        #expect(!shown.contains("old"))
        #expect(shown.contains("from the store"))
    }

    @Test("whoever scrolls back sees what was before, and that there is more")
    func scrolling() {
        var state = state((1...20).map { Samples.said("line \($0)", by: Samples.bob, $0) })
        let size = ScreenSize(width: 40, height: 6)
        state.scroll = 3
        #expect(
            rows(state, 40, 6) == [
                "14:02     bob: line 15", "14:02     bob: line 16", "14:02     bob: line 17",
                Width.fitted("-- more below: page down --", 40), Width.fitted(Samples.statusText, 40), "> ",
            ])
        #expect(Screen.maxScroll(state, size: size) == 16)
        state.scroll = 1000
        #expect(rows(state, 40, 6).first == "14:02     bob: line 1")
    }

    @Test("the input scrolls sideways so that the cursor is seen", arguments: [0, 5, 17, 18, 19, 40, 59, 60])
    func longInput(cursor: Int) {
        var state = ScreenState(Samples.status)
        state.editor.replace(String(repeating: "0123456789", count: 6), cursor: cursor)
        let screen = Screen(state, size: ScreenSize(width: 20, height: 3))
        let row = Array(screen.rows[2].text)
        #expect(screen.cursorColumn < 20)
        #expect(row.count <= 20)
        // What stands before the cursor is the character before it.
        if cursor > 0 { #expect(row[screen.cursorColumn - 1] == Character("\((cursor - 1) % 10)")) }
        if screen.cursorColumn < row.count { #expect(row[screen.cursorColumn] == Character("\(cursor % 10)")) }
    }

    @Test("any size has a screen of that size", arguments: [(1, 1), (2, 2), (5, 3), (1, 50), (300, 1), (0, 0)])
    func sizes(width: Int, height: Int) {
        let state = state(talk)
        let screen = Screen(state, size: ScreenSize(width: width, height: height))
        #expect(screen.rows.count == max(1, height))
        #expect(screen.cursorColumn < max(1, width))
    }

    @Test("a screen is drawn row by row, each from its beginning, with the cursor at last")
    func bytes() {
        var state = state([.integrityWarning(.replayed)])
        state.editor.insert("x")
        let text = String(decoding: Screen(state, size: ScreenSize(width: 70, height: 3)).bytes, as: UTF8.self)
        #expect(text.hasPrefix("\u{1b}[?25l\u{1b}[1;1H\u{1b}[2K"))
        #expect(text.contains("\u{1b}[1;37;41mintegrity: somebody sent a message a second time"))
        #expect(text.contains("\u{1b}[2;1H\u{1b}[2K\u{1b}[7m alice@laptop"))
        #expect(text.hasSuffix("\u{1b}[3;1H\u{1b}[2K> x\u{1b}[3;4H\u{1b}[?25h"))
    }

    @Test("whatever others write, only the chat's own sequences reach the terminal")
    func hostile() {
        let hostile = "\u{1b}[2J\u{1b}]0;t\u{7}\u{9b}31m\u{202e}\r\n\u{8}fin"
        var state = state([
            Samples.said(hostile, by: Samples.mallory), .joined(Samples.mallory, by: Samples.mallory),
            .renamed(hostile, by: hostile), .changeVoided(reason: hostile),
            .undecryptable(sender: nil, .ruleBroken(hostile)),
            .message(Message(id: Samples.message(9), sender: Samples.mallory, contentType: hostile, body: [1])),
        ])
        var status = Samples.status
        status.present?.name = hostile
        status.unread = [.init(name: hostile, count: 1)]
        state.apply(.status(status))
        let text = String(decoding: Screen(state, size: ScreenSize(width: 80, height: 24)).bytes, as: UTF8.self)
        // What is left without the sequences that it may have.
        let rest = text.replacing(/\u{1b}\[(\d+;1H|2K|[0-9;]*m|24;\d+H|\?25[lh])/, with: "")
        #expect(!rest.unicodeScalars.contains { [.control, .format].contains($0.properties.generalCategory) })
        #expect(rest.contains("fin"))
    }

    @Test("a huge message is cut, with a word about it, in no time")
    func huge() {
        let state = state([Samples.said(String(repeating: "word ", count: 200_000), by: Samples.bob)])
        let shown = rows(state, 80, 24)
        #expect(shown[21].contains("more characters"))
    }
}

extension Samples {
    /// What the status line says of `status`.
    static let statusText = " alice@laptop · connected · choir · 2 people · epoch 5"
}

@Suite("Columns and lines")
struct WidthTests {
    @Test(
        "characters take their columns",
        arguments: [
            ("a", 1), ("é", 1), ("e\u{301}", 1), ("漢", 2), ("ｗ", 2), ("😀", 2), ("👩\u{200d}👧", 2), ("🇩🇪", 2),
            ("❤\u{fe0f}", 2),
            ("❤", 1), ("한", 2), ("\u{301}", 0), ("✓", 1), ("⏎", 1), ("…", 1),
        ] as [(Character, Int)])
    func widths(character: Character, expected: Int) { #expect(Width.of(character) == expected) }

    @Test(
        "lines break at spaces where they can",
        arguments: [
            ("", [""]), ("one two", ["one two"]), ("one two three", ["one two", "three"]),
            ("abcdefghijkl", ["abcdefgh", "ijkl"]),
            ("a\n\nb", ["a", "", "b"]), ("abcdefgh ij", ["abcdefgh", "ij"]), ("漢漢漢漢漢", ["漢漢漢漢", "漢"]),
            ("        abc", ["        ", "abc"]), ("ab abcdefghij", ["ab", "abcdefgh", "ij"]),
        ] as [(String, [String])])
    func wrapping(text: String, expected: [String]) { #expect(Wrapping.lines(text, width: 8) == expected) }

    @Test(
        "time of day is the relay's, here",
        arguments: [(0, "14:02"), (3600, "15:02"), (-54_000, "23:02"), (36_000, "00:02")])
    func time(offset: Int, expected: String) {
        #expect(ClockText.time(Samples.time, offset: offset) == expected)
        #expect(ClockText.time(RelayTime(milliseconds: .max), offset: offset).count == 5)
    }
}
