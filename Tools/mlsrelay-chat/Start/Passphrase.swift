import Glibc

/// Where the passphrase of an identity comes from.
enum Passphrase {
    /// The file, else the environment, else whoever sits there. An identity that is new gets an empty one only from a person
    /// who has said so twice.
    static func obtain(
        _ settings: ChatSettings, isNew: Bool, ask: (String) -> String?
    ) throws(StartError) -> String {
        if let file = settings.passphraseFile { return try notEmpty(read(file), isNew: isNew) }
        if let passphrase = settings.passphrase { return try notEmpty(passphrase, isNew: isNew) }
        guard let first = ask(isNew ? "New passphrase: " : "Passphrase: ") else { throw noneGiven }
        guard isNew else { return first }
        guard let second = ask("Once more: ") else { throw noneGiven }
        guard first == second else { throw StartError("These were two passphrases.") }
        return first
    }

    private static let noneGiven = StartError(
        "There is no passphrase: --passphrase-file or MLSRELAY_CHAT_PASSPHRASE has one where nobody can be asked.")

    private static func notEmpty(_ passphrase: String, isNew: Bool) throws(StartError) -> String {
        guard !isNew || !passphrase.isEmpty else { throw StartError("The passphrase is empty.") }
        return passphrase
    }

    /// The first line of a file.
    private static func read(_ path: String) throws(StartError) -> String {
        guard let file = fopen(path, "re") else {
            throw StartError("\(path) cannot be read: \(String(cString: strerror(errno))).")
        }
        defer { fclose(file) }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = fread(&buffer, 1, buffer.count, file)
        let line = buffer[..<count].prefix { $0 != 0x0a && $0 != 0x0d }
        return String(decoding: line, as: UTF8.self)
    }
}
