/// Takes a stream of WebSocket frames apart: headers, masks, fragments and control frames. RFC 6455 section 5.
///
/// Holds a header or a control frame that is not whole yet; data is passed on in place, as it comes.
public struct WebSocketReceiver: Sendable {
    public enum Role: Sendable {
        /// Receives masked frames.
        case server
        /// Receives unmasked frames.
        case client
    }

    /// What `next` found at the beginning of the bytes.
    public enum Event: Equatable, Sendable {
        /// A piece of a binary message, unmasked in place: this many bytes from `offset` on.
        /// `endsMessage` when the message is whole with it.
        case data(offset: Int, byteCount: Int, endsMessage: Bool)
        case ping([UInt8])
        case pong
        /// The peer's Close, with its code if it gave one.
        case close(UInt16?)
        /// All bytes are used up.
        case needsMore
    }

    private let role: Role
    /// A header or a whole control frame as far as it has come.
    private var pending: [UInt8] = []
    /// The frame whose payload is coming.
    private var frame: WebSocketFrameHeader?
    private var received = 0
    private var isInsideMessage = false

    public init(role: Role) { self.role = role }

    /// Looks at `bytes` from `position` on, and moves `position` behind what it has used.
    /// - Throws: when the peer breaks the protocol; the connection then ends with `closeCode`.
    public mutating func next(
        _ bytes: UnsafeMutableRawBufferPointer, position: inout Int
    ) throws(WebSocketError) -> Event {
        while true {
            if let frame {
                let byteCount = min(frame.payloadByteCount - received, bytes.count - position)
                guard byteCount > 0 || frame.payloadByteCount == received else { return .needsMore }
                let offset = position
                if let mask = frame.mask {
                    let piece = UnsafeMutableRawBufferPointer(rebasing: bytes[offset..<offset + byteCount])
                    applyWebSocketMask(mask, to: piece, offset: received)
                }
                received += byteCount
                position += byteCount
                let isWhole = received == frame.payloadByteCount
                if isWhole {
                    self.frame = nil
                    isInsideMessage = !frame.isFinal
                }
                return .data(offset: offset, byteCount: byteCount, endsMessage: isWhole && frame.isFinal)
            }
            guard position < bytes.count else { return .needsMore }
            if let event = try beginFrame(bytes, position: &position) { return event }
        }
    }

    /// Reads a header; a control frame is answered whole, of a data frame only the header is used.
    private mutating func beginFrame(
        _ bytes: UnsafeMutableRawBufferPointer, position: inout Int
    ) throws(WebSocketError) -> Event? {
        if pending.isEmpty {
            let rest = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[position...])
            if let (header, byteCount) = try WebSocketFrameHeader.parse(rest) {
                try check(header)
                if !header.opcode.isControl {
                    position += byteCount
                    enter(header)
                    return nil
                }
                if rest.count >= byteCount + header.payloadByteCount {
                    position += byteCount + header.payloadByteCount
                    let payload = rest[byteCount..<byteCount + header.payloadByteCount]
                    return control(header, payload: Array(UnsafeRawBufferPointer(rebasing: payload)))
                }
            }
        }
        // The header, or the control frame with its payload, is split: gather it byte by byte.
        while position < bytes.count {
            pending.append(bytes[position])
            position += 1
            let parsed = pending.withUnsafeBytes { gathered in
                Result { () throws(WebSocketError) in try WebSocketFrameHeader.parse(gathered) }
            }
            guard let (header, byteCount) = try parsed.get() else { continue }
            try check(header)
            if !header.opcode.isControl {
                pending = []
                enter(header)
                return nil
            }
            guard pending.count == byteCount + header.payloadByteCount else { continue }
            let payload = Array(pending[byteCount...])
            pending = []
            return control(header, payload: payload)
        }
        return .needsMore
    }

    private func check(_ header: WebSocketFrameHeader) throws(WebSocketError) {
        guard (header.mask != nil) == (role == .server) else { throw .wrongMasking }
        switch header.opcode {
        case .text: throw .textFrame
        case .binary: if isInsideMessage { throw .unexpectedContinuation }
        case .continuation: if !isInsideMessage { throw .unexpectedContinuation }
        case .close, .ping, .pong: break
        }
    }

    private mutating func enter(_ header: WebSocketFrameHeader) {
        frame = header
        received = 0
        isInsideMessage = true
    }

    private func control(_ header: WebSocketFrameHeader, payload: [UInt8]) -> Event {
        var payload = payload
        if let mask = header.mask { payload.withUnsafeMutableBytes { applyWebSocketMask(mask, to: $0, offset: 0) } }
        return switch header.opcode {
        case .ping: .ping(payload)
        case .close: .close(payload.count >= 2 ? UInt16(payload[0]) << 8 | UInt16(payload[1]) : nil)
        case .pong, .text, .binary, .continuation: .pong
        }
    }
}
