/// What a WebSocket frame carries. RFC 6455 section 5.2.
public enum WebSocketOpcode: UInt8, Sendable {
    case continuation = 0
    case text = 1
    case binary = 2
    case close = 8
    case ping = 9
    case pong = 10

    /// Control frames have at most 125 bytes and are never fragmented. RFC 6455 section 5.5.
    public var isControl: Bool { rawValue >= 8 }
}

/// Status codes of a Close frame. RFC 6455 section 7.4.1, PROTOCOL.md section 2.
public struct WebSocketCloseCode: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }
    public static let normal = Self(rawValue: 1000)
    public static let goingAway = Self(rawValue: 1001)
    public static let protocolError = Self(rawValue: 1002)
    public static let unsupportedData = Self(rawValue: 1003)
    public static let messageTooBig = Self(rawValue: 1009)
}

/// Why a peer's WebSocket frame is refused, and the status code that tells it so.
public enum WebSocketError: Error, Hashable, Sendable {
    case reservedBits
    case unknownOpcode(UInt8)
    /// A client's frame without a mask, or a server's with one. RFC 6455 section 5.1.
    case wrongMasking
    case nonMinimalLength
    case invalidControlFrame
    /// A continuation without a beginning, or a new message inside another.
    case unexpectedContinuation
    case textFrame

    public var closeCode: WebSocketCloseCode { self == .textFrame ? .unsupportedData : .protocolError }
}

/// The header of a WebSocket frame. RFC 6455 section 5.2.
public struct WebSocketFrameHeader: Hashable, Sendable {
    public var isFinal: Bool
    public var opcode: WebSocketOpcode
    /// The masking key, first byte lowest; nil in frames of a server.
    public var mask: UInt32?
    public var payloadByteCount: Int

    public static let maxByteCount = 14
    /// The longest header of a frame without a mask.
    public static let maxUnmaskedByteCount = 10

    public init(isFinal: Bool = true, opcode: WebSocketOpcode, mask: UInt32? = nil, payloadByteCount: Int) {
        self.isFinal = isFinal
        self.opcode = opcode
        self.mask = mask
        self.payloadByteCount = payloadByteCount
    }

    /// Reads a header from the beginning of `span`.
    /// - Returns: nil while there are too few bytes.
    public static func parse(
        _ span: RawSpan
    ) throws(WebSocketError) -> (header: WebSocketFrameHeader, byteCount: Int)? {
        guard span.byteCount >= 2 else { return nil }
        let first = span.unsafeLoad(fromByteOffset: 0, as: UInt8.self)
        let second = span.unsafeLoad(fromByteOffset: 1, as: UInt8.self)
        guard first & 0x70 == 0 else { throw .reservedBits }
        guard let opcode = WebSocketOpcode(rawValue: first & 0x0f) else { throw .unknownOpcode(first & 0x0f) }
        let isFinal = first & 0x80 != 0
        let isMasked = second & 0x80 != 0
        let length = Int(second & 0x7f)
        if opcode.isControl, !isFinal || length > 125 { throw .invalidControlFrame }

        let lengthByteCount = length == 127 ? 8 : length == 126 ? 2 : 0
        let byteCount = 2 + lengthByteCount + (isMasked ? 4 : 0)
        guard span.byteCount >= byteCount else { return nil }
        var payloadByteCount = length
        if lengthByteCount == 2 {
            payloadByteCount = Int(UInt16(bigEndian: span.unsafeLoadUnaligned(fromByteOffset: 2, as: UInt16.self)))
            guard payloadByteCount > 125 else { throw .nonMinimalLength }
        } else if lengthByteCount == 8 {
            let value = UInt64(bigEndian: span.unsafeLoadUnaligned(fromByteOffset: 2, as: UInt64.self))
            guard value > 0xffff, let count = Int(exactly: value) else { throw .nonMinimalLength }
            payloadByteCount = count
        }
        let mask =
            isMasked
            ? UInt32(littleEndian: span.unsafeLoadUnaligned(fromByteOffset: 2 + lengthByteCount, as: UInt32.self)) : nil
        let header = WebSocketFrameHeader(
            isFinal: isFinal, opcode: opcode, mask: mask, payloadByteCount: payloadByteCount)
        return (header, byteCount)
    }

    /// Bytes that the header takes.
    public var byteCount: Int {
        2 + (payloadByteCount > 0xffff ? 8 : payloadByteCount > 125 ? 2 : 0) + (mask == nil ? 0 : 4)
    }

    /// Writes the header's `byteCount` bytes to `target`, which must have room for them.
    public func write(to target: UnsafeMutableRawPointer) {
        target.storeBytes(of: (isFinal ? 0x80 : 0) | opcode.rawValue, as: UInt8.self)
        let maskBit: UInt8 = mask == nil ? 0 : 0x80
        if payloadByteCount > 0xffff {
            target.storeBytes(of: maskBit | 127, toByteOffset: 1, as: UInt8.self)
            target.storeBytes(of: UInt64(payloadByteCount).bigEndian, toByteOffset: 2, as: UInt64.self)
        } else if payloadByteCount > 125 {
            target.storeBytes(of: maskBit | 126, toByteOffset: 1, as: UInt8.self)
            target.storeBytes(of: UInt16(payloadByteCount).bigEndian, toByteOffset: 2, as: UInt16.self)
        } else {
            target.storeBytes(of: maskBit | UInt8(payloadByteCount), toByteOffset: 1, as: UInt8.self)
        }
        if let mask { target.storeBytes(of: mask.littleEndian, toByteOffset: byteCount - 4, as: UInt32.self) }
    }

    /// The whole frame of a server's Close. RFC 6455 section 5.5.1.
    public static func closeFrame(_ code: WebSocketCloseCode) -> [UInt8] {
        [0x88, 2, UInt8(code.rawValue >> 8), UInt8(code.rawValue & 0xff)]
    }
}

/// A masking key turned so that it fits bytes which `offset` others of the payload come before.
func turnedWebSocketMask(_ mask: UInt32, offset: Int) -> UInt32 {
    let shift = UInt32(offset & 3) * 8
    return shift == 0 ? mask : mask >> shift | mask << (32 - shift)
}

/// Applies a masking key to `bytes` in place; its lowest byte meets the first. RFC 6455 section 5.3.
public func applyWebSocketMask(_ mask: UInt32, to bytes: UnsafeMutableRawBufferPointer) {
    let wide = UInt64(mask) << 32 | UInt64(mask)
    var index = 0
    while index + 8 <= bytes.count {
        let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
        bytes.storeBytes(of: word ^ wide.littleEndian, toByteOffset: index, as: UInt64.self)
        index += 8
    }
    while index < bytes.count {
        bytes[index] ^= UInt8(truncatingIfNeeded: mask >> UInt32((index & 3) * 8))
        index += 1
    }
}
