import ClientStore
import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import RelayConnection
import RelayWire
import TLSPresentation

/// What `EncryptedGroup` asks for.
extension RelayClient {
    // MARK: Looking

    func state(of id: GroupID) throws -> GroupState {
        let runtime = try existing(id)
        return try look(runtime) { session, turn in try session.state(turn) }
    }

    func events(of id: GroupID, after position: EventPosition, limit: Int) throws -> [GroupEvent] {
        try events(of: try existing(id)) { transaction, prefix in
            try transaction.keys(
                Tables.groupEvents, prefix: prefix, after: prefix + position.rawValue.encoded, limit: limit)
        }
    }

    func events(of id: GroupID, before position: EventPosition, limit: Int) throws -> [GroupEvent] {
        try events(of: try existing(id)) { transaction, prefix in
            try transaction.keys(
                Tables.groupEvents, prefix: prefix, before: prefix + position.rawValue.encoded, isReversed: true,
                limit: limit
            ).reversed()
        }
    }

    private func events(
        of runtime: GroupRuntime, _ keys: (StoreTransaction, [UInt8]) throws -> [[UInt8]]
    ) throws -> [GroupEvent] {
        guard isOpen else { throw RelayClientError(.closed, "the client was closed") }
        return try store.read { transaction in
            try keys(transaction, runtime.session.number.key).compactMap { key in
                let number = try UInt64(decoding: Array(key.suffix(8)))
                let stored = try transaction.decode(StoredEvent.self, Tables.events, number.encoded)
                return stored?.event(at: EventPosition(rawValue: number))
            }
        }
    }

    /// Events behind `position`, as soon as there are any; none at the end.
    func nextEvents(of id: GroupID, after position: EventPosition) async throws -> [GroupEvent] {
        let runtime = try existing(id)
        while isOpen, !Task.isCancelled {
            let events = try events(of: id, after: position, limit: 256)
            if !events.isEmpty { return events }
            await nextTurn(of: runtime)
        }
        return []
    }

    // MARK: Talking

    func send(_ body: [UInt8], _ contentType: String, to id: GroupID) throws -> MessageID {
        let runtime = try existing(id)
        guard contentType.utf8.count <= 255 else {
            throw RelayClientError(.refused, "a content type has at most 255 bytes")
        }
        let payload = GroupPayload(
            kind: .content, id: randomBytes(GroupPayload.idByteCount), contentType: Array(contentType.utf8), body: body)
        guard payload.encoded.count <= Self.maxPayloadByteCount else {
            throw RelayClientError(.messageTooLarge, "a message has at most \(Self.maxPayloadByteCount) bytes")
        }
        try turn(runtime) { session, turn in
            guard session.record.status != .ended else {
                throw RelayClientError(.notMember, "this device is not in the group any more")
            }
            try session.enqueue(.message(payload), turn)
        }
        return MessageID(payload.id)
    }

    /// What surely fits into a message of the largest size that a relay takes by default, 1 MiB.
    private static var maxPayloadByteCount: Int { (1 << 20) - 1024 }

    func accepted(_ message: MessageID, in id: GroupID) async throws -> UInt64 {
        let runtime = try existing(id)
        let item = runtime.session.outbox.first { entry in
            if case .message(let payload) = entry.item.content { payload.id == message.bytes } else { false }
        }
        if let item { return try await wait(runtime, for: item.number).rawValue }
        let event = try look(runtime) { session, turn in
            let key =
                session.number.key + message.bytes + Fingerprint(ofPublicKey: turn.device.signatureKey).bytes.prefix(8)
            guard let number = try turn.transaction.get(Tables.messages, key) else { return StoredEvent?.none }
            return try turn.transaction.decode(StoredEvent.self, Tables.events, [UInt8](number.bytes))
        }
        guard let event else { throw RelayClientError(.obsolete, "this device has not sent such a message") }
        return event.sequenceNumber
    }

    // MARK: Changing

    /// A group once this device is in it: where it is still created, or joined anew because track was lost, when it has been.
    /// - Throws: `notMember` where it is not, and does not come.
    private func joined(_ id: GroupID) async throws -> GroupRuntime {
        let runtime = try existing(id)
        try await wait(runtime) { ![.creating, .joining].contains(runtime.session.record.status) }
        guard runtime.session.isMember else { throw RelayClientError(.notMember, "this device is not in the group") }
        return runtime
    }

    /// Has something done in a group, and waits until it is.
    func change(_ id: GroupID, _ content: OutboxItem.Content) async throws {
        let runtime = try await joined(id)
        let item = try turn(runtime) { session, turn in try session.enqueue(content, turn) }
        try await wait(runtime, for: item)
    }

    func add(_ users: [String], to id: GroupID) async throws {
        let runtime = try await joined(id)
        try await described(runtime)
        let state = try state(of: id)
        let present = Set(state.users.map(\.name))
        let strangers = users.filter { !present.contains($0) }
        let needsApproval = state.needsApproval(of: strangers.count, by: identity.user)
        if state.policy.join == .invitation || needsApproval, !strangers.isEmpty {
            return try await invite(strangers, into: id)
        }
        let fetched: [FetchedUser]
        do {
            fetched = try await fetchKeyPackages(of: users)
        } catch let error as RelayClientError where error.code == .keyNotTrusted {
            warn(runtime, error.message, users)
            throw error
        }
        let item = try enqueue(fetched.flatMap(\.keyPackages), runtime)
        try await wait(runtime, for: item)
    }

