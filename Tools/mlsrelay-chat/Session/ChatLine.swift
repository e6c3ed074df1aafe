import RelayClient

/// Something to be shown, not yet as text of a terminal.
struct ChatLine: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
        case message
        /// Something happened.
        case notice
        /// Somebody does not do what they should.
        case warning
        /// How far one of this device's messages is.
        case receipt
        /// A part of an answer to a command.
        case item
        /// A command is done.
        case done
        /// A command is not done, for this reason.
        case failure(code: String)
    }

    var kind: Kind
    /// The group that it belongs to; nil where it concerns all.
    var group: GroupID?
    /// The name of the group, as the relay has it.
    var groupName: String?
    var time: RelayTime?
    /// Of a message.
    var sender: Member?
    var messageID: MessageID?
    /// For people; what is in it of others is fit to be shown, and may have several lines.
    var text: String

    init(_ kind: Kind, _ text: String, group: GroupID? = nil, time: RelayTime? = nil) {
        self.kind = kind
        self.text = text
        self.group = group
        self.time = time
    }
}

/// How far a message of this device is.
enum DeliveryMark: Int, Comparable, Sendable {
    /// In this device, from where it is sent as soon as that can be.
    case waiting
    /// The relay has it.
    case sent
    /// Given to the connections of all members.
    case delivered
    /// Stored by all members.
    case acknowledged
    /// It will not arrive.
    case failed

    static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// What the status line says.
struct ChatStatus: Equatable, Sendable {
    var user: String
    var device: String
    var connection: ConnectionState = .idle
    var present: GroupSummary?
    /// Messages that were not shown yet, by name of the group, without the present one.
    var unread: [Unread] = []
    var warningCount = 0
    var vocabulary = Completion.Vocabulary()

    struct GroupSummary: Equatable, Sendable {
        var id: GroupID
        var name: String
        var epoch: UInt64
        var userCount: Int
        var isEnded = false
    }

    struct Unread: Equatable, Sendable {
        var name: String
        var count: Int
    }
}

/// What a session tells whoever shows it.
enum ChatUpdate: Sendable {
    case line(ChatLine)
    /// What is shown of a group from now on, in place of what was.
    case history(GroupID, [ChatLine])
    case marks([MessageID: DeliveryMark])
    case trust([Fingerprint: KeyTrust])
    case status(ChatStatus)
    /// Nothing more comes; the status to exit with.
    case ended(Int32)
}
