import ClientStore
import MLS
import MLSPublicGroup
import RelayConnection
import RelayWire
import TLSPresentation

/// Doing what is to be done in a group, one thing after the other.
extension RelayClient {
    private static var pauseAfterFailure: Duration { .milliseconds(500) }

    /// Makes sure that what is to be done in a group is looked at.
    func kick(_ runtime: GroupRuntime) {
        guard canWork(on: runtime) else { return }
        runtime.mustLookAgain = true
        guard !runtime.isWorking else { return }
        runtime.isWorking = true
        Task {
            defer { runtime.isWorking = false }
            while runtime.mustLookAgain, canWork(on: runtime) {
                runtime.mustLookAgain = false
                await workOnce(runtime)
            }
        }
    }

    private func canWork(on runtime: GroupRuntime) -> Bool { isOpen && connection != nil && !runtime.isBroken }

    private func workOnce(_ runtime: GroupRuntime) async {
        do {
            while canWork(on: runtime), try await step(runtime) {}
        } catch {
            guard isOpen, connection != nil else { return }
            report(error)
            // Cancelled at the end.
            try? await Task.sleep(for: Self.pauseAfterFailure)
            runtime.mustLookAgain = true
        }
    }

    /// - Returns: whether there may be more to do at once.
    private func step(_ runtime: GroupRuntime) async throws -> Bool {
        let session = runtime.session
        let isSettled = session.publication != nil && session.publication == runtime.settledPublication
        let step = session.nextStep(
            isCommitAccepted: isSettled, hasPendingProposals: runtime.hasPendingProposals,
            accepted: runtime.acceptedMessages)
        switch step {
        case .none: return false
        case .publishCommit(let publication): try await publish(publication, runtime)
        case .makeCommit: try await makeCommit(runtime)
        case .prepareItems(let items): try turn(runtime) { try $0.prepare(items, $1) }
        case .publishItems(let items): try await publish(items, runtime)
        case .join: try await join(runtime)
        }
        return true
    }

    // MARK: Being up to date

    /// Waits until this device has read what the relay has of the group now.
    func catchUp(_ runtime: GroupRuntime) async throws {
        let description = try await askDescription(runtime)
        try await wait(runtime) { runtime.session.record.cursor >= description.last || !runtime.session.isMember }
    }

    /// Waits until the relay has said what kind of group it is, and which log it has.
    func described(_ runtime: GroupRuntime) async throws {
        let isKnown = runtime.session.isDescribed && runtime.session.record.log != .none
        guard runtime.session.isMember, !isKnown else { return }
        let description = try await askDescription(runtime)
        guard runtime.session.isMember else { return }
        _ = try turn(runtime) { session, turn in try session.take(description, turn) }
    }

    func askDescription(_ runtime: GroupRuntime) async throws -> GroupDescription {
        try await usableConnection().ask(
            DescribeGroup(groupID: runtime.session.record.id), for: GroupDescription.self, isRepeatable: true)
    }

    // MARK: Commits

    /// How long to wait at most, for each race that was just lost, before the next commit is made.
    private static var pauseAfterRace: Duration { .milliseconds(50) }
    private static var maxRacesToPauseFor: Int { 20 }

    private func makeCommit(_ runtime: GroupRuntime) async throws {
        if runtime.racesLostInARow > 0 {
            // Many want to commit at once: all but one of the commits that are made for an epoch are for nothing.
            let races = min(runtime.racesLostInARow, Self.maxRacesToPauseFor)
            try await pause(Self.pauseAfterRace * races * Double.random(in: 0...1))
        }
        try await learnNumbers(runtime)
        let session = runtime.session
        guard session.isMember, session.publication == nil else { return }
        let hasMoot = try turn(runtime) { session, turn in
            try session.makeCommit(accepted: runtime.acceptedMessages, turn)
            runtime.hasPendingProposals = try session.hasPendingProposals(turn)
            return !turn.outcome.mootItems.isEmpty
        }
        if hasMoot, session.publication == nil {
            try await catchUp(runtime)
            try turn(runtime) { session, turn in
                guard session.isMember, session.publication == nil else { return }
                try session.makeCommit(accepted: runtime.acceptedMessages, isCaughtUp: true, turn)
            }
        }
        // Nothing could be committed: what is pending cannot be.
        if session.publication == nil { runtime.hasPendingProposals = false }
    }

