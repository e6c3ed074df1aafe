import MLSCodec
public import RelayWire
import TLSPresentation

/// What is asked about invitations.
public enum InvitationAction: Hashable, Sendable {
    case invite(Invite)
    case answer(AnswerInvitation)
    case take(InvitationNumber)
}

/// Invitations into tracked groups: a user is asked, and is added after it has accepted; its KeyPackages wait meanwhile.
/// PROTOCOL.md section 7.11, N-10 of the requirements.
///
/// | State | What comes of its KeyPackages |
/// |---|---|
/// | open, not taken | they are reserved: out of their pools, a record of `reservations` each |
/// | open, taken | they are handed out; the record says which, for whoever asks again |
/// | ended | those that nobody has taken are back in their pools |
///
/// Invariant: while an invitation is open, and only then, the indices of its user, its group and its inviter have it.
extension Relay {
    mutating func carryOut(
        _ action: InvitationAction, by client: ClientNumber, at now: Timestamp
    ) throws(State.Failure) -> Outcome {
        switch action {
        case .invite(let request): try invite(request, by: client, at: now)
        case .answer(let request): try answer(request, by: client, at: now)
        case .take(let number): try takeInvited(number, by: client, at: now)
        }
    }

    // MARK: Inviting

    private mutating func invite(
        _ request: Invite, by client: ClientNumber, at now: Timestamp
    ) throws(State.Failure) -> Outcome {
        let group: GroupRecord
        let inviter: UserNumber
        let role: Role
        switch try entered(request.log, by: client) {
        case .failure(let refusal): return .refused(refusal)
        case .success(let entered): (group, inviter, role) = entered
        }
        guard role == .admin || role.has(group.policy.mayAdd) else {
            return .refused(.roleInsufficient("invite users"))
        }
        guard let user = try state.user(named: request.name, foundBy: inviter) else {
            return .refused(RelayError(.userUnknown, "No user has this name."))
        }
        guard try state.role(of: user, in: request.log) == .nobody else {
            return .refused(RelayError(.notPermitted, "The user is in the group."))
        }
        guard try !state.has(Tables.bans, PairKey(request.log, user)) else {
            return .refused(RelayError(.userBanned, "The user is banned from the group."))
        }
        if let open = try state.invitation(of: user, to: request.log) { return .answered(invited(open)) }
        if let refusal = try checkCounts(request.log, inviter) { return .refused(refusal) }
        if let refusal = limitFetches(of: [request.name], by: inviter, at: now) { return .refused(refusal) }
        guard try hasKeyPackage(user, request.cipherSuite, at: now) else {
            return .refused(
                RelayError(.keyPackageUnavailable, "No client of the user has a KeyPackage of this suite."))
        }

        let number = InvitationNumber(rawValue: try state.nextNumber(.invitation))
        let needsApproval = role != .admin && group.needsApproval(of: 1)
        let longest = limits.maxInvitationLifetimeMilliseconds
        let asked = request.lifetimeMilliseconds
        let lifetime = min(asked == 0 ? limits.invitationLifetimeMilliseconds : asked, longest)
        var record = InvitationRecord(
            log: request.log, inviter: client, user: user, cipherSuite: request.cipherSuite, info: request.info,
            created: now, expires: Timestamp(rawValue: now.rawValue + lifetime),
            state: needsApproval ? .waitingForApproval : .waiting, isApproved: role == .admin, reserved: [])
        record.reserved = try reserve(of: user, record.cipherSuite, for: number, at: now)
        try put(record, number)
        try set(.invitation(number), at: record.expires)
        if needsApproval {
            try tellAdmins(number, record, at: now)
        } else {
            try tellInvited(number, record, at: now)
        }
        return .answered(invited((number, record)))
    }

