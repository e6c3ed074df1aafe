import ClientTransport
public import RelayWire

/// What a client can ask of a relay. PROTOCOL.md section 7.
///
/// Each waits for a connection and for its answer, at most `RelayConnectionConfiguration.requestTimeout` unless `timeout`
/// says otherwise, and throws `relay` with the relay's code where the relay refuses. A task that is cancelled stops
/// waiting; what it asked for may come about all the same.
extension RelayConnection {
    /// Creates the log of a group, once: asking again gives the same log until something was published.
    public func createGroup(
        _ groupID: [UInt8], epoch: Epoch = Epoch(rawValue: 0), timeout: Duration? = nil
    ) async throws(RelayConnectionError) -> LogNumber {
        try await request(CreateGroup(groupID: groupID, epoch: epoch), .resend, timeout) { frame in
            if case .groupCreated(let created) = frame { created.log } else { nil }
        }
    }

    /// Publishes MLSMessages, all of them or none, and returns where they stand once that is durable.
    ///
    /// After a lost connection the same messages are sent again: the relay knows them by their content, so they stand
    /// in the log once, and the receipts are those of where they stand.
    /// - Throws: `relay(.staleEpoch)` and `relay(.futureEpoch)` with `epochDetail`: where the group is, and which commit
    ///   has won.
    public func publish(
        _ messages: [[UInt8]], timeout: Duration? = nil
    ) async throws(RelayConnectionError) -> [Receipt] {
        try await request(Publish(messages: messages), .resend, timeout) { frame in
            if case .published(let published) = frame { published.receipts } else { nil }
        }
    }

    /// Takes a KeyPackage of each client of several users: results in the order of the requests, at least one for each.
    ///
    /// What was taken is taken: after a lost connection this throws `connectionLost` instead of taking more.
    public func fetchKeyPackages(
        _ requests: [KeyPackageRequest], timeout: Duration? = nil
    ) async throws(RelayConnectionError) -> [KeyPackageResult] {
        try await request(FetchKeyPackages(requests: requests), .once, timeout) { frame in
            guard case .keyPackages(let packages) = frame else { return nil }
            let indices = packages.results.map { Int($0.request) }
            guard indices == indices.sorted(), Set(indices) == Set(requests.indices) else { return nil }
            return packages.results
        }
    }

    /// How many of this client's own KeyPackages are left, by suite.
    public func countKeyPackages(timeout: Duration? = nil) async throws(RelayConnectionError) -> [KeyPackageCount] {
        try await request(CountKeyPackages(), .resend, timeout) { frame in
            if case .keyPackageCounts(let counts) = frame { counts.counts } else { nil }
        }
    }

    /// The newest GroupInfo of a group.
    public func fetchGroupInfo(
        _ groupID: [UInt8], timeout: Duration? = nil
    ) async throws(RelayConnectionError) -> GroupInfoAnswer {
        try await request(FetchGroupInfo(groupID: groupID), .resend, timeout) { frame in
            if case .groupInfo(let answer) = frame { answer } else { nil }
        }
    }

    /// Says that everything up to these places is processed; returns once that is durable.
    public func acknowledge(
        _ positions: [Position], timeout: Duration? = nil
    ) async throws(RelayConnectionError) {
        try await request(Acknowledge(positions: positions), .resend, timeout) { frame in
            if case .done = frame { () } else { nil }
        }
    }

    /// Asks anything of PROTOCOL.md that has no method of its own here.
    /// - Parameter isRepeatable: whether it may be sent again after a lost connection; else this throws `connectionLost`
    ///   then, and it may have been carried out or not.
    public func ask<Answer: FrameBody>(
        _ body: some FrameBody, for answer: Answer.Type = Answer.self, isRepeatable: Bool, timeout: Duration? = nil
    ) async throws(RelayConnectionError) -> Answer {
        try await request(body, isRepeatable ? .resend : .once, timeout) { $0.body as? Answer }
    }

    /// How long the relay takes to answer.
    public func ping(timeout: Duration? = nil) async throws(RelayConnectionError) -> Duration {
        let start = ContinuousClock.now
        try await request(Ping(data: []), .once, timeout) { frame in
            if case .pong = frame { () } else { nil }
        }
        return start.duration(to: .now)
    }

