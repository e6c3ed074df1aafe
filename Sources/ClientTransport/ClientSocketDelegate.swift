/// Hears what happens to a `ClientSocket`, on the thread of its loop.
///
/// It may call whatever the socket offers from inside of each call. The socket keeps it until `didClose`.
public protocol ClientSocketDelegate: AnyObject {
    /// Frames can be sent; the WebSocket handshake, where there is one, is over.
    func socketDidOpen(_ socket: ClientSocket)

    /// At least one whole frame came. Called once for as many as came in one piece; the bytes are valid for the call.
    func socket(_ socket: ClientSocket, didReceive frames: inout ReceivedFrames)

    /// All that was to be sent has been handed to the kernel, after the kernel did not take it at once or `send` has
    /// refused more.
    func socketDidDrain(_ socket: ClientSocket)

    /// Something came that shows that the peer lives, and that is no frame: a ping of the WebSocket or the answer to one.
    func socketDidReceiveControl(_ socket: ClientSocket)

    /// It is over: the last call, once for each socket on which `connect` was called, and never from inside of a call
    /// that the delegate makes.
    func socket(_ socket: ClientSocket, didClose reason: TransportError)
}

extension ClientSocketDelegate {
    public func socketDidDrain(_ socket: ClientSocket) {}
    public func socketDidReceiveControl(_ socket: ClientSocket) {}
}
