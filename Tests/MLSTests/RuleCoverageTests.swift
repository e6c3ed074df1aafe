import Foundation
import MLSPublicGroup
import Testing

@Suite("Every rule has a test that breaks it")
struct RuleCoverageTests {
    /// Rules that no test breaks, and why.
    private static let exempt: [ValidationRule: String] = [
        .ratchetTreeSize: "a tree with too many nodes does not fit into a vector"
    ]

    /// The names that the tests of the two modules expect refusals by.
    private func expectedRules() throws -> Set<String> {
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        var names: Set<String> = []
        for target in ["MLSPublicGroupTests", "MLSTests"] {
            let folder = tests.appendingPathComponent(target)
            let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            for file in files where file.pathExtension == "swift" {
                let text = try String(contentsOf: file, encoding: .utf8)
                // `expectRefusal(.path) { … }` and whatever suites wrap around it, or `refused(.path)`.
                for match in text.matches(of: /(?:[eE]xpect\w*|refused)\(\s*\.(\w+)/) { names.insert(String(match.1)) }
            }
        }
        return names
    }

    @Test("each rule is expected by name in MLSPublicGroupTests or MLSTests")
    func coverage() throws {
        let expected = try expectedRules()
        for rule in ValidationRule.allCases where Self.exempt[rule] == nil {
            #expect(expected.contains("\(rule)"), "nothing breaks \(rule.rawValue)")
        }
        // Whatever got a test is exempt no longer.
        for rule in Self.exempt.keys { #expect(!expected.contains("\(rule)"), "\(rule.rawValue) has a test") }
        #expect(Set(ValidationRule.allCases.map(\.rawValue)).count == ValidationRule.allCases.count)
    }
}
