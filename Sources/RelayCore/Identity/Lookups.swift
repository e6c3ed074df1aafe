public import RelayWire
import TLSPresentation

// PROTOCOL.md section 7.7. What one may not see looks like what does not exist: the same answer after the same reads.
extension RecordReading where Self: ~Copyable {
    /// Users and their clients by name.
    public func lookUp(_ names: [[UInt8]], for client: ClientNumber) throws(Failure) -> Result<EncodedFrame, RelayError>
    {
        guard names.count <= WireLimits.maxNamesPerLookUp else {
            return .failure(
                RelayError(.tooManyItems, "At most \(WireLimits.maxNamesPerLookUp) names are looked up at once."))
        }
        var finder = Finder(user: try user(of: client))
        var users: [UserResult] = []
        users.reserveCapacity(names.count)
        for name in names {
            switch try find(name, for: &finder) {
            case .nothing(let code): users.append(UserResult(error: code, user: .none, name: name, clients: []))
            case .user(let user):
                users.append(
                    UserResult(error: .none, user: user, name: name, clients: try descriptions(of: user)))
            }
        }
        return .success(EncodedFrame(Users(users: users)))
    }

    /// Names of users that may be found without being known.
    public func search(_ request: SearchUsers) throws(Failure) -> EncodedFrame {
        let most = WireLimits.maxSearchResultCount
        let limit = request.limit == 0 ? most : min(Int(request.limit), most)
        let after = request.after.isEmpty ? nil : BytesKey(request.after)
        let names = try keys(Tables.listedNames, prefix: request.prefix, after: after, limit: limit)
        return EncodedFrame(UserNames(names: names.map(\.bytes)))
    }

    /// The user of a name, where a client may find it.
    public func user(named name: [UInt8], visibleTo client: ClientNumber) throws(Failure) -> UserNumber? {
        try user(named: name, visibleToUser: try user(of: client))
    }

    func user(named name: [UInt8], visibleToUser user: UserNumber) throws(Failure) -> UserNumber? {
        var finder = Finder(user: user)
        guard case .user(let found) = try find(name, for: &finder) else { return nil }
        return found
    }

    private func descriptions(of user: UserNumber) throws(Failure) -> [ClientDescription] {
        var descriptions: [ClientDescription] = []
        for client in try clients(of: user) {
            let record = try existing(Tables.clients, client)
            descriptions.append(
                ClientDescription(
                    client: client, clientName: record.clientName, scheme: record.identity.scheme,
                    signatureKey: record.identity.signatureKey, registered: record.registered,
                    keySince: record.keySince, credentialNotAfter: record.credentialNotAfter))
        }
        return descriptions
    }

    // MARK: Who may find whom

    func find(_ name: [UInt8], for finder: inout Finder) throws(Failure) -> Finder.Result {
        // Number 0 is nobody, who has no record and no group in common with anybody.
        let user = try user(named: name) ?? .none
        let record = try get(Tables.users, user)
        if let record, !record.isSuspended, record.visibility != .hidden || user == finder.user {
            return try hasClients(user) ? .user(user) : .nothing(.userUnknown)
        }
        guard let isAcquainted = try isAcquainted(user, with: &finder) else { return .nothing(.tooManyItems) }
        guard let record, !record.isSuspended, isAcquainted else { return .nothing(.userUnknown) }
        return try hasClients(user) ? .user(user) : .nothing(.userUnknown)
    }

    /// Whether a user has a client that is not revoked.
    func hasClients(_ user: UserNumber) throws(Failure) -> Bool {
        var hasClients = false
        try forEach(Tables.userClients, prefix: user.recordKey) { (key, _) throws(Failure) in
            hasClients = try !existing(Tables.clients, key.second).isRevoked
            return !hasClients
        }
        return hasClients
    }

    /// Whether a user shares a tracked group or an invitation with the finder; nil where the finder has asked for too much.
    /// What is read depends on the finder's groups alone.
    private func isAcquainted(_ user: UserNumber, with finder: inout Finder) throws(Failure) -> Bool? {
        let circle: Finder.Circle
        if let known = finder.circle {
            circle = known
        } else {
            circle = try self.circle(of: finder.user)
            finder.circle = circle
        }
        finder.reads += 1 + circle.groups.count
        guard finder.reads <= Finder.maxReads || finder.reads == 1 + circle.groups.count else { return nil }
        var isAcquainted = circle.users.contains(user)
        for log in circle.groups where try has(Tables.groupUsers, PairKey(log, user)) { isAcquainted = true }
        return isAcquainted
    }

    private func circle(of user: UserNumber) throws(Failure) -> Finder.Circle {
        var circle = Finder.Circle()
        for key in try keys(Tables.userClients, prefix: user.recordKey) {
            for group in try keys(Tables.clientGroups, prefix: key.second.recordKey) {
                circle.groups.insert(group.second)
            }
        }
        for log in circle.groups {
            for key in try keys(Tables.groupInvitations, prefix: log.recordKey) {
                let invitation = try existing(Tables.invitations, key.second)
                if invitation.state.isOpen { circle.users.insert(invitation.user) }
            }
        }
        for key in try keys(Tables.userInvitations, prefix: user.recordKey) {
            let invitation = try existing(Tables.invitations, key.second)
            // Of one that no admin has approved the user knows nothing.
            guard invitation.state.isOpen, invitation.state != .waitingForApproval else { continue }
            circle.users.insert(try self.user(of: invitation.inviter))
        }
        return circle
    }
}

/// Whoever looks for users.
struct Finder {
    let user: UserNumber
    /// Read when it first matters.
    var circle: Circle?
    var reads = 0

    enum Result {
        case user(UserNumber)
        /// Why there is none.
        case nothing(ErrorCode)
    }

    /// Whom a user knows: by its groups, and by invitations.
    struct Circle {
        var groups: Set<LogNumber> = []
        var users: Set<UserNumber> = []
    }

    /// Looking for one name is always possible; for many, each costs as many reads as the finder has groups, some
    /// milliseconds in all.
    static let maxReads = 20_000
}
