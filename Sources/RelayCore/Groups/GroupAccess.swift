public import RelayWire

/// What a client may do in a tracked group, as the tables say.
extension RecordReading where Self: ~Copyable {
    /// The user of a client that is registered.
    public func user(of client: ClientNumber) throws(Failure) -> UserNumber {
        try existing(Tables.clients, client).user
    }

    /// The role of a user with a client in the group; `nobody` for others.
    public func role(of user: UserNumber, in log: LogNumber) throws(Failure) -> Role {
        try get(Tables.groupUsers, PairKey(log, user))?.role ?? .nobody
    }

    public func member(_ client: ClientNumber, of log: LogNumber) throws(Failure) -> MemberRecord? {
        try get(Tables.members, PairKey(log, client))
    }

    /// The last entry of a log that a client may read; nil where it may not know of the log. Of logs that are no tracked
    /// groups the state does not know.
    public func readableThrough(_ log: LogNumber, by client: ClientNumber) throws(Failure) -> SequenceNumber? {
        guard try has(Tables.groups, log) else { return .unlimited }
        return try member(client, of: log)?.readableThrough
    }

    /// The clients of a user that are not revoked, ascending.
    public func clients(of user: UserNumber) throws(Failure) -> [ClientNumber] {
        var clients: [ClientNumber] = []
        for key in try keys(Tables.userClients, prefix: user.recordKey)
        where try !existing(Tables.clients, key.second).isRevoked { clients.append(key.second) }
        return clients
    }

    /// Whether a user may know that a tracked group exists: it is or was a member, is invited, or whoever wants may join.
    public func maySee(_ client: ClientNumber, _ log: LogNumber, _ group: GroupRecord) throws(Failure) -> Bool {
        if group.policy.join == .open, !group.isDeleted { return true }
        if try has(Tables.members, PairKey(log, client)) { return true }
        let user = try user(of: client)
        if try role(of: user, in: log) != .nobody { return true }
        // Before an admin has approved, the user knows nothing of it.
        guard let invitation = try invitation(of: user, to: log) else { return false }
        return invitation.record.state != .waitingForApproval
    }

    /// The invitation of a user to a group that still stands: waiting or accepted.
    public func invitation(
        of user: UserNumber, to log: LogNumber
    ) throws(Failure) -> (number: InvitationNumber, record: InvitationRecord)? {
        for key in try keys(Tables.userInvitations, prefix: user.recordKey) {
            let record = try existing(Tables.invitations, key.second)
            if record.log == log, record.state.isOpen { return (key.second, record) }
        }
        return nil
    }

    /// Members of a group that have a given state, or any but `ended`, ascending.
    public func members(
        of log: LogNumber
    ) throws(Failure) -> [(client: ClientNumber, record: MemberRecord)] {
        var found: [(client: ClientNumber, record: MemberRecord)] = []
        try forEach(Tables.members, prefix: log.recordKey) { (key, record) throws(Failure) in
            if record.state != .ended { found.append((key.second, record)) }
            return true
        }
        return found
    }
}

extension InvitationState {
    /// Whether anything can still come of it.
    public var isOpen: Bool { self == .waiting || self == .waitingForApproval || self == .accepted }
}
