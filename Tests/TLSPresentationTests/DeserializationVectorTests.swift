import TLSPresentation
import TestSupport
import Testing

@Suite("Official vectors: deserialization.json")
struct DeserializationVectorTests {
    struct Case: Decodable {
        let vlbytes_header: Hex
        let length: Int
    }

    @Test("each header says its length, and is what the length is written as")
    func headers() throws {
        let cases = try Vectors.load("deserialization.json", of: Case.self)
        #expect(cases.count >= 14)
        for vector in cases {
            var reader = Reader(vector.vlbytes_header.bytes.rawSpan)
            let length = try reader.varint()
            let isAtEnd = reader.isAtEnd
            #expect(length == vector.length && isAtEnd)
            var writer = Writer()
            writer.varint(vector.length)
            #expect(writer.bytes == vector.vlbytes_header.bytes)
        }
    }

    @Test(
        "what the vectors do not have: reserved prefixes and longer forms are refused",
        arguments: [
            "c0", "c000000000000000", "ff", "4000", "403f", "80000000", "80000001", "80003fff",
        ])
    func refusals(hex: String) throws {
        let bytes = try #require([UInt8](hex: hex))
        #expect(throws: DecodingError.self) {
            var reader = Reader(bytes.rawSpan)
            _ = try reader.varint()
        }
    }
}
