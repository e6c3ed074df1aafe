import Testing

@testable import mlsrelay_chat

@Suite("Text of others cannot do anything but be read")
struct PeerTextTests {
    @Test(
        "what controls a terminal, turns the direction or hides is left out",
        arguments: [
            ("plain", "plain"), ("\u{1b}[31mred\u{1b}[0m", "[31mred[0m"), ("\u{1b}]0;title\u{7}x", "]0;titlex"),
            ("a\u{9b}2Jb", "a2Jb"), ("bell\u{7}", "bell"), ("back\u{8}\u{8}", "back"), ("a\u{7f}b", "ab"),
            ("a\tb", "a b"), ("one\r\ntwo\rthree\nfour", "one\ntwo\nthree\nfour"),
            ("a\u{85}b\u{2028}c\u{2029}d", "a\nb\nc\nd"),
            ("\u{202e}evil\u{202c}", "evil"), ("\u{2066}a\u{2069}\u{200f}\u{61c}", "a"),
            ("zero\u{200b}width\u{feff}", "zerowidth"),
            ("soft\u{ad}hyphen", "softhyphen"), ("tag\u{e0041}\u{e007f}", "tag"), ("fill\u{3164}\u{115f}er", "filler"),
            ("private\u{e000}", "private\u{fffd}"), ("none\u{378}", "none\u{fffd}"), ("👩\u{200d}👧", "👩\u{200d}👧"),
            ("❤\u{fe0f}", "❤\u{fe0f}"), ("نمی\u{200c}خواهم", "نمی\u{200c}خواهم"), ("e\u{301}", "e\u{301}"),
            ("שלום", "שלום"),
        ])
    func message(text: String, expected: String) {
        #expect(PeerText.message(text) == expected)
    }

    @Test("no scalar of any text has a meaning for a terminal")
    func everyScalar() {
        for value in UInt32(0)...0x10ffff {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let shown = PeerText.message(String(scalar)).unicodeScalars
            let isHarmless = shown.allSatisfy { scalar in
                scalar == "\n" || scalar == "\u{200d}" || scalar == "\u{200c}"
                    || ![.control, .format, .surrogate, .lineSeparator, .paragraphSeparator].contains(
                        scalar.properties.generalCategory)
            }
            #expect(isHarmless, "\(String(value, radix: 16))")
            guard isHarmless else { return }
        }
    }

    @Test("marks do not pile up over other lines")
    func marks() {
        let flood = "a" + String(repeating: "\u{301}", count: 1000) + "b"
        #expect(PeerText.message(flood).unicodeScalars.count == 2 + PeerText.maxMarkCount)
    }

    @Test(
        "a name is one word, or stands in quotes",
        arguments: [
            ("bob", "bob"), ("bob@example.org", "bob@example.org"), ("zoë", "zoë"), ("", "\"\""), ("a b", "\"a b\""),
            ("choir] alice", "\"choir] alice\""), ("x: hi", "\"x: hi\""), ("say \"hi\"", "\"say \\\"hi\\\"\""),
            ("a\\b", "\"a\\\\b\""), ("a\nb", "\"a b\""), ("bo\u{200d}b", "bob"), ("bob✔", "\"bob✔\""),
        ])
    func name(text: String, expected: String) throws {
        #expect(PeerText.name(text) == expected)
        // And what is shown can be typed.
        let words = try CommandLineParser.words(PeerText.name(text))
        #expect(words == [PeerText.line(text)])
    }

    @Test("a message on one line says where its lines ended")
    func singleLine() {
        #expect(PeerText.singleLine("a\nb\\n") == "a\\nb\\\\n")
    }
}
