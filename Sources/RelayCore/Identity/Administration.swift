public import RelayWire
import TLSPresentation

// PROTOCOL.md section 7.8.
extension Relay {
    /// - Parameter token: random bytes for a token that is to be made.
    mutating func administer(
        _ action: Administer.Action, token: [UInt8], by client: ClientNumber, at now: Timestamp
    ) throws(State.Failure) -> Outcome {
        // `.relay` is whoever has the store itself, without a relay: `mlsrelay-tool`. A connection is never that.
        if client != .relay, try !state.isOperator(client, rules) { return .refused(.operatorsOnly) }
        switch action {
        case .createToken(let uses, let notAfter, let note):
            return try createToken(token, uses: uses, notAfter: notAfter, note: note, at: now)
        case .revokeToken(let number): return try revokeToken(number)
        case .listTokens: return .answered(EncodedFrame(Administered(tokens: try state.tokens(at: now))))
        case .suspendUser(let name): return try suspend(name, true, at: now)
        case .resumeUser(let name): return try suspend(name, false, at: now)
        case .revokeClient(let client, let reason):
            guard let record = try state.get(Tables.clients, client) else { return .refused(.userUnknown) }
            try revoke(client, record, by: .relay, reason, at: now)
        case .voidCommit(let log, let number, let text): return try voidCommit(at: number, of: log, text, at: now)
        case .deleteGroup(let log): return try deleteAnyGroup(log, at: now)
        }
        return .answered(EncodedFrame(Administered()))
    }

    private mutating func suspend(
        _ name: [UInt8], _ isSuspended: Bool, at now: Timestamp
    ) throws(State.Failure) -> Outcome {
        guard let user = try state.user(named: name) else { return .refused(.userUnknown) }
        var record = try state.existing(Tables.users, user)
        guard record.isSuspended != isSuspended else { return .answered(EncodedFrame(Administered())) }
        record.isSuspended = isSuspended
        try state.set(Tables.users, user, record)
        try list(user)
        let notice = SuspensionNotice(user: user, isSuspended: isSuspended)
        try notify(notice.encoded, kind: .userSuspended, in: .directory, at: now)
        if isSuspended { for client in try state.clients(of: user) { end(client, .userSuspended) } }
        return .answered(EncodedFrame(Administered()))
    }

    private mutating func voidCommit(
        at number: SequenceNumber, of log: LogNumber, _ text: [UInt8], at now: Timestamp
    ) throws(State.Failure) -> Outcome {
        guard let group = try state.get(Tables.groups, log) else { return .refused(.groupUnknown) }
        guard !group.isDeleted else { return .refused(.groupDeleted) }
        guard try state.has(Tables.provisionalCommits, PairKey(log, number)) else {
            return .refused(RelayError(.commitNotProvisional, "No commit there waits to be confirmed."))
        }
        try void(log, from: number, text: text, deniedBy: [], at: now)
        return .answered(EncodedFrame(Administered()))
    }

    /// Ends any group. An untracked one gets a record then, which says just that it is over.
    private mutating func deleteAnyGroup(_ log: LogNumber, at now: Timestamp) throws(State.Failure) -> Outcome {
        guard let head = try state.head(of: log), head.kind == .group else { return .refused(.groupUnknown) }
        if let group = try state.get(Tables.groups, log) {
            guard !group.isDeleted else { return .refused(.groupDeleted) }
        } else {
            try state.set(
                Tables.groups, log,
                GroupRecord(name: [], alias: [], policy: GroupPolicy(), confirmedEpoch: head.epoch))
        }
        try deleteGroup(log, by: .relay, at: now)
        return .answered(EncodedFrame(Administered()))
    }
}

extension RecordReading where Self: ~Copyable {
    /// Whether a client may administer the relay.
    public func isOperator(_ client: ClientNumber, _ rules: RelayRules) throws(Failure) -> Bool {
        guard !rules.operators.isEmpty, let identity = try identity(of: client) else { return false }
        return rules.operators.contains(identity.name)
    }
}

extension RelayError {
    public static let operatorsOnly = RelayError(.notPermitted, "This is for operators.")
    static let groupDeleted = RelayError(.groupDeleted, "The group was deleted.")
}
