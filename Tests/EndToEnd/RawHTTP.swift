import Glibc
import TestSupport

/// What a server on this machine sends for `request` until it closes.
func httpExchange(_ request: String, port: UInt16) async throws -> String {
    try await onThread { try exchangeBlocking(request, port: port) }
}

private struct SocketError: Error {
    let call: String
    let code = errno
}

private func exchangeBlocking(_ request: String, port: UInt16) throws -> String {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard socket >= 0 else { throw SocketError(call: "socket") }
    defer { close(socket) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
    let connected = withUnsafePointer(to: address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
    guard connected == 0 else { throw SocketError(call: "connect") }
    let bytes = Array(request.utf8)
    guard send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else { throw SocketError(call: "send") }
    var response: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65536)
    while true {
        let count = recv(socket, &piece, piece.count, 0)
        guard count >= 0 else { throw SocketError(call: "recv") }
        guard count > 0 else { return String(decoding: response, as: UTF8.self) }
        response += piece[..<count]
    }
}
