import ClientStore
import MLSCodec
import MLSPublicGroup
import RelayConnection
import RelayWire
import TLSPresentation

/// Invitations: asked, accepted, and only then added. PROTOCOL.md section 7.11.
///
/// The relay tells in the inbox what becomes of an invitation; what this device itself asks for is remembered at once. Of
/// an accepted one each device of the inviter's user takes the KeyPackages and adds their clients: whichever comes first,
/// the others find them there.
extension RelayClient {
    // MARK: For people

    func listInvitations() throws -> [Invitation] {
        let user = account.user
        return try store.read { transaction in
            try Self.records(transaction).filter { $0.record.isShown(to: user) }
                .compactMap { $0.record.invitation($0.number) }
        }
    }

    func answer(_ invitation: Invitation, _ answer: InvitationAnswerType) async throws {
        let number = InvitationNumber(rawValue: invitation.number)
        let body = AnswerInvitation(invitation: number, answer: answer)
        _ = try await usableConnection().ask(body, for: Done.self, isRepeatable: true)
        let changed = try store.write { transaction in
            try Self.record(number, transaction)?.answered(answer).map { record in
                try transaction.encode(record, Tables.invitations, number.encoded)
                return record
            }
        }
        if let invitation = changed?.invitation(number) { tell(.invitation(invitation)) }
    }

    /// Invites users who are not in the group. All are asked, also where one of them cannot be; then the first error is
    /// thrown. Who was asked already is not asked again.
    func invite(_ users: [String], into group: GroupID) async throws {
        var failure: (any Error)?
        for user in users {
            do { try await invite(user, into: group) } catch { failure = failure ?? error }
        }
        if let failure { throw failure }
    }

    private func invite(_ user: String, into id: GroupID) async throws {
        let connection = try usableConnection()
        let group = try existing(id).session.record
        let invite = Invite(
            log: group.log, name: Array(user.utf8), cipherSuite: Account.suite, info: [],
            lifetimeMilliseconds: 0)
        let invited = try await connection.ask(invite, for: Invited.self, isRepeatable: true)
        let record = InvitationRecord(
            log: group.log, group: group.id, groupName: group.name, inviter: account.user, invited: invite.name,
            state: invited.state, expires: invited.expires)
        // The inbox may have told more of it already.
        let isNew = try store.write { transaction in
            guard try Self.record(invited.invitation, transaction) == nil else { return false }
            try transaction.encode(record, Tables.invitations, invited.invitation.encoded)
            return true
        }
        if isNew, let invitation = record.invitation(invited.invitation) { tell(.invitation(invitation)) }
    }

    // MARK: The inbox

    /// Takes a notice about an invitation: what this device remembers of it, and that the notice was processed, are one
    /// transaction. Who has accepted is then added.
    func takeInvitation(_ entry: Entry, _ cursor: Cursor) throws {
        var event: ClientEvent?
        try didTake(cursor) { transaction in
            // A notice that is malformed says nothing.
            if let notice = try? InvitationNotice(decoding: entry.payload), entry.header.kind == .invitation {
                event = try didReceive(notice, in: transaction)
            } else if let notice = try? InvitationAnswerNotice(decoding: entry.payload) {
                event = try didReceive(notice, at: entry.header.time, in: transaction)
            }
        }
        guard let event else { return }
        tell(event)
        if case .invitation(let invitation) = event, invitation.state == .accepted { Task { await addInvited() } }
    }

    /// Remembers an invitation; what is returned is told to people once the transaction is durable.
    private func didReceive(_ notice: InvitationNotice, in transaction: StoreTransaction) throws -> ClientEvent? {
        let change = InvitationRecord.change(
            try Self.record(notice.invitation, transaction), by: notice, user: account.user,
            isMember: runtime(GroupID(notice.groupID))?.session.isMember ?? false)
        return try keep(change, notice.invitation, transaction)
    }

    private func didReceive(
        _ notice: InvitationAnswerNotice, at time: Timestamp, in transaction: StoreTransaction
    ) throws -> ClientEvent? {
        let group = runtimes.values.first { $0.session.record.log == notice.log }?.session.record
        let change = InvitationRecord.change(
            try Self.record(notice.invitation, transaction), by: notice, user: account.user,
            group: group.map { InvitationRecord.KnownGroup(id: $0.id, name: $0.name) },
            expiring: Timestamp(rawValue: time.rawValue + Self.unknownLifetime))
        return try change.flatMap { try keep($0, notice.invitation, transaction) }
    }

