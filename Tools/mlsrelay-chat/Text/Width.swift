/// How many columns of a terminal characters take.
enum Width {
    /// 0 for what takes none, 2 for East Asian and emoji characters, otherwise 1. Unicode Standard Annex 11.
    static func of(_ character: Character) -> Int {
        let scalars = character.unicodeScalars
        // A sign that is asked to be an emoji is one; so are two letters that make a flag.
        if scalars.count > 1, scalars.contains("\u{fe0f}") || isRegional(scalars.first) { return 2 }
        return scalars.map(of).max() ?? 0
    }

    static func of(_ text: some Collection<Character>) -> Int { text.reduce(0) { $0 + of($1) } }

    /// The longest beginning of `text` that takes at most `width` columns.
    static func prefix<Text: Collection<Character>>(_ text: Text, _ width: Int) -> Text.SubSequence {
        var used = 0
        return text.prefix { character in
            used += of(character)
            return used <= width
        }
    }

    /// `text` in exactly `width` columns: cut, or filled up.
    static func fitted(_ text: String, _ width: Int) -> String {
        let part = prefix(text, width)
        return part + String(repeating: " ", count: max(0, width - of(part)))
    }

    private static func of(_ scalar: Unicode.Scalar) -> Int {
        if scalar.value < 0x7f { return scalar.value < 0x20 ? 0 : 1 }
        if scalar.properties.isEmojiPresentation { return 2 }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format, .control: return 0
        default: return wide.contains { $0.contains(scalar.value) } ? 2 : 1
        }
    }

    private static func isRegional(_ scalar: Unicode.Scalar?) -> Bool {
        guard let scalar else { return false }
        return (0x1f1e6...0x1f1ff).contains(scalar.value)
    }

    /// East Asian Width W and F besides emoji.
    private static let wide: [ClosedRange<UInt32>] = [
        0x1100...0x115f, 0x2329...0x232a, 0x2e80...0x303e, 0x3041...0x33ff, 0x3400...0x4dbf, 0x4e00...0xa4cf,
        0xa960...0xa97f, 0xac00...0xd7a3, 0xf900...0xfaff, 0xfe10...0xfe19, 0xfe30...0xfe6f, 0xff00...0xff60,
        0xffe0...0xffe6, 0x16fe0...0x18aff, 0x1b000...0x1b2ff, 0x1f200...0x1f2ff, 0x20000...0x2fffd,
        0x30000...0x3fffd,
    ]
}
