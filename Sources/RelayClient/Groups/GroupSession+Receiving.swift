import ClientStore
import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import RelayConnection
import RelayWire
import TLSPresentation

/// What entries of the group's log do.
extension GroupSession {
    /// How many chain hashes are kept, to compare with what members say that they have seen.
    private static let keptChainCount: UInt64 = 4096

    /// Takes the next entry: whatever it is, the cursor is behind it afterwards.
    func take(_ entry: ReceivedEntry, _ turn: GroupTurn) throws {
        let header = entry.header
        record.time = header.time.rawValue
        turn.device.clock.set(header.time)
        defer { turn.device.clock.set(nil) }
        if record.log == .none { record.log = header.log }
        if isMember || record.status == .creating || record.status == .joining {
            switch entry {
            case .digest(let digest): try takeDigest(digest, turn)
            case .entry(let entry): try takeEntry(entry, turn)
            }
        } else if record.state != .none, case .entry(let entry) = entry, entry.header.kind == .commitVoided {
            // Of a group that this device was removed from, by a commit that does not count.
            try takeEntry(entry, turn)
        }
        record.cursor = header.sequenceNumber
        record.chain = entry.chain
        try keepChain(header.sequenceNumber, entry.chain, turn)
    }

    func keepChain(_ place: SequenceNumber, _ chain: SHA256Digest, _ turn: GroupTurn) throws {
        let bytes = chain.bytes
        try turn.transaction.put(Tables.chains, number.key + place.encoded, bytes.rawSpan)
        guard place.rawValue > Self.keptChainCount else { return }
        let old = SequenceNumber(rawValue: place.rawValue - Self.keptChainCount)
        try turn.transaction.delete(Tables.chains, number.key + old.encoded)
    }

    private func takeDigest(_ digest: EntryDigest, _ turn: GroupTurn) throws {
        if digest.header.sender == turn.device.client {
            try takeOwn(digest.payloadHash, digest.header, turn)
        } else {
            try turn.append(.undecryptable(sender: nil, .expired), self, at: digest.header.sequenceNumber)
        }
    }

    private func takeEntry(_ entry: Entry, _ turn: GroupTurn) throws {
        let place = entry.header.sequenceNumber
        switch entry.header.kind {
        case .message where entry.header.sender == turn.device.client:
            try takeOwn(SHA256.hash(entry.payload), entry.header, turn)
        case .message: try takeMessage(entry, turn)
        case .groupChanged: try takeChange(notice(entry), entry.header, turn)
        case .roleChanged: try takeRole(notice(entry), entry.header, turn)
        case .commitVoided: try takeVoid(notice(entry), entry.header, turn)
        case .groupDeleted:
            let deletion: DeletionNotice = try notice(entry)
            try finish(.deleted(by: try user(of: deletion.by, turn)), at: place, turn)
        case .memberChanged:
            let change: MemberChangeNotice = try notice(entry)
            guard let key = try turn.transaction.client(change.client)?.signatureKey, try hasMember(key, turn),
                !record.changedMembers.contains(change.client)
            else { break }
            record.changedMembers.append(change.client)
        default: break
        }
    }

    private func notice<Notice: TLSDecodable>(_ entry: Entry) throws -> Notice {
        do {
            return try Notice(decoding: entry.payload)
        } catch {
            throw RelayClientError(.protocolViolation, "a notice that is none, in entry \(entry.header.sequenceNumber)")
        }
    }

    // MARK: Messages of others

    private func takeMessage(_ entry: Entry, _ turn: GroupTurn) throws {
        let place = entry.header.sequenceNumber
        guard let envelope = try? MLSMessageEnvelope(entry.payload.rawSpan) else {
            try turn.append(.undecryptable(sender: nil, .contentUnknown), self, at: place)
            return
        }
        // What comes late, of the epochs before, can be read.
        let isLost = try record.denied != nil && (envelope.epoch ?? 0) > epoch(turn)
        if isLost {
            // Behind a commit that this device could not follow: what comes of it is decided elsewhere.
            if envelope.contentType == .application {
                try turn.append(.undecryptable(sender: nil, .epochUnknown), self, at: place)
            }
            return
        }
        do {
            try process(entry, turn)
        } catch let error as GroupError {
            try takeUnprocessable(envelope, error, entry, turn)
        }
    }

