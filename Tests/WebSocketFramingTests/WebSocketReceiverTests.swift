import TLSPresentation
import Testing

@testable import WebSocketFraming

private struct Close: Equatable {
    var code: UInt16?
    var reason: [UInt8] = []
}

/// What a receiver made of a stream: data joined, with a mark where a message ends.
private struct Heard: Equatable {
    var messages: [[UInt8]] = []
    var unfinished: [UInt8] = []
    var pings: [[UInt8]] = []
    var closes: [Close] = []
    var error: WebSocketError?
}

/// Feeds `stream` in pieces of `pieceByteCount` bytes.
private func feed(_ stream: [UInt8], pieceByteCount: Int, role: WebSocketReceiver.Role = .server) -> Heard {
    var receiver = WebSocketReceiver(role: role)
    var heard = Heard()
    for start in stride(from: 0, to: stream.count, by: pieceByteCount) {
        let piece = Array(stream[start..<min(start + pieceByteCount, stream.count)])
        do throws(WebSocketError) {
            try hear(piece, &receiver, &heard)
        } catch {
            heard.error = error
            return heard
        }
    }
    return heard
}

private func hear(
    _ piece: [UInt8], _ receiver: inout WebSocketReceiver, _ heard: inout Heard
) throws(WebSocketError) {
    var position = 0
    while true {
        switch try receiver.next(piece.rawSpan, position: &position) {
        case .data(let range, let mask, let endsMessage):
            var data = Array(piece[range])
            if let mask { data.withUnsafeMutableBytes { applyWebSocketMask(mask, to: $0) } }
            heard.unfinished += data
            if endsMessage {
                heard.messages.append(heard.unfinished)
                heard.unfinished = []
            }
        case .ping(let payload): heard.pings.append(payload)
        case .pong: break
        case .close(let code, let reason): heard.closes.append(Close(code: code, reason: reason))
        case .needsMore: return
        }
    }
}

/// A frame as a peer sends it.
private func frame(
    _ opcode: WebSocketOpcode, _ payload: [UInt8], isFinal: Bool = true, mask: UInt32? = 0x8040_2011
) -> [UInt8] {
    let header = WebSocketFrameHeader(isFinal: isFinal, opcode: opcode, mask: mask, payloadByteCount: payload.count)
    var bytes = [UInt8](repeating: 0, count: header.byteCount)
    bytes.withUnsafeMutableBytes { if let start = $0.baseAddress { header.write(to: start) } }
    var payload = payload
    if let mask { payload.withUnsafeMutableBytes { applyWebSocketMask(mask, to: $0) } }
    return bytes + payload
}

@Suite("WebSocket frames (RFC 6455 section 5)")
struct WebSocketReceiverTests {
    @Test("a stream means the same in whatever pieces it comes", arguments: [1, 2, 3, 7, 13, 125, 1000, 100_000])
    func pieces(byteCount: Int) {
        let small = Array("small".utf8)
        let medium = (0..<300).map { UInt8(truncatingIfNeeded: $0) }
        let large = (0..<70_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let stream =
            frame(.binary, small) + frame(.ping, [1, 2, 3]) + frame(.binary, medium) + frame(.binary, large)
            + frame(.binary, [9], isFinal: false) + frame(.ping, []) + frame(.continuation, medium, isFinal: false)
            + frame(.continuation, []) + frame(.binary, []) + frame(.pong, [4])
            + frame(.close, [0x03, 0xe9] + Array("bye".utf8)) + frame(.close, [])
        let heard = feed(stream, pieceByteCount: byteCount)
        #expect(heard.error == nil)
        #expect(heard.messages == [small, medium, large, [9] + medium, []])
        #expect(heard.pings == [[1, 2, 3], []])
        #expect(heard.closes == [Close(code: 1001, reason: Array("bye".utf8)), Close()])
    }

    @Test("the three forms of a length begin and end where the RFC says", arguments: [0, 125, 126, 65_535, 65_536])
    func lengths(byteCount: Int) {
        let payload = [UInt8](repeating: 7, count: byteCount)
        #expect(feed(frame(.binary, payload), pieceByteCount: 1 << 20).messages == [payload])
    }

    @Test(
        "what breaks the protocol is refused with its own reason, whole or byte by byte",
        arguments: [
            (frame(.binary, [1], mask: nil), .wrongMasking),
            (frame(.text, [65]), .textFrame),
            ([0xc2, 0x80, 0, 0, 0, 0], .reservedBits),
            ([0x83, 0x80, 0, 0, 0, 0], .unknownOpcode(3)),
            ([0x82, 0xfe, 0, 125, 0, 0, 0, 0], .nonMinimalLength),
            ([0x82, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0], .nonMinimalLength),
            ([0x82, 0xff, 0xff, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0], .nonMinimalLength),
            ([0x09, 0x80, 0, 0, 0, 0], .invalidControlFrame),
            ([0x89, 0xfe, 0, 126, 0, 0, 0, 0], .invalidControlFrame),
            (frame(.close, [3]), .invalidControlFrame),
            (frame(.continuation, [1]), .unexpectedContinuation),
            (frame(.binary, [1], isFinal: false) + frame(.binary, [2]), .unexpectedContinuation),
        ] as [([UInt8], WebSocketError)])
    func refused(stream: [UInt8], error: WebSocketError) {
        #expect(feed(stream, pieceByteCount: 1 << 20).error == error)
        #expect(feed(stream, pieceByteCount: 1).error == error)
    }

    @Test("a text frame closes with 1003, everything else with 1002")
    func closeCodes() {
        #expect(WebSocketError.textFrame.closeCode == .unsupportedData)
        #expect(WebSocketError.wrongMasking.closeCode == .protocolError)
    }

    @Test("a client takes unmasked frames and refuses masked ones")
    func clientRole() {
        #expect(feed(frame(.binary, [1, 2], mask: nil), pieceByteCount: 1, role: .client).messages == [[1, 2]])
        #expect(feed(frame(.binary, [1, 2]), pieceByteCount: 100, role: .client).error == .wrongMasking)
    }

    @Test("every split of a server's stream into two pieces says the same")
    func everySplit() {
        let stream =
            frame(.binary, [1, 2, 3], mask: nil) + frame(.binary, [4], isFinal: false, mask: nil)
            + frame(.ping, [9, 9], mask: nil) + frame(.continuation, [], isFinal: false, mask: nil)
            + frame(.continuation, [5], mask: nil) + frame(.binary, [UInt8](repeating: 7, count: 126), mask: nil)
            + frame(.close, [0x03, 0xe9], mask: nil)
        let whole = feed(stream, pieceByteCount: stream.count, role: .client)
        #expect(whole.error == nil && whole.messages.count == 3)
        for split in 1..<stream.count { #expect(feed(stream, pieceByteCount: split, role: .client) == whole) }
    }

    @Test("masking from any offset agrees with masking byte by byte", arguments: 0..<9)
    func masking(offset: Int) {
        let mask: UInt32 = 0xa1b2_c3d4
        let payload = (0..<41).map { UInt8($0) }
        var fast = payload
        fast.withUnsafeMutableBytes { applyWebSocketMask(turnedWebSocketMask(mask, offset: offset), to: $0) }
        let slow = payload.enumerated().map { index, byte in
            byte ^ UInt8(truncatingIfNeeded: mask >> UInt32(((index + offset) % 4) * 8))
        }
        #expect(fast == slow)
    }
}
