/// What somebody pressed, or pasted.
enum Key: Hashable, Sendable {
    case text(String)
    case paste(String)
    case enter, tab, backspace, delete, escape
    case left, right, up, down, home, end, wordLeft, wordRight, pageUp, pageDown
    /// A letter with the control key.
    case control(Character)
    /// A letter with the alt key.
    case alt(Character)
    /// A sequence that means nothing here.
    case unknown
}
