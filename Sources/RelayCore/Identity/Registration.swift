import MLSCrypto
public import RelayWire
import TLSPresentation

/// A client that has just proved to hold its key, and says why it may register.
public struct Registration: Hashable, Sendable {
    public var identity: Identity
    public var clientName: [UInt8]
    public var admission: Admission
    /// Of an admission by a client: the identity whose key its signature was verified with; nil where it does not hold.
    public var verifiedWith: Identity?

    public init(
        _ identity: Identity, clientName: [UInt8] = [], admission: Admission = .open, verifiedWith: Identity? = nil
    ) {
        self.identity = identity
        self.clientName = clientName
        self.admission = admission
        self.verifiedWith = verifiedWith
    }
}

// PROTOCOL.md section 4.3.
extension Relay {
    /// The first to register a name has it, where the rules admit it; further clients of the user come with an admission by
    /// one that it has. The same client registered again is authenticated, which changes nothing.
    mutating func register(_ registration: Registration, at now: Timestamp) throws(State.Failure) -> Outcome {
        let identity = registration.identity
        guard Identity.isValidName(identity.name) else {
            return .refused(RelayError(.nameInvalid, "A name has 1 to 255 bytes of UTF-8 without control characters."))
        }
        guard Identity.isValidClientName(registration.clientName) else {
            return .refused(
                RelayError(.nameInvalid, "A client's name has at most 64 bytes of UTF-8 without control characters."))
        }
        if let client = try state.client(of: identity) {
            if let refusal = try state.refusalToConnect(client) { return .refused(refusal) }
            return .registered(client)
        }
        if let user = try state.user(named: identity.name) {
            return try register(registration, as: user, at: now)
        }

        var told = Admission.open
        var token: (key: BytesKey, record: TokenRecord)?
        switch (rules.registration, registration.admission) {
        case (_, .client): return .refused(.admissionInvalid("There is no such user to be a client of."))
        case (.open, _): break
        case (.closed, _): return .refused(.admissionRequired("This relay admits no new users."))
        case (.token, .open): return .refused(.admissionRequired("This relay admits new users with a token."))
        case (.token, .token(let shown)):
            guard let found = try self.token(shown), found.record.admits(at: now) else {
                return .refused(.admissionInvalid("The token is not known, used up or over."))
            }
            token = found
            told = .token(found.record.number.encoded)
        }
        guard try !isInUse(identity.signatureKey) else { return .refused(.keyInUse) }

        if let token { try use(token.key, token.record) }
        let user = UserNumber(rawValue: try state.nextNumber(.user))
        let (client, time) = try addClient(registration, to: user, told: told, at: now)
        try state.set(Tables.userNames, BytesKey(identity.name), user)
        try state.set(
            Tables.users, user, UserRecord(name: identity.name, visibility: .listed, registered: time))
        try list(user)
        return .registered(client)
    }

    /// A further client of a user.
    private mutating func register(
        _ registration: Registration, as user: UserNumber, at now: Timestamp
    ) throws(State.Failure) -> Outcome {
        guard case .client(let admitting, let notAfter, _) = registration.admission else {
            return .refused(RelayError(.identityTaken, "This name is registered with another signature key."))
        }
        // The loop verified the signature with a key that it read before.
        guard let verified = registration.verifiedWith, now <= notAfter,
            let record = try state.get(Tables.clients, admitting), record.user == user, !record.isRevoked,
            record.identity == verified
        else {
            return .refused(.admissionInvalid("The admission is not of a client of this user, or does not hold now."))
        }
        if try state.existing(Tables.users, user).isSuspended { return .refused(.userSuspended) }
        guard try !isInUse(registration.identity.signatureKey) else { return .refused(.keyInUse) }
        let others = try state.clients(of: user)
        guard others.count < limits.maxClientsPerUser else {
            return .refused(
                .quotaExceeded("max-clients-per-user", "A user has at most \(limits.maxClientsPerUser) clients."))
        }
        // Credentials name the client by it: two of one name would be one client. RFC 9750 section 4.
        for other in others where try state.existing(Tables.clients, other).clientName == registration.clientName {
            return .refused(RelayError(.nameInvalid, "Another client of this user has this name."))
        }
        let (client, _) = try addClient(registration, to: user, told: registration.admission, at: now)
        return .registered(client)
    }

    /// A key belongs to one client, ever.
    func isInUse(_ signatureKey: [UInt8]) throws(State.Failure) -> Bool {
        try state.has(Tables.signatureKeys, BytesKey(Identity.keyID(signatureKey)))
    }

    /// Gives a user a client, with its logs, and tells it in the directory.
    /// - Parameter told: why it is admitted, as everybody may know.
    private mutating func addClient(
        _ registration: Registration, to user: UserNumber, told: Admission, at now: Timestamp
    ) throws(State.Failure) -> (ClientNumber, Timestamp) {
        let identity = registration.identity
        let client = ClientNumber(rawValue: try state.nextNumber(.client))
        for name in [LogName.inbox(of: client), .keyPackages(of: client)] {
            _ = try createLog(name, epoch: Epoch(rawValue: 0), creator: client, at: now)
        }
        let notice = IdentityNotice(
            client: client, user: user, identity: identity, clientName: registration.clientName, admission: told)
        // The directory's times never go back: what it says can be compared with the tables.
        let time = try notify(notice.encoded, kind: .identity, in: .directory, at: now).time
        try state.set(
            Tables.clients, client,
            ClientRecord(user: user, identity: identity, clientName: registration.clientName, registered: time))
        try state.mark(Tables.userClients, PairKey(user, client))
        try state.set(Tables.signatureKeys, BytesKey(Identity.keyID(identity.signatureKey)), client)
        return (client, time)
    }
}

extension RecordReading where Self: ~Copyable {
    /// Why a client that exists may not connect; nil where it may.
    public func refusalToConnect(_ client: ClientNumber) throws(Failure) -> RelayError? {
        let record = try existing(Tables.clients, client)
        if record.isRevoked { return .clientRevoked }
        return try existing(Tables.users, record.user).isSuspended ? .userSuspended : nil
    }
}

extension RelayError {
    public static let clientRevoked = RelayError(.clientRevoked, "This client was revoked.")
    public static let userSuspended = RelayError(.userSuspended, "The operator has suspended this user.")
    public static let keyInUse = RelayError(.keyInUse, "This key is or was another client's, or this one's before.")
    static let userUnknown = RelayError(.userUnknown, "There is no such user or client.")
    static func admissionRequired(_ text: String) -> RelayError { RelayError(.admissionRequired, text) }
    static func admissionInvalid(_ text: String) -> RelayError { RelayError(.admissionInvalid, text) }
    /// What only the operator could grant.
    static func quotaExceeded(_ setting: String, _ text: String) -> RelayError {
        let detail = RetryDetail(retryAfterMilliseconds: 0, limit: Array(setting.utf8))
        return RelayError(.quotaExceeded, text, detail: detail.encoded)
    }
}