    func epoch(_ turn: GroupTurn) throws -> UInt64 { try withGroup(turn) { $0.epoch } }

    private func process(_ entry: Entry, _ turn: GroupTurn) throws {
        let payload = entry.payload
        let lost = publication?.kind == .commit ? publication : nil
        var staged: ReceivedCommit?
        var received: Received = .nothing
        try withGroup(turn) { group in
            let before = try ReceivedCommit.Before(group)
            switch try group.process(payload) {
            case .application(let message): received = .application(message)
            case .proposal(let proposal): received = .proposal(proposal)
            case .pendingCommit: received = .nothing
            case .commit(let commit):
                staged = ReceivedCommit(commit.publicCommit, before)
                // The journal of what was before begins ahead of the first change.
                record.provisional.append(
                    ProvisionalCommit(
                        sequenceNumber: entry.header.sequenceNumber, epoch: group.epoch, intents: [], isOwn: false,
                        lost: lost))
                group.merge(commit)
            }
        }
        try saveGroup(turn)
        if let staged { return try takeCommit(staged, entry, turn) }
        switch received {
        case .application(let message): try takeApplication(message, entry, turn)
        case .proposal(let proposal): takeProposal(proposal, turn)
        case .nothing: break
        }
    }

    private enum Received {
        case application(ApplicationMessage)
        case proposal(QueuedProposal)
        case nothing
    }

    private func takeProposal(_ proposal: QueuedProposal, _ turn: GroupTurn) {
        guard turn.outcome.pendingProposer == nil, case .member(let leaf) = proposal.sender else { return }
        turn.outcome.pendingProposer = leaf
    }

    private func takeUnprocessable(
        _ envelope: MLSMessageEnvelope, _ error: GroupError, _ entry: Entry, _ turn: GroupTurn
    ) throws {
        let place = entry.header.sequenceNumber
        let current = try epoch(turn)
        switch envelope.contentType {
        case .commit where envelope.epoch == current:
            record.denied = place
            turn.outcome.denial = "\(error)"
        case .commit:
            // Of an epoch that this device is not in: it has lost track.
            turn.outcome.needsRejoin = true
        default:
            try turn.append(.undecryptable(sender: nil, Undecryptable(error)), self, at: place)
            if Undecryptable(error) == .replayed {
                try turn.append(.integrityWarning(.replayed), self, at: place)
            }
        }
    }

    // MARK: Application messages

    private func takeApplication(_ message: ApplicationMessage, _ entry: Entry, _ turn: GroupTurn) throws {
        let place = entry.header.sequenceNumber
        guard let (sender, key) = try sender(message.sender, epoch: message.epoch, turn) else {
            try turn.append(.undecryptable(sender: nil, .epochUnknown), self, at: place)
            return
        }
        try compare(message.authenticatedData, from: sender, key, at: place, turn)
        guard let payload = try? GroupPayload(decoding: message.data) else {
            try turn.append(.undecryptable(sender: sender, .contentUnknown), self, at: place)
            return
        }
        switch payload.kind {
        case .content: try takeContent(payload, sender, at: place, turn)
        case .check: turn.outcome.wantsReport = true
        case .report: break
        }
    }

    /// Tells what was said, unless it was told before: who sends a message anew, in another epoch, sends the same id.
    func takeContent(
        _ payload: GroupPayload, _ sender: Member, at place: SequenceNumber, _ turn: GroupTurn
    ) throws {
        let key = number.key + payload.id + sender.fingerprint.bytes.prefix(8)
        guard try turn.transaction.get(Tables.messages, key) == nil else { return }
        let message = Message(
            id: MessageID(payload.id), sender: sender,
            contentType: String(decoding: payload.contentType, as: UTF8.self), body: payload.body)
        let event = try turn.append(.message(message), self, at: place)
        try turn.transaction.encode(event, Tables.messages, key)
    }

