import Testing

@testable import mlsrelay_chat

@Suite("Bytes of a terminal become keys")
struct KeyParserTests {
    /// What terminals send, and what it means.
    static let sequences: [(bytes: String, keys: [Key])] = [
        ("a", [.text("a")]), ("ab", [.text("a"), .text("b")]), ("é", [.text("é")]), ("漢", [.text("漢")]),
        ("😀", [.text("😀")]), ("e\u{301}", [.text("e"), .text("\u{301}")]),
        ("\r", [.enter]), ("\n", [.enter]), ("\t", [.tab]), ("\u{7f}", [.backspace]), ("\u{8}", [.backspace]),
        ("\u{1}", [.control("a")]), ("\u{15}", [.control("u")]), ("\u{1a}", [.control("z")]), ("\u{0}", [.unknown]),
        ("\u{1b}[A", [.up]), ("\u{1b}[B", [.down]), ("\u{1b}[C", [.right]), ("\u{1b}[D", [.left]),
        ("\u{1b}OA", [.up]), ("\u{1b}OH", [.home]), ("\u{1b}OF", [.end]), ("\u{1b}[H", [.home]), ("\u{1b}[F", [.end]),
        ("\u{1b}[1~", [.home]), ("\u{1b}[7~", [.home]), ("\u{1b}[4~", [.end]), ("\u{1b}[8~", [.end]),
        ("\u{1b}[3~", [.delete]), ("\u{1b}[5~", [.pageUp]), ("\u{1b}[6~", [.pageDown]), ("\u{1b}[3;5~", [.delete]),
        ("\u{1b}[1;5C", [.wordRight]), ("\u{1b}[1;5D", [.wordLeft]), ("\u{1b}[1;3D", [.wordLeft]),
        ("\u{1b}[1;2A", [.up]), ("\u{1b}b", [.alt("b")]), ("\u{1b}\u{7f}", [.control("w")]),
        ("\u{1b}[15~", [.unknown]), ("\u{1b}[200~one\r\ntwo\u{1b}[201~!", [.paste("one\ntwo"), .text("!")]),
        ("\u{1b}[200~\u{1b}[201\u{1b}[201~", [.paste("[201")]),
        ("\u{1b}[200~\u{202e}a\u{1b}]0;title\u{7}\u{1b}[201~", [.paste("a]0;title")]),
        ("\u{1b}\u{1b}[A", [.escape, .up]), ("\u{1b}[1\u{1b}[A", [.unknown, .up]),
        ("\u{1b}[1\rx", [.unknown, .enter, .text("x")]),
        ("x\u{202e}y\u{9b}z", [.text("x"), .text("y"), .text("z")]),
    ]

    @Test("each sequence gives its keys, wherever it is cut", arguments: sequences.indices)
    func sequence(index: Int) {
        let (text, keys) = Self.sequences[index]
        let bytes = Array(text.utf8)
        for cut in 0...bytes.count {
            var parser = KeyParser()
            let found = parser.feed(bytes[..<cut]) + parser.feed(bytes[cut...])
            #expect(found == keys, "\(text.debugDescription) cut at \(cut)")
            #expect(!parser.isWaiting)
        }
    }

    @Test("an escape character that nothing follows is a key, and not before")
    func loneEscape() {
        var parser = KeyParser()
        #expect(parser.feed([0x1b]).isEmpty)
        #expect(parser.isWaiting)
        #expect(parser.flush() == [.escape])
        #expect(!parser.isWaiting)
        #expect(parser.flush().isEmpty)
        #expect(parser.feed(Array("[A".utf8)) == [.text("["), .text("A")])
    }

    @Test("what breaks off in the middle is given up, and what comes after it is understood")
    func broken() {
        var parser = KeyParser()
        _ = parser.feed(Array("\u{1b}[1;".utf8))
        #expect(parser.flush() == [.unknown])
        _ = parser.feed([0xe6, 0xbc])
        #expect(parser.flush() == [.text("\u{fffd}")])
        #expect(parser.feed([0x61]) == [.text("a")])
    }

    @Test(
        "bytes that are no UTF-8 become replacement characters",
        arguments: [
            ([0x80], 1), ([0xff], 1), ([0xc0, 0x80], 2), ([0xe6, 0x61], 1), ([0xf5], 1), ([0xed, 0xa0, 0x80], 3),
        ] as [([UInt8], Int)])
    func malformed(bytes: [UInt8], count: Int) {
        var parser = KeyParser()
        let keys = parser.feed(bytes + [0x7a])
        let replacements = keys.reduce(0) { count, key in
            guard case .text(let text) = key else { return count }
            return count + text.unicodeScalars.filter { $0 == "\u{fffd}" }.count
        }
        #expect(replacements == count)
        #expect(keys.last == .text("z"))
    }

    @Test("a sequence that does not end is given up")
    func endless() {
        var parser = KeyParser()
        let keys = parser.feed([0x1b, 0x5b] + Array(repeating: 0x31, count: 100))
        #expect(keys.first == .unknown)
        #expect(keys.dropFirst().allSatisfy { $0 == .text("1") })
        #expect(!parser.isWaiting)
    }

    @Test("of what is pasted no more is kept than there may be")
    func hugePaste() {
        var parser = KeyParser()
        let body = [UInt8](repeating: 0x61, count: KeyParser.maxPasteByteCount + 5)
        let keys = parser.feed(Array("\u{1b}[200~".utf8) + body + Array("\u{1b}[201~".utf8))
        guard case .paste(let text) = keys.first else {
            Issue.record("no paste")
            return
        }
        #expect(text.utf8.count == KeyParser.maxPasteByteCount)
        #expect(keys.count == 1)
    }

    @Test("any bytes, one at a time, give the same as all at once")
    func random() {
        var generator = SystemRandomNumberGenerator()
        let alphabet: [UInt8] = [
            0x1b, 0x5b, 0x4f, 0x41, 0x7e, 0x32, 0x30, 0x31, 0x3b, 0x61, 0xc3, 0xa9, 0xf0, 0x9f, 0x0d,
        ]
        for _ in 0..<500 {
            let bytes = (0..<40).compactMap { _ in alphabet.randomElement(using: &generator) }
            var (whole, single) = (KeyParser(), KeyParser())
            let together = whole.feed(bytes)
            let apart = bytes.flatMap { single.feed([$0]) }
            #expect(together == apart, "\(bytes)")
            #expect(whole.isWaiting == single.isWaiting)
        }
    }
}