    /// Of an invitation by another device it is not told how long it lasts: 30 days, the most that relays usually grant.
    private static let unknownLifetime: UInt64 = 30 * 86_400_000

    private func keep(
        _ change: InvitationChange, _ number: InvitationNumber, _ transaction: StoreTransaction
    ) throws -> ClientEvent? {
        try transaction.encode(change.record, Tables.invitations, number.encoded)
        guard change.isNews else { return nil }
        return change.record.invitation(number).map { .invitation($0) }
    }

    // MARK: Adding who has accepted

    /// Adds those who have accepted invitations of this user's. What fails is told, and tried again with the next
    /// connection.
    /// - Parameter isFirst: whether this is the first time on a connection: what was begun before may have come to nothing.
    func addInvited(isFirst: Bool = false) async {
        do {
            for (number, record) in try acceptedInvitations(isFirst: isFirst) {
                do { try await addInvited(number, record) } catch { report(error) }
            }
        } catch { report(error) }
    }

    /// Those that are to be carried out. What is over is forgotten.
    private func acceptedInvitations(
        isFirst: Bool
    ) throws -> [(number: InvitationNumber, record: InvitationRecord)] {
        let now = ValidationPolicy.systemClock() * 1000
        return try store.write { transaction in
            var due: [(number: InvitationNumber, record: InvitationRecord)] = []
            for (number, record) in try Self.records(transaction) {
                if record.expires.rawValue < now {
                    try transaction.delete(Tables.invitations, number.encoded)
                } else if record.isToBeAdded(by: account.user), isFirst || !record.isTaken {
                    due.append((number, record))
                }
            }
            return due
        }
    }

    private func addInvited(_ number: InvitationNumber, _ record: InvitationRecord) async throws {
        guard let runtime = runtime(GroupID(record.group)), runtime.session.isMember else { return }
        let user = String(decoding: record.invited, as: UTF8.self)
        do {
            let packages = try await keyPackages(of: number, user)
            try add(packages, of: number, runtime)
        } catch let error as RelayClientError where error.code == .keyNotTrusted {
            try turn(runtime) { session, turn in
                try turn.append(.integrityWarning(.keySubstituted(user: user)), session)
                try Self.setTaken(number, turn.transaction)
            }
            throw error
        }
    }

    /// Those that were reserved, each verified to be the invited user's; others where they are over by now.
    private func keyPackages(of number: InvitationNumber, _ user: String) async throws -> FetchedUser {
        do {
            let taken = try await usableConnection().ask(
                TakeInvited(invitation: number), for: KeyPackages.self, isRepeatable: true)
            return try await verify(taken.results, of: user)
        } catch let error as RelayConnectionError where error.code == .relay(.keyPackageUnavailable) {
            guard let fetched = try await fetchKeyPackages(of: [user]).first else { throw error }
            return fetched
        }
    }

    /// Gives KeyPackages to the group, which adds their clients as soon as it can, also after a crash. After a crash before
    /// that they are taken again.
    private func add(_ user: FetchedUser, of number: InvitationNumber, _ runtime: GroupRuntime) throws {
        let clients = user.keyPackages.map {
            OutboxItem.AddedClient(client: $0.client, keyPackage: $0.keyPackage.encoded)
        }
        try turn(runtime) { session, turn in
            try session.enqueue(.change(.add(clients)), turn)
            try Self.setTaken(number, turn.transaction)
        }
    }

    private static func setTaken(_ number: InvitationNumber, _ transaction: StoreTransaction) throws {
        guard var record = try record(number, transaction) else { return }
        record.isTaken = true
        try transaction.encode(record, Tables.invitations, number.encoded)
    }

    // MARK: The store

    private static func record(
        _ number: InvitationNumber, _ transaction: StoreTransaction
    ) throws -> InvitationRecord? {
        try transaction.decode(Tables.invitations, number.encoded)
    }

    private static func records(
        _ transaction: StoreTransaction
    ) throws -> [(number: InvitationNumber, record: InvitationRecord)] {
        try transaction.keys(Tables.invitations, prefix: []).compactMap { key in
            let number = try InvitationNumber(decoding: key)
            return try record(number, transaction).map { (number, $0) }
        }
    }
}
