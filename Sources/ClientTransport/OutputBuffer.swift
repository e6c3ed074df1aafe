import WebSocketFraming

/// What a socket still has to send. It holds memory only while there is something.
/// ```
/// | sent | sealed: sent as it is | open: 14 bytes of room for a header, payload of a message to be |
///        ^ sentEnd               ^ sealedEnd                                                      ^ bytes.count
/// ```
/// On a WebSocket, frames gather in one open message, which is masked and gets its header when it is sealed; on raw TCP
/// everything is sealed as it comes. Invariant: `sentEnd <= sealedEnd <= bytes.count`.
struct OutputBuffer {
    /// Bytes of the longest header of a client's frame: 2, a length of 8, a mask of 4.
    private static let maxHeaderByteCount = 14

    private(set) var bytes: [UInt8] = []
    private var sentEnd = 0
    private var sealedEnd = 0

    /// Bytes that were given and not sent; the header of an open message may come on top.
    var pendingByteCount: Int { bytes.count - sentEnd }

    private var hasOpenMessage: Bool { sealedEnd < bytes.count }

    /// Puts the emptied `buffer` to use, where nothing is pending.
    mutating func adopt(_ buffer: consuming [UInt8]) {
        precondition(bytes.isEmpty, "only an empty output takes another buffer")
        bytes = buffer
    }

    /// Gives the buffer away, where nothing is pending.
    mutating func release() -> [UInt8] {
        precondition(pendingByteCount == 0, "only an empty output gives its buffer away")
        let buffer = bytes
        self = OutputBuffer()
        return buffer
    }

    /// Appends bytes that are sent as they are.
    mutating func append(sealed piece: RawSpan) {
        precondition(!hasOpenMessage, "an open message is sealed first")
        unsafe piece.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
        sealedEnd = bytes.count
    }

    /// Appends whole frames to the open message, or to a new one where it would have more than `maxByteCount` bytes.
    mutating func append(toMessage frames: RawSpan, maxByteCount: Int, _ nextMask: () -> UInt32) {
        let open = bytes.count - sealedEnd - Self.maxHeaderByteCount
        if hasOpenMessage, open + frames.byteCount > maxByteCount { seal(mask: nextMask()) }
        if !hasOpenMessage { bytes.append(contentsOf: repeatElement(0, count: Self.maxHeaderByteCount)) }
        unsafe frames.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    }

    /// Appends a control frame. RFC 6455 section 5.5.
    mutating func append(control opcode: UInt8, payload: [UInt8], _ nextMask: () -> UInt32) {
        precondition(payload.count <= 125, "a control frame has at most 125 bytes")
        if hasOpenMessage { seal(mask: nextMask()) }
        let mask = nextMask()
        bytes.append(0x80 | opcode)
        bytes.append(0x80 | UInt8(payload.count))
        for shift in stride(from: 0, to: 32, by: 8) { bytes.append(UInt8(truncatingIfNeeded: mask >> UInt32(shift))) }
        let start = bytes.count
        bytes.append(contentsOf: payload)
        Self.apply(mask, to: &bytes, from: start)
        sealedEnd = bytes.count
    }

    /// Gives the open message its header and masks it.
    mutating func sealMessage(_ nextMask: () -> UInt32) {
        if hasOpenMessage { seal(mask: nextMask()) }
    }

    private mutating func seal(mask: UInt32) {
        let payloadStart = sealedEnd + Self.maxHeaderByteCount
        let payloadByteCount = bytes.count - payloadStart
        Self.apply(mask, to: &bytes, from: payloadStart)
        let header = Self.header(payloadByteCount: payloadByteCount, mask: mask)
        let gap = Self.maxHeaderByteCount - header.count
        bytes.replaceSubrange(payloadStart - header.count..<payloadStart, with: header)
        if sentEnd == sealedEnd {
            sentEnd += gap
        } else if gap > 0 {
            // Sealed bytes stand before the room that is too large; only a message below 64 KiB leaves any.
            bytes.removeSubrange(sealedEnd..<sealedEnd + gap)
        }
        sealedEnd = bytes.count
    }

    /// The header of a final binary frame.
    private static func header(payloadByteCount: Int, mask: UInt32) -> [UInt8] {
        let header = WebSocketFrameHeader(opcode: .binary, mask: mask, payloadByteCount: payloadByteCount)
        return unsafe [UInt8](unsafeUninitializedCapacity: header.byteCount) { bytes, count in
            if let start = bytes.baseAddress { unsafe header.write(to: start) }
            count = header.byteCount
        }
    }

    private static func apply(_ mask: UInt32, to bytes: inout [UInt8], from start: Int) {
        unsafe bytes.withUnsafeMutableBytes { bytes in
            unsafe applyWebSocketMask(mask, to: UnsafeMutableRawBufferPointer(rebasing: bytes[start...]))
        }
    }

    // MARK: Sending

    /// Calls `body` with what is sealed and not sent.
    func withSealedBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        unsafe bytes.withUnsafeBytes { unsafe body(UnsafeRawBufferPointer(rebasing: $0[sentEnd..<sealedEnd])) }
    }

    /// The first `count` of the sealed bytes were sent.
    mutating func didSend(_ count: Int) {
        sentEnd += count
        precondition(sentEnd <= sealedEnd, "only what is sealed is sent")
        if sentEnd == bytes.count { return reset() }
        // Each byte moves at most once for each byte that was sent.
        if sentEnd > 64 << 10 && sentEnd > bytes.count / 2 {
            bytes.removeSubrange(..<sentEnd)
            sealedEnd -= sentEnd
            sentEnd = 0
        }
    }

    private mutating func reset() {
        bytes.removeAll(keepingCapacity: true)
        sentEnd = 0
        sealedEnd = 0
    }
}