    private func publish(_ publication: Publication, _ runtime: GroupRuntime) async throws {
        guard let connection else { return }
        do {
            let receipts = try await send(publication, runtime.session.record, connection)
            guard runtime.session.publication == publication else { return }
            runtime.settledPublication = publication
            guard let receipt = receipts.first else { return }
            switch publication.kind {
            case .create:
                try turn(runtime) { session, turn in try session.didCreate(publication, receipt, turn) }
                follow(runtime)
            case .commit: runtime.racesLostInARow = 0
            case .join:
                runtime.isToBeAnnounced = true
                try turn(runtime) { session, turn in try session.didJoin(publication, receipt, turn) }
                (runtime.staleGroupInfos, runtime.epochAtRelay) = (0, 0)
                follow(runtime)
            }
        } catch let error as RelayConnectionError {
            if error.code == .relay(.staleEpoch) {
                runtime.racesLost += 1
                runtime.racesLostInARow += 1
            }
            guard runtime.session.publication == publication else { return }
            try await didRefuse(publication, error, runtime)
        }
    }

    private func send(
        _ publication: Publication, _ record: GroupRecord, _ connection: RelayConnection
    ) async throws(RelayConnectionError) -> [Receipt] {
        switch publication.kind {
        case .create:
            let frame = CreateGroup(
                groupID: record.id, epoch: Epoch(rawValue: 0), name: record.name, alias: record.alias,
                policy: record.policy, messages: publication.messages)
            return try await connection.ask(frame, for: GroupCreated.self, isRepeatable: true).receipts
        case .join where publication.added.isEmpty: return try await connection.publish(publication.messages)
        case .commit where record.policy.mode != .privateHandshake:
            return try await connection.publish(publication.messages)
        case .join, .commit:
            let frame = PublishCommit(
                messages: publication.messages, added: publication.added, removed: publication.removed)
            return try await connection.ask(frame, for: Published.self, isRepeatable: true).receipts
        }
    }

    /// The relay did not take a commit, or it is not known whether it did.
    private func didRefuse(
        _ publication: Publication, _ error: RelayConnectionError, _ runtime: GroupRuntime
    ) async throws {
        switch error.refusal {
        case .staleEpoch?, .futureEpoch?:
            if publication.kind == .join {
                // A relay that does not say where the group is has nothing to answer for what it gives.
                runtime.epochAtRelay = error.epochDetail?.epoch.rawValue ?? .max
                try turn(runtime) { session, turn in try session.didNotJoin(publication, turn) }
            } else {
                // The log says which commit has won; it may even be this one.
                runtime.settledPublication = publication
            }
        case .commitReserved?, .rateLimited?:
            let wait = error.retryDetail.map { Duration.milliseconds($0.retryAfterMilliseconds) } ?? .zero
            await pause(max(wait, .milliseconds(20)), while: publication, runtime)
        case .storageFull?, .storageFailed?, .shuttingDown?: try await pause(Self.pauseAfterFailure)
        case .proposalRequired?:
            // Somebody leaves: the log tells, or the next GroupInfo.
            try turn(runtime) { session, turn in try session.giveUp(publication, turn) }
            try await pause(Self.pauseAfterFailure)
        case nil: try await waitAfter(error)
        case .notMember?, .groupDeleted?, .groupUnknown?:
            if publication.kind == .join { return try failJoin(publication, error, runtime) }
            // The log tells, or it cannot be read any more.
            runtime.settledPublication = publication
        case _?:
            switch publication.kind {
            case .join: try failJoin(publication, error, runtime)
            case .create: try await didNotCreate(publication, error, runtime)
            case .commit:
                // What others have proposed cannot be committed.
                if publication.items.isEmpty { runtime.hasPendingProposals = false }
                try turn(runtime) { session, turn in
                    try session.didRefuse(publication.items, RelayClientError(error), turn)
                }
            }
        }
    }

    /// The relay has the group already, of an earlier attempt whose answer was lost; or it takes none.
    private func didNotCreate(
        _ publication: Publication, _ error: RelayConnectionError, _ runtime: GroupRuntime
    ) async throws {
        if error.code == .relay(.groupExists) {
            let description = try await askDescription(runtime)
            guard !description.members.contains(where: { $0.client == account.clientNumber }) else {
                try turn(runtime) { session, turn in try session.didCreate(publication, description.log, turn) }
                return follow(runtime)
            }
        }
        runtime.joinFailure = RelayClientError(error)
        try turn(runtime) { session, turn in try session.finish(.neverJoined, at: .zero, turn) }
    }

    private func failJoin(
        _ publication: Publication, _ error: RelayConnectionError, _ runtime: GroupRuntime
    ) throws {
        runtime.joinFailure = RelayClientError(error)
        try turn(runtime) { session, turn in
            try session.didNotJoin(publication, turn)
            try session.finish(.neverJoined, at: .zero, turn)
        }
    }

    /// The connection failed: it is made anew, or has ended for good.
    private func waitAfter(_ error: RelayConnectionError) async throws {
        switch error.code {
        case .closed, .notConnected, .certificateRefused, .identityUnusable: throw error
        default: try await pause(Self.pauseAfterFailure)
        }
    }

    private func pause(_ duration: Duration) async throws { try await Task.sleep(for: duration) }