    private func invited(_ invitation: (number: InvitationNumber, record: InvitationRecord)) -> EncodedFrame {
        EncodedFrame(
            Invited(
                invitation: invitation.number, state: invitation.record.state,
                clients: UInt32(invitation.record.reserved.count), expires: invitation.record.expires))
    }

    private func checkCounts(_ log: LogNumber, _ inviter: UserNumber) throws(State.Failure) -> RelayError? {
        let ofGroup = limits.maxInvitationsPerGroup
        guard try state.keys(Tables.groupInvitations, prefix: log.recordKey, limit: ofGroup).count < ofGroup else {
            return .invitationsExceeded("max-invitations-per-group", "The group has too many open invitations.")
        }
        let ofUser = limits.maxInvitationsPerUser
        guard try state.keys(Tables.inviterInvitations, prefix: inviter.recordKey, limit: ofUser).count < ofUser else {
            return .invitationsExceeded("max-invitations-per-user", "The user has too many open invitations.")
        }
        return nil
    }

    private func hasKeyPackage(
        _ user: UserNumber, _ suite: CipherSuite, at now: Timestamp
    ) throws(State.Failure) -> Bool {
        for client in try state.clients(of: user) {
            for isLastResort in [false, true] {
                let pool = try state.pool(of: client, suite, isLastResort: isLastResort, atMost: .max)
                if pool.contains(where: { !$0.isExpired(at: now) }) { return true }
            }
        }
        return false
    }

    // MARK: Reservations

    /// Keeps one KeyPackage of each client of a user for an invitation. One of last resort stays where it is.
    private mutating func reserve(
        of user: UserNumber, _ suite: CipherSuite, for number: InvitationNumber, at now: Timestamp
    ) throws(State.Failure) -> [InvitationRecord.Reservation] {
        var reserved: [InvitationRecord.Reservation] = []
        var room = WireLimits.maxFrameByteCount - 4096
        for client in try state.clients(of: user) {
            guard let next = try nextKeyPackage(of: client, suite, at: now) else { continue }
            // All have to fit into one answer.
            room -= try message(of: next).count + Self.resultByteCount
            guard room >= 0 else { break }
            reserved.append(
                InvitationRecord.Reservation(
                    client: client, sequenceNumber: next.sequenceNumber, isLastResort: next.isLastResort,
                    notAfter: next.notAfter))
            if next.isLastResort { continue }
            try state.remove(next)
            try state.set(
                Tables.reservations, PairKey(client, next.sequenceNumber),
                ReservationRecord(invitation: number, keyPackage: next))
            try tell(next, .keyPackageReserved, number, at: now)
            try tellIfLow(client, suite, removed: 1, at: now)
        }
        return reserved
    }

    /// Puts what nobody has taken back into its pool: in front, since it was there before all that came later.
    private mutating func giveBack(
        _ record: InvitationRecord, of number: InvitationNumber, at now: Timestamp
    ) throws(State.Failure) {
        for reservation in record.reserved {
            let key = PairKey(reservation.client, reservation.sequenceNumber)
            guard let kept = try state.get(Tables.reservations, key), kept.invitation == number else { continue }
            try state.remove(Tables.reservations, key)
            if kept.keyPackage.isExpired(at: now) {
                try tellExpired(kept.keyPackage, at: now)
            } else {
                try state.insert(kept.keyPackage)
                try tell(kept.keyPackage, .keyPackageReturned, number, at: now)
            }
        }
    }

    private mutating func tell(
        _ keyPackage: PooledKeyPackage, _ kind: EntryKind, _ invitation: InvitationNumber, at now: Timestamp
    ) throws(State.Failure) {
        let notice = ReservationNotice(sequenceNumber: keyPackage.sequenceNumber, invitation: invitation)
        try notify(notice.encoded, kind: kind, in: .keyPackages(of: keyPackage.client), at: now)
    }

