/// What the tab key makes of a line.
struct Completion: Equatable {
    /// What can be completed to, as the session knows it.
    struct Vocabulary: Equatable, Sendable {
        var users: [String] = []
        var groups: [String] = []
        var devices: [String] = []
    }

    var text: String
    var cursor: Int
    /// What the word may become, where it is not clear.
    var candidates: [String] = []

    /// Completes the word before the cursor as far as it is clear.
    init(_ text: [Character], cursor: Int, _ vocabulary: Vocabulary) {
        let before = text[..<cursor]
        let start = (before.lastIndex { $0.isWhitespace } ?? -1) + 1
        let word = String(before[start...])
        let found = Self.choices(before: String(before[..<start]), word, vocabulary)
        let completed = found.count == 1 ? found[0] + " " : Self.commonPrefix(found) ?? word
        let isFurther = completed.count > word.count || found.count == 1
        let replacement = isFurther ? completed : word
        let rest = text[cursor...].drop { found.count == 1 && $0 == " " }
        self.text = String(text[..<start]) + replacement + String(rest)
        self.cursor = start + replacement.count
        if found.count > 1, !isFurther { candidates = found }
    }

    private static func choices(before: String, _ word: String, _ vocabulary: Vocabulary) -> [String] {
        if before.isEmpty, word.hasPrefix("/") {
            return CommandName.allCases.map { "/\($0.rawValue)" }.filter { $0.hasPrefix(word.lowercased()) }.sorted()
        }
        // A name in quotes is found without them too.
        let typed = word.lowercased()
        return words(before: before, vocabulary).filter { choice in
            let choice = choice.lowercased()
            return choice.hasPrefix(typed) || choice.hasPrefix("\"" + typed)
        }.sorted()
    }

    private static func words(before: String, _ vocabulary: Vocabulary) -> [String] {
        guard before.hasPrefix("/"), !before.hasPrefix("//") else { return vocabulary.users }
        let parts = before.dropFirst().split(whereSeparator: \.isWhitespace)
        // An unknown command has no arguments to complete.
        guard let first = parts.first, let name = try? CommandLineParser.command(named: first.lowercased()) else {
            return []
        }
        switch name.argument(parts.count - 1) {
        case .user: return vocabulary.users
        case .group: return vocabulary.groups
        case .device: return vocabulary.devices
        case .word(let words): return words.split(separator: " ").map(String.init)
        case .other: return []
        }
    }

    private static func commonPrefix(_ words: [String]) -> String? {
        guard var prefix = words.first else { return nil }
        for word in words.dropFirst() {
            let common = zip(prefix, word).prefix { $0.0.lowercased() == $0.1.lowercased() }.count
            prefix = String(prefix.prefix(common))
        }
        return prefix
    }
}
