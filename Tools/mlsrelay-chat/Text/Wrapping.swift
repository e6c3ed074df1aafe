/// Text in lines of a width.
enum Wrapping {
    /// The lines of `text`, each at most `width` columns, broken at spaces where that can be. Never empty.
    static func lines(_ text: String, width: Int) -> [String] {
        text.split(separator: "\n", omittingEmptySubsequences: false).flatMap { paragraph($0, width: max(2, width)) }
    }

    private static func paragraph(_ text: Substring, width: Int) -> [String] {
        var lines: [String] = []
        var rest = text
        while true {
            let fitting = Width.prefix(rest, width)
            guard fitting.endIndex < rest.endIndex, !fitting.isEmpty else { break }
            let line = end(of: fitting, isAtWord: rest[fitting.endIndex] == " ")
            lines.append(String(line))
            rest = rest[line.endIndex...].drop { $0 == " " }
        }
        if !rest.isEmpty || lines.isEmpty { lines.append(String(rest)) }
        return lines
    }

    /// The words that end in `fitting`; all of it where that is one word.
    private static func end(of fitting: Substring, isAtWord: Bool) -> Substring {
        guard !isAtWord, let space = fitting.lastIndex(of: " ") else { return fitting }
        let line = fitting[..<space]
        return line.allSatisfy { $0 == " " } ? fitting : line
    }
}
