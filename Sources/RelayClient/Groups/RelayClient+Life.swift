import ClientStore
import ClientTransport
import MLS
import MLSCrypto
import MLSPublicGroup
import RelayConnection
import RelayWire
import TLSPresentation

/// From one connection to the next.
extension RelayClient {
    func begin(_ admission: Admission) async throws {
        guard isOpen else { throw RelayClientError(.closed, "the client was closed") }
        guard connection == nil else { return }
        setState(.connecting)
        let connection = try RelayConnection(
            url: url,
            identity: try ConnectionIdentity(name: identity.user, key: identity.signingKey),
            configuration: try connectionConfiguration(try baseConfiguration(), admission: admission))
        self.connection = connection
        do {
            try await connection.connect()
            try await didConnect()
        } catch {
            await connection.close()
            self.connection = nil
            setState(.idle)
            throw error
        }
        setState(.ready)
        watch(connection)
        try await didBecomeReady()
    }

    private func baseConfiguration() throws -> RelayConnectionConfiguration {
        var base = RelayConnectionConfiguration()
        base.requestTimeout = configuration.requestTimeout
        base.backoff = Backoff(
            initial: configuration.reconnectDelay.lowerBound, maximum: configuration.reconnectDelay.upperBound)
        if let path = configuration.certificateAuthorities {
            base.socket.tls = try TLSClientContext(.file(path))
        }
        return base
    }

    /// Hears of connections that are lost and made again, and of receipts.
    private func watch(_ connection: RelayConnection) {
        connectionReaders = [
            Task {
                for await state in await connection.states() {
                    guard isOpen else { return }
                    await take(state)
                }
            },
            Task {
                for await receipts in await connection.receipts() {
                    guard isOpen else { return }
                    take(receipts)
                }
            },
            Task { await keepUpRegularly() },
        ]
    }

    private func take(_ state: RelayConnection.State) async {
        switch state {
        case .idle: setState(.idle)
        case .connecting: setState(.connecting)
        case .waiting: setState(.waiting)
        case .ended(let error):
            // What was to be sent stays; `connect` may find that it can be, one day.
            connection = nil
            setState(.ended(RelayClientError(error)))
        case .ready:
            guard lastState != .ready else { return }
            setState(.ready)
            do {
                try await didConnect()
                try await didBecomeReady()
            } catch {
                report(error)
            }
        }
    }

    /// Goes on with everything that was under way.
    private func didBecomeReady() async throws {
        followInbox()
        try await followAll()
        for runtime in runtimes.values {
            forgetIfOver(runtime)
            renewKeysIfDue(runtime)
            followReceipts(runtime)
            if runtime.session.isMember { describe(runtime) }
            acknowledge(runtime)
            if runtime.session.deniedCommit != nil { deny("denied before", runtime) }
            askDirectory(runtime)
            kick(runtime)
        }
        Task {
            await addInvited(isFirst: true)
            await joinOwnGroups()
        }
    }

    /// How long a group that has ended for this device is kept for the case that the commit is voided, in milliseconds: the
    /// relay does not tell who is out when it is confirmed.
    private static var maxProvisionalAge: UInt64 { 7 * 86_400_000 }

    /// Deletes the keys of a group that this device is out of, where nobody will void that any more.
    private func forgetIfOver(_ runtime: GroupRuntime) {
        let record = runtime.session.record
        guard record.status == .ended, record.state != .none,
            record.time + Self.maxProvisionalAge < ValidationPolicy.systemClock() * 1000
        else { return }
        tell(runtime) { session, turn in try session.deleteGroup(turn) }
        runtime.stopFollowing()
    }

    /// What is due by the clock alone.
    private func keepUpRegularly() async {
        while isOpen, !Task.isCancelled {
            do { try await Task.sleep(for: configuration.headCheckInterval) } catch { return }
            guard isOpen else { return }
            await maintain()
            // What fails is tried again.
            try? await learnOwnDevices()
            for runtime in runtimes.values where runtime.session.isMember && isOpen {
                renewKeysIfDue(runtime)
                askDirectory(runtime)
                // What is found is told by events; what fails is tried again.
                try? await checkHeads(runtime)
            }
        }
    }

