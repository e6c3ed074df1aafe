import ClientStore
import MLS
import MLSPublicGroup
import RelayCredentials
import RelayWire
import TLSPresentation

/// Transactions on groups, and what follows from them.
extension RelayClient {
    /// This device, as groups see it.
    /// - Throws: `notConnected` before it has a credential.
    func device() throws -> DeviceContext {
        if let known = knownDevice, known.credential == account.credential { return known.device }
        let device = try makeDevice()
        knownDevice = (account.credential, device)
        return device
    }

    private func makeDevice() throws -> DeviceContext {
        let clock = clock
        var groupConfiguration = try account.groupConfiguration(configuration)
        let verifier = try account.verifier()
        groupConfiguration.policy.clock = { clock.now }
        groupConfiguration.policy.authenticationService = RelayAuthenticationService(
            verifier: verifier, clock: { clock.now })
        return DeviceContext(
            user: identity.user, client: account.clientNumber, identity: try account.identity(identity.signingKey),
            groupConfiguration: groupConfiguration, verifier: verifier, clock: clock, settings: configuration)
    }

    /// Changes a group: all of it is durable when this returns, or nothing of it happened.
    @discardableResult
    func turn<Result>(
        _ runtime: GroupRuntime, _ body: (GroupSession, GroupTurn) throws -> Result
    ) throws -> Result {
        guard isOpen else { throw RelayClientError(.closed, "the client was closed") }
        let session = runtime.session
        let device = try device()
        do {
            let (result, outcome) = try store.write { transaction in
                let turn = GroupTurn(transaction, device)
                let result = try body(session, turn)
                try session.saveRecord(turn)
                return (result, turn.outcome)
            }
            carryOut(outcome, runtime)
            return result
        } catch {
            clock.set(nil)
            try store.read { try session.reload($0) }
            throw error
        }
    }

    /// Looks at a group.
    func look<Result>(_ runtime: GroupRuntime, _ body: (GroupSession, GroupTurn) throws -> Result) throws -> Result {
        guard isOpen else { throw RelayClientError(.closed, "the client was closed") }
        let device = try device()
        return try store.read { try body(runtime.session, GroupTurn($0, device)) }
    }

    /// What a turn asks for, beside the store.
    func carryOut(_ outcome: GroupOutcome, _ runtime: GroupRuntime) {
        for (item, result) in outcome.finished {
            runtime.resumeItemWaiters(item, result)
        }
        if !outcome.finished.isEmpty { runtime.forgetAcceptedMessages() }
        if outcome.isCommitOpen { runtime.settledPublication = nil }
        if let text = outcome.denial { deny(text, runtime) }
        if outcome.wantsDescription { describe(runtime) }
        if let proposer = outcome.pendingProposer {
            runtime.hasPendingProposals = true
            scheduleCommit(of: proposer, runtime)
        }
        if outcome.hasEnded, !runtime.session.isFollowed { runtime.stopFollowing() }
        if outcome.needsRejoin { rejoin(runtime) }
        if outcome.wantsCheck { say(.check, runtime) }
        if outcome.wantsReport { say(.report, runtime) }
        askDirectory(runtime)
        announce(runtime)
        runtime.resumeTurnWaiters()
        kick(runtime)
    }

    /// Tells that this device has come into a group, once it is known what kind of group that is and what it is called.
    private func announce(_ runtime: GroupRuntime) {
        guard runtime.isToBeAnnounced, runtime.session.isMember, runtime.session.isDescribed else { return }
        runtime.isToBeAnnounced = false
        tell(.groupJoined(runtime.session.id))
    }

    // MARK: Sessions

    /// The group that is known by this id.
    func runtime(_ id: GroupID) -> GroupRuntime? { groupNumbers[id.bytes].flatMap { runtimes[$0] } }

    func existing(_ id: GroupID) throws -> GroupRuntime {
        guard let runtime = runtime(id) else { throw RelayClientError(.groupUnknown, "there is no such group here") }
        return runtime
    }

    func register(_ session: GroupSession) -> GroupRuntime {
        let runtime = GroupRuntime(session)
        runtimes[session.number] = runtime
        groupNumbers[session.record.id] = session.number
        return runtime
    }

    /// A new group in the store, which `body` makes.
    func newGroup(
        _ id: [UInt8], _ status: GroupRecord.Status, _ body: (GroupSession, GroupTurn) throws -> Void
    ) throws -> GroupRuntime {
        let number = GroupNumber(rawValue: try store.read { try $0.nextNumber(Tables.groups) })
        let session = GroupSession(number: number, record: GroupRecord(id: id, status: status, state: .none))
        let runtime = register(session)
        do {
            try turn(runtime, body)
        } catch {
            runtimes[number] = nil
            groupNumbers[id] = nil
            throw error
        }
        return runtime
    }

    // MARK: Waiting

    /// Waits until `isThere` says so; asked after each turn of the group.
    func wait(_ runtime: GroupRuntime, until isThere: () throws -> Bool) async throws {
        while try !isThere() {
            guard isOpen else { throw RelayClientError(.closed, "the client was closed") }
            try Task.checkCancellation()
            await nextTurn(of: runtime)
        }
    }

    /// Returns after the next turn of the group, when the task is cancelled, or when the client is closed.
    func nextTurn(of runtime: GroupRuntime) async {
        guard isOpen else { return }
        lastWaiter += 1
        let id = lastWaiter
        let number = runtime.session.number
        await withTaskCancellationHandler {
            await withCheckedContinuation { keep($0, id, runtime) }
        } onCancel: {
            Task { await self.stopWaiting(id, number) }
        }
    }

    /// Calls of the client's own: a closure that does not name the client is not run where the client is (Swift 6.3 lets it
    /// touch what only the client may all the same), and there others touch the waiters at the same time.
    private func keep(_ continuation: CheckedContinuation<Void, Never>, _ id: Int, _ runtime: GroupRuntime) {
        preconditionIsolated()
        if Task.isCancelled { continuation.resume() } else { runtime.turnWaiters[id] = continuation }
    }

    private func keep(
        _ continuation: CheckedContinuation<Result<SequenceNumber, RelayClientError>, Never>, _ id: Int,
        for item: UInt64, _ runtime: GroupRuntime
    ) {
        preconditionIsolated()
        runtime.itemWaiters[item, default: [:]][id] = continuation
    }

    private func stopWaiting(_ id: Int, _ number: GroupNumber) {
        runtimes[number]?.turnWaiters.removeValue(forKey: id)?.resume()
    }

    private func stopWaiting(_ id: Int, for item: UInt64, _ number: GroupNumber) {
        runtimes[number]?.stopWaiting(id, for: item)
    }

    /// Waits until an item of the outbox is done.
    /// - Returns: its place in the group's log.
    @discardableResult
    func wait(_ runtime: GroupRuntime, for item: UInt64) async throws -> SequenceNumber {
        guard runtime.session.outbox.contains(where: { $0.number == item }) else {
            return runtime.session.record.cursor
        }
        lastWaiter += 1
        let id = lastWaiter
        let number = runtime.session.number
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { keep($0, id, for: item, runtime) }
        } onCancel: {
            Task { await self.stopWaiting(id, for: item, number) }
        }
        return try result.get()
    }
}
