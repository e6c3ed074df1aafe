import RelayWire
import TLSPresentation
import Testing

@testable import ClientTransport

@Suite("ReceivedFrames and FrameAssembler")
struct FramesTests {
    static let maxByteCount = 1 << 20

    /// Frames whose bodies have these sizes.
    static func frames(_ sizes: [Int]) -> (bodies: [[UInt8]], bytes: [UInt8]) {
        let bodies = sizes.enumerated().map {
            [UInt8](repeating: UInt8(truncatingIfNeeded: $0.offset + 1), count: $0.element)
        }
        var writer = Writer()
        for body in bodies { writer.opaque(body) }
        return (bodies, writer.bytes)
    }

    /// What a socket does with pieces, without the socket.
    static func bodies(_ pieces: [[UInt8]], max: Int = maxByteCount) throws(DecodingError) -> [[UInt8]] {
        var assembler = FrameAssembler(maxFrameByteCount: max)
        var bodies: [[UInt8]] = []
        for piece in pieces {
            var position = 0
            if assembler.isPartial {
                guard let frame = try assembler.complete(with: piece.rawSpan, position: &position) else { continue }
                var frames = ReceivedFrames(frame.rawSpan, maxFrameByteCount: max)
                while let body = frames.next() { bodies.append([UInt8](body)) }
            }
            let rest = piece.rawSpan.extracting(position..<piece.count)
            var frames = ReceivedFrames(rest, maxFrameByteCount: max)
            while let body = frames.next() { bodies.append([UInt8](body)) }
            try frames.check()
            assembler.keep(rest.extracting(frames.consumedByteCount..<rest.byteCount))
        }
        return bodies
    }

    @Test("every length class, whole and byte by byte")
    func lengthClasses() throws {
        let (bodies, bytes) = Self.frames([5, 63, 64, 16_383, 16_384, 70_000, 5])
        #expect(try Self.bodies([bytes]) == bodies)
        #expect(try Self.bodies(bytes.map { [$0] }) == bodies)
    }

    @Test("every split into two pieces gives the same frames")
    func everySplit() throws {
        let (bodies, bytes) = Self.frames([5, 6, 64, 200, 5, 7])
        for split in 0...bytes.count {
            #expect(try Self.bodies([Array(bytes[..<split]), Array(bytes[split...])]) == bodies)
        }
    }

    @Test(
        "lengths that are not allowed are refused before their bodies come",
        arguments: [
            [0xc0], [0x40, 0x3f], [0x04], [0x00], [0x80, 0x10, 0x00, 0x01],
        ] as [[UInt8]])
    func refused(bytes: [UInt8]) {
        #expect(throws: DecodingError.self) { try Self.bodies([bytes]) }
        #expect(throws: DecodingError.self) { try Self.bodies([bytes + [UInt8](repeating: 0, count: 100)]) }
        #expect(throws: DecodingError.self) { try Self.bodies(bytes.map { [$0] } + [[0]]) }
    }

    @Test("a frame of the largest size passes, one byte more does not")
    func limit() throws {
        #expect(try Self.bodies([Self.frames([100]).bytes], max: 100).count == 1)
        #expect(throws: DecodingError.self) { try Self.bodies([Self.frames([101]).bytes], max: 100) }
    }
}
