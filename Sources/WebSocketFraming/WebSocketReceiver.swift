import TLSPresentation

/// Takes a stream of WebSocket frames apart: headers, fragments and control frames. RFC 6455 section 5.
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
        /// These of the bytes are a piece of a binary message, which is whole with it when `endsMessage`. With a `mask`,
        /// which is turned so that its first byte meets the first of the piece, they still have it on.
        case data(Range<Int>, mask: UInt32?, endsMessage: Bool)
        case ping([UInt8])
        case pong
        /// The peer's Close, with its code and reason if it gave them.
        case close(UInt16?, reason: [UInt8])
        /// All bytes are used up.
        case needsMore
    }

    private let role: Role
    /// A header, or a whole control frame, as far as it has come.
    private var pending: [UInt8] = []
    /// The frame whose payload is coming.
    private var frame: WebSocketFrameHeader?
    private var received = 0
    private var isInsideMessage = false

    public init(role: Role) { self.role = role }

    /// Looks at `bytes` from `position` on, and moves `position` behind what it has used.
    /// - Throws: when the peer breaks the protocol; the connection then ends with `closeCode`.
    public mutating func next(_ bytes: RawSpan, position: inout Int) throws(WebSocketError) -> Event {
        while frame == nil {
            guard position < bytes.byteCount else { return .needsMore }
            if let event = try beginFrame(bytes, position: &position) { return event }
        }
        guard let frame else { preconditionFailure("the loop ends with a frame") }
        let byteCount = min(frame.payloadByteCount - received, bytes.byteCount - position)
        guard byteCount > 0 || frame.payloadByteCount == received else { return .needsMore }
        let mask = frame.mask.map { turnedWebSocketMask($0, offset: received) }
        let range = position..<position + byteCount
        received += byteCount
        position += byteCount
        let isWhole = received == frame.payloadByteCount
        if isWhole {
            self.frame = nil
            isInsideMessage = !frame.isFinal
        }
        return .data(range, mask: mask, endsMessage: isWhole && frame.isFinal)
    }

    /// Reads a header; a control frame is answered whole, of a data frame only the header is used.
    private mutating func beginFrame(_ bytes: RawSpan, position: inout Int) throws(WebSocketError) -> Event? {
        if pending.isEmpty {
            let rest = bytes.extracting(position..<bytes.byteCount)
            if let (header, byteCount) = try WebSocketFrameHeader.parse(rest) {
                try check(header)
                if !header.opcode.isControl {
                    position += byteCount
                    enter(header)
                    return nil
                }
                let end = byteCount + header.payloadByteCount
                if rest.byteCount >= end {
                    position += end
                    return try control(header, payload: [UInt8](rest.extracting(byteCount..<end)))
                }
            }
        }
        // The header, or the control frame with its payload, is split: gather it byte by byte.
        while position < bytes.byteCount {
            pending.append(bytes.unsafeLoad(fromByteOffset: position, as: UInt8.self))
            position += 1
            let gathered = pending
            guard let (header, byteCount) = try WebSocketFrameHeader.parse(gathered.rawSpan) else { continue }
            try check(header)
            if !header.opcode.isControl {
                pending = []
                enter(header)
                return nil
            }
            guard pending.count == byteCount + header.payloadByteCount else { continue }
            let payload = Array(pending[byteCount...])
            pending = []
            return try control(header, payload: payload)
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

    private func control(_ header: WebSocketFrameHeader, payload: [UInt8]) throws(WebSocketError) -> Event {
        var payload = payload
        if let mask = header.mask { payload.withUnsafeMutableBytes { applyWebSocketMask(mask, to: $0) } }
        switch header.opcode {
        case .ping: return .ping(payload)
        case .close:
            if payload.isEmpty { return .close(nil, reason: []) }
            // Section 5.5.1: a body begins with a code of two bytes.
            guard payload.count >= 2 else { throw .invalidControlFrame }
            return .close(UInt16(payload[0]) << 8 | UInt16(payload[1]), reason: Array(payload[2...]))
        case .pong, .text, .binary, .continuation: return .pong
        }
    }
}
