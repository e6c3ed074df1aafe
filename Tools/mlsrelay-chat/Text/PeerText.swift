/// What others wrote, made fit to be shown: nothing in it can move the cursor, colour the screen, turn the direction of
/// what stands beside it, or hide.
enum PeerText {
    /// Marks that one letter may carry. More than any language needs; without a limit they grow over other lines.
    static let maxMarkCount = 8

    /// A message: lines stay lines; joiners stay, which make emoji and some scripts what they are.
    static func message(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        var markCount = 0
        var isAfterReturn = false
        for scalar in text.unicodeScalars {
            defer { isAfterReturn = scalar == "\r" }
            if scalar == "\n", isAfterReturn { continue }
            guard let shown = shownInMessage(scalar) else { continue }
            markCount = isMark(shown) ? markCount + 1 : 0
            if markCount <= maxMarkCount { result.append(shown) }
        }
        return String(result)
    }

    /// A name of a user, device or group, on one line. In quotes where it could be taken for something else than a name.
    static func name(_ text: String) -> String {
        let shown = line(text)
        let isPlain = !shown.isEmpty && shown.allSatisfy { $0.isLetter || $0.isNumber || "._-+@".contains($0) }
        return isPlain ? shown : "\"" + escaped(shown, quote: "\"") + "\""
    }

    /// Any text on one line: what is not to be shown, joiners with it, is left out.
    static func line(_ text: String) -> String {
        let scalars = message(text).unicodeScalars.map { $0 == "\n" ? " " : $0 }
        return String(String.UnicodeScalarView(scalars.filter { !isJoiner($0) }))
    }

    /// Text on one line that says where its lines ended: `\n` for that, `\\` for a backslash.
    static func singleLine(_ text: String) -> String {
        String(message(text).flatMap { $0 == "\n" ? "\\n" : $0 == "\\" ? "\\\\" : String($0) })
    }

    private static func escaped(_ text: String, quote: Character) -> String {
        String(text.flatMap { $0 == quote || $0 == "\\" ? "\\\($0)" : String($0) })
    }

    private static func shownInMessage(_ scalar: Unicode.Scalar) -> Unicode.Scalar? {
        switch scalar {
        case "\n", "\r", "\u{2028}", "\u{2029}", "\u{85}", "\u{0b}", "\u{0c}": return "\n"
        case "\t": return " "
        default: break
        }
        switch scalar.properties.generalCategory {
        case .control: return nil
        // Among them what turns the direction of writing, and all that has no width.
        case .format: return isJoiner(scalar) ? scalar : nil
        case .surrogate, .privateUse, .unassigned: return "\u{fffd}"
        default: return isInvisible(scalar) ? nil : scalar
        }
    }

    /// Letters of no width that their category does not tell: Hangul fillers, and a mark that hides others.
    private static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        ["\u{115f}", "\u{1160}", "\u{3164}", "\u{ffa0}", "\u{34f}", "\u{2800}"].contains(scalar)
    }

    private static func isJoiner(_ scalar: Unicode.Scalar) -> Bool { scalar == "\u{200d}" || scalar == "\u{200c}" }

    private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .spacingMark: true
        default: false
        }
    }
}
