import ClientStore
import MLS
import MLSCodec
import MLSPublicGroup
import RelayConnection
import RelayWire
import TLSPresentation

/// Reading this device's inbox. PROTOCOL.md section 6.3.
extension RelayClient {
    private static var pauseAfterFailure: Duration { .seconds(1) }

    /// Reads the inbox until the client is closed.
    func followInbox() {
        guard inboxReader == nil else { return }
        inboxReader = Task {
            while isOpen, !Task.isCancelled {
                do {
                    try await readInbox()
                } catch {
                    guard isOpen else { return }
                    report(error)
                }
                // Cancelled at the end.
                try? await Task.sleep(for: Self.pauseAfterFailure)
            }
        }
    }

    private func readInbox() async throws {
        guard let connection else { return }
        let subscription = try await connection.subscribe(to: .inbox, after: account.inbox)
        var entries = subscription.makeAsyncIterator()
        while let batch = try await entries.nextBatch(limit: Self.maxEntriesInTransaction) {
            for entry in batch {
                guard let former = try take(entry) else { continue }
                try await readToEnd(former)
                _ = try take(entry, hasReadToEnd: true)
            }
            guard let last = batch.last else { continue }
            let position = Position(log: subscription.info.log, sequenceNumber: last.header.sequenceNumber)
            // The next one tells it too.
            _ = try? await connection.acknowledge([position])
        }
    }

    /// Takes an entry of the inbox: what comes of it, and that it was processed, are one transaction.
    /// - Returns: the group that has to be read to the end of a membership first, by who is a member anew; nothing was taken
    ///   then.
    private func take(_ entry: ReceivedEntry, hasReadToEnd: Bool = false) throws -> GroupRuntime? {
        let cursor = Cursor(entry)
        guard let entry = entry.entry else {
            try didTake(cursor)
            return nil
        }
        clock.set(entry.header.time)
        defer { clock.set(nil) }
        switch entry.header.kind {
        case .message: return try takeWelcome(entry, cursor, hasReadToEnd: hasReadToEnd)
        case .invitation, .invitationAnswer: try takeInvitation(entry, cursor)
        case .groupDeleted, .welcomeVoided:
            takeGroupNotice(entry)
            try didTake(cursor)
        default: try takeAccountNotice(entry, cursor)
        }
        return nil
    }

    /// Says that the inbox was processed up to there, with what else `body` writes.
    func didTake(_ cursor: Cursor, _ body: (StoreTransaction) throws -> Void = { _ in }) throws {
        var changed = account
        changed.inbox = cursor
        try store.write { transaction in
            try body(transaction)
            try transaction.encode(changed, Tables.account, Account.key)
        }
        account.inbox = cursor
    }

    // MARK: Welcomes

    private func takeWelcome(_ entry: Entry, _ cursor: Cursor, hasReadToEnd: Bool) throws -> GroupRuntime? {
        do {
            try joinByWelcome(entry, cursor, hasReadToEnd: hasReadToEnd)
        } catch let unread as UnreadMembership {
            return runtimes[unread.group]
        } catch {
            // A group that was known is as it was.
            for runtime in runtimes.values { try store.read { try runtime.session.reload($0) } }
            guard error is GroupError else { throw error }
            // This device cannot join by it. It may be of a commit that was made anew, with a KeyPackage that was used for
            // the one that is void: then the group is joined as other devices' groups are.
            report(error)
            try didTake(cursor)
            Task { await joinOwnGroups() }
        }
        return nil
    }

    private func joinByWelcome(_ entry: Entry, _ cursor: Cursor, hasReadToEnd: Bool) throws {
        guard case .welcome(let route)? = try? MLSMessageEnvelope(entry.payload.rawSpan).payload else {
            return try didTake(cursor)
        }
        var refs: [[UInt8]] = []
        route.forEachNewMember(in: entry.payload.rawSpan) { refs.append(Array(entry.payload[$0])) }
        let device = try device()
        var changed = account
        changed.inbox = cursor
        let joined = try store.write { transaction -> (session: GroupSession, outcome: GroupOutcome) in
            let turn = GroupTurn(transaction, device)
            let secrets = try keyPackageSecrets(refs: refs, in: transaction)
            guard let used = secrets.first else { throw GroupError.refused(.welcomeEntry) }
            let group = try Group(
                joining: entry.payload, keyPackages: secrets,
                identity: ClientIdentity(
                    credential: used.keyPackage.leafNode.credential, signingKey: identity.signingKey),
                configuration: device.groupConfiguration)
            let session = try session(for: group.groupID, in: transaction)
            if !hasReadToEnd, let known = runtimes[session.number], session.isMember, !known.isBroken {
                throw UnreadMembership(group: session.number)
            }
            session.record.time = entry.header.time.rawValue
            let state = StateNumber(rawValue: try transaction.nextNumber(Tables.groupStates))
            try session.join(group, state: state, needsKeyUpdate: used.keyPackage.isLastResort, turn)
            try deleteKeyPackage(ref: used.ref, in: transaction)
            try session.saveRecord(turn)
            try transaction.encode(changed, Tables.account, Account.key)
            return (session, turn.outcome)
        }
        account.inbox = cursor
        let runtime = runtimes[joined.session.number] ?? register(joined.session)
        runtime.stopFollowing()
        runtime.isBroken = false
        runtime.settledPublication = nil
        runtime.acceptedMessages = []
        runtime.isToBeAnnounced = true
        carryOut(joined.outcome, runtime)
        follow(runtime)
        renewKeysIfDue(runtime)
    }

    /// The session of a group that is known already, or a new one.
    private func session(for id: [UInt8], in transaction: StoreTransaction) throws -> GroupSession {
        if let runtime = runtime(GroupID(id)) { return runtime.session }
        let number = GroupNumber(rawValue: try transaction.nextNumber(Tables.groups))
        return GroupSession(number: number, record: GroupRecord(id: id, status: .member, state: .none))
    }

    // MARK: Notices

    private func takeGroupNotice(_ entry: Entry) {
        switch entry.header.kind {
        case .groupDeleted:
            guard let notice = try? DeletionNotice(decoding: entry.payload) else { return }
            tellGroup(notice.groupID) { session, turn in
                try session.finish(.deleted(by: try session.user(of: notice.by, turn)), at: .zero, turn)
            }
        case .welcomeVoided:
            guard let notice = try? VoidedWelcomeNotice(decoding: entry.payload) else { return }
            tellGroup(notice.groupID) { session, turn in try session.finish(.neverJoined, at: .zero, turn) }
        default: break
        }
    }

    private func tellGroup(_ id: [UInt8], _ body: (GroupSession, GroupTurn) throws -> Void) {
        guard let runtime = runtime(GroupID(id)), runtime.session.isMember else { return }
        tell(runtime, body)
    }

    private func takeAccountNotice(_ entry: Entry, _ cursor: Cursor) throws {
        var changed = account
        changed.inbox = cursor
        let event = try store.write { transaction in
            // A notice that is malformed says nothing.
            let event = try? receive(entry, &changed, in: transaction)
            try transaction.encode(changed, Tables.account, Account.key)
            return event ?? nil
        }
        account = changed
        if let event { tell(event) }
        if account.needsUpkeep { Task { await maintain() } }
    }
}

/// A Welcome leads to a group that this device is a member of, as far as it has read.
private struct UnreadMembership: Error {
    let group: GroupNumber
}
