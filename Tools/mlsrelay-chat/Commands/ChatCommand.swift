import RelayClient

/// What somebody typed.
enum ChatCommand: Hashable, Sendable {
    /// Say it in the present group.
    case say(String)
    case create(name: String, join: JoinRule)
    case groups
    case switchTo(String)
    case invite([String])
    case invitations
    case answer(InvitationAnswer, UInt64)
    case approval(above: UInt32)
    case members
    case role(GroupRole, user: String)
    case remove([String])
    case ban(Bool, user: String)
    case leave
    case delete
    case rename(String)
    case rotate
    case open(filter: String)
    case join(String)
    case verify(user: String, fingerprint: String?)
    case users(prefix: String)
    case devices
    case admit(String)
    case revoke(String)
    case receipts(Bool)
    case history(Int)
    case check
    case help
    case quit

    enum InvitationAnswer: String, Hashable, Sendable { case accept, decline, approve }
}

/// Why something typed is not done, for people and for programs.
struct CommandError: Error, Hashable {
    /// One word.
    var code: String
    /// A sentence.
    var message: String

    init(_ code: String, _ message: String) {
        self.code = code
        self.message = message
    }

    init(_ error: RelayClientError) { self.init(error.code.rawValue, error.message) }
}
