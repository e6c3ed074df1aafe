/// Reads the frames of a WebSocket's server side. RFC 6455 section 5.2.
/// ```
///  0               1               2               3
/// |F|R|R|R|opcode |M| length (7)  | 16 or 64 bits of length, if the 7 are 126 or 127 | payload
/// ```
/// Payload of data frames is passed on in the pieces in which it comes, without waiting for the end of a frame; control
/// frames are collected. Invariant: between two steps `remaining` bytes of the present frame's payload are to come.
struct WebSocketDecoder {
    enum Step: Equatable {
        /// The input is used up.
        case needsBytes
        /// These bytes of the input are payload of a message, whose last they are if `endsMessage`.
        case payload(Range<Int>, endsMessage: Bool)
        case ping([UInt8])
        case pong
        /// The peer closes; code and reason are what it said, if it did.
        case close(code: UInt16?, reason: String)
    }

    /// What a server must not send, with the code to close with. RFC 6455 section 7.4.1.
    struct Violation: Error, Equatable {
        let closeCode: UInt16
        let reason: String

        static func protocolError(_ reason: String) -> Violation { Violation(closeCode: 1002, reason: reason) }
    }

    private enum Opcode: UInt8 {
        case continuation = 0
        case text = 1
        case binary = 2
        case close = 8
        case ping = 9
        case pong = 10
    }

    private static let maxHeaderByteCount = 10
    private static let maxControlByteCount = 125

    /// Bytes of a header that is not whole, the first one lowest. A mask is an error before it is read.
    private var header: (low: UInt64, high: UInt64) = (0, 0)
    private var headerByteCount: UInt8 = 0
    /// The frame whose payload comes now; nil between two frames.
    private var opcode: Opcode?
    private var isFinal = false
    private var remaining: UInt64 = 0
    /// A message has begun and its last frame has not.
    private var isInMessage = false
    private var control: [UInt8] = []

    /// Looks at `bytes` from `position` on, and moves `position` behind what was used.
    mutating func step(_ bytes: RawSpan, position: inout Int) throws(Violation) -> Step {
        while opcode == nil {
            guard position < bytes.byteCount else { return .needsBytes }
            // Checked above.
            append(toHeader: unsafe bytes.unsafeLoad(fromUncheckedByteOffset: position, as: UInt8.self))
            position += 1
            try parseHeader()
        }
        guard let opcode else { preconditionFailure("the loop ends with an opcode") }
        let count = Int(min(remaining, UInt64(bytes.byteCount - position)))
        switch opcode {
        case .continuation, .text, .binary:
            // A frame without payload says something only where it ends a message.
            if count == 0 && remaining > 0 { return .needsBytes }
            let range = position..<position + count
            position += count
            remaining -= UInt64(count)
            if remaining == 0 { self.opcode = nil }
            return .payload(range, endsMessage: remaining == 0 && isFinal)
        case .close, .ping, .pong:
            let piece = bytes.extracting(position..<position + count)
            unsafe piece.withUnsafeBytes { unsafe control.append(contentsOf: $0) }
            position += count
            remaining -= UInt64(count)
            if remaining > 0 { return .needsBytes }
            self.opcode = nil
            let payload = control
            control = []
            return try Self.controlStep(opcode, payload)
        }
    }

    private static func controlStep(_ opcode: Opcode, _ payload: [UInt8]) throws(Violation) -> Step {
        switch opcode {
        case .ping: return .ping(payload)
        case .close:
            if payload.isEmpty { return .close(code: nil, reason: "") }
            guard payload.count >= 2 else { throw .protocolError("a close code of one byte") }
            let code = UInt16(payload[0]) << 8 | UInt16(payload[1])
            return .close(code: code, reason: String(decoding: payload[2...], as: UTF8.self))
        default: return .pong
        }
    }

    // MARK: Headers

    private mutating func append(toHeader byte: UInt8) {
        precondition(headerByteCount < Self.maxHeaderByteCount, "a header has at most ten bytes")
        if headerByteCount < 8 {
            header.low |= UInt64(byte) << (8 * UInt64(headerByteCount))
        } else {
            header.high |= UInt64(byte) << (8 * UInt64(headerByteCount - 8))
        }
        headerByteCount += 1
    }

    /// Reads the header as far as it is there; checks each part as soon as it is.
    private mutating func parseHeader() throws(Violation) {
        guard headerByteCount >= 2 else { return try checkFirstByte() }
        let second = UInt8(truncatingIfNeeded: header.low >> 8)
        guard second & 0x80 == 0 else { throw .protocolError("a masked frame from a server") }
        let first = UInt8(truncatingIfNeeded: header.low)
        guard let opcode = Opcode(rawValue: first & 0x0f) else { preconditionFailure("the first byte was checked") }
        let isControl = first & 0x08 != 0
        guard !isControl || second & 0x7f <= Self.maxControlByteCount else {
            throw .protocolError("a control frame of more than 125 bytes")
        }
        guard let length = try length(second & 0x7f) else { return }
        header = (0, 0)
        headerByteCount = 0
        remaining = length
        self.opcode = opcode
        if !isControl {
            isFinal = first & 0x80 != 0
            isInMessage = !isFinal
        }
    }

    private func checkFirstByte() throws(Violation) {
        let first = UInt8(truncatingIfNeeded: header.low)
        guard first & 0x70 == 0 else { throw .protocolError("a reserved bit is set") }
        switch Opcode(rawValue: first & 0x0f) {
        case nil: throw .protocolError("the opcode \(first & 0x0f) is reserved")
        case .text: throw Violation(closeCode: 1003, reason: "a text frame")
        case .binary where isInMessage: throw .protocolError("a message inside of another")
        case .continuation where !isInMessage: throw .protocolError("a continuation of no message")
        case .close, .ping, .pong:
            guard first & 0x80 != 0 else { throw .protocolError("a fragmented control frame") }
        case .binary, .continuation: break
        }
    }

    /// The payload's length; nil while bytes of it are missing.
    private func length(_ short: UInt8) throws(Violation) -> UInt64? {
        switch short {
        case 126:
            guard headerByteCount == 4 else { return nil }
            let length = UInt64(UInt16(truncatingIfNeeded: header.low >> 16).byteSwapped)
            guard length > 125 else { throw .protocolError("a length is not in its shortest form") }
            return length
        case 127:
            guard headerByteCount == 10 else { return nil }
            let length = (header.low >> 16 | header.high << 48).byteSwapped
            guard length > 0xffff, length <= UInt64(Int64.max) else {
                throw .protocolError("a length is not in its shortest form")
            }
            return length
        default: return UInt64(short)
        }
    }
}
