import RelayWire

/// How often clients and groups did what is limited, in memory: after a restart all begin anew.
///
/// A transaction that fails gives nothing back: a client waits for what did not happen, which is short.
struct CommandRates {
    fileprivate var messages = RateLimiter<ClientNumber>()
    fileprivate var groups = RateLimiter<ClientNumber>()
    fileprivate var commits = RateLimiter<LogNumber>()
}

/// What keeps one client, user or group from taking the relay from the others. RFC 9750 section 8.1.3.
extension Relay {
    /// Why a command is refused before it is looked at: its client does this too often.
    mutating func checkRate(of command: Command, at now: Timestamp) -> RelayError? {
        switch command.action {
        case .publish(let messages), .publishCommit(let messages, _):
            let limit = RateLimit(limits.messagesPerSecond, inMilliseconds: 1000)
            if let wait = rates.messages.wait(for: command.client, messages.count, of: limit, at: now) {
                return .rateLimited("max-messages-per-second", "The client publishes too fast.", retryAfter: wait)
            }
            rates.messages.take(messages.count, for: command.client, of: limit, at: now)
            return nil
        case .createGroup, .createTrackedGroup:
            guard let wait = rates.groups.wait(for: command.client, of: groupRate, at: now) else { return nil }
            return .rateLimited("max-groups-per-day", "The client has created too many groups.", retryAfter: wait)
        default: return nil
        }
    }

    /// Counts what counts only if it came about.
    mutating func noteRate(of command: Command, _ outcome: Outcome, at now: Timestamp) {
        if case .refused = outcome { return }
        switch command.action {
        case .createGroup, .createTrackedGroup: rates.groups.take(for: command.client, of: groupRate, at: now)
        default: return
        }
    }

    private var groupRate: RateLimit { RateLimit(limits.groupsPerDay, inMilliseconds: 86_400_000) }

    // MARK: Groups

    /// Why no further commit is taken for a moment: each costs all members a download and an acknowledgement.
    func checkCommitRate(of log: LogNumber, at now: Timestamp) -> RelayError? {
        guard let wait = rates.commits.wait(for: log, of: .perMinute(limits.commitsPerMinute), at: now) else {
            return nil
        }
        return .rateLimited("max-commits-per-minute", "The group has too many commits.", retryAfter: wait)
    }

    mutating func noteCommit(in log: LogNumber, at now: Timestamp) {
        rates.commits.take(for: log, of: .perMinute(limits.commitsPerMinute), at: now)
    }

    /// Whether a group would have too many clients.
    func checkMemberCount(_ count: Int) -> RelayError? {
        guard limits.maxGroupMembers > 0, count > limits.maxGroupMembers else { return nil }
        return .quotaExceeded("max-group-members", "A group has at most \(limits.maxGroupMembers) clients.")
    }

    /// Whether a user may have one more group that whoever wants may join: everybody finds these.
    func checkOpenGroups(of user: UserNumber) throws(State.Failure) -> RelayError? {
        guard limits.maxOpenGroupsPerUser > 0 else { return nil }
        var open: Set<LogNumber> = []
        for client in try state.clients(of: user) {
            for key in try state.keys(Tables.clientGroups, prefix: client.recordKey) {
                guard try state.has(Tables.openGroups, key.second) else { continue }
                if try state.role(of: user, in: key.second) == .admin { open.insert(key.second) }
            }
        }
        guard open.count >= limits.maxOpenGroupsPerUser else { return nil }
        return .quotaExceeded(
            "max-open-groups-per-user", "A user is admin of at most \(limits.maxOpenGroupsPerUser) open groups.")
    }
}
