import RelayWire
import TLSPresentation

/// How a connection becomes ready, and what a relay may send when. PROTOCOL.md section 4.
/// ```
/// greeting --Challenge--> authenticating --Ready--> ready
/// ```
struct Session {
    enum State: Equatable {
        case greeting, authenticating, ready
    }

    enum Action {
        /// Sign and answer with this id.
        case authenticate(Challenge, RequestID)
        case becomeReady(Ready, Limits)
        case answerPing([UInt8])
        case goAway(GoAway)
        /// The answer to a request.
        case deliver(RequestID, Frame)
        /// Pushed: positions of members that changed.
        case receipts(Receipts)
        case fail(RelayConnectionError)
    }

    private static let helloID = RequestID(rawValue: 1)
    private static let authenticationID = RequestID(rawValue: 2)
    /// Request ids up to this one belong to the session.
    static let lastRequestID = authenticationID

    private(set) var state = State.greeting
    private var limits: Limits?

    /// What a connection begins with.
    func hello() -> [UInt8] { Hello(versions: [.v1]).frame(Self.helloID) }

    /// The relay sent `frame`, which is no entry.
    mutating func receive(_ id: RequestID, _ frame: Frame) -> Action {
        switch (state, frame) {
        case (_, .ping(let ping)) where id == .none: return .answerPing(ping.data)
        case (_, .goAway(let goAway)) where id == .none: return .goAway(goAway)
        case (_, .error(let error)) where id == .none || state != .ready: return .fail(RelayConnectionError(error))
        case (.greeting, .challenge(let challenge)) where id == Self.helloID:
            guard challenge.version == .v1 else {
                return violation("a version that the client does not speak")
            }
            state = .authenticating
            limits = challenge.limits
            return .authenticate(challenge, Self.authenticationID)
        case (.authenticating, .ready(let ready)) where id == Self.authenticationID:
            guard let limits else { preconditionFailure("a challenge came first") }
            state = .ready
            return .becomeReady(ready, limits)
        case (.ready, .receipts(let receipts)) where id == .none: return .receipts(receipts)
        case (.ready, .error), (.ready, .done), (.ready, .groupCreated), (.ready, .published), (.ready, .subscribed),
            (.ready, .keyPackages), (.ready, .keyPackageCounts), (.ready, .groupInfo), (.ready, .pong),
            (.ready, .credential), (.ready, .users), (.ready, .userNames), (.ready, .authority),
            (.ready, .administered), (.ready, .groupDescription), (.ready, .groupList), (.ready, .invited),
            (.ready, .headsChecked), (.ready, .receipts):
            return .deliver(id, frame)
        default: return violation("a frame that does not belong here")
        }
    }

    private func violation(_ message: String) -> Action { .fail(RelayConnectionError(.protocolViolation, message)) }
}
