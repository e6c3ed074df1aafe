public import MLSCrypto
public import RelayWire
import TLSPresentation

/// What a client asks the Authentication Service for, beside registering. What needs a key is done outside.
public enum IdentityAction: Hashable, Sendable {
    /// A certificate that was signed for the client; it is told in the directory before the client gets it.
    case credential(CertifiedKey)
    /// A new key, whose signatures and the old one's were verified.
    case rotate(KeyRotation)
    case revoke(RevokeClient)
    case setVisibility(Visibility)
}

/// A credential that was issued, as the directory tells it.
public struct CertifiedKey: Hashable, Sendable {
    /// What it was issued for: the client must still have this key.
    public var identity: Identity
    /// An MLS Credential.
    public var credential: [UInt8]
    public var serial: [UInt8]
    public var notBefore: Timestamp
    public var notAfter: Timestamp
    /// SHA-256 of the client's certificate.
    public var certificateHash: SHA256Digest

    public init(
        identity: Identity, credential: [UInt8], serial: [UInt8], notBefore: Timestamp, notAfter: Timestamp,
        certificateHash: SHA256Digest
    ) {
        self.identity = identity
        self.credential = credential
        self.serial = serial
        self.notBefore = notBefore
        self.notAfter = notAfter
        self.certificateHash = certificateHash
    }
}

/// One key in the place of another, with both their signatures over a `RotationTBS`.
public struct KeyRotation: Hashable, Sendable {
    public var old: Identity
    public var new: Identity
    public var signatureByOld: [UInt8]
    public var signatureByNew: [UInt8]

    public init(old: Identity, new: Identity, signatureByOld: [UInt8], signatureByNew: [UInt8]) {
        self.old = old
        self.new = new
        self.signatureByOld = signatureByOld
        self.signatureByNew = signatureByNew
    }
}

// PROTOCOL.md section 7.7.
extension Relay {
    mutating func carryOut(
        _ action: IdentityAction, by client: ClientNumber, at now: Timestamp
    ) throws(State.Failure) -> Outcome {
        // Each writes what everybody may have to read: nobody fills the directory.
        let limit = RateLimit(limits.identityChangesPerHour, inMilliseconds: 3_600_000)
        if let wait = identityChanges.wait(for: client, of: limit, at: now) {
            return .refused(
                .rateLimited(
                    "identity-changes-per-hour", "The identity was changed too often.", retryAfter: wait))
        }
        let outcome =
            switch action {
            case .credential(let certified): try tell(certified, of: client, at: now)
            case .rotate(let rotation): try rotate(rotation, of: client, at: now)
            case .revoke(let request): try revoke(request, by: client, at: now)
            case .setVisibility(let visibility): try setVisibility(visibility, by: client)
            }
        if case .answered = outcome { identityChanges.take(for: client, of: limit, at: now) }
        return outcome
    }

    // MARK: Credentials

    /// Notes a credential in the directory, so that none is valid that nobody could know of.
    private mutating func tell(
        _ certified: CertifiedKey, of client: ClientNumber, at now: Timestamp
    ) throws(State.Failure) -> Outcome {
        var record = try state.existing(Tables.clients, client)
        guard record.identity == certified.identity else {
            return .refused(RelayError(.authenticationFailed, "The client has another key by now."))
        }
        let notice = CredentialNotice(
            client: client, serial: certified.serial, notBefore: certified.notBefore, notAfter: certified.notAfter,
            certificateHash: certified.certificateHash)
        try notify(notice.encoded, kind: .credentialIssued, in: .directory, at: now)
        record.credentialNotBefore = certified.notBefore
        record.credentialNotAfter = certified.notAfter
        try state.set(Tables.clients, client, record)
        try set(.credential(client), at: record.credentialWarning)
        return .answered(
            EncodedFrame(
                CredentialAnswer(
                    credential: certified.credential, notBefore: certified.notBefore, notAfter: certified.notAfter)))
    }

    /// Tells a client that its credential nears its end. RFC 9750 section 6.5 recommends to rotate before.
    mutating func expireCredential(of client: ClientNumber, at now: Timestamp) throws(State.Failure) {
        let record = try state.existing(Tables.clients, client)
        // Of one that was renewed or whose key is another by now, this is the deadline no more.
        guard !record.isRevoked, record.credentialNotAfter.rawValue > 0, record.credentialWarning <= now else { return }
        let notice = ExpiryNotice(notAfter: record.credentialNotAfter)
        try notify(notice.encoded, kind: .credentialExpiring, in: .inbox(of: client), at: now)
    }

    // MARK: Keys

