import Foundation
import Testing

@testable import mlsrelay_chat

@Suite("README.md says what the chat does")
struct ReadmeTests {
    private static func readme() throws -> String {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try String(contentsOf: root.appendingPathComponent("README.md"), encoding: .utf8)
    }

    @Test("each command is in its table, in the order of /help")
    func commands() throws {
        let rows = try Self.readme().split(separator: "\n").filter { $0.hasPrefix("| `/") }.map(String.init)
        let expected = CommandName.allCases.map { name in
            "| `\(name.usage.replacing("|", with: "\\|"))` | \(name.summary) |"
        }
        #expect(rows == expected)
    }

    @Test("each option is in its table, with the name that it has in the environment")
    func options() throws {
        let readme = try Self.readme()
        for option in Chat.help().matches(of: /--([a-z-]+)/).map({ String($0.1) }) where option != "help" {
            let variable = "MLSRELAY_CHAT_" + option.uppercased().replacing("-", with: "_")
            #expect(readme.contains("| `--\(option)"), "--\(option)")
            #expect(readme.contains("| `\(variable)"), "\(variable)")
        }
    }

    @Test("what is typed in it is understood")
    func typed() throws {
        let text = try Self.readme()
        let section =
            text.components(separatedBy: "## Two people and a second device").last?
            .components(separatedBy: "\n## ").first ?? ""
        let lines = section.split(separator: "\n").filter { $0.hasPrefix("/") }
        #expect(lines.count >= 5)
        for line in lines {
            let command = try CommandLineParser.parse(String(line))
            #expect(command != nil)
        }
    }
}
