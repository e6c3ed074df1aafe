import Foundation
import Testing

@Suite("The documentation says what the code does")
struct DocumentationTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
    }

    /// The lines without their indentation, which is not the same in an article.
    private static func lines(_ text: some StringProtocol) -> [String] {
        text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
    }

    @Test("each block of the walkthrough is part of WalkthroughTests, in its order")
    func walkthrough() throws {
        let article = try Self.text("Sources/MLS/MLS.docc/GroupFromCreationToRemoval.md")
        var code = Self.lines(try Self.text("Tests/MLSTests/WalkthroughTests.swift"))[...]
        let blocks = article.components(separatedBy: "```swift\n").dropFirst()
            .compactMap { $0.components(separatedBy: "```").first }.map(Self.lines)
        #expect(blocks.count >= 10)
        for block in blocks {
            let start = code.indices.first { code[$0...].starts(with: block) }
            guard let start else {
                Issue.record("not in WalkthroughTests, or not there: \(block.joined(separator: "\n"))")
                return
            }
            code = code[(start + block.count)...]
        }
        // And nothing that a reader would miss: only what the tests expect is between the blocks.
        let all = Set(blocks.joined())
        let walkthrough = Self.lines(try Self.text("Tests/MLSTests/WalkthroughTests.swift"))
            .drop { !$0.hasPrefix("func walkthrough") }.dropFirst()
        let missing = walkthrough.filter { !all.contains($0) && !$0.hasPrefix("#expect") && $0 != "}" }
        #expect(missing.isEmpty, "\(missing)")
    }

    @Test("each folder and type of the table of chapters exists")
    func chapters() throws {
        let article = try Self.text("Sources/MLS/MLS.docc/ChaptersOfTheRFC.md")
        let rows = article.split(separator: "\n").filter { $0.hasPrefix("| ") }.dropFirst(2)
        #expect(rows.count >= 30)
        var declared: Set<String> = []
        for folder in ["TLSPresentation", "MLSCodec", "MLSCrypto", "MLSPublicGroup", "MLS"] {
            let base = Self.root.appendingPathComponent("Sources/\(folder)").resolvingSymlinksInPath()
            let paths = FileManager.default.enumerator(atPath: base.path)?.compactMap { $0 as? String } ?? []
            for path in paths where path.hasSuffix(".swift") {
                let text = try String(contentsOf: base.appendingPathComponent(path), encoding: .utf8)
                for match in text.matches(of: /(?:struct|class|enum|protocol) (\w+)/) {
                    declared.insert(String(match.1))
                }
            }
        }
        for row in rows {
            for name in row.matches(of: /`([^`]+)`/).map({ String($0.1) }) {
                if name.contains("/") {
                    let path = Self.root.appendingPathComponent(name).path
                    #expect(FileManager.default.fileExists(atPath: path), "\(name)")
                } else {
                    let isDeclared = declared.contains(name)
                    #expect(isDeclared, "\(name)")
                }
            }
        }
    }
}
