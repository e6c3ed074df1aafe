import Foundation
import Testing

@Suite("The documentation says what the library does")
struct TutorialTextTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
    }

    /// The lines without their indentation, which is not the same in an article.
    private static func lines(_ text: some StringProtocol) -> [String] {
        text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
    }

    @Test("each block of the tutorial is part of TutorialTests, in its order")
    func tutorial() throws {
        let article = try Self.text("Sources/RelayClient/RelayClient.docc/FirstGroup.md")
        var code = Self.lines(try Self.text("Tests/RelayClientTests/TutorialTests.swift"))[...]
        let blocks = article.components(separatedBy: "```swift\n").dropFirst()
            .compactMap { $0.components(separatedBy: "```").first }.map(Self.lines)
        #expect(blocks.count >= 14)
        for block in blocks {
            let start = code.indices.first { code[$0...].starts(with: block) }
            guard let start else {
                Issue.record("not in TutorialTests, or not there: \(block.joined(separator: "\n"))")
                return
            }
            code = code[(start + block.count)...]
        }
    }

    @Test("every warning is in the article on trust, and every public type in the topics")
    func complete() throws {
        let source = try Self.text("Sources/RelayClient/Public/GroupEvent.swift")
        let warnings =
            source.components(separatedBy: "public enum IntegrityWarning").last?
            .components(separatedBy: "\n}").first ?? ""
        let names = warnings.matches(of: /case (\w+)/).map { String($0.1) }
        #expect(names.count == 9)
        let trust = try Self.text("Sources/RelayClient/RelayClient.docc/Trust.md")
        for name in names { #expect(trust.contains("| `\(name)` |"), "\(name)") }
        let overview = try Self.text("Sources/RelayClient/RelayClient.docc/RelayClient.md")
        let folder = Self.root.appendingPathComponent("Sources/RelayClient/Public").path
        for file in try FileManager.default.contentsOfDirectory(atPath: folder) {
            let text = try Self.text("Sources/RelayClient/Public/\(file)")
            // Those that are not within another.
            for match in text.matches(of: /(?m)^public (?:final )?(?:struct|enum|actor|class) (\w+)/) {
                #expect(overview.contains("``\(match.1)``"), "\(match.1)")
            }
        }
    }
}