    /// Gives whoever may add the KeyPackages of an invitation that is accepted: the same ones again, until it is completed.
    private mutating func takeInvited(
        _ number: InvitationNumber, by client: ClientNumber, at now: Timestamp
    ) throws(State.Failure) -> Outcome {
        guard var record = try state.get(Tables.invitations, number) else { return .refused(.invitationUnknown) }
        let user = try state.user(of: client)
        guard let member = try state.member(client, of: record.log), member.state == .active else {
            let inviter = try state.user(of: record.inviter)
            return .refused(user == record.user || user == inviter ? .notMember : .invitationUnknown)
        }
        let group = try existingGroup(record.log)
        let role = try state.role(of: user, in: record.log)
        guard role == .admin || role.has(group.policy.mayAdd) else { return .refused(.roleInsufficient("add members")) }
        guard record.state == .accepted, now < record.expires else { return .refused(.invitationUnknown) }
        guard role == .admin || record.isApproved || !group.needsApproval(of: 1) else {
            return .refused(RelayError(.approvalRequired, "An admin approves the invitation first."))
        }
        if !record.isTaken {
            let isSuspended = try state.existing(Tables.users, record.user).isSuspended
            let valid = isSuspended ? [] : record.reserved.filter { $0.notAfter > now }
            guard !valid.isEmpty else {
                return .refused(RelayError(.keyPackageUnavailable, "None of the KeyPackages can be used any more."))
            }
            for reservation in record.reserved {
                try handOut(
                    reservation, isValid: valid.contains(reservation), suite: record.cipherSuite, to: client, now)
            }
            record.reserved = valid
            record.isTaken = true
            try state.set(Tables.invitations, number, record)
        }
        var results: [KeyPackageResult] = []
        for reservation in record.reserved {
            let log = try existing(.keyPackages(of: reservation.client))
            let entry = try state.entry(reservation.sequenceNumber, in: log)
            results.append(KeyPackageResult(error: .none, client: reservation.client, message: entry.payload))
        }
        return .keyPackages(results)
    }

    private mutating func handOut(
        _ reservation: InvitationRecord.Reservation, isValid: Bool, suite: CipherSuite, to client: ClientNumber,
        _ now: Timestamp
    ) throws(State.Failure) {
        let key = PairKey(reservation.client, reservation.sequenceNumber)
        let keyPackage = PooledKeyPackage(
            client: reservation.client, cipherSuite: suite, isLastResort: reservation.isLastResort,
            sequenceNumber: reservation.sequenceNumber, notAfter: reservation.notAfter, reference: [])
        if !reservation.isLastResort { try state.remove(Tables.reservations, key) }
        if isValid {
            try tellHandedOut(keyPackage, to: client, at: now)
        } else if !reservation.isLastResort {
            try tellExpired(keyPackage, at: now)
        }
    }

    // MARK: Answers

    private mutating func answer(
        _ request: AnswerInvitation, by client: ClientNumber, at now: Timestamp
    ) throws(State.Failure) -> Outcome {
        let number = request.invitation
        guard let record = try state.get(Tables.invitations, number) else { return .refused(.invitationUnknown) }
        if let refusal = try checkRight(to: request.answer, record, by: client) { return .refused(refusal) }
        let new: InvitationState
        let from: Set<InvitationState>
        switch request.answer {
        case .accept: (new, from) = (.accepted, [.waiting])
        case .decline: (new, from) = (.declined, [.waiting, .accepted])
        case .cancel: (new, from) = (.cancelled, [.waitingForApproval, .waiting, .accepted])
        case .refuse: (new, from) = (.cancelled, [.waitingForApproval])
        case .approve: return try approve(number, record, at: now)
        }
        // Whoever says it again lost the answer.
        if record.state == new { return .answered(EncodedFrame(Done())) }
        guard from.contains(record.state), now < record.expires else { return .refused(.invitationUnknown) }
        if new.isOpen {
            var changed = record
            changed.state = new
            try put(changed, number)
            try tellAnswer(number, changed, before: record.state, at: now)
        } else {
            try end(number, as: new, at: now)
        }
        return .answered(EncodedFrame(Done()))
    }