    /// Who was at a leaf in an epoch.
    private func sender(
        _ leaf: LeafIndex, epoch: UInt64, _ turn: GroupTurn
    ) throws -> (Member, signatureKey: [UInt8])? {
        let former = record.former.filter { $0.leaf == leaf && $0.lastEpoch >= epoch }
            .min { $0.lastEpoch < $1.lastEpoch }
        if let former { return (former.member, former.signatureKey) }
        guard let node = try withGroup(turn, { $0.publicGroup.tree.leafNode(at: leaf) }) else { return nil }
        return (try turn.device.member(node, turn.transaction), node.signatureKey)
    }

    // MARK: Notices

    private func takeChange(_ notice: GroupChangeNotice, _ header: EntryHeader, _ turn: GroupTurn) throws {
        let by = try user(of: notice.by, turn)
        if notice.name != record.name || notice.alias != record.alias {
            let name = String(decoding: notice.name, as: UTF8.self)
            try turn.append(.renamed(name, by: by), self, at: header.sequenceNumber)
        }
        if notice.policy != record.policy {
            try turn.append(
                .policyChanged(GroupPolicySettings(notice.policy), by: by), self, at: header.sequenceNumber)
        }
        (record.name, record.alias, record.policy) = (notice.name, notice.alias, notice.policy)
    }

    private func takeRole(_ notice: RoleNotice, _ header: EntryHeader, _ turn: GroupTurn) throws {
        record.admins.removeAll { $0 == notice.name }
        if notice.role == .admin { record.admins.append(notice.name) }
        try turn.append(
            .roleChanged(
                user: String(decoding: notice.name, as: UTF8.self), notice.role == .admin ? .admin : .member,
                by: try user(of: notice.by, turn)), self, at: header.sequenceNumber)
    }

    /// The name of a client's user, or what there is of it.
    func user(of client: ClientNumber, _ turn: GroupTurn) throws -> String {
        if client == .relay { return "the relay's operator" }
        if client == turn.device.client { return turn.device.user }
        return try turn.transaction.client(client)?.user ?? "user#\(client)"
    }

    // MARK: The end

    /// This device is out of the group: nothing more can be sent, and the keys go.
    func finish(_ end: GroupEnd, at place: SequenceNumber, _ turn: GroupTurn) throws {
        guard record.status != .ended else { return }
        record.status = .ended
        record.end = end
        try setPublication(nil, turn)
        try failOutbox(turn)
        // What a commit that may be voided took is kept as long as that can be.
        if record.provisional.isEmpty || end.isFinal { try deleteGroup(turn) }
        try turn.append(.ended(end), self, at: place)
        turn.outcome.hasEnded = true
    }

    private func failOutbox(_ turn: GroupTurn) throws {
        for (number, item) in outbox {
            if case .message(let payload) = item.content, payload.kind == .content {
                try turn.append(.notSent(MessageID(payload.id)), self)
            }
            try remove(number, .failure(RelayClientError(.notMember, "this device is not in the group any more")), turn)
        }
    }
}

extension GroupEnd {
    /// Whether this device cannot be in the group again because a commit is voided.
    fileprivate var isFinal: Bool {
        switch self {
        case .left, .removed: false
        case .deleted, .neverJoined: true
        }
    }
}

extension Undecryptable {
    init(_ error: GroupError) {
        switch error {
        case .refused(.generationUsed): self = .replayed
        case .refused(.applicationEpoch), .refused(.proposalEpoch), .refused(.commitEpoch): self = .epochUnknown
        case .refused(.contentSignature), .refused(.membershipTag), .refused(.contentDecryption),
            .refused(.senderDataDecryption), .refused(.senderDataLeaf), .refused(.memberSender), .crypto:
            self = .notAuthentic
        case .refused(let rule): self = .ruleBroken(rule.rawValue)
        case .malformed, .ownMessage, .tooLong: self = .contentUnknown
        }
    }
}
