import RelayClient

/// Lines for programs: one for each update, stable.
///
/// | Line | |
/// |---|---|
/// | `[GROUP] USER: TEXT` | a message; line breaks in it are `\n`, backslashes `\\` |
/// | `* TEXT` | something happened |
/// | `! KIND: TEXT` | a warning |
/// | `~ TEXT` | how far a message is |
/// | `- TEXT` | a part of an answer |
/// | `ok COMMAND...`, `error CODE: TEXT` | a command is done, or not |
enum PlainText {
    /// Without the line's end.
    static func line(_ line: ChatLine) -> String {
        let text = PeerText.line(line.text)
        return switch line.kind {
        case .message: message(line)
        case .notice: "* \(text)"
        case .warning: "! \(text)"
        case .receipt: "~ \(text)"
        case .item: "- \(text)"
        case .done: "ok \(text)"
        case .failure(let code): "error \(code): \(text)"
        }
    }

    private static func message(_ line: ChatLine) -> String {
        let sender = line.sender.map { PeerText.name($0.user) } ?? "?"
        return "[\(PeerText.name(line.groupName ?? "?"))] \(sender): \(PeerText.singleLine(line.text))"
    }
}
