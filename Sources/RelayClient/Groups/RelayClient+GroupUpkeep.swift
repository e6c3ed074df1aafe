import ClientStore
import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import RelayConnection
import RelayCredentials
import RelayWire
import TLSPresentation

/// What a member of a group does without being asked.
extension RelayClient {
    // MARK: What the relay knows

    /// Asks the relay what it knows of a group, soon and not too often.
    func describe(_ runtime: GroupRuntime) {
        runtime.mustDescribe = true
        guard !runtime.isDescribing, connection != nil else { return }
        runtime.isDescribing = true
        Task {
            defer { runtime.isDescribing = false }
            while runtime.mustDescribe, isOpen, runtime.session.isMember, connection != nil {
                runtime.mustDescribe = false
                do {
                    try await describeOnce(runtime)
                    try await Task.sleep(for: configuration.commitDelay)
                } catch {
                    // The next commit and the next connection bring the next attempt, if they have not already.
                }
            }
        }
    }

    private func describeOnce(_ runtime: GroupRuntime) async throws {
        let description = try await askDescription(runtime)
        try await learn(description.members)
        guard runtime.session.isMember else { return }
        let isSame = try turn(runtime) { session, turn in try session.take(description, turn) }
        // The relay is where this device is: a commit that was refused then has not lost after all.
        if isSame != nil, runtime.settledPublication != nil {
            runtime.settledPublication = nil
            kick(runtime)
        }
        guard isSame == false else {
            if isSame == true { runtime.rosterMismatches = 0 }
            return
        }
        runtime.rosterMismatches += 1
        if runtime.rosterMismatches == 2 {
            try turn(runtime) { session, turn in try turn.append(.integrityWarning(.rosterDiffers), session) }
        }
        try await Task.sleep(for: configuration.secondCheckDelay)
        runtime.mustDescribe = true
    }

    /// Finds out the numbers of members that are not known: in a group that hides its changes, who commits says to the
    /// relay whom it removes.
    func learnNumbers(_ runtime: GroupRuntime) async throws {
        guard runtime.session.record.policy.mode == .privateHandshake else { return }
        let isComplete = try look(runtime) { session, turn in
            try session.unknownKeys(turn).isSubset(of: [turn.device.signatureKey])
        }
        if !isComplete { try await learn(try await askDescription(runtime).members) }
    }

    /// Finds out whose numbers these are, where that is not known.
    private func learn(_ members: [MemberDescription]) async throws {
        let unknown = try store.read { transaction in
            try members.filter { try transaction.client($0.client) == nil }
        }
        guard !unknown.isEmpty else { return }
        // Who cannot be found stays a number.
        _ = try await lookUp(Set(unknown.map { String(decoding: $0.name, as: UTF8.self) }).sorted())
    }

    // MARK: Proposals of others

    /// Commits what was proposed, when it is this member's turn and nobody has.
    func scheduleCommit(of proposer: LeafIndex, _ runtime: GroupRuntime) {
        guard !runtime.isTurnScheduled, let rank = try? look(runtime, { try $0.rank(behind: proposer, $1) }) else {
            return
        }
        runtime.isTurnScheduled = true
        Task {
            // Cancelled at the end.
            try? await Task.sleep(for: configuration.commitDelay * rank)
            runtime.isTurnScheduled = false
            guard isOpen, runtime.hasPendingProposals, runtime.session.isMember else { return }
            tell(runtime) { session, turn in
                guard session.publication == nil, !session.outbox.contains(where: { $0.item.isChange }) else { return }
                try session.enqueue(.change(.commitPending), turn)
            }
        }
    }

    // MARK: Keys

    /// Gives this device new keys in a group where they are old, or may be known to others.
    func renewKeysIfDue(_ runtime: GroupRuntime) {
        let record = runtime.session.record
        let interval = UInt64(max(0, configuration.keyUpdateInterval.components.seconds)) * 1000
        let age = ValidationPolicy.systemClock() * 1000
        let isDue = record.needsKeyUpdate || age > record.keysSince + interval || hasOldCredential(runtime)
        guard isDue, runtime.session.isMember else { return }
        tell(runtime) { session, turn in
            guard !session.outbox.contains(where: { $0.item.content == .change(.update) }) else { return }
            try session.enqueue(.change(.update), turn)
        }
    }

