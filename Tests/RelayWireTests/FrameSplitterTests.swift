import RelayWire
import TLSPresentation
import Testing

@Suite("FrameSplitter: frames out of a stream")
struct FrameSplitterTests {
    /// The bodies of all frames in `stream`, which ends with one.
    private func split(_ stream: [UInt8]) throws -> [Range<Int>] {
        var bodies: [Range<Int>] = []
        var start = 0
        while start < stream.count {
            let step = try FrameSplitter.step(stream.rawSpan, from: start, maxByteCount: WireLimits.maxFrameByteCount)
            guard case .frame(let body) = step else {
                Issue.record("incomplete at \(start)")
                break
            }
            bodies.append(body)
            start = body.upperBound
        }
        return bodies
    }

    @Test("one byte at a time gives the same frames as one piece")
    func oneByteAtATime() throws {
        let frames = try GoldenFrame.good().map(\.bytes).filter { $0.count < 1000 }
        let stream = frames.flatMap { $0 }
        let inOnePiece = try split(stream)
        #expect(inOnePiece.map(\.upperBound) == frames.indices.map { frames[...$0].reduce(0) { $0 + $1.count } })

        var received: [UInt8] = []
        var bodies: [Range<Int>] = []
        var start = 0
        for byte in stream {
            received.append(byte)
            let step = try FrameSplitter.step(received.rawSpan, from: start, maxByteCount: WireLimits.maxFrameByteCount)
            switch step {
            case .frame(let body):
                bodies.append(body)
                start = body.upperBound
            case .incomplete(let end):
                if end <= received.count { Issue.record("\(end) bytes are there, and it waits for them") }
            }
        }
        #expect(bodies == inOnePiece)
    }

    @Test("it says how far a frame reaches as soon as its length is there, and before that how long the length is")
    func untilAtLeast() throws {
        func end(_ bytes: [UInt8], from start: Int = 0) throws -> Int? {
            guard case .incomplete(let end) = try FrameSplitter.step(bytes.rawSpan, from: start, maxByteCount: 1 << 24)
            else { return nil }
            return end
        }
        #expect(try end([]) == 1)
        #expect(try end([0xaa], from: 1) == 2)
        #expect(try end([9]) == 10)
        #expect(try end([0x40]) == 2)
        #expect(try end([0x40, 64]) == 66)
        #expect(try end([0x80, 0x00, 0x40]) == 4)
        #expect(try end([0xaa, 0xaa, 0x80, 0x00, 0x40, 0x00], from: 2) == 2 + 4 + 16_384)
    }

    @Test(
        "a body at the limit is awaited, and one above refused when only its length is there",
        arguments: [
            8, 62, 63, 64, 65, 16_382, 16_383, 16_384, 4 << 20, WireLimits.maxFrameByteCount,
        ])
    func limit(limit: Int) throws {
        var atLimit = Writer()
        atLimit.varint(limit)
        var above = Writer()
        above.varint(limit + 1)
        #expect(
            try FrameSplitter.step(atLimit.bytes.rawSpan, from: 0, maxByteCount: limit)
                == .incomplete(untilAtLeast: atLimit.bytes.count + limit))
        #expect(throws: DecodingError(.invalidLength(type: "frame", byteCount: limit + 1), at: 0)) {
            _ = try FrameSplitter.step(above.bytes.rawSpan, from: 0, maxByteCount: limit)
        }
    }

    @Test("a length below a header's is refused at once, and a header's is enough", arguments: 0..<5)
    func shorterThanAHeader(byteCount: Int) throws {
        let bytes: [UInt8] = [0xff, UInt8(byteCount)]
        #expect(throws: DecodingError(.invalidLength(type: "frame", byteCount: byteCount), at: 1)) {
            _ = try FrameSplitter.step(bytes.rawSpan, from: 1, maxByteCount: 100)
        }
        let done: [UInt8] = [5, 68, 0, 0, 0, 1]
        #expect(try FrameSplitter.step(done.rawSpan, from: 0, maxByteCount: 100) == .frame(body: 1..<6))
    }

    @Test("the prefix 11 is refused at its first byte, a length that is too long in its form when all of it is there")
    func malformedLengths() {
        #expect(throws: DecodingError(.invalidVarintPrefix, at: 2)) {
            _ = try FrameSplitter.step([0, 0, 0xc0].rawSpan, from: 2, maxByteCount: 100)
        }
        #expect(throws: DecodingError(.nonMinimalVarint, at: 0)) {
            _ = try FrameSplitter.step([0x40, 0x3f].rawSpan, from: 0, maxByteCount: 100)
        }
        #expect(throws: DecodingError(.nonMinimalVarint, at: 0)) {
            _ = try FrameSplitter.step([0x80, 0, 0x3f, 0xff].rawSpan, from: 0, maxByteCount: 1 << 24)
        }
    }
}
