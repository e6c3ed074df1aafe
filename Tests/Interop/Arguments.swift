import MLSCodec
import MLSCrypto
import TLSPresentation

/// The words behind a command, taken one after another.
struct Arguments {
    private var words: ArraySlice<Substring>

    init(_ words: ArraySlice<Substring>) { self.words = words }

    var isEmpty: Bool { words.isEmpty }

    /// The next word, whatever it is.
    /// - Parameter name: what it should have been.
    mutating func word(_ name: String) throws(InteropError) -> Substring {
        guard let word = words.popFirst() else { throw InteropError("\(name) is missing") }
        return word
    }

    /// - Throws: where something is left.
    func end() throws(InteropError) {
        if let word = words.first { throw InteropError("\(word.prefix(40)) is one word too many") }
    }

    /// Bytes in hexadecimal, `-` for none.
    mutating func bytes(_ name: String) throws(InteropError) -> [UInt8] { try Self.bytes(word(name), name) }

    mutating func optionalBytes(_ name: String) throws(InteropError) -> [UInt8]? {
        isEmpty ? nil : try bytes(name)
    }

    mutating func number<Number: FixedWidthInteger>(_ name: String) throws(InteropError) -> Number {
        try Self.number(word(name), name)
    }

    mutating func leaf(_ name: String = "LEAF") throws(InteropError) -> LeafIndex { LeafIndex(try number(name)) }

    mutating func suite() throws(InteropError) -> CipherSuite { CipherSuite(rawValue: try number("SUITE")) }

    mutating func optionalSuite() throws(InteropError) -> CipherSuite? { isEmpty ? nil : try suite() }

    /// `0` or `1`.
    mutating func flag() throws(InteropError) -> Bool {
        switch try word("0 or 1") {
        case "0": return false
        case "1": return true
        default: throw InteropError("neither 0 nor 1")
        }
    }

    /// All that is left, each an encoded MLSMessage of a KeyPackage.
    mutating func keyPackages() throws -> [KeyPackage] {
        var keyPackages: [KeyPackage] = []
        while !isEmpty { keyPackages.append(try Self.keyPackage(word("KP"))) }
        return keyPackages
    }

    /// All that is left, each TYPE=HEX; a single `-` is none.
    mutating func extensions() throws(InteropError) -> [Extension] {
        if words.count == 1, words.first == "-" { words = [] }
        var extensions: [Extension] = []
        while let word = words.popFirst() { extensions.append(try Self.extension(word, separator: "=")) }
        return extensions
    }

    /// All that is left, each NAME or NAME=VALUE.
    mutating func options() -> [(name: Substring, value: Substring?)] {
        defer { words = [] }
        return words.map { word in
            guard let separator = word.firstIndex(of: "=") else { return (word, nil) }
            return (word[..<separator], word[word.index(after: separator)...])
        }
    }

    // MARK: Single words

    static func bytes(_ word: Substring, _ name: String) throws(InteropError) -> [UInt8] {
        if word == "-" { return [] }
        guard let bytes = [UInt8](hex: word) else { throw InteropError("\(name) is not hexadecimal") }
        return bytes
    }

    /// Decimal, or hexadecimal behind 0x.
    static func number<Number: FixedWidthInteger>(_ word: Substring, _ name: String) throws(InteropError) -> Number {
        let number = word.hasPrefix("0x") ? Number(word.dropFirst(2), radix: 16) : Number(word)
        guard let number else { throw InteropError("\(name) is not a number of its kind") }
        return number
    }

    static func keyPackage(_ word: Substring) throws -> KeyPackage {
        guard case .keyPackage(let keyPackage) = try MLSMessage(decoding: bytes(word, "KP")) else {
            throw InteropError("KP is not a KeyPackage")
        }
        return keyPackage
    }

    /// TYPE, the separator, HEX.
    static func `extension`(_ word: Substring, separator: Character) throws(InteropError) -> Extension {
        guard let position = word.firstIndex(of: separator) else {
            throw InteropError("an extension is TYPE\(separator)HEX")
        }
        let type: UInt16 = try number(word[..<position], "TYPE")
        let data = try bytes(word[word.index(after: position)...], "an extension's HEX")
        return Extension(extensionType: ExtensionType(rawValue: type), extensionData: data)
    }

    /// TYPE:HEX,TYPE:HEX; nothing, or `-`, is none.
    static func extensions(_ word: Substring) throws(InteropError) -> [Extension] {
        var extensions: [Extension] = []
        if word == "-" { return extensions }
        for part in word.split(separator: ",") { extensions.append(try `extension`(part, separator: ":")) }
        return extensions
    }

    /// Numbers of a registry with a comma between; `-` is none.
    static func numbers(_ word: Substring) throws(InteropError) -> [UInt16] {
        var numbers: [UInt16] = []
        if word == "-" { return numbers }
        for part in word.split(separator: ",") { numbers.append(try number(part, "a number of LIST")) }
        return numbers
    }
}