    private mutating func rotate(
        _ rotation: KeyRotation, of client: ClientNumber, at now: Timestamp
    ) throws(State.Failure) -> Outcome {
        var record = try state.existing(Tables.clients, client)
        // The loop verified the signature with a key that it read before.
        guard record.identity == rotation.old, rotation.new.name == rotation.old.name else {
            return .refused(RelayError(.authenticationFailed, "The client has another key by now."))
        }
        guard try !isInUse(rotation.new.signatureKey) else { return .refused(.keyInUse) }
        let notice = KeyRotationNotice(
            client: client, identity: rotation.new, signatureByOld: rotation.signatureByOld,
            signatureByNew: rotation.signatureByNew)
        let entry = try notify(notice.encoded, kind: .keyRotated, in: .directory, at: now)
        record.identity = rotation.new
        record.keySince = entry.time
        record.credentialNotBefore = Timestamp(rawValue: 0)
        record.credentialNotAfter = Timestamp(rawValue: 0)
        try state.set(Tables.clients, client, record)
        try state.set(Tables.signatureKeys, BytesKey(Identity.keyID(rotation.new.signatureKey)), client)
        try withdrawKeyPackages(of: client, at: now)
        try tellGroups(of: client, entry.last, at: now)
        effects.rotated.append(Effects.Rotation(client: client, identity: rotation.new))
        return .answered(EncodedFrame(Done()))
    }

    /// Tells the groups of a client what the directory says about it.
    private mutating func tellGroups(
        of client: ClientNumber, _ entry: SequenceNumber, at now: Timestamp
    ) throws(State.Failure) {
        let notice = MemberChangeNotice(client: client, directorySequenceNumber: entry).encoded
        for key in try state.keys(Tables.clientGroups, prefix: client.recordKey) {
            try notify(notice, kind: .memberChanged, in: key.second, at: now)
        }
    }

    // MARK: Revocation

    private mutating func revoke(
        _ request: RevokeClient, by client: ClientNumber, at now: Timestamp
    ) throws(State.Failure) -> Outcome {
        let user = try state.user(of: client)
        // The same for what is no client and for somebody else's.
        guard let record = try state.get(Tables.clients, request.client), record.user == user else {
            return .refused(.userUnknown)
        }
        guard request.reason != .operator else {
            return .refused(RelayError(.notPermitted, "This reason is an operator's."))
        }
        let count = try state.clients(of: user).count
        guard record.isRevoked || count > 1 else {
            return .refused(
                RelayError(.lastClient, "No client would be left to admit another; an operator can revoke it."))
        }
        try revoke(request.client, record, by: client, request.reason, at: now)
        return .answered(EncodedFrame(Done()))
    }

    /// Revokes a client, for ever; what is so already stays so.
    mutating func revoke(
        _ client: ClientNumber, _ record: ClientRecord, by revoking: ClientNumber, _ reason: RevocationReason,
        at now: Timestamp
    ) throws(State.Failure) {
        guard !record.isRevoked else { return }
        var record = record
        record.isRevoked = true
        try state.set(Tables.clients, client, record)
        let notice = RevocationNotice(client: client, by: revoking, reason: reason).encoded
        let entry = try notify(notice, kind: .clientRevoked, in: .directory, at: now)
        let others = try state.clients(of: record.user)
        for other in others { try notify(notice, kind: .clientRevoked, in: .inbox(of: other), at: now) }
        try withdrawKeyPackages(of: client, at: now)
        try tellGroups(of: client, entry.last, at: now)
        try list(record.user)
        end(client, .clientRevoked)
    }

    /// The client's connections end, and what they have sent is refused.
    mutating func end(_ client: ClientNumber, _ error: RelayError) {
        effects.ended.append(Effects.Ending(client: client, error: error))
        endedClients.insert(client)
    }

    /// Why a command of a client is refused whose connection ends: the writer had it before the loop knew.
    mutating func refusalOfEnded(_ client: ClientNumber) throws(State.Failure) -> RelayError? {
        guard endedClients.contains(client) else { return nil }
        if let refusal = try state.refusalToConnect(client) { return refusal }
        // Suspended, and that is over; or the transaction failed that ended it.
        endedClients.remove(client)
        return nil
    }

    // MARK: Visibility

    private mutating func setVisibility(
        _ visibility: Visibility, by client: ClientNumber
    ) throws(State.Failure) -> Outcome {
        let user = try state.user(of: client)
        var record = try state.existing(Tables.users, user)
        record.visibility = visibility
        try state.set(Tables.users, user, record)
        try list(user)
        return .answered(EncodedFrame(Done()))
    }

    /// Puts a user where a search finds it, or takes it away from there, as its visibility says.
    mutating func list(_ user: UserNumber) throws(State.Failure) {
        let record = try state.existing(Tables.users, user)
        let hasClients = try state.hasClients(user)
        if record.visibility == .listed, !record.isSuspended, hasClients {
            try state.mark(Tables.listedNames, BytesKey(record.name))
        } else {
            try state.remove(Tables.listedNames, BytesKey(record.name))
        }
    }
}

extension ClientRecord {
    /// When the client is told that its credential ends: when a third of its time is left.
    var credentialWarning: Timestamp {
        let lifetime = credentialNotAfter.rawValue - min(credentialNotBefore.rawValue, credentialNotAfter.rawValue)
        return Timestamp(rawValue: credentialNotAfter.rawValue - lifetime / 3)
    }
}
