import ClientStore
import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import RelayConnection
import RelayWire
import TLSPresentation

@testable import RelayClient

/// What only tests look at or do: the inside of a client.
extension RelayClient {
    /// How many records there are to undo commits, and messages that may have to be sent again.
    func journalCount() throws -> Int {
        try store.read { transaction in
            try transaction.keys(Tables.undo, prefix: []).count + transaction.keys(Tables.unconfirmed, prefix: []).count
        }
    }

    /// The last entry of a group's log that was processed.
    func cursor(in id: GroupID) throws -> SequenceNumber { try existing(id).session.record.cursor }

    /// Where the last commit stands that was applied and not confirmed.
    func lastProvisional(in id: GroupID) throws -> SequenceNumber? {
        try existing(id).session.record.provisional.last?.sequenceNumber
    }

    func isDenying(in id: GroupID) throws -> Bool { try existing(id).session.record.denied != nil }

    /// How many groups' secrets are stored.
    func stateCount() throws -> Int {
        try store.read { Set(try $0.keys(Tables.groupStates, prefix: []).map { $0.prefix(4) }).count }
    }

    func outboxCount(in id: GroupID) throws -> Int { try existing(id).session.outbox.count }

    /// Whether nothing is being done in a group.
    func isResting(in id: GroupID) throws -> Bool { try !existing(id).isWorking }

    /// Whether the relay is asked what it knows of a group.
    func isDescribing(in id: GroupID) throws -> Bool { try existing(id).isDescribing }

    /// Whether there is something about a group that the directory has not answered yet.
    func hasQuestions(in id: GroupID) throws -> Bool { try existing(id).session.hasQuestions }

    /// As if this device could follow the group no longer.
    func loseTrack(of id: GroupID) throws { rejoin(try existing(id)) }

    /// As an operator, takes a provisional commit back.
    func void(_ commit: SequenceNumber, of log: LogNumber) async throws {
        try await administer(.voidCommit(log: log, sequenceNumber: commit, text: Array("a test".utf8)))
    }

    /// Does what operators may do.
    func administer(_ action: Administer.Action) async throws {
        _ = try await usableConnection().ask(Administer(action), for: Administered.self, isRepeatable: true)
    }

    /// Tells the relay that this device has accepted all that it has of a group's log.
    func acknowledgeAll(in id: GroupID) async throws {
        let record = try existing(id).session.record
        try await usableConnection().acknowledge([Position(log: record.log, sequenceNumber: record.cursor)])
    }

    func log(of id: GroupID) throws -> LogNumber { try existing(id).session.record.log }

    /// Publishes a commit of this member's that nobody can decrypt, in a group whose changes are hidden; this device's own
    /// state knows nothing of it.
    func publishBrokenCommit(in id: GroupID) async throws {
        let messages = try hiddenCommit(in: id)
        var commit = messages.commit
        commit[commit.count - 1] ^= 1
        try await publish(commit, messages.groupInfo)
    }

    /// Adds a device that says to be of a user, with a key that nobody has registered, in a group whose changes are hidden;
    /// the relay is told of nobody, and this device's own state knows nothing of it.
    func publishImpostor(of user: String, in id: GroupID) async throws {
        let now = ValidationPolicy.systemClock()
        let secrets = try KeyPackageSecrets(
            suite: Account.suite,
            identity: ClientIdentity(
                credential: .basic(identity: Array(user.utf8)), signingKey: try SigningKey.generate(.ed25519)),
            lifetime: Lifetime(notBefore: now - 60, notAfter: now + 3600), isLastResort: false,
            configuration: account.groupConfiguration(configuration, at: now))
        let messages = try hiddenCommit(in: id) { $0.proposals = [.add(Add(keyPackage: secrets.keyPackage))] }
        try await publish(messages.commit, messages.groupInfo)
    }

    private func hiddenCommit(
        in id: GroupID, _ change: (inout CommitOptions) -> Void = { _ in }
    ) throws -> (commit: [UInt8], groupInfo: [UInt8]?) {
        try look(try existing(id)) { session, turn in
            let records = try turn.transaction.scan(Tables.groupStates, prefix: session.record.state.key).map {
                GroupStateRecord(key: Array($0.key.dropFirst(4)), value: $0.value)
            }
            var group = try Group(restoring: records, configuration: turn.device.groupConfiguration)
            var options = CommitOptions()
            options.makesGroupInfo = true
            options.hasTreeInGroupInfo = true
            options.framing = .privateMessage
            change(&options)
            let messages = try group.commit(options)
            return (messages.commit, messages.groupInfo)
        }
    }