    // MARK: Groups of this user

    /// Joins the groups of the user that this device has never been in: it is new, or could not follow a Welcome. RFC 9750
    /// section 6.7.
    func joinOwnGroups() async {
        do {
            for summary in try await ownGroups() { try joinOwn(summary) }
        } catch {
            report(error)
        }
    }

    private func joinOwn(_ summary: GroupSummary) throws {
        let policy = GroupPolicy(mode: summary.mode, join: summary.join)
        guard let known = runtime(GroupID(summary.groupID)) else {
            return kick(try newGroup(summary.groupID, .joining) { session, _ in session.record.policy = policy })
        }
        guard known.session.record.end == .neverJoined, !known.session.isMember else { return }
        try turn(known) { session, _ in
            session.beginJoining()
            session.record.policy = policy
        }
    }

    private func ownGroups() async throws -> [GroupSummary] {
        guard let connection else { return [] }
        var found: [GroupSummary] = []
        var last = LogNumber.none
        while true {
            let list = ListGroups(listing: .mine, filter: [], after: last, limit: 1000)
            let page = try await connection.ask(list, for: GroupList.self, isRepeatable: true).groups
            found += page
            guard page.count == 1000, let next = page.last?.log, next > last else { return found }
            last = next
        }
    }

    // MARK: Creating and joining

    func create(_ name: String, _ alias: String, _ policy: GroupPolicySettings) async throws -> GroupID {
        guard connection != nil else { throw RelayClientError(.notConnected, "the client is not connected") }
        let bytes = Array(name.utf8)
        guard bytes.count <= WireLimits.maxGroupNameByteCount, alias.utf8.count <= WireLimits.maxGroupNameByteCount
        else { throw RelayClientError(.nameInvalid, "the name of a group has at most 255 bytes") }
        let runtime = try newGroup(randomBytes(32), .creating) { session, turn in
            (session.record.name, session.record.alias) = (bytes, Array(alias.utf8))
            session.record.policy = policy.wire
            let state = StateNumber(rawValue: try turn.transaction.nextNumber(Tables.groupStates))
            try session.create(state: state, turn)
        }
        try await wait(runtime) { runtime.session.record.status != .creating }
        guard runtime.session.isMember else {
            throw runtime.joinFailure ?? RelayClientError(.refused, "the relay does not take the group")
        }
        await addOwnDevices(runtime)
        return runtime.session.id
    }

    /// A user is in a group with all of its devices.
    private func addOwnDevices(_ runtime: GroupRuntime) async {
        do {
            let devices = try await lookUp([identity.user]).first ?? nil
            guard let devices, devices.contains(where: { $0.number != account.clientNumber }) else { return }
            let users = try await fetchKeyPackages(of: [identity.user])
            try enqueue(users.flatMap(\.keyPackages), runtime)
        } catch {
            report(error)
        }
    }

    func joinFromOutside(_ id: GroupID) async throws {
        guard connection != nil else { throw RelayClientError(.notConnected, "the client is not connected") }
        let runtime: GroupRuntime
        if let known = self.runtime(id) {
            if known.session.isMember { return }
            try turn(known) { session, _ in if session.record.status == .ended { session.beginJoining() } }
            runtime = known
        } else {
            runtime = try newGroup(id.bytes, .joining) { _, _ in }
        }
        runtime.joinFailure = nil
        kick(runtime)
        try await wait(runtime) { runtime.session.record.status != .joining }
        guard runtime.session.isMember else {
            throw runtime.joinFailure ?? RelayClientError(.notAllowed, "the relay does not let this device in")
        }
    }

    // MARK: Intents

    /// Has clients added to a group as soon as that can be, also after a crash.
    @discardableResult
    func enqueue(_ keyPackages: [FetchedKeyPackage], _ runtime: GroupRuntime) throws -> UInt64 {
        let clients = keyPackages.map {
            OutboxItem.AddedClient(client: $0.client, keyPackage: $0.keyPackage.encoded)
        }
        return try turn(runtime) { session, turn in try session.enqueue(.change(.add(clients)), turn) }
    }
}
