/// A row of the screen: pieces of text, each with a look.
struct Row: Equatable {
    enum Style: String {
        case plain = ""
        case dim = "2"
        case bold = "1"
        case own = "36"
        case verified = "32"
        case reverse = "7"
        case failure = "33"
        /// What must not be overlooked.
        case warning = "1;37;41"
    }

    struct Piece: Equatable {
        var text: String
        var style: Style
    }

    var pieces: [Piece] = []

    init(_ pieces: [Piece] = []) { self.pieces = pieces }

    init(_ text: String, _ style: Style = .plain) { pieces = [Piece(text: text, style: style)] }

    var text: String { pieces.map(\.text).joined() }

    /// What a terminal shows it by.
    var sequence: String {
        pieces.map { $0.style == .plain ? $0.text : "\u{1b}[\($0.style.rawValue)m\($0.text)\u{1b}[0m" }.joined()
    }
}