    /// Who does not know of an invitation is told that there is none.
    private func checkRight(
        to answer: InvitationAnswerType, _ record: InvitationRecord, by client: ClientNumber
    ) throws(State.Failure) -> RelayError? {
        let user = try state.user(of: client)
        let isMember = try state.member(client, of: record.log)?.state == .active
        let role = try state.role(of: user, in: record.log)
        let isAdmin = isMember && role == .admin
        let isInviter = try state.user(of: record.inviter) == user
        switch answer {
        case .accept, .decline:
            return record.user == user && record.state != .waitingForApproval ? nil : .invitationUnknown
        case .cancel: if isInviter || isAdmin { return nil }
        case .approve, .refuse: if isAdmin { return nil }
        }
        return isMember || isInviter ? .roleInsufficient("decide on invitations") : .invitationUnknown
    }

    /// An admin is content with an addition; one that waits for that goes on to the invited user.
    private mutating func approve(
        _ number: InvitationNumber, _ record: InvitationRecord, at now: Timestamp
    ) throws(State.Failure) -> Outcome {
        guard record.state.isOpen, now < record.expires else { return .refused(.invitationUnknown) }
        guard !record.isApproved else { return .answered(EncodedFrame(Done())) }
        var changed = record
        changed.isApproved = true
        if record.state == .waitingForApproval { changed.state = .waiting }
        try put(changed, number)
        if record.state == .waitingForApproval {
            try tellAnswer(number, changed, before: record.state, at: now)
            try tellInvited(number, changed, at: now)
        }
        return .answered(EncodedFrame(Done()))
    }

    // MARK: The end

    /// The user was added by a commit.
    mutating func complete(_ number: InvitationNumber, at now: Timestamp) throws(State.Failure) {
        try end(number, as: .completed, at: now)
    }

    /// The commit that completed an invitation is void: the invitation is accepted, as before. What was handed out for it may
    /// be used up, since its client has got the Welcome; so others are reserved.
    mutating func reopen(_ number: InvitationNumber, at now: Timestamp) throws(State.Failure) {
        var record = try state.existing(Tables.invitations, number)
        guard record.state == .completed else { return }
        let isBanned = try state.has(Tables.bans, PairKey(record.log, record.user))
        let hasAnother = try state.invitation(of: record.user, to: record.log) != nil
        record.state = .accepted
        if !isBanned, !hasAnother, now < record.expires {
            record.reserved = try reserve(of: record.user, record.cipherSuite, for: number, at: now)
            try set(.invitation(number), at: record.expires)
            try put(record, number)
            try tellAnswer(number, record, before: .completed, at: now)
        } else {
            try put(record, number)
            try end(number, as: now < record.expires ? .cancelled : .expired, at: now)
        }
    }

    /// The time of an invitation has come.
    mutating func expire(_ number: InvitationNumber, at now: Timestamp) throws(State.Failure) {
        let record = try state.existing(Tables.invitations, number)
        guard record.state.isOpen, record.expires <= now else { return }
        try end(number, as: .expired, at: now)
    }

    /// Nothing more comes of an invitation. What is kept of it says how it ended.
    mutating func end(_ number: InvitationNumber, as end: InvitationState, at now: Timestamp) throws(State.Failure) {
        var record = try state.existing(Tables.invitations, number)
        let before = record.state
        try giveBack(record, of: number, at: now)
        record.state = end
        record.reserved = []
        record.isTaken = false
        record.info = []
        try put(record, number)
        try tellAnswer(number, record, before: before, at: now)
    }

