import Metrics
import RelayCore
import RelayTransport
import RelayWire
import Synchronization
import TLSPresentation

/// What may come from one address, and what one client may ask of all loops together. RFC 9750 section 8.1.3.
///
/// Behind an address may be many people: a household, an office, an exit of Tor (RFC 9750 section 8.4.1.1 wants these to be
/// usable). So the defaults keep one address from taking the relay from all others, and no more. 0 is no limit.
public struct AddressLimits: Hashable, Sendable {
    /// Connections at once.
    public var maxConnections = 1000
    /// New connections in a minute, and at once: as all may have to come back after a network failed.
    public var connectionsPerMinute = 2000
    /// Attempts to log in that failed, in a minute: each costs the verification of a signature.
    public var failedAuthenticationsPerMinute = 60
    /// New identities in an hour: names are given once.
    public var registrationsPerHour = 100
    public var loopback = LoopbackRule.exempt

    /// What holds for the relay's own machine.
    public enum LoopbackRule: String, CaseIterable, Sendable {
        /// No limits: it is a proxy, which stands for everybody, or the operator.
        case exempt
        /// The same as for others.
        case limited
    }

    public init() {}
}

/// Counts for `AddressLimits`: of all loops together, since the kernel gives an address's connections to any of them.
///
/// Asked when a connection comes or goes and where somebody fails, registers or searches: not for each message.
final class PeerLimits: Sendable {
    private struct State {
        var connections: [PeerAddress: Int] = [:]
        var comings = RateLimiter<PeerAddress>()
        var failures = RateLimiter<PeerAddress>()
        var registrations = RateLimiter<PeerAddress>()
        var searches = RateLimiter<ClientNumber>()
    }

    private let limits: AddressLimits
    private let searchesPerMinute: Int
    private let state = Mutex(State())

    init(_ limits: AddressLimits, searchesPerMinute: Int) {
        self.limits = limits
        self.searchesPerMinute = searchesPerMinute
    }

    private func isLimited(_ address: PeerAddress) -> Bool { limits.loopback == .limited || !address.isLoopback }

    private var now: Timestamp { Timestamp(rawValue: monotonicMilliseconds()) }

    // MARK: Connections

    /// Takes a connection from an address, or says why not.
    func connect(_ address: PeerAddress) -> RelayError? {
        guard isLimited(address) else { return nil }
        return state.withLock { state in
            let count = state.connections[address] ?? 0
            if limits.maxConnections > 0, count >= limits.maxConnections {
                return .rateLimited(
                    "max-connections-per-address", "Too many connections from there.",
                    retryAfter: Self.connectionPauseMilliseconds)
            }
            let rate = RateLimit.perMinute(limits.connectionsPerMinute)
            if let wait = state.comings.wait(for: address, of: rate, at: now) {
                return .rateLimited(
                    "max-new-connections-per-minute", "Too many new connections from there.", retryAfter: wait)
            }
            state.comings.take(for: address, of: rate, at: now)
            state.connections[address] = count + 1
            return nil
        }
    }

    /// Nobody knows when another connection ends.
    private static let connectionPauseMilliseconds: UInt64 = 10_000

    func disconnect(_ address: PeerAddress) {
        guard isLimited(address) else { return }
        state.withLock { state in
            let count = (state.connections[address] ?? 0) - 1
            state.connections[address] = count > 0 ? count : nil
        }
    }

    // MARK: Sessions

    /// Whether somebody at an address may try to log in now.
    func checkAuthentication(from address: PeerAddress) -> RelayError? {
        guard isLimited(address) else { return nil }
        let rate = RateLimit.perMinute(limits.failedAuthenticationsPerMinute)
        guard let wait = state.withLock({ $0.failures.wait(for: address, of: rate, at: now) }) else { return nil }
        return .rateLimited(
            "max-failed-authentications-per-minute", "Too many attempts from there have failed.", retryAfter: wait)
    }

    func authenticationFailed(from address: PeerAddress) {
        guard isLimited(address) else { return }
        let rate = RateLimit.perMinute(limits.failedAuthenticationsPerMinute)
        state.withLock { $0.failures.take(for: address, of: rate, at: now) }
    }

    /// Counts a registration from an address, or says why there is none.
    func register(from address: PeerAddress) -> RelayError? {
        guard isLimited(address) else { return nil }
        let rate = RateLimit(limits.registrationsPerHour, inMilliseconds: 3_600_000)
        return state.withLock { state in
            if let wait = state.registrations.wait(for: address, of: rate, at: now) {
                return .rateLimited(
                    "max-registrations-per-hour", "Too many registrations from there.", retryAfter: wait)
            }
            state.registrations.take(for: address, of: rate, at: now)
            return nil
        }
    }

    // MARK: Clients

    /// Counts a search of a client, or says why there is none.
    func search(by client: ClientNumber) -> RelayError? {
        let rate = RateLimit.perMinute(searchesPerMinute)
        return state.withLock { state in
            if let wait = state.searches.wait(for: client, of: rate, at: now) {
                return .rateLimited("max-searches-per-minute", "The client searches too often.", retryAfter: wait)
            }
            state.searches.take(for: client, of: rate, at: now)
            return nil
        }
    }
}

extension RelayLoop {
    func refusal(of address: PeerAddress) -> ConnectionRefusal? {
        guard let error = peers.connect(address) else { return nil }
        let detail = try? RetryDetail(decoding: error.detail.rawSpan)
        metrics.refused(error.code).increment()
        return ConnectionRefusal(
            frame: error.frame(.none), retryAfterSeconds: (UInt64(detail?.retryAfterMilliseconds ?? 0) + 999) / 1000)
    }

    func left(_ address: PeerAddress) { peers.disconnect(address) }

    /// Why a request is refused before it is read: too many of those that are answered at once. What goes to the writer is
    /// bounded by what is in flight.
    func checkRate(of type: FrameType, _ session: Session) -> RelayError? {
        guard let client = session.client, type.isAnsweredAtOnce else { return nil }
        let rate = RateLimit(configuration.session.maxRequestsPerSecond, inMilliseconds: 1000)
        let key = UInt64(session.connection.slot) << 32 | UInt64(session.connection.generation)
        let now = Timestamp(rawValue: loop.now)
        if let wait = requestRates.wait(for: key, of: rate, at: now) {
            return .rateLimited("max-requests-per-second", "Too many requests on this connection.", retryAfter: wait)
        }
        requestRates.take(for: key, of: rate, at: now)
        return type == .lookUp || type == .searchUsers ? peers.search(by: client) : nil
    }
}

extension FrameType {
    /// Whether a loop answers it itself, from what is stored. Credit is not counted: who may not give it comes to a stop.
    fileprivate var isAnsweredAtOnce: Bool {
        switch self {
        case .ping, .lookUp, .searchUsers, .fetchAuthority, .subscribe, .unsubscribe, .countKeyPackages, .describeGroup,
            .listGroups, .followReceipts, .checkHeads:
            true
        default: false
        }
    }
}
