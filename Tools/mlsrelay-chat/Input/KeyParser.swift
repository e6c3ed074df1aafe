/// Makes keys of the bytes that a terminal sends; they may come in any pieces.
///
/// An escape character alone cannot be told from the beginning of a sequence: whoever reads calls `flush` when nothing has
/// followed for a moment.
struct KeyParser {
    /// Longer ones are no key's.
    private static let maxSequenceByteCount = 32
    /// What is pasted beyond is left out: no message may be as large.
    static let maxPasteByteCount = 1 << 20

    private var pending: [UInt8] = []
    /// What was pasted so far, while a paste goes on.
    private var pasted: [UInt8]?

    /// Whether the last bytes may be the beginning of something.
    var isWaiting: Bool { !pending.isEmpty && pasted == nil }

    /// The keys that are complete with these bytes.
    mutating func feed(_ bytes: some Collection<UInt8>) -> [Key] {
        var keys: [Key] = []
        for byte in bytes { keys += add(byte) }
        return keys
    }

    /// What is there is all that comes: an escape character is the key.
    mutating func flush() -> [Key] {
        guard isWaiting else { return [] }
        defer { pending = [] }
        return [pending == [0x1b] ? .escape : pending[0] == 0x1b ? .unknown : .text("\u{fffd}")]
    }

    private mutating func add(_ byte: UInt8) -> [Key] {
        if pasted != nil { return addPasted(byte) }
        if pending.first == 0x1b { return addToSequence(byte) }
        if !pending.isEmpty { return addToCharacter(byte) }
        if byte == 0x1b || byte >= 0x80 { return begin(byte) }
        return [Self.single(byte)]
    }

    // MARK: Characters

    private mutating func begin(_ byte: UInt8) -> [Key] {
        // Neither continuations nor what UTF-8 has not.
        guard byte == 0x1b || (0xc2...0xf4).contains(byte) else { return [.text("\u{fffd}")] }
        pending = [byte]
        return []
    }

    private mutating func addToCharacter(_ byte: UInt8) -> [Key] {
        guard byte & 0xc0 == 0x80 else {
            pending = []
            return [.text("\u{fffd}")] + add(byte)
        }
        pending.append(byte)
        guard pending.count == Self.length(pending[0]) else { return [] }
        defer { pending = [] }
        let text = PeerText.message(String(decoding: pending, as: UTF8.self))
        return text.isEmpty ? [] : [.text(text)]
    }

    private static func length(_ first: UInt8) -> Int { first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4 }

    private static func single(_ byte: UInt8) -> Key {
        switch byte {
        case 0x0d, 0x0a: .enter
        case 0x09: .tab
        case 0x7f, 0x08: .backspace
        case 1...26: .control(Character(Unicode.Scalar(byte + 0x60)))
        case ..<0x20: .unknown
        default: .text(String(Unicode.Scalar(byte)))
        }
    }

    // MARK: Sequences

    private mutating func addToSequence(_ byte: UInt8) -> [Key] {
        if byte == 0x1b {
            // The one before was the key, or was cut off.
            let before: Key = pending.count == 1 ? .escape : .unknown
            pending = [byte]
            return [before]
        }
        pending.append(byte)
        switch pending.count {
        case 2: return afterEscape(byte)
        case 3 where pending[1] == UInt8(ascii: "O"): return finish(Self.cursorKey(byte, isWord: false))
        default: return inControlSequence(byte)
        }
    }

    private mutating func afterEscape(_ byte: UInt8) -> [Key] {
        switch byte {
        case UInt8(ascii: "["), UInt8(ascii: "O"): return []
        case 0x7f, 0x08: return finish(.control("w"))
        case 0x20..<0x7f: return finish(.alt(Character(Unicode.Scalar(byte))))
        default:
            pending = []
            return [.escape] + add(byte)
        }
    }

    private mutating func inControlSequence(_ byte: UInt8) -> [Key] {
        switch byte {
        case 0x40...0x7e: return endControlSequence(byte)
        case 0x20..<0x40 where pending.count < Self.maxSequenceByteCount: return []
        case 0x20..<0x40: return finish(.unknown)
        default:
            pending = []
            return [.unknown] + add(byte)
        }
    }

    private mutating func endControlSequence(_ final: UInt8) -> [Key] {
        let parameters = String(decoding: pending.dropFirst(2).dropLast(), as: UTF8.self)
        guard final == UInt8(ascii: "~") else {
            let isWord = [";5", ";3"].contains { parameters.hasSuffix($0) }
            return finish(Self.cursorKey(final, isWord: isWord))
        }
        guard parameters == "200" else { return finish(Self.numbered(parameters)) }
        pending = []
        pasted = []
        return []
    }

    private mutating func finish(_ key: Key) -> [Key] {
        pending = []
        return [key]
    }

    private static func cursorKey(_ final: UInt8, isWord: Bool) -> Key {
        switch Character(Unicode.Scalar(final)) {
        case "A": .up
        case "B": .down
        case "C": isWord ? .wordRight : .right
        case "D": isWord ? .wordLeft : .left
        case "H": .home
        case "F": .end
        default: .unknown
        }
    }

    private static func numbered(_ parameters: String) -> Key {
        switch parameters.prefix(while: { $0 != ";" }) {
        case "1", "7": .home
        case "4", "8": .end
        case "3": .delete
        case "5": .pageUp
        case "6": .pageDown
        default: .unknown
        }
    }

    // MARK: Pasting

    private static let endOfPaste = Array("\u{1b}[201~".utf8)

    private mutating func addPasted(_ byte: UInt8) -> [Key] {
        // What may be the end is kept apart until it is or is not.
        pending.append(byte)
        while !Self.endOfPaste.starts(with: pending) { keepPasted(pending.removeFirst()) }
        guard pending.count == Self.endOfPaste.count else { return [] }
        defer { (pending, pasted) = ([], nil) }
        return [.paste(PeerText.message(String(decoding: pasted ?? [], as: UTF8.self)))]
    }

    private mutating func keepPasted(_ byte: UInt8) {
        if let count = pasted?.count, count < Self.maxPasteByteCount { pasted?.append(byte) }
    }
}
