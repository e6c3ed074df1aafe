import MLSCrypto
import RelayWire
import TLSPresentation

/// Whoever follows the directory from its first entry and believes nothing that it cannot check: the chain, every signature,
/// and that whatever is said follows from what was said before. What is left is who there is.
struct DirectoryAuditor {
    struct Failure: Error, CustomStringConvertible { let description: String }

    struct Client: Equatable {
        var user: UserNumber
        var identity: Identity
        var clientName: [UInt8]
        var isRevoked = false
        var registered: Timestamp
        var keySince: Timestamp
        var credentialNotAfter = Timestamp(rawValue: 0)
        var certificateHashes: [SHA256Digest] = []
    }

    let serverName: [UInt8]
    private(set) var clients: [ClientNumber: Client] = [:]
    private(set) var users: [UserNumber: [UInt8]] = [:]
    private(set) var suspended: Set<UserNumber> = []
    private var keys: Set<[UInt8]> = []
    private(set) var last = SequenceNumber.zero
    private(set) var hash: SHA256Digest

    init(serverName: String) {
        self.serverName = Array(serverName.utf8)
        var chain = Chain()
        hash = chain.start(of: .directory)
    }

    mutating func take(_ entry: Entry) throws {
        var chain = Chain()
        let payload = entry.payload
        let expected = chain.next(after: hash, header: entry.header, payloadHash: chain.payloadHash(payload.rawSpan))
        try check(entry.header.sequenceNumber == last.next && entry.chain == expected, "the chain")
        try check(entry.header.sender == .relay, "somebody else than the relay wrote into the directory")
        (last, hash) = (entry.header.sequenceNumber, expected)
        switch entry.header.kind {
        case .identity: try take(IdentityNotice(decoding: payload), at: entry.header.time)
        case .credentialIssued: try take(CredentialNotice(decoding: payload))
        case .keyRotated: try take(KeyRotationNotice(decoding: payload), at: entry.header.time)
        case .clientRevoked: try take(RevocationNotice(decoding: payload))
        case .userSuspended:
            let notice = try SuspensionNotice(decoding: payload)
            try check(users[notice.user] != nil, "nobody was suspended")
            if notice.isSuspended { suspended.insert(notice.user) } else { suspended.remove(notice.user) }
        default: throw Failure(description: "an entry of kind \(entry.header.kind)")
        }
    }

    private mutating func take(_ notice: IdentityNotice, at time: Timestamp) throws {
        try check(clients[notice.client] == nil, "a client registered twice")
        try check(keys.insert(notice.identity.signatureKey).inserted, "a key was used before")
        if let name = users[notice.user] {
            try check(name == notice.identity.name, "a client of another name")
            guard case .client(let admitting, let notAfter, let signature) = notice.admission else {
                throw Failure(description: "a further client came without an admission")
            }
            let admittedBy = try active(admitting)
            try check(admittedBy.user == notice.user && time <= notAfter, "an admission by another user, or over")
            let signed = AdmissionTBS(
                serverName: serverName, identity: notice.identity, clientName: notice.clientName, client: admitting,
                notAfter: notAfter)
            try verify(signature, of: signed.encoded, AdmissionTBS.label, by: admittedBy.identity)
        } else {
            try check(notice.admission.type != .client, "an admission of a user that there is not")
            try check(!users.values.contains(notice.identity.name), "a name was given twice")
            users[notice.user] = notice.identity.name
        }
        clients[notice.client] = Client(
            user: notice.user, identity: notice.identity, clientName: notice.clientName, registered: time,
            keySince: time)
    }

    private mutating func take(_ notice: CredentialNotice) throws {
        _ = try active(notice.client)
        try check(notice.notBefore < notice.notAfter, "a credential that is never valid")
        clients[notice.client]?.credentialNotAfter = notice.notAfter
        clients[notice.client]?.certificateHashes.append(notice.certificateHash)
    }

    private mutating func take(_ notice: KeyRotationNotice, at time: Timestamp) throws {
        let client = try active(notice.client)
        try check(notice.identity.name == client.identity.name, "a rotation to another name")
        try check(keys.insert(notice.identity.signatureKey).inserted, "a key was used before")
        let signed = RotationTBS(
            serverName: serverName, client: notice.client, old: client.identity, new: notice.identity
        ).encoded
        try verify(notice.signatureByOld, of: signed, RotationTBS.label, by: client.identity)
        try verify(notice.signatureByNew, of: signed, RotationTBS.label, by: notice.identity)
        clients[notice.client]?.identity = notice.identity
        clients[notice.client]?.keySince = time
        clients[notice.client]?.credentialNotAfter = Timestamp(rawValue: 0)
    }

    private mutating func take(_ notice: RevocationNotice) throws {
        let client = try active(notice.client)
        if notice.by != .relay { try check(try active(notice.by).user == client.user, "revoked by another user") }
        clients[notice.client]?.isRevoked = true
    }

    private func active(_ client: ClientNumber) throws -> Client {
        guard let found = clients[client], !found.isRevoked else {
            throw Failure(description: "client \(client) is none, or revoked")
        }
        return found
    }

    private func verify(_ signature: [UInt8], of signed: [UInt8], _ label: String, by identity: Identity) throws {
        let key = try SignaturePublicKey(identity.signatureKey.rawSpan, scheme: identity.scheme)
        let holds = key.verifyWithLabel(
            label, content: signed.rawSpan, signature: signature.rawSpan, prefix: SignatureLabel.prefix)
        try check(holds, "a signature does not hold")
    }

    private func check(_ isSo: Bool, _ what: String) throws {
        guard isSo else { throw Failure(description: "entry \(last): \(what)") }
    }

    /// What a look-up of a user must say.
    func lookUp(_ name: [UInt8]) -> UserResult {
        guard let user = users.first(where: { $0.value == name })?.key, !suspended.contains(user) else {
            return UserResult(error: .userUnknown, user: .none, name: name, clients: [])
        }
        let active = clients.filter { $0.value.user == user && !$0.value.isRevoked }.sorted { $0.key < $1.key }
        return UserResult(
            error: .none, user: user, name: name,
            clients: active.map { number, client in
                ClientDescription(
                    client: number, clientName: client.clientName, scheme: client.identity.scheme,
                    signatureKey: client.identity.signatureKey, registered: client.registered,
                    keySince: client.keySince, credentialNotAfter: client.credentialNotAfter)
            })
    }
}
