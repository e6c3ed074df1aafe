import MLSCrypto
import RelayWire
import TLSPresentation
import TestSupport
import Testing

@Suite("Entries and their chain (PROTOCOL.md section 6)")
struct EntryTests {
    // Bodies of 63 bytes do not occur: an entry has 70 at least. 16,383 and 16,384 are around the longest length of two
    // bytes, of the payload and of the frame.
    @Test(
        "writeFrame writes what the encoder writes, and frameByteCount says how much",
        arguments: [
            0, 1, 62, 63, 64, 65, 1000, 16_309, 16_310, 16_311, 16_312, 16_313, 16_314, 16_382, 16_383, 16_384, 1 << 20,
        ])
    func writeFrame(payloadByteCount: Int) {
        let entry = Entry(
            header: EntryHeader(
                log: LogNumber(rawValue: 0x0102_0304_0506_0708), sequenceNumber: SequenceNumber(rawValue: .max),
                time: Timestamp(rawValue: 1_767_225_600_000), sender: ClientNumber(rawValue: 0x8000_0000_0000_0001),
                kind: .keyPackageHandedOut),
            chain: SHA256Digest(words: 1, 2 << 60, 3, .max),
            payload: (0..<payloadByteCount).map { UInt8(truncatingIfNeeded: $0) })
        let expected = EntryFrame(entry).frame(.none)
        #expect(Entry.frameByteCount(payloadByteCount: payloadByteCount) == expected.count)
        // A byte before and one behind, which must stay as they are.
        var memory = [UInt8](repeating: 0xee, count: expected.count + 2)
        memory.withUnsafeMutableBytes { memory in
            Entry.writeFrame(
                to: memory.baseAddress! + 1, header: entry.header, chain: entry.chain, payload: entry.payload.rawSpan)
        }
        #expect(memory == [0xee] + expected + [0xee])
    }

    @Test("chains agree with the vectors, whatever a context hashed before")
    func chains() throws {
        var chain = Chain()
        var kinds: Set<LogKind> = []
        for golden in try GoldenChain.all() {
            let name = try LogName(golden.log_name)
            kinds.insert(name.kind)
            var last = chain.start(of: name)
            #expect(last.bytes == golden.start.bytes, "\(golden.name)")
            for (index, link) in golden.entries.enumerated() {
                let entry = try Entry(link.entry)
                #expect(entry.header.sequenceNumber.rawValue == UInt64(index + 1))
                let payloadHash = chain.payloadHash(entry.payload.rawSpan)
                #expect(payloadHash.bytes == link.payload_hash.bytes, "\(golden.name)")
                #expect(SHA256.hash(link.entry_tbh.bytes) == entry.chain, "\(golden.name)")
                last = chain.next(after: last, header: entry.header, payloadHash: payloadHash)
                #expect(last == entry.chain, "\(golden.name), entry \(index + 1)")
                #expect(EntryFrame(entry).frame(.none).hex == link.frame.bytes.hex, "\(golden.name)")
            }
        }
        #expect(kinds == Set(LogKind.allCases))
    }

    @Test("the names of logs that are made from client numbers are those of the vectors")
    func logNames() throws {
        let names = try GoldenChain.all().map { try LogName($0.log_name) }
        let client = ClientNumber(rawValue: 7)
        let made: [LogName] = [
            .group(Array("abc".utf8)), .inbox(of: client), .keyPackages(of: client), .directory, .groups,
        ]
        for name in made { #expect(names.contains(name)) }
    }

    @Test("the digest of an entry has its header, its chain and the hash of its payload, and is written in place alike")
    func digests() throws {
        for golden in try GoldenChain.all() {
            for link in golden.entries {
                let entry = try Entry(link.entry)
                let digest = EntryDigest(
                    header: entry.header, chain: entry.chain,
                    payloadHash: try SHA256Digest(decoding: link.payload_hash.bytes))
                let expected = digest.frame(.none)
                #expect(expected.count == EntryDigest.frameByteCount)
                var memory = [UInt8](repeating: 0xee, count: expected.count + 2)
                memory.withUnsafeMutableBytes { memory in
                    EntryDigest.writeFrame(
                        to: memory.baseAddress! + 1, header: digest.header, chain: digest.chain,
                        payloadHash: digest.payloadHash)
                }
                #expect(memory == [0xee] + expected + [0xee])
            }
        }
    }

    @Test("an entry read in place is the entry")
    func view() throws {
        let entry = try Entry(#require(try GoldenChain.all().first?.entries.last).entry)
        let bytes = entry.encoded
        var reader = Reader(bytes.rawSpan)
        let view = try EntryView(from: &reader)
        let (header, chain, payload) = (view.header, view.chain, [UInt8](view.payload))
        #expect(header == entry.header && chain == entry.chain && payload == entry.payload)
    }
}