    private func hasOldCredential(_ runtime: GroupRuntime) -> Bool {
        let credential = try? look(runtime) { session, turn in try session.withGroup(turn) { $0.identity.credential } }
        return credential.map { $0.encoded != account.credential } ?? false
    }

    // MARK: What others have seen

    /// Says something that is for devices only, beside which stands what this one has seen.
    func say(_ kind: GroupPayload.Kind, _ runtime: GroupRuntime) {
        let now = ContinuousClock.now
        let last = kind == .check ? runtime.lastCheck : runtime.lastReport
        guard runtime.session.isMember, last.map({ $0 + configuration.secondCheckDelay / 4 < now }) ?? true else {
            return
        }
        if kind == .check { runtime.lastCheck = now } else { runtime.lastReport = now }
        let payload = GroupPayload(
            kind: kind, id: randomBytes(GroupPayload.idByteCount), contentType: [], body: [])
        tell(runtime) { session, turn in try session.enqueue(.message(payload), turn) }
    }

    /// Asks the relay what the other members have reported, and reports what this one has seen.
    func checkHeads(_ runtime: GroupRuntime) async throws {
        guard let connection else { throw RelayClientError(.notConnected, "the client is not connected") }
        guard let head = try look(runtime, { try $0.head($1) }) else { return }
        let checked = try await connection.ask(
            CheckHeads(heads: [head]), for: HeadsChecked.self, isRepeatable: true)
        guard let result = checked.results.first, result.error == .none else { return }
        let isSuspect = try turn(runtime) { session, turn in try session.take(result, turn) }
        if isSuspect {
            say(.check, runtime)
            try await Task.sleep(for: configuration.secondCheckDelay)
            try await checkHeadsAgain(runtime, connection)
        }
    }

    private func checkHeadsAgain(_ runtime: GroupRuntime, _ connection: RelayConnection) async throws {
        guard let head = try look(runtime, { try $0.head($1) }) else { return }
        let checked = try await connection.ask(
            CheckHeads(heads: [head]), for: HeadsChecked.self, isRepeatable: true)
        guard let result = checked.results.first, result.error == .none else { return }
        _ = try turn(runtime) { session, turn in try session.take(result, turn) }
    }

    // MARK: The directory

    /// Asks the directory about members, where entries of the group's log have given reason to; what that was stays in the
    /// record until there is an answer.
    func askDirectory(_ runtime: GroupRuntime) {
        guard !runtime.isAskingDirectory, connection != nil, runtime.session.hasQuestions else { return }
        runtime.isAskingDirectory = true
        Task {
            defer { runtime.isAskingDirectory = false }
            do {
                while isOpen, connection != nil, runtime.session.hasQuestions {
                    try await lookAtStrangers(runtime)
                    try await removeRevoked(runtime)
                }
            } catch {
                // The next entry and the next connection bring the next attempt, and so does time.
                report(error)
            }
        }
    }

    /// Warns of devices that say to be of this user and that the user's directory does not have: those that it has are
    /// told as such (`ClientEvent.deviceAdded`).
    private func lookAtStrangers(_ runtime: GroupRuntime) async throws {
        let strangers = runtime.session.record.strangers
        guard !strangers.isEmpty else { return }
        try await learnOwnDevices()
        let known = Set(account.devices.map(\.signatureKey))
        try turn(runtime) { session, turn in
            session.record.strangers.removeAll { strangers.contains($0) }
            for stranger in strangers where !known.contains(stranger.signatureKey) {
                try turn.append(.integrityWarning(.unknownDevice(stranger.member)), session, at: stranger.place)
            }
        }
    }

