/// The commands, as they are typed behind a slash.
enum CommandName: String, CaseIterable, Sendable {
    case create, groups, `switch`, invite, invitations, accept, decline, approve, approval, members, role, remove, ban,
        unban, leave
    case delete, rename, rotate, open, join, verify, users, devices, admit, revoke, receipts, history, check, help, quit

    /// What cannot be undone is done by its whole name only.
    var needsWholeName: Bool { [.leave, .delete, .revoke].contains(self) }

    /// What an argument names, for completion.
    enum Argument { case user, group, device, word(String), other }

    /// What argument `index` is, counted from 0; the last one may be given again where the command takes several.
    func argument(_ index: Int) -> Argument {
        switch (self, index) {
        case (.switch, _), (.join, _): .group
        case (.invite, _), (.remove, _), (.ban, 0), (.unban, 0), (.verify, 0), (.users, 0), (.role, 0): .user
        case (.role, 1): .word("admin member")
        case (.create, 1): .word("open direct invitation")
        case (.receipts, 0): .word("on off")
        case (.revoke, 0): .device
        default: .other
        }
    }

    var usage: String { arguments.isEmpty ? "/\(rawValue)" : "/\(rawValue) \(arguments)" }

    private var arguments: String {
        switch self {
        case .create: "NAME [open|direct|invitation]"
        case .switch, .join, .rename: "NAME"
        case .invite, .remove: "USER..."
        case .accept, .decline, .approve, .approval: "N"
        case .role: "USER admin|member"
        case .ban, .unban: "USER"
        case .open: "[FILTER]"
        case .verify: "USER [FINGERPRINT]"
        case .users: "PREFIX"
        case .admit: "LINE"
        case .revoke: "DEVICE"
        case .receipts: "on|off"
        case .history: "[N]"
        default: ""
        }
    }

    /// What it does, in a line.
    var summary: String {
        switch self {
        case .create: "Create a group; by default people are asked before they are in it."
        case .groups: "The groups that this device is in."
        case .switch: "Talk in another group: its name, the beginning of it, or its number in /groups."
        case .invite: "Invite users, or add them where the group asks nobody."
        case .invitations: "Invitations that are open, and those that wait for your approval."
        case .accept: "Accept invitation N."
        case .decline: "Decline invitation N."
        case .approve: "Let the user of invitation N be asked."
        case .approval: "Have an admin approve who comes where the group gets more than N users; 0: never."
        case .members: "Who is in the group, with which devices."
        case .role: "Make a user an admin, or a member again."
        case .remove: "Remove users with all their devices."
        case .ban: "Keep a user out; that does not remove it."
        case .unban: "Let a user in again."
        case .leave: "Leave the group with all your devices."
        case .delete: "Delete the group for everybody."
        default: furtherSummary
        }
    }

    private var furtherSummary: String {
        switch self {
        case .rename: "Give the group another name."
        case .rotate: "Give this device new keys in the group."
        case .open: "Groups that whoever wants may join."
        case .join: "Join an open group."
        case .verify: "Fingerprints of a user's devices and of yours; with one, remember that you have compared it."
        case .users: "Users whose names begin so."
        case .devices: "Your devices."
        case .admit: "Let another device of yours in: the line that it shows."
        case .revoke: "Take back a device of yours, for ever."
        case .receipts: "Show, or not, what of your messages was delivered and stored."
        case .history: "The last N messages and events of the group."
        case .check: "Compare with all members what was said and who is there."
        case .help: "This list."
        case .quit: "End the chat. What is not sent yet is, the next time."
        default: ""
        }
    }
}