    /// Somebody gave a KeyPackage that is not of whom it should be.
    func warn(_ runtime: GroupRuntime, _ message: String, _ users: [String]) {
        tell(runtime) { session, turn in
            for user in users {
                guard users.count == 1 || message.contains(user) else { continue }
                try turn.append(.integrityWarning(.keySubstituted(user: user)), session)
            }
        }
    }

    func remove(_ users: [String], from id: GroupID) async throws {
        let wanted = Set(users)
        try await remove(from: id) { wanted.contains($0.user) }
    }

    func remove(devices: [Fingerprint], from id: GroupID) async throws {
        let wanted = Set(devices)
        try await remove(from: id) { wanted.contains($0.fingerprint) }
    }

    private func remove(from id: GroupID, where isWanted: (Member) -> Bool) async throws {
        let runtime = try await joined(id)
        var keys = try look(runtime) { session, turn in try session.signatureKeys(where: isWanted, turn) }
        if keys.isEmpty {
            try await catchUp(runtime)
            keys = try look(runtime) { session, turn in try session.signatureKeys(where: isWanted, turn) }
        }
        guard !keys.isEmpty else { throw RelayClientError(.userUnknown, "nobody of them is in the group") }
        try await change(id, .change(.remove(keys)))
    }

    func leave(_ id: GroupID) async throws {
        let runtime = try await joined(id)
        let user = identity.user
        let others = try look(runtime) { session, turn in
            try session.signatureKeys(where: { $0.user == user && !$0.isThisDevice }, turn)
        }
        if !others.isEmpty { try await change(id, .change(.remove(others))) }
        try await change(id, .propose(.selfRemove))
    }

    /// Sets name, alias and policy as `body` changes them.
    func update(_ id: GroupID, _ body: (inout GroupRecord) -> Void) async throws {
        let runtime = try existing(id)
        try await described(runtime)
        var record = runtime.session.record
        body(&record)
        guard record.name.count <= WireLimits.maxGroupNameByteCount,
            record.alias.count <= WireLimits.maxGroupNameByteCount
        else { throw RelayClientError(.nameInvalid, "the name of a group has at most 255 bytes") }
        let frame = UpdateGroup(log: record.log, name: record.name, alias: record.alias, policy: record.policy)
        _ = try await usableConnection().ask(frame, for: Done.self, isRepeatable: true)
    }

    /// Asks the relay something about a group that is answered with Done.
    func ask(_ id: GroupID, _ body: (LogNumber) -> some FrameBody) async throws {
        let runtime = try existing(id)
        try await described(runtime)
        _ = try await usableConnection().ask(body(runtime.session.record.log), for: Done.self, isRepeatable: true)
    }

    func checkHeads(_ id: GroupID) async throws {
        let runtime = try existing(id)
        say(.check, runtime)
        try await checkHeads(runtime)
    }
}

extension GroupSession {
    /// The group as people see it.
    func state(_ turn: GroupTurn) throws -> GroupState {
        var state = GroupState(
            id: id, name: String(decoding: record.name, as: UTF8.self),
            alias: String(decoding: record.alias, as: UTF8.self), policy: GroupPolicySettings(record.policy),
            users: [], epoch: 0, isMember: record.status == .ended ? false : isMember ? true : nil, safetyNumber: nil)
        guard isMember else { return state }
        let (tree, epoch, authenticator) = try withGroup(turn) {
            ($0.publicGroup.tree, $0.epoch, $0.epochAuthenticator)
        }
        state.epoch = epoch
        state.safetyNumber = Fingerprint(ofPublicKey: authenticator)
        let admins = Set(record.admins.map { String(decoding: $0, as: UTF8.self) })
        for leaf in tree.members {
            guard let node = tree.leafNode(at: leaf) else { continue }
            let member = try turn.device.member(node, turn.transaction)
            if let index = state.users.firstIndex(where: { $0.name == member.user }) {
                state.users[index].devices.append(member)
            } else {
                let role: GroupRole = admins.contains(member.user) ? .admin : .member
                state.users.append(GroupUser(name: member.user, role: role, devices: [member]))
            }
        }
        return state
    }

    /// The signature keys of members.
    func signatureKeys(where isWanted: (Member) -> Bool, _ turn: GroupTurn) throws -> [[UInt8]] {
        let tree = try withGroup(turn) { $0.publicGroup.tree }
        return try tree.members.compactMap { leaf in
            guard let node = tree.leafNode(at: leaf) else { return nil }
            return isWanted(try turn.device.member(node, turn.transaction)) ? node.signatureKey : nil
        }
    }
}

extension GroupState {
    /// Whether an admin has to approve that a user adds so many users; invitations ask for it. PROTOCOL.md section 7.9.
    fileprivate func needsApproval(of count: Int, by user: String) -> Bool {
        guard policy.approvalAbove > 0, users.count + count > Int(policy.approvalAbove) else { return false }
        return !users.contains { $0.name == user && $0.role == .admin }
    }
}
