/// What was asked for on the command line and in the environment.
struct ChatSettings: Equatable, Sendable {
    static let defaultRelay = "ws://127.0.0.1:7680"

    var relay: String?
    /// Who talks; nil where only the identity's file says.
    var user: String?
    var device: String?
    var data: String?
    var passphraseFile: String?
    var passphrase: String?
    var token: String?
    var certificateAuthorities: String?
    var isPlain = false

    init() {}

    /// Options win over the environment, where each is called `MLSRELAY_CHAT_` and its name.
    init(options: ChatSettings, environment: (String) -> String?) {
        self = options
        func read(_ name: String) -> String? {
            environment("MLSRELAY_CHAT_" + name).flatMap { $0.isEmpty && name != "PASSPHRASE" ? nil : $0 }
        }
        relay = relay ?? read("RELAY") ?? Self.defaultRelay
        user = user ?? read("USER")
        device = device ?? read("DEVICE")
        data = data ?? read("DATA")
        passphraseFile = passphraseFile ?? read("PASSPHRASE_FILE")
        passphrase = read("PASSPHRASE")
        token = token ?? read("TOKEN")
        certificateAuthorities = certificateAuthorities ?? read("CERTIFICATE_AUTHORITIES")
        isPlain = isPlain || ["1", "true", "yes"].contains(read("PLAIN") ?? "")
    }

    /// Where `user`'s data is, unless `data` says.
    /// - Throws: where neither `XDG_DATA_HOME` nor `HOME` says where.
    func dataDirectory(user: String, environment: (String) -> String?) throws(StartError) -> String {
        if let data { return data }
        let base: String
        if let shared = environment("XDG_DATA_HOME"), shared.hasPrefix("/") {
            base = shared
        } else if let home = environment("HOME"), !home.isEmpty {
            base = home + "/.local/share"
        } else {
            throw StartError("There is no HOME to keep data in: --data says where.")
        }
        return base + "/mlsrelay-chat/" + Self.fileName(user)
    }

    /// A name of a file for a name of a user: other bytes than those of letters, digits and `-_@+` as `%` and two digits,
    /// and a point at the beginning too. No two names have the same.
    static func fileName(_ user: String) -> String {
        let digits = Array("0123456789ABCDEF")
        return user.utf8.enumerated().map { index, byte in
            let character = Character(Unicode.Scalar(byte))
            let isPlain =
                byte < 0x80 && (character.isLetter || character.isNumber || "-_@+".contains(character))
                || byte == UInt8(ascii: ".") && index > 0
            return isPlain ? String(character) : "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
        }.joined()
    }
}

/// Why the chat cannot begin, as a sentence for people.
struct StartError: Error, Equatable, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
