import TLSPresentation
import Testing

@testable import ClientTransport

/// Server frames, written out by hand.
enum ServerFrame {
    static func frame(_ first: UInt8, _ payload: [UInt8]) -> [UInt8] {
        let length: [UInt8]
        switch payload.count {
        case ...125: length = [UInt8(payload.count)]
        case ...0xffff: length = [126, UInt8(payload.count >> 8), UInt8(payload.count & 0xff)]
        default: length = [127] + (0..<8).map { UInt8(truncatingIfNeeded: payload.count >> (56 - 8 * $0)) }
        }
        return [first] + length + payload
    }
    static func binary(_ payload: [UInt8]) -> [UInt8] { frame(0x82, payload) }
    static func ping(_ payload: [UInt8]) -> [UInt8] { frame(0x89, payload) }
    static func close(_ code: UInt16, _ reason: String = "") -> [UInt8] {
        frame(0x88, [UInt8(code >> 8), UInt8(code & 0xff)] + Array(reason.utf8))
    }
}

/// What a decoder makes of pieces, with the payload put together again.
struct Decoded: Equatable {
    var messages: [[UInt8]] = []
    var unfinished: [UInt8] = []
    var controls: [WebSocketDecoder.Step] = []

    init(_ pieces: [[UInt8]]) throws(WebSocketDecoder.Violation) {
        var decoder = WebSocketDecoder()
        for piece in pieces {
            var position = 0
            pieceLoop: while true {
                switch try decoder.step(piece.rawSpan, position: &position) {
                case .needsBytes: break pieceLoop
                case .payload(let range, let endsMessage):
                    unfinished += piece[range]
                    if endsMessage {
                        messages.append(unfinished)
                        unfinished = []
                    }
                case let step: controls.append(step)
                }
            }
        }
    }
}

@Suite("WebSocketDecoder (RFC 6455 section 5)")
struct WebSocketDecoderTests {
    static let long = [UInt8](repeating: 7, count: 126)
    static let stream: [UInt8] =
        ServerFrame.binary([1, 2, 3]) + ServerFrame.frame(0x02, [4]) + ServerFrame.ping([9, 9])
        + ServerFrame.frame(0x00, [])
        + ServerFrame.frame(0x00, [5]) + ServerFrame.frame(0x8a, []) + ServerFrame.frame(0x80, [6])
        + ServerFrame.binary([])
        + ServerFrame.binary(long) + ServerFrame.close(1001, "bye")

    static func whole() throws -> Decoded { try Decoded([stream]) }

    @Test("messages, fragments and control frames between them")
    func together() throws {
        let decoded = try Self.whole()
        #expect(decoded.messages == [[1, 2, 3], [4, 5, 6], [], Self.long])
        #expect(decoded.controls == [.ping([9, 9]), .pong, .close(code: 1001, reason: "bye")])
    }

    @Test("every split into two pieces says the same")
    func everySplit() throws {
        let whole = try Self.whole()
        for split in 0...Self.stream.count {
            #expect(try Decoded([Array(Self.stream[..<split]), Array(Self.stream[split...])]) == whole)
        }
    }

    @Test("byte by byte says the same, and every prefix is no error")
    func bytewise() throws { #expect(try Decoded(Self.stream.map { [$0] }) == Self.whole()) }

    @Test("lengths of 16 and 64 bits", arguments: [125, 126, 0xffff, 0x10000])
    func lengths(count: Int) throws {
        let payload = [UInt8](repeating: 3, count: count)
        #expect(try Decoded([ServerFrame.binary(payload)]).messages == [payload])
    }

    @Test(
        "what a server must not send is refused with its code",
        arguments: [
            ([0x82, 0x80], 1002), ([0x82, 0x83, 1, 2, 3, 4, 1, 2, 3], 1002), ([0x81, 0x00], 1003),
            ([0xc2, 0x00], 1002),
            ([0x92, 0x00], 1002), ([0xa2, 0x00], 1002), ([0x83], 1002), ([0x8b], 1002), ([0x80], 1002), ([0x00], 1002),
            ([0x02, 0x00, 0x82], 1002), ([0x09], 1002), ([0x89, 126], 1002), ([0x88, 1, 3], 1002),
            ([0x82, 126, 0, 125], 1002), ([0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff], 1002),
            ([0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0], 1002),
        ] as [([UInt8], UInt16)])
    func violations(bytes: [UInt8], code: UInt16) {
        var seen: UInt16?
        do throws(WebSocketDecoder.Violation) { _ = try Decoded([bytes]) } catch { seen = error.closeCode }
        #expect(seen == code)
    }
}
