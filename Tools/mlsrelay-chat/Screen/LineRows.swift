import RelayClient

/// Lines of the chat as rows of the screen.
struct LineRows {
    /// Characters of one message that are shown.
    static let maxCharacterCount = 10_000

    var state: ScreenState
    var width: Int

    func rows(_ line: ChatLine) -> [Row] {
        switch line.kind {
        case .message: message(line)
        case .notice, .receipt: block(time(line) + "   * ", .dim, line.text, .dim)
        case .warning: block(time(line) + " !! ", .warning, line.text, .warning)
        // From the left margin, for whoever copies it.
        case .item: Wrapping.lines(line.text, width: width).map { Row($0) }
        case .done: block("         ", .plain, line.text, .dim)
        case .failure: block("         ", .plain, line.text, .failure)
        }
    }

    private func message(_ line: ChatLine) -> [Row] {
        let text = line.text.count <= Self.maxCharacterCount ? line.text : cut(line.text)
        let name = line.sender.map { PeerText.name($0.user) } ?? "?"
        let isOwn = line.sender?.isThisDevice == true
        let nameStyle: Row.Style = isOwn ? .own : .bold
        // In columns of their own, where nothing that a peer writes can come.
        let head = [
            Row.Piece(text: time(line) + " ", style: .dim),
            Row.Piece(text: Width.fitted(isOwn ? mark(line) : "", 2), style: .plain), trust(line),
            Row.Piece(text: " ", style: .plain),
            Row.Piece(text: String(Width.prefix(name, max(4, width / 3))), style: nameStyle),
            Row.Piece(text: ": ", style: .plain),
        ]
        let indent = Width.of(Row(head).text)
        let parts = Wrapping.lines(text, width: width - indent)
        return parts.enumerated().map { index, part in
            let piece = Row.Piece(text: part, style: .plain)
            return index == 0 ? Row(head + [piece]) : Row([.init(text: spaces(indent), style: .plain), piece])
        }
    }

    private func cut(_ text: String) -> String {
        text.prefix(Self.maxCharacterCount) + "… (\(text.count - Self.maxCharacterCount) more characters)"
    }

    private func block(_ head: String, _ headStyle: Row.Style, _ text: String, _ style: Row.Style) -> [Row] {
        let indent = Width.of(head)
        return Wrapping.lines(text, width: width - indent).enumerated().map { index, part in
            Row([
                .init(text: index == 0 ? head : spaces(indent), style: index == 0 ? headStyle : .plain),
                .init(text: part, style: style),
            ])
        }
    }

    private func spaces(_ count: Int) -> String { String(repeating: " ", count: count) }

    private func time(_ line: ChatLine) -> String {
        line.time.map { ClockText.time($0, offset: state.timeOffset) } ?? "     "
    }

    private func mark(_ line: ChatLine) -> String {
        guard state.showsMarks, let mark = line.messageID.flatMap({ state.marks[$0] }) else { return "" }
        return switch mark {
        case .waiting: "…"
        case .sent: "·"
        case .delivered: "✓"
        case .acknowledged: "✓✓"
        case .failed: "✗"
        }
    }

    private func trust(_ line: ChatLine) -> Row.Piece {
        switch line.sender.flatMap({ state.trust[$0.fingerprint] }) {
        case .verified: Row.Piece(text: "=", style: .verified)
        case .changed: Row.Piece(text: "!", style: .warning)
        case .unverified, nil: Row.Piece(text: " ", style: .plain)
        }
    }
}
