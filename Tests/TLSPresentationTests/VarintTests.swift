import TLSPresentation
import Testing

@Suite("Variable-size integers (RFC 9420 section 2.1.2)")
struct VarintTests {
    @Test(
        "each length class begins and ends where the RFC says, and comes back",
        arguments: [
            (0, [0x00]), (63, [0x3f]), (64, [0x40, 0x40]), (16_383, [0x7f, 0xff]),
            (16_384, [0x80, 0x00, 0x40, 0x00]), (1 << 30 - 1, [0xbf, 0xff, 0xff, 0xff]),
        ] as [(Int, [UInt8])])
    func bounds(value: Int, encoding: [UInt8]) throws {
        var writer = Writer()
        writer.varint(value)
        #expect(writer.bytes == encoding)
        var reader = Reader(encoding.span.bytes)
        let decoded = try reader.varint()
        let isAtEnd = reader.isAtEnd
        #expect(decoded == value && isAtEnd)
    }

    @Test(
        "a malformed one is refused with its own reason",
        arguments: [
            ([0xc0], .invalidVarintPrefix), ([0x40, 0x3f], .nonMinimalVarint),
            ([0x80, 0x00, 0x3f, 0xff], .nonMinimalVarint),
            ([], .truncated), ([0x40], .truncated), ([0x80, 0x00, 0x40], .truncated),
        ] as [([UInt8], DecodingError.Reason)])
    func malformed(bytes: [UInt8], reason: DecodingError.Reason) {
        var seen: DecodingError.Reason?
        var reader = Reader(bytes.span.bytes)
        do throws(DecodingError) { _ = try reader.varint() } catch { seen = error.reason }
        #expect(seen == reason)
    }

    @Test("a vector longer than what is left is refused before anything is read")
    func vectorTooLong() {
        let bytes: [UInt8] = [0x05, 1, 2, 3, 4]
        #expect(throws: DecodingError(.truncated, at: 1)) {
            var reader = Reader(bytes.span.bytes)
            _ = try reader.opaque()
        }
    }

    @Test("nested vectors report offsets of the outermost input")
    func nestedOffsets() throws {
        let bytes: [UInt8] = [0xff, 0x03, 0x01, 0x07, 0x02]
        var reader = Reader(bytes.span.bytes)
        _ = try reader.uint8()
        var inner = try reader.vectorReader()
        let range = try inner.opaqueRange()
        #expect(range == 3..<4)
        #expect(throws: DecodingError(.truncated, at: 5)) { _ = try inner.opaque() }
    }
}
