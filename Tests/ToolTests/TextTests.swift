import Foundation
import MLSCodec
import RelayTestSupport
import RelayWire
import Testing

@testable import mlsrelay_tool

@Suite("JSON")
struct JSONTests {
    @Test("members keep their order, and text is escaped as other parsers read it")
    func writing() throws {
        let text = "\u{0}\u{1f}\n\"\\/é\u{2028}\u{7f}🦊"
        let json: JSON = [
            "z": .null, "a": .array([.bool(true), .bool(false), .number(.max), .array([]), [:]]), "t": .string(text),
        ]
        let written = #"{"z":null,"a":[true,false,18446744073709551615,[],{}],"t":"#
        #expect(json.description == written + #""\u0000\u001f\n\"\\/é\u2028\u007f🦊"}"#)
        let parsed = try JSONSerialization.jsonObject(with: Data(json.description.utf8)) as? [String: Any]
        #expect(parsed?["t"] as? String == text)
    }
}

@Suite("Table")
struct TableTests {
    private let columns: [Table.Column] = [
        .init(title: "N", alignment: .right), .init(title: "NAME", isCut: true), .init(title: "END"),
    ]

    @Test("columns are aligned, and nothing stands behind the last one")
    func alignment() {
        var table = Table(columns, width: nil)
        #expect(
            table.lines([["1", "a", "x"], ["10", "long name", ""]]) == [
                " N  NAME       END", " 1  a          x", "10  long name",
            ])
        // Later rows know the widths of earlier ones, and have no titles.
        #expect(table.lines([["2", "b", "y"]]) == [" 2  b          y"])
        #expect(table.lines([]) == [])
    }

    @Test("a table with no rows has its titles")
    func empty() {
        var table = Table(columns, width: nil)
        #expect(table.lines([]) == ["N  NAME  END"])
    }

    @Test("what is too wide for the terminal is cut where it may be, and no further than that helps")
    func cutting() {
        let row = ["1", "a name of some length", "the end"]
        for width in 20...40 {
            var table = Table(columns, width: width)
            let lines = table.lines([row])
            #expect(lines.allSatisfy { $0.displayWidth <= width })
            #expect(lines[1].hasSuffix("the end"))
        }
        var narrow = Table(columns, width: 5)
        #expect(narrow.lines([row])[1] == "1  a nam…  the end")
    }

    @Test(
        "characters that are twice as wide count twice",
        arguments: [("abc", 3), ("名前", 4), ("e\u{301}", 1), ("🦊", 2), ("", 0)])
    func width(_ text: String, _ width: Int) {
        #expect(text.displayWidth == width)
    }

    @Test("a text is cut at its width with an ellipsis")
    func ellipsis() {
        #expect("abcdef".cut(to: 6) == "abcdef")
        #expect("abcdefg".cut(to: 6) == "abcde…")
        #expect("名前名前".cut(to: 6) == "名前…")
    }
}

@Suite("Texts")
struct TextTests {
    @Test(
        "times are in UTC with milliseconds",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (951_782_400_007, "2000-02-29T00:00:00.007Z"),
            (1_763_690_400_123, "2025-11-21T02:00:00.123Z"), (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        ] as [(UInt64, String)])
    func times(_ time: UInt64, _ text: String) {
        #expect(Timestamp(rawValue: time).text == text)
    }

    @Test("a time that no calendar has is no crash")
    func endOfTime() { #expect(!Timestamp(rawValue: .max).text.isEmpty) }

    @Test(
        "byte counts have the largest unit that they fill",
        arguments: [
            (0, "0 bytes"), (1023, "1023 bytes"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (5 << 20, "5.0 MiB"),
            (256 << 30, "256.0 GiB"),
        ])
    func byteCounts(_ count: Int, _ text: String) {
        #expect(byteCountText(count) == text)
    }

    @Test("a group id is text where it can be read, and digits where a terminal would do something else")
    func groups() {
        #expect(groupText(Array("choir".utf8)) == "\"choir\"")
        #expect(groupText(Array("合唱".utf8)) == "\"合唱\"")
        for id in [[0xff], [0x1b, 0x5b], Array("a\nb".utf8), Array("a\u{202e}b".utf8), []] as [[UInt8]] {
            #expect(readableText(id) == nil)
        }
    }

    @Test("a bar shows the share that is done")
    func bar() {
        #expect(ProgressBar.line("verifying", 1, of: 2).hasPrefix("verifying [###############---------------] 50 %"))
        #expect(ProgressBar.line("v", 0, of: 10).hasSuffix("[------------------------------] 0 %"))
        #expect(ProgressBar.line("v", 12, of: 10).hasSuffix("[##############################] 100 %"))
        #expect(ProgressBar.line("v", 0, of: 0).hasSuffix("100 %"))
    }

    @Test("fields are JSON: structures as objects, vectors as arrays")
    func fields() {
        let tree = FieldTree(
            "m",
            .children([
                FieldTree("a", .number(1)), FieldTree("b", .bytes([0xab])), FieldTree("c", .text("t")),
                FieldTree("d", .children([FieldTree("0", .number(5)), FieldTree("1", .number(6))])),
                FieldTree("e", .children([])),
            ]))
        #expect(tree.json.description == #"{"a":1,"b":"ab","c":"t","d":[5,6],"e":{}}"#)
        let lines = FieldTree("x", .bytes(Array("twelve bytes".utf8))).shownLines(maxByteCount: 4)
        #expect(lines == ["x: 7477656c… (12 bytes)"])
    }
}

@Suite("LogReference")
struct LogReferenceTests {
    @Test("a log is named by number, by client, by kind, or by its group's id")
    func parsing() {
        #expect(LogReference("#12") == .number(LogNumber(rawValue: 12)))
        #expect(LogReference("inbox:bob") == .inbox("bob"))
        #expect(LogReference("keypackages:a:b") == .keyPackages("a:b"))
        #expect(LogReference("directory") == .directory)
        #expect(LogReference("groups") == .groups)
        #expect(LogReference("choir") == .group(hex: nil, text: "choir"))
        #expect(LogReference("00fF") == .group(hex: [0, 255], text: "00fF"))
        #expect(LogReference("hex:00ff") == .group(hex: [0, 255], text: nil))
        #expect(LogReference("text:00ff") == .group(hex: nil, text: "00ff"))
        #expect(LogReference("text:#1") == .group(hex: nil, text: "#1"))
        for nothing in ["", "#", "#x", "#-1", "hex:0", "hex:zz"] { #expect(LogReference(nothing) == nil) }
    }
}