    /// Removes those of the changed members that were revoked.
    private func removeRevoked(_ runtime: GroupRuntime) async throws {
        let changed = runtime.session.record.changedMembers
        guard !changed.isEmpty else { return }
        let members = try store.read { transaction in try changed.compactMap { try transaction.client($0) } }
        let found = try await lookUp(members.map(\.user)).map { Set(($0 ?? []).map(\.number)) }
        let revoked = zip(members, found).filter { !$1.contains($0.number) }.map(\.0)
        if !revoked.isEmpty {
            let rank = try look(runtime) { try $0.rank(behind: LeafIndex(rawValue: 0), $1) }
            try await Task.sleep(for: configuration.commitDelay * rank)
        }
        try turn(runtime) { session, turn in
            session.record.changedMembers.removeAll { changed.contains($0) }
            guard session.isMember else { return }
            for member in revoked where session.mayRemove(member.user, turn) {
                guard try session.hasMember(member.signatureKey, turn) else { continue }
                try session.enqueue(.change(.remove([member.signatureKey])), turn)
            }
        }
    }
}

extension GroupSession {
    /// Whether there is something to ask the directory.
    var hasQuestions: Bool { isMember && !(record.strangers.isEmpty && record.changedMembers.isEmpty) }

    /// How many members are before this one to commit what somebody has proposed.
    func rank(behind proposer: LeafIndex, _ turn: GroupTurn) throws -> Int {
        let (members, own) = try withGroup(turn) { ($0.publicGroup.tree.members, $0.ownLeaf) }
        let first = members.firstIndex { $0.rawValue > proposer.rawValue } ?? 0
        let position = members.firstIndex(of: own) ?? 0
        return (position - first + members.count) % max(1, members.count)
    }

    /// The signature keys of members whose clients' numbers are not known.
    func unknownKeys(_ turn: GroupTurn) throws -> Set<[UInt8]> {
        let tree = try withGroup(turn) { $0.publicGroup.tree }
        var keys = Set(tree.members.compactMap { tree.signatureKey(at: $0) })
        for (_, value) in try turn.transaction.scan(Tables.clients, prefix: []) {
            keys.remove(try KnownClient(decoding: value.bytes).signatureKey)
        }
        return keys
    }

    /// Whether this user has the right to remove devices of a user.
    func mayRemove(_ user: String, _ turn: GroupTurn) -> Bool {
        let role: Role = record.admins.contains(Array(turn.device.user.utf8)) ? .admin : .member
        return user == turn.device.user || role.has(record.policy.mayRemove)
    }

    func hasMember(_ signatureKey: [UInt8], _ turn: GroupTurn) throws -> Bool {
        try withGroup(turn) { $0.publicGroup.tree.containsSignatureKey(signatureKey) }
    }

    /// Takes what the relay knows of the group.
    /// - Returns: whether its members are the group's; nil where that cannot be compared now.
    func take(_ description: GroupDescription, _ turn: GroupTurn) throws -> Bool? {
        record.log = description.log
        // What the log has not told here yet is told by the log, and what it has told since is newer.
        let isFirst = !isDescribed
        if isFirst || description.last == record.cursor {
            (record.name, record.alias, record.policy) = (description.name, description.alias, description.policy)
            record.admins = Set(description.members.filter { $0.role == .admin }.map(\.name)).sorted {
                $0.lexicographicallyPrecedes($1)
            }
        }
        if isFirst, description.last < record.cursor { turn.outcome.wantsDescription = true }
        try confirm(before: description.confirmedEpoch.rawValue, turn)
        try trackMembers(description.members, turn)
        let (epoch, tree) = try withGroup(turn) { ($0.epoch, $0.publicGroup.tree) }
        guard description.epoch.rawValue == epoch, description.last == record.cursor else { return nil }
        try renewAllRefused(turn)
        var users: [[UInt8]: Int] = [:]
        for leaf in tree.members {
            guard let node = tree.leafNode(at: leaf) else { continue }
            users[try turn.device.verifier.claimedSubject(of: node.credential).userName, default: 0] += 1
        }
        for member in description.members { users[member.name, default: 0] -= 1 }
        return users.values.allSatisfy { $0 == 0 }
    }

    /// What this device has seen, for the relay to compare.
    func head(_ turn: GroupTurn) throws -> HeadDigest? {
        guard isMember, let chain = record.chain, record.log != .none else { return nil }
        let (epoch, authenticator) = try withGroup(turn) { ($0.epoch, $0.epochAuthenticator) }
        return HeadDigest(
            log: record.log, sequenceNumber: record.cursor, chain: chain, epoch: Epoch(rawValue: epoch),
            authenticatorHash: SHA256.hash(authenticator))
    }
}
