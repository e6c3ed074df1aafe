/// Why a socket is closed, could not be opened, or a loop could not be made.
public enum TransportError: Error, Hashable, Sendable {
    /// The name of the relay has no address, for the resolver's reason.
    case nameUnresolved(host: String, reason: String)
    /// A call to the operating system failed, with this `errno`.
    case system(call: String, code: Int32)
    /// The connection was not open within `ConnectOptions.timeout`.
    case timedOut
    /// The relay's certificate is not one to trust, or not for this host. Trying again does not help.
    case certificateRefused(reason: String)
    /// TLS failed for OpenSSL's reason.
    case tls(reason: String)
    /// The opening handshake of the WebSocket was not answered with what RFC 6455 section 4.2.2 asks for.
    case upgradeRefused(reason: String)
    /// The peer sent what a relay must not send; a WebSocket was closed with this code. RFC 6455 section 7.4.
    case protocolViolation(closeCode: UInt16, reason: String)
    /// The peer closed the connection; a WebSocket with this code, if it said any.
    case closedByPeer(closeCode: UInt16?, reason: String)
    /// `ClientSocket.close` or `abort` was called.
    case closedLocally
}

extension TransportError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .nameUnresolved(let host, let reason): "\"\(host)\" has no address: \(reason)"
        case .system(let call, let code): "\(call) failed: \(SystemCall.message(of: code))"
        case .timedOut: "the relay did not answer in time"
        case .certificateRefused(let reason): "the relay's certificate is refused: \(reason)"
        case .tls(let reason): "TLS failed: \(reason)"
        case .upgradeRefused(let reason): "the relay did not open a WebSocket: \(reason)"
        case .protocolViolation(_, let reason): "the relay broke the protocol: \(reason)"
        case .closedByPeer(let code?, let reason): "the relay closed the connection (\(code)) \(reason)"
        case .closedByPeer(nil, let reason): "the relay closed the connection \(reason)"
        case .closedLocally: "the connection was closed"
        }
    }
}