    /// Returns once `publication` is not what is to be published any more: another's commit has come.
    private func pause(_ duration: Duration, while publication: Publication, _ runtime: GroupRuntime) async {
        let end = ContinuousClock.now + duration
        let timer = Task {
            do { try await Task.sleep(until: end) } catch { return }
            if isOpen { runtime.resumeTurnWaiters() }
        }
        while isOpen, runtime.session.publication == publication, ContinuousClock.now < end {
            await nextTurn(of: runtime)
        }
        timer.cancel()
    }

    // MARK: Messages

    private func publish(
        _ items: [(number: UInt64, prepared: OutboxItem.Prepared)], _ runtime: GroupRuntime
    ) async throws {
        guard let connection else { return }
        do {
            _ = try await connection.publish(items.map(\.prepared.message))
            runtime.acceptedMessages.formUnion(items.map(\.prepared.hash))
            // Some may have come back already.
            runtime.forgetAcceptedMessages()
        } catch {
            switch error.refusal {
            case .staleEpoch?, .futureEpoch?:
                guard let epoch = error.epochDetail?.epoch.rawValue else { throw error }
                try turn(runtime) { session, turn in
                    try session.didRefuse(items.map(\.number), groupEpoch: epoch, turn)
                }
            case .rateLimited?, .quotaExceeded?, .storageFull?, .storageFailed?, .shuttingDown?:
                let wait = error.retryDetail.map { Duration.milliseconds($0.retryAfterMilliseconds) } ?? .zero
                try await pause(max(wait, Self.pauseAfterFailure))
            case nil: try await waitAfter(error)
            case .notMember?, .groupDeleted?, .groupUnknown?:
                // The log tells why; until it does, nothing can be sent.
                runtime.acceptedMessages.formUnion(items.map(\.prepared.hash))
            case _?: try await didRefuse(items, error, runtime)
            }
        }
    }

    /// What is refused for what it is does not get better: together with others, each is tried alone.
    private func didRefuse(
        _ items: [(number: UInt64, prepared: OutboxItem.Prepared)], _ error: RelayConnectionError,
        _ runtime: GroupRuntime
    ) async throws {
        guard items.count == 1 else {
            for item in items { try await publish([item], runtime) }
            return
        }
        try turn(runtime) { session, turn in
            guard let item = session.outbox.first(where: { $0.number == items[0].number })?.item else { return }
            try session.fail(items[0].number, item, RelayClientError(error), turn)
        }
    }

    // MARK: Joining

    /// This device has lost track of a group: it joins anew.
    func rejoin(_ runtime: GroupRuntime) {
        guard runtime.session.isMember else { return }
        tell(runtime) { session, turn in
            try session.setPublication(nil, turn)
            session.record.status = .joining
            session.record.denied = nil
        }
        runtime.stopFollowing()
    }

    private func join(_ runtime: GroupRuntime) async throws {
        guard let connection else { return }
        let id = runtime.session.record.id
        do {
            let description = try await askDescription(runtime)
            let answer = try await connection.fetchGroupInfo(id)
            guard runtime.session.record.status == .joining, runtime.session.publication == nil else { return }
            try turn(runtime) { session, turn in
                (session.record.name, session.record.alias) = (description.name, description.alias)
                session.record.policy = description.policy
                let state = StateNumber(rawValue: try turn.transaction.nextNumber(Tables.groupStates))
                try session.joinExternally(answer, state: state, turn)
                // A race that was lost is no lie: what is older than the relay itself has said is one.
                guard let epoch = session.publication?.epoch, epoch < runtime.epochAtRelay else { return }
                runtime.staleGroupInfos += 1
                if runtime.staleGroupInfos == 2 { try turn.append(.integrityWarning(.staleGroupInfo), session) }
            }
            if runtime.staleGroupInfos >= 2 { try await pause(Self.pauseAfterFailure) }
        } catch let error as RelayConnectionError {
            guard let code = error.refusal else { return try await waitAfter(error) }
            guard !code.isTemporary else { return try await pause(Self.pauseAfterFailure) }
            try failJoin(runtime, RelayClientError(error))
        } catch let error as GroupError {
            try failJoin(runtime, RelayClientError(error))
        }
    }

    private func failJoin(_ runtime: GroupRuntime, _ error: RelayClientError) throws {
        runtime.joinFailure = error
        try turn(runtime) { session, turn in try session.finish(.neverJoined, at: .zero, turn) }
    }
}

extension ErrorCode {
    /// Whether the same may be accepted later.
    fileprivate var isTemporary: Bool {
        switch self {
        case .rateLimited, .storageFull, .storageFailed, .shuttingDown, .commitReserved: true
        default: false
        }
    }
}

extension RelayConnectionError {
    /// Why the relay refused a request; nil where it was not the request that failed but the connection, be it for good.
    fileprivate var refusal: ErrorCode? {
        guard let code = code.relayCode, !code.endsConnection else { return nil }
        return code
    }
}