    // MARK: Administration

    /// Does what operators may do.
    ///
    /// A token that is made is told once: after a lost connection this throws `connectionLost` instead of making another.
    public func administer(
        _ action: Administer.Action, timeout: Duration? = nil
    ) async throws(RelayConnectionError) -> Administered {
        let policy: RequestTable.Policy = action.type == .createToken ? .once : .resend
        return try await request(Administer(action), policy, timeout) { frame in
            if case .administered(let answer) = frame { answer } else { nil }
        }
    }

    /// Keeps a user out of a group, or no longer; for admins of the group.
    public func ban(_ ban: Ban, timeout: Duration? = nil) async throws(RelayConnectionError) {
        try await request(ban, .resend, timeout) { frame in
            if case .done = frame { () } else { nil }
        }
    }

    // MARK: How

    private func request<Answer: Sendable>(
        _ body: some FrameBody, _ policy: RequestTable.Policy, _ timeout: Duration?,
        _ read: (Frame) -> Answer?
    ) async throws(RelayConnectionError) -> Answer {
        try checkUsable()
        let ordinal = table.makeOrdinal()
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation {
                (continuation: CheckedContinuation<Result<Frame, RelayConnectionError>, Never>) in
                let deadline = mailbox.loop.schedule(after: timeout ?? configuration.requestTimeout) { [weak self] in
                    self?.assumeIsolated { $0.abandon(ordinal, .timedOut) }
                }
                begin(body, policy, ordinal: ordinal, deadline: deadline) { continuation.resume(returning: $0) }
            }
        } onCancel: {
            enqueue { $0.abandon(ordinal, .cancelled) }
        }
        let frame = try result.get()
        if let answer = read(frame) { return answer }
        let error = RelayConnectionError(.protocolViolation, "an answer of another kind than the request")
        link?.fail(error)
        throw error
    }

    /// Puts a request in line. `complete` is called once on this actor, unless the request goes with its connection.
    func begin(
        _ body: some FrameBody, _ policy: RequestTable.Policy, ordinal: UInt64, deadline: DeadlineID? = nil,
        complete: @escaping (Result<Frame, RelayConnectionError>) -> Void
    ) {
        table.add(
            RequestTable.Request(body: body, policy: policy, deadline: deadline, complete: complete), ordinal: ordinal)
        pump()
    }

    /// Sends what waits, as far as the relay and the socket take it.
    func pump() {
        guard let link, let limits, link.isReady, !isDraining else { return }
        while table.inFlightCount < Int(limits.maxRequestsInFlight), let (id, request) = table.nextToSend() {
            let frame = request.body.frame(id)
            if frame.count > Int(limits.maxFrameByteCount) {
                // The relay would end the connection for it.
                guard let request = table.didAnswer(id) else { preconditionFailure("it was just sent") }
                finish(
                    [request],
                    RelayConnectionError(result: .frameTooLarge, "the relay takes no frame of \(frame.count) bytes"))
            } else if !link.send(frame) {
                return table.putBack(id)
            }
        }
    }

    func didDrain(_ number: Int) { if link?.number == number { pump() } }

    func didAnswer(_ id: RequestID, _ frame: Frame) {
        if case .error(let error) = frame, error.code == .shuttingDown, table.postpone(id) {
            // It was not carried out: the next connection, or the next relay, does.
            drain(within: .zero)
        } else if let request = table.didAnswer(id) {
            if case .error(let error) = frame {
                finish([request], RelayConnectionError(error))
            } else {
                finish(request, frame)
            }
        }
        closeIfDrained()
        pump()
    }

    private func abandon(_ ordinal: UInt64, _ error: RelayConnectionError) {
        if let request = table.remove(ordinal) { finish([request], error) }
    }

    private func finish(_ request: RequestTable.Request, _ frame: Frame) {
        if let deadline = request.deadline { mailbox.loop.cancel(deadline) }
        request.complete(.success(frame))
    }

    func finish(_ requests: [RequestTable.Request], _ error: RelayConnectionError) {
        for request in requests {
            if let deadline = request.deadline { mailbox.loop.cancel(deadline) }
            request.complete(.failure(error))
        }
    }
}