    private func publish(_ commit: [UInt8], _ groupInfo: [UInt8]?) async throws {
        let frame = PublishCommit(messages: [commit, groupInfo].compactMap { $0 }, added: [], removed: [])
        _ = try await usableConnection().ask(frame, for: Published.self, isRepeatable: true)
    }
}

extension Crowd {
    /// Keeps what a device says of its progress from the relay: commits that it has seen stay unconfirmed.
    func withholdAcknowledgements(of person: Person) throws {
        try proxy(of: person).setRule { passing in
            if case .acknowledge = passing.frame { [] } else { nil }
        }
    }

    /// Lets pass what was withheld: a new connection says it again.
    func letAcknowledge(_ person: Person) throws {
        let proxy = try proxy(of: person)
        proxy.setRule(nil)
        proxy.cut()
    }
}

extension Person {
    func count(in id: GroupID, _ isMeant: (GroupEvent.Kind) -> Bool) async throws -> Int {
        try await history(id).count(where: isMeant)
    }
}

extension RelayClient {
    /// Proposes that a user's devices are removed, as other implementations may; this device's own state knows nothing of
    /// it.
    func publishRemoveProposal(of user: String, in id: GroupID) async throws {
        let runtime = try existing(id)
        let messages = try look(runtime) { session, turn in
            let records = try turn.transaction.scan(Tables.groupStates, prefix: session.record.state.key).map {
                GroupStateRecord(key: Array($0.key.dropFirst(4)), value: $0.value)
            }
            var group = try Group(restoring: records, configuration: turn.device.groupConfiguration)
            group.configuration.handshakeFraming = .privateMessage
            var messages: [[UInt8]] = []
            for leaf in group.publicGroup.tree.members {
                guard let node = group.publicGroup.tree.leafNode(at: leaf),
                    try turn.device.member(node, turn.transaction).user == user
                else { continue }
                messages.append(try group.propose(.remove(Remove(removed: leaf))).message)
            }
            return messages
        }
        _ = try await usableConnection().publish(messages)
    }
}

extension RelayClient {
    func pendingProposalCount(in id: GroupID) throws -> Int {
        try look(try existing(id)) { session, turn in
            try session.withGroup(turn) { $0.publicGroup.pendingProposals.count }
        }
    }

    /// This device's leaf, encoded.
    func ownLeaf(in id: GroupID) throws -> [UInt8] {
        try look(try existing(id)) { session, turn in
            try session.withGroup(turn) { $0.publicGroup.tree.leafNode(at: $0.ownLeaf)?.encoded ?? [] }
        }
    }
}

extension RelayClient {
    /// As if the relay had said that the credential ends soon.
    func wantCredential(isMaintained: Bool) async throws {
        try updateAccount { $0.needsCredential = true }
        if isMaintained { await maintain() }
    }

    /// The credential in this device's leaf.
    func ownCredential(in id: GroupID) throws -> [UInt8] {
        try look(try existing(id)) { session, turn in
            try session.withGroup(turn) { $0.publicGroup.tree.leafNode(at: $0.ownLeaf)?.credential.encoded ?? [] }
        }
    }

    /// The first entry of a group's log that the relay still has.
    func firstEntry(in id: GroupID) async throws -> SequenceNumber { try await askDescription(try existing(id)).first }
}

extension RelayClient {
    /// What there is to say of a group that hangs.
    func situation(in id: GroupID) throws -> String {
        let runtime = try existing(id)
        let (session, record) = (runtime.session, runtime.session.record)
        return """
            cursor \(record.cursor), denied \(String(describing: record.denied)), provisional \
            \(record.provisional.map { ($0.sequenceNumber, $0.epoch, $0.isOwn) }), outbox \
            \(session.outbox.map { ($0.number, $0.item.prepared?.epoch, $0.item.prepared?.refusedIn) }), publication \
            \(String(describing: session.publication?.epoch)), settled \(runtime.settledPublication != nil), accepted \
            \(runtime.acceptedMessages.count), follower \(runtime.follower != nil), working \(runtime.isWorking), pending \
            \(runtime.hasPendingProposals)
            """
    }
}
