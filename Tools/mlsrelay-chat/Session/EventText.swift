import RelayClient

/// Events of a group as sentences.
enum EventText {
    /// The line that tells `event`; nil where people need not know.
    static func line(_ event: GroupEvent, groupName: String) -> ChatLine? {
        guard let (kind, text) = sentence(event.kind, groupName: PeerText.name(groupName)) else { return nil }
        var line = ChatLine(kind, text, group: event.group, time: event.time)
        line.groupName = groupName
        if case .message(let message) = event.kind {
            line.sender = message.sender
            line.messageID = message.id
        }
        return line
    }

    private static func sentence(_ kind: GroupEvent.Kind, groupName group: String) -> (ChatLine.Kind, String)? {
        switch kind {
        case .message(let message): (.message, body(message))
        case .joined(let member, let by): (.notice, "\(name(member)) joined \(group)" + added(member, by))
        case .left(let member): (.notice, "\(name(member)) left \(group)")
        case .removed(let member, let by):
            (.notice, "\(name(member)) was removed from \(group)" + (by.map { " by \(name($0))" } ?? ""))
        case .keysUpdated(let member): (.notice, "\(name(member)) has new keys in \(group)")
        case .renamed(let new, let by): (.notice, "\(PeerText.name(by)) named the group \(PeerText.name(new))")
        case .roleChanged(let user, let role, let by):
            (.notice, "\(PeerText.name(user)) is \(Self.role(role)) of \(group) now, says \(PeerText.name(by))")
        case .policyChanged(let policy, let by):
            (.notice, "\(PeerText.name(by)) changed the rules of \(group): \(rules(policy))")
        case .rejoined: (.notice, "this device joined \(group) again; what was said meanwhile is not known to it")
        case .empty: (.notice, "all others have left \(group)")
        case .ended(let end): (.notice, Self.end(end, group))
        default: further(kind, group)
        }
    }

    private static func further(_ kind: GroupEvent.Kind, _ group: String) -> (ChatLine.Kind, String)? {
        switch kind {
        case .delivered(let id, let to): (.receipt, "delivered \(id) to \(to.map(name) ?? "all") in \(group)")
        case .acknowledged(let id, let by): (.receipt, "acknowledged \(id) by \(by.map(name) ?? "all") in \(group)")
        case .notSent(let id): (.warning, "not sent: message \(id) will not arrive in \(group)")
        case .undecryptable(let sender, let reason):
            (.warning, "unreadable: a message of \(sender.map(name) ?? "somebody") in \(group): \(why(reason))")
        case .changeVoided(let reason):
            (.warning, "voided: a change of \(group) was taken back: \(PeerText.line(reason))")
        case .integrityWarning(let warning): (.warning, "integrity: \(WarningText.sentence(warning)) (in \(group))")
        default: nil
        }
    }

    private static func body(_ message: Message) -> String {
        if let text = message.text { return PeerText.message(text) }
        return "(\(message.body.count) bytes of \(PeerText.line(message.contentType)))"
    }

    /// A member as people call it: the user, and the device where it has a name.
    static func name(_ member: Member) -> String {
        let user = PeerText.name(member.user)
        return member.device.isEmpty ? user : "\(user)/\(PeerText.name(member.device))"
    }

    private static func added(_ member: Member, _ by: Member?) -> String {
        guard let by, by.fingerprint != member.fingerprint else { return "" }
        return ", added by \(name(by))"
    }

    private static func role(_ role: GroupRole) -> String { role == .admin ? "an admin" : "a member" }

    static func rules(_ policy: GroupPolicySettings) -> String {
        let join =
            switch policy.join {
            case .invitation: "who is invited joins"
            case .direct: "members add users"
            case .open: "whoever wants joins"
            }
        let approval = policy.approvalAbove == 0 ? "" : "; above \(policy.approvalAbove) users an admin approves"
        return join + "; \(may(policy.mayAdd)) may add, \(may(policy.mayRemove)) may remove, "
            + "\(may(policy.mayRename)) may rename" + approval
    }

    private static func may(_ role: GroupRole?) -> String {
        switch role {
        case nil: "nobody"
        case .member: "members"
        case .admin: "admins"
        }
    }

    private static func end(_ end: GroupEnd, _ group: String) -> String {
        switch end {
        case .left: "you left \(group)"
        case .removed(let by): "you were removed from \(group) by \(PeerText.name(by))"
        case .deleted(let by): "\(group) was deleted by \(PeerText.name(by))"
        case .neverJoined: "you are not in \(group): what had added you was taken back"
        }
    }

    private static func why(_ reason: Undecryptable) -> String {
        switch reason {
        case .expired: "the relay keeps it no longer"
        case .epochUnknown: "it is from before or after this device's keys"
        case .replayed: "it was sent a second time"
        case .notAuthentic: "it was changed, or comes from somebody else"
        case .ruleBroken(let rule): "it breaks a rule of MLS: \(PeerText.line(rule))"
        case .contentUnknown: "this version does not know what it is"
        }
    }
}
