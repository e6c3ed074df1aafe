public import TLSPresentation
public import WebSocketFraming

/// The layer above a service loop; called on the loop's thread only.
public protocol ServiceLoopDelegate: AnyObject {
    /// A connection has come from there, which no byte has been read of.
    /// - Returns: why it is not taken; nil to take it, and `left` follows in the end.
    func refusal(of address: PeerAddress) -> ConnectionRefusal?
    /// A connection that was taken is gone, whether it was opened or not.
    func left(_ address: PeerAddress)
    /// Frames may come and go on a connection.
    func opened(_ connection: Connection)
    /// The body of a frame has come, without its length; valid inside the call.
    func received(_ body: RawSpan, on connection: Connection)
    /// What came is no frame, or a frame that is too large; the connection must be closed.
    func malformed(_ connection: Connection, _ reason: DecodingError.Reason)
    /// A WebSocket frame breaks the protocol; the connection must be closed with the error's close code.
    func violated(_ connection: Connection, _ error: WebSocketError)
    /// A blocked connection takes frames again.
    func drained(_ connection: Connection)
    /// A connection that was opened is gone.
    func closed(_ connection: Connection)
    /// The whole response to an HTTP request that asks for no WebSocket; nil for "not found".
    func respond(to request: HTTPRequest) -> [UInt8]?
    /// `ServiceLoop.wake` was called.
    func woken()
    /// About four times a second.
    func tick()
    /// The end of a turn, before the loop waits: what was gathered is written now.
    /// - Returns: whether there is more to do at once, so that the next turn must not wait.
    func endTurn() -> Bool
    /// The loop ends; all connections are closed after this call.
    func stopping()
}
