import ClientTransport
import DequeModule
import RelayWire

/// Requests that have no answer yet, across connections.
///
/// Invariant: a request is in exactly one of `urgent`, `waiting` and `inFlight`, or it is in none and has been removed;
/// what the relay still has to answer stays in `inFlight` even where nobody waits for it any more.
struct RequestTable {
    enum Policy {
        /// Doing it twice comes to the same: sent again on the next connection.
        case resend
        /// Sent at most once: fails with the connection that it was sent on.
        case once
        /// Belongs to one connection: forgotten with it, and ahead of everything else.
        case connection
    }

    struct Request {
        let body: any FrameBody
        let policy: Policy
        var deadline: DeadlineID?
        let complete: (Result<Frame, RelayConnectionError>) -> Void
    }

    private var requests: [UInt64: Request] = [:]
    private var inFlight: [RequestID: UInt64] = [:]
    private var urgent = Deque<UInt64>()
    private var waiting = Deque<UInt64>()
    private var lastOrdinal: UInt64 = 0
    private var lastRequestID: UInt32 = 0

    /// Requests that were sent on this connection and not answered.
    var inFlightCount: Int { inFlight.count }

    /// Whether there are requests that were not sent on this connection.
    var hasWaiting: Bool { requests.count > inFlight.values.count { requests[$0] != nil } }

    /// A number for the next request, which names it for as long as it is there and says when it was made.
    mutating func makeOrdinal() -> UInt64 {
        lastOrdinal += 1
        return lastOrdinal
    }

    mutating func add(_ request: Request, ordinal: UInt64) {
        requests[ordinal] = request
        if case .connection = request.policy { urgent.append(ordinal) } else { waiting.append(ordinal) }
    }

    /// The next request to send, with the id to send it under; it counts as sent.
    mutating func nextToSend() -> (id: RequestID, request: Request)? {
        while let ordinal = urgent.popFirst() ?? waiting.popFirst() {
            guard let request = requests[ordinal] else { continue }
            let id = makeRequestID()
            inFlight[id] = ordinal
            return (id, request)
        }
        return nil
    }

    /// It could not be sent after all: it is next again.
    mutating func putBack(_ id: RequestID) {
        guard let ordinal = inFlight.removeValue(forKey: id), let request = requests[ordinal] else { return }
        if case .connection = request.policy { urgent.prepend(ordinal) } else { waiting.prepend(ordinal) }
    }

    /// The request that `id` answers, which is done with; nil where nobody waits for it any more.
    mutating func didAnswer(_ id: RequestID) -> Request? {
        guard let ordinal = inFlight.removeValue(forKey: id) else { return nil }
        return requests.removeValue(forKey: ordinal)
    }

    /// The relay did not carry out the request that `id` answers, and will not: it waits for the next connection.
    /// - Returns: false where there is nothing that could wait.
    mutating func postpone(_ id: RequestID) -> Bool {
        guard let ordinal = inFlight[id], let request = requests[ordinal] else { return false }
        if case .connection = request.policy { return false }
        inFlight[id] = nil
        waiting.prepend(ordinal)
        return true
    }

    /// Nobody waits for the request any more.
    mutating func remove(_ ordinal: UInt64) -> Request? { requests.removeValue(forKey: ordinal) }

    /// The connection is gone: what may be sent again waits, in the order in which it was made.
    /// - Returns: the requests that fail with it.
    mutating func didLoseConnection() -> [Request] {
        let sent = Set(inFlight.values)
        inFlight = [:]
        urgent = []
        lastRequestID = 0
        var failed: [Request] = []
        for (ordinal, request) in requests {
            switch request.policy {
            case .connection: requests[ordinal] = nil
            case .once where sent.contains(ordinal): failed.append(request)
            case .once, .resend: continue
            }
            requests[ordinal] = nil
        }
        waiting = Deque(requests.keys.sorted())
        return failed
    }

    /// Takes out every request.
    mutating func removeAll() -> [Request] {
        let all = requests.sorted { $0.key < $1.key }.map(\.value)
        requests = [:]
        inFlight = [:]
        urgent = []
        waiting = []
        return all
    }

    private mutating func makeRequestID() -> RequestID {
        repeat {
            lastRequestID &+= 1
        } while lastRequestID <= Session.lastRequestID.rawValue
            || inFlight[RequestID(rawValue: lastRequestID)] != nil
        return RequestID(rawValue: lastRequestID)
    }
}
