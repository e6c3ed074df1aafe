import ClientTransport
import RelayWire

/// From one connection to the next.
extension RelayConnection {
    func startConnecting() {
        reconnectDeadline = nil
        lastLinkNumber += 1
        setState(.connecting)
        link = Link(
            mailbox.loop, number: lastLinkNumber, url: url, identity: identity, configuration, client: self)
    }

    /// What one read of connection `number` gave.
    func receive(_ events: [Link.Event], from number: Int) {
        var touched: [FollowerID] = []
        for event in events {
            // What was done about one event may have ended the connection.
            guard link?.number == number else { break }
            switch event {
            case .ready(let ready, let limits, let name): didBecomeReady(ready, limits, serverName: name)
            case .goAway(let goAway): drain(within: .milliseconds(goAway.graceMilliseconds))
            case .answer(let id, let frame): didAnswer(id, frame)
            case .entry(let entry): accept(entry, &touched)
            case .receipts(let receipts): receiptsObservers.tell(receipts)
            }
        }
        for id in touched { followers[id]?.handOver() }
    }

    private func didBecomeReady(_ ready: Ready, _ limits: Limits, serverName: [UInt8]) {
        hasBeenReady = true
        readySince = .now
        clientNumber = ready.client
        self.serverName = serverName
        self.limits = limits
        setState(.ready(ready.client))
        keepAlive(lastLinkNumber)
        sendSubscribe(followers.keys.sorted { $0.rawValue < $1.rawValue })
        resumeConnectWaiters(.success(()))
        pump()
    }

    /// The relay answers what it has and then closes.
    func drain(within grace: Duration) {
        guard !isDraining, let link else { return }
        isDraining = true
        let number = link.number
        closeIfDrained()
        mailbox.loop.schedule(after: grace + .seconds(1)) { [weak self] in
            self?.assumeIsolated { $0.closeDrained(number) }
        }
    }

    func closeIfDrained() {
        if isDraining && table.inFlightCount == 0 { closeDrained(lastLinkNumber) }
    }

    private func closeDrained(_ number: Int) {
        guard let link, link.number == number else { return }
        link.close(RelayConnectionError(.connectionLost, "the relay is going away"))
    }

    /// Connection `number` is gone.
    func didClose(_ number: Int, _ error: RelayConnectionError) {
        guard link?.number == number else { return }
        link = nil
        limits = nil
        isDraining = false
        forgetSubscriptions()
        cancel(&keepAliveDeadline)
        let failed = table.didLoseConnection()
        for waiter in closeWaiters { waiter.resume() }
        closeWaiters = []
        if case .ended = state { return }
        finish(failed, RelayConnectionError(.connectionLost, error.message))
        if error.isFatal { return end(error) }
        if hasBeenReady { return reconnect(error) }
        setState(.idle)
        failAll(error)
    }

    private func reconnect(_ error: RelayConnectionError) {
        let backoff = configuration.backoff
        // A connection that held for a while owes nothing to the failures before it.
        if let readySince, readySince.duration(to: .now) > backoff.limit(attempt: attempt) { attempt = 0 }
        readySince = nil
        var generator = SystemRandomNumberGenerator()
        let delay = backoff.delay(attempt: attempt, using: &generator)
        attempt += 1
        setState(.waiting(delay, error))
        reconnectDeadline = mailbox.loop.schedule(after: delay) { [weak self] in
            self?.assumeIsolated { $0.startConnecting() }
        }
    }

    /// Ends the client, once.
    func end(_ error: RelayConnectionError) {
        if case .ended = state { return }
        setState(.ended(error))
        receiptsObservers.finish()
        cancel(&reconnectDeadline)
        failAll(error)
        link?.close(error)
    }

    /// Everybody who waits gets `error`.
    private func failAll(_ error: RelayConnectionError) {
        resumeConnectWaiters(.failure(error))
        finish(table.removeAll(), error)
        for id in followers.keys.sorted(by: { $0.rawValue < $1.rawValue }) { failFollower(id, error) }
    }

    func cancel(_ deadline: inout DeadlineID?) {
        if let id = deadline.take() { mailbox.loop.cancel(id) }
    }

    // MARK: Signs of life

    /// However impatient a relay is, it is not asked more often for that.
    private static let minPingInterval = Duration.seconds(1)

    /// Looks after connection `number`: asks the relay whether it is there when nothing came for long.
    private func keepAlive(_ number: Int) {
        guard let link, link.number == number, let limits else { return }
        let third = max(Duration.milliseconds(limits.idleTimeoutMilliseconds) / 3, Self.minPingInterval)
        let interval = min(configuration.pingInterval, third)
        let now = ContinuousClock.now
        let silence = link.lastReceived.duration(to: now)
        let next: Duration
        if silence < interval {
            next = interval - silence
        } else if let lastPing, lastPing > link.lastReceived {
            let patience = configuration.pingTimeout - lastPing.duration(to: now)
            guard patience > .zero else {
                return link.fail(RelayConnectionError(.connectionLost, "nothing came from the relay for \(silence)"))
            }
            next = min(patience, interval)
        } else {
            lastPing = now
            begin(Ping(data: []), .connection, ordinal: table.makeOrdinal()) { _ in }
            next = min(configuration.pingTimeout, interval)
        }
        keepAliveDeadline = mailbox.loop.schedule(after: next) { [weak self] in
            self?.assumeIsolated { $0.keepAlive(number) }
        }
    }
}
