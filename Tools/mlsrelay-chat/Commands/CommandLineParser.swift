import RelayClient

/// Understands what was typed.
enum CommandLineParser {
    /// Lines of `/history` without a number.
    static let historyCount = 20
    static let maxHistoryCount = 10_000

    /// - Returns: nil for an empty line.
    /// - Throws: `unknownCommand`, `ambiguousCommand`, `usage`.
    static func parse(_ line: String) throws(CommandError) -> ChatCommand? {
        guard !line.allSatisfy(\.isWhitespace) else { return nil }
        guard line.hasPrefix("/") else { return .say(line) }
        // Two slashes say a text that begins with one.
        guard !line.hasPrefix("//") else { return .say(String(line.dropFirst())) }
        let word = line.dropFirst().prefix { !$0.isWhitespace }
        let name = try command(named: word.lowercased())
        return try command(name, rest: line.dropFirst(1 + word.count))
    }

    /// The command that `word` is, or is the beginning of.
    static func command(named word: String) throws(CommandError) -> CommandName {
        if let name = CommandName(rawValue: word) { return name }
        let candidates = CommandName.allCases.filter { !word.isEmpty && $0.rawValue.hasPrefix(word) }
        guard let first = candidates.first else { throw unknown(word) }
        guard candidates.count == 1 else {
            let names = candidates.map { "/\($0.rawValue)" }.joined(separator: ", ")
            throw CommandError("ambiguousCommand", "/\(word) may be \(names).")
        }
        guard !first.needsWholeName else {
            throw CommandError("ambiguousCommand", "This cannot be undone: type all of /\(first.rawValue).")
        }
        return first
    }

    private static func unknown(_ word: String) -> CommandError {
        let nearest = CommandName.allCases.map { ($0, EditDistance.between(word, $0.rawValue)) }
            .min { $0.1 < $1.1 }
        let shown = PeerText.line(word)
        guard let nearest, nearest.1 <= 2 else {
            return CommandError("unknownCommand", "There is no /\(shown); /help lists what there is.")
        }
        return CommandError("unknownCommand", "There is no /\(shown); did you mean /\(nearest.0.rawValue)?")
    }

    // MARK: Arguments

    private static func command(_ name: CommandName, rest: Substring) throws(CommandError) -> ChatCommand {
        let words = try words(rest)
        switch name {
        case .groups, .invitations, .members, .leave, .delete, .rotate, .devices, .check, .help, .quit:
            guard words.isEmpty else { throw usage(name) }
            return bare(name)
        // A line of another device: quotes and spaces in it are its own.
        case .admit: return .admit(try text(name, rest))
        case .rename: return .rename(words.count == 1 ? words[0] : try text(name, rest))
        case .open: return .open(filter: words.joined(separator: " "))
        case .invite, .remove:
            guard !words.isEmpty else { throw usage(name) }
            return name == .invite ? .invite(words) : .remove(words)
        default: return try withArguments(name, words)
        }
    }

    private static func bare(_ name: CommandName) -> ChatCommand {
        switch name {
        case .groups: .groups
        case .invitations: .invitations
        case .members: .members
        case .leave: .leave
        case .delete: .delete
        case .rotate: .rotate
        case .devices: .devices
        case .check: .check
        case .quit: .quit
        default: .help
        }
    }

    private static func withArguments(_ name: CommandName, _ words: [String]) throws(CommandError) -> ChatCommand {
        switch (name, words.count) {
        case (.create, 1...2): return .create(name: words[0], join: try joinRule(words.dropFirst().first))
        case (.switch, 1): return .switchTo(words[0])
        case (.join, 1): return .join(words[0])
        case (.accept, 1): return .answer(.accept, try number(name, words[0]))
        case (.decline, 1): return .answer(.decline, try number(name, words[0]))
        case (.approve, 1): return .answer(.approve, try number(name, words[0]))
        case (.approval, 1):
            guard let count = UInt32(words[0]) else { throw usage(name) }
            return .approval(above: count)
        case (.role, 2): return .role(try role(words[1]), user: words[0])
        case (.ban, 1): return .ban(true, user: words[0])
        case (.unban, 1): return .ban(false, user: words[0])
        default: return try withFurtherArguments(name, words)
        }
    }

    private static func withFurtherArguments(
        _ name: CommandName, _ words: [String]
    ) throws(CommandError) -> ChatCommand {
        switch (name, words.count) {
        case (.verify, 1): return .verify(user: words[0], fingerprint: nil)
        // A fingerprint is shown in eight groups, and may be pasted so.
        case (.verify, 2...): return .verify(user: words[0], fingerprint: words.dropFirst().joined())
        case (.users, 1): return .users(prefix: words[0])
        case (.revoke, 1): return .revoke(words[0])
        case (.receipts, 1) where ["on", "off"].contains(words[0]): return .receipts(words[0] == "on")
        case (.history, 0): return .history(historyCount)
        case (.history, 1):
            return .history(Int(min(try number(name, words[0]), UInt64(maxHistoryCount))))
        default: throw usage(name)
        }
    }

    private static func text(_ name: CommandName, _ rest: Substring) throws(CommandError) -> String {
        let trimmed = rest.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed()
        guard !trimmed.isEmpty else { throw usage(name) }
        return String(trimmed)
    }

    private static func joinRule(_ word: String?) throws(CommandError) -> JoinRule {
        switch word {
        case nil, "invitation": return .invitation
        case "direct": return .direct
        case "open": return .open
        default: throw usage(.create)
        }
    }

    private static func role(_ word: String) throws(CommandError) -> GroupRole {
        switch word {
        case "admin": return .admin
        case "member": return .member
        default: throw usage(.role)
        }
    }

    private static func number(_ name: CommandName, _ word: String) throws(CommandError) -> UInt64 {
        guard let number = UInt64(word), number > 0 else { throw usage(name) }
        return number
    }

    private static func usage(_ name: CommandName) -> CommandError {
        CommandError("usage", "It is typed \(name.usage)")
    }

    /// The words of `text`; one in double quotes may have spaces, and `\"` and `\\` in it.
    /// - Throws: `usage` where a quote does not end.
    static func words(_ text: some StringProtocol) throws(CommandError) -> [String] {
        var words: [String] = []
        var rest = Substring(text)[...]
        while true {
            rest = rest.drop(while: \.isWhitespace)
            guard let first = rest.first else { return words }
            if first == "\"" {
                words.append(try quoted(&rest))
            } else {
                let word = rest.prefix { !$0.isWhitespace }
                words.append(String(word))
                rest = rest[word.endIndex...]
            }
        }
    }

    private static func quoted(_ rest: inout Substring) throws(CommandError) -> String {
        rest.removeFirst()
        var word = ""
        while let character = rest.popFirst() {
            if character == "\"" { return word }
            if character == "\\", let escaped = rest.popFirst() { word.append(escaped) } else { word.append(character) }
        }
        throw CommandError("usage", "A quote does not end.")
    }
}