    private mutating func put(_ record: InvitationRecord, _ number: InvitationNumber) throws(State.Failure) {
        try state.set(Tables.invitations, number, record)
        let inviter = try state.user(of: record.inviter)
        if record.state.isOpen {
            try state.mark(Tables.userInvitations, PairKey(record.user, number))
            try state.mark(Tables.groupInvitations, PairKey(record.log, number))
            try state.mark(Tables.inviterInvitations, PairKey(inviter, number))
        } else {
            try state.remove(Tables.userInvitations, PairKey(record.user, number))
            try state.remove(Tables.groupInvitations, PairKey(record.log, number))
            try state.remove(Tables.inviterInvitations, PairKey(inviter, number))
        }
    }

    // MARK: Telling

    private mutating func tellInvited(
        _ number: InvitationNumber, _ record: InvitationRecord, at now: Timestamp
    ) throws(State.Failure) {
        try tell(try state.clients(of: record.user), notice(number, record).encoded, .invitation, at: now)
    }

    /// Admins get the invitation, and whom it is for.
    private mutating func tellAdmins(
        _ number: InvitationNumber, _ record: InvitationRecord, at now: Timestamp
    ) throws(State.Failure) {
        let admins = try admins(of: record.log)
        try tell(admins, notice(number, record).encoded, .invitation, at: now)
        try tell(admins, answerNotice(number, record).encoded, .invitationAnswer, at: now)
    }

    /// Tells what has become of an invitation: the inviter's clients, those of the invited user if it knows of it, and
    /// admins if it waited for them.
    private mutating func tellAnswer(
        _ number: InvitationNumber, _ record: InvitationRecord, before: InvitationState, at now: Timestamp
    ) throws(State.Failure) {
        var told = Set(try state.clients(of: try state.user(of: record.inviter)))
        if before == .waitingForApproval {
            told.formUnion(try admins(of: record.log))
        } else {
            told.formUnion(try state.clients(of: record.user))
        }
        try tell(told.sorted(), answerNotice(number, record).encoded, .invitationAnswer, at: now)
    }

    private mutating func tell(
        _ clients: [ClientNumber], _ payload: [UInt8], _ kind: EntryKind, at now: Timestamp
    ) throws(State.Failure) {
        for client in clients { try notify(payload, kind: kind, in: .inbox(of: client), at: now) }
    }

    private func notice(
        _ number: InvitationNumber, _ record: InvitationRecord
    ) throws(State.Failure) -> InvitationNotice {
        InvitationNotice(
            invitation: number, log: record.log, groupID: try groupID(of: record.log),
            groupName: try existingGroup(record.log).name,
            inviter: try state.existing(Tables.clients, record.inviter).identity.name, info: record.info,
            expires: record.expires)
    }

    private func answerNotice(
        _ number: InvitationNumber, _ record: InvitationRecord
    ) throws(State.Failure) -> InvitationAnswerNotice {
        InvitationAnswerNotice(
            invitation: number, log: record.log, name: try state.existing(Tables.users, record.user).name,
            state: record.state)
    }

    /// The clients of a group's admins.
    private func admins(of log: LogNumber) throws(State.Failure) -> [ClientNumber] {
        var admins: [ClientNumber] = []
        for (client, record) in try state.members(of: log) where record.state == .active {
            if try state.role(of: record.user, in: log) == .admin { admins.append(client) }
        }
        return admins
    }
}

extension GroupRecord {
    /// Whether so many more users are more than members add without an admin. S4-16 of the requirements.
    func needsApproval(of additions: UInt64) -> Bool {
        policy.approvalAbove > 0 && UInt64(userCount) + additions > UInt64(policy.approvalAbove)
    }
}

extension RelayError {
    static let invitationUnknown = RelayError(.invitationUnknown, "There is no such invitation, or no more.")

    fileprivate static func invitationsExceeded(_ setting: String, _ text: String) -> RelayError {
        // Time alone does not help.
        let detail = RetryDetail(retryAfterMilliseconds: 0, limit: Array(setting.utf8))
        return RelayError(.quotaExceeded, text, detail: detail.encoded)
    }
}
