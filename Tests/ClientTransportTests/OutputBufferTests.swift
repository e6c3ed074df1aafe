import TLSPresentation
import Testing

@testable import ClientTransport

/// Reads client frames back: masked, final, whole.
struct ClientFrame: Equatable {
    let opcode: UInt8
    let payload: [UInt8]

    static func all(_ bytes: [UInt8]) -> [ClientFrame]? {
        var frames: [ClientFrame] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            guard let (frame, byteCount) = first(rest) else { return nil }
            frames.append(frame)
            rest = rest.dropFirst(byteCount)
        }
        return frames
    }

    static func first(_ bytes: ArraySlice<UInt8>) -> (ClientFrame, Int)? {
        let bytes = Array(bytes)
        guard bytes.count >= 2, bytes[0] & 0xf0 == 0x80, bytes[1] & 0x80 != 0 else { return nil }
        let lengthByteCount = bytes[1] & 0x7f == 126 ? 2 : bytes[1] & 0x7f == 127 ? 8 : 0
        guard bytes.count >= 6 + lengthByteCount else { return nil }
        let length =
            lengthByteCount == 0 ? Int(bytes[1] & 0x7f) : bytes[2..<2 + lengthByteCount].reduce(0) { $0 << 8 | Int($1) }
        let start = 6 + lengthByteCount
        guard bytes.count >= start + length else { return nil }
        let mask = bytes[start - 4..<start]
        let payload = (0..<length).map { bytes[start + $0] ^ mask[mask.startIndex + $0 % 4] }
        return (ClientFrame(opcode: bytes[0] & 0x0f, payload: payload), start + length)
    }
}

@Suite("OutputBuffer")
struct OutputBufferTests {
    /// Takes what is sealed, at most `count` bytes of it, as a kernel would.
    static func take(_ output: inout OutputBuffer, _ count: Int = .max) -> [UInt8] {
        let bytes = output.withSealedBytes { Array($0.prefix(count)) }
        output.didSend(bytes.count)
        return bytes
    }

    @Test("frames of one turn are one masked message", arguments: [1, 100, 125, 126, 300, 0xffff, 0x10000])
    func oneMessage(count: Int) {
        var output = OutputBuffer()
        let piece = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        output.append(toMessage: piece.rawSpan, maxByteCount: 64 << 10) { 0x1234_5678 }
        output.append(toMessage: ([0xff] as [UInt8]).rawSpan, maxByteCount: 64 << 10) { 0x9abc_def0 }
        output.sealMessage { 0x9abc_def0 }
        let expected = count < 64 << 10 ? [piece + [0xff]] : [piece, [0xff]]
        #expect(ClientFrame.all(Self.take(&output)) == expected.map { ClientFrame(opcode: 2, payload: $0) })
        #expect(output.pendingByteCount == 0)
    }

    @Test(
        "control frames and messages keep their order, however the kernel takes them", arguments: [1, 7, 1000, 100_000])
    func order(step: Int) {
        var output = OutputBuffer()
        var mask: UInt32 = 1
        func nextMask() -> UInt32 {
            mask = mask &* 2_654_435_761 &+ 1
            return mask
        }
        var sent: [UInt8] = []
        var expected: [ClientFrame] = []
        for round in 0..<20 {
            let piece = [UInt8](repeating: UInt8(round), count: round * 1000 + 1)
            output.append(toMessage: piece.rawSpan, maxByteCount: 64 << 10, nextMask)
            expected.append(ClientFrame(opcode: 2, payload: piece))
            if round % 3 == 0 {
                output.append(control: 0xa, payload: [UInt8(round)], nextMask)
                expected.append(ClientFrame(opcode: 10, payload: [UInt8(round)]))
            } else {
                output.sealMessage(nextMask)
            }
            sent += Self.take(&output, step)
        }
        while output.pendingByteCount > 0 { sent += Self.take(&output, step) }
        #expect(ClientFrame.all(sent) == expected)
    }

    @Test("sealed bytes go out as they are")
    func sealed() {
        var output = OutputBuffer()
        output.append(sealed: ([1, 2, 3] as [UInt8]).rawSpan)
        #expect(Self.take(&output, 2) == [1, 2])
        output.append(sealed: ([4] as [UInt8]).rawSpan)
        #expect(Self.take(&output) == [3, 4])
    }
}
