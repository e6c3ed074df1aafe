import RelayCore
import RelayTransport
import RelayWire
import WebSocketFraming

extension RelayLoop {
    /// What a durable transaction means for this loop's sessions, beside their answers and what has grown.
    ///
    /// A session that becomes ready on this loop later than this has read a snapshot that has the transaction.
    func apply(_ effects: Effects) {
        if !effects.ended.isEmpty { end(effects.ended) }
        if !effects.bounds.isEmpty { bound(effects.bounds) }
        // Who is in a group counts for what all have.
        for log in effects.receipts { receipts.noteChange(of: log) }
        for bound in effects.bounds { receipts.noteChange(of: bound.log) }
    }

    /// Connections of clients that may not be connected any more.
    private func end(_ endings: [Effects.Ending]) {
        let errors = Dictionary(endings.map { ($0.client, $0.error) }, uniquingKeysWith: { first, _ in first })
        // Over all of them: it is rare that a client is revoked, and an index would be kept for every session.
        loop.forEachOpenConnection { connection in
            guard let session = session(of: connection), let client = session.client, let error = errors[client] else {
                return
            }
            answer(session, .none, error)
            beginEnding(session, WebSocketCloseCode(rawValue: error.code.closeCode))
        }
    }
}
