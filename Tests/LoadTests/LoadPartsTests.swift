import MLSCrypto
import RelayWire
import TLSPresentation
import Testing

@testable import mlsrelay_load

@Suite("What the load is made of")
struct LoadPartsTests {
    @Test("only 127.0.0.0/8 and ::1 are loopback, and no name is")
    func loopback() {
        for host in ["127.0.0.1", "127.0.0.0", "127.255.255.255"] { #expect(Target.loopback(of: host) == .v4) }
        #expect(Target.loopback(of: "::1") == .v6)
        for host in ["128.0.0.1", "10.0.0.1", "0.0.0.0", "::", "::2", "::ffff:127.0.0.1", "localhost", "127.1", ""] {
            #expect(Target.loopback(of: host) == nil, "\(host)")
        }
    }

    @Test("publish frames differ in their request id and stamp, and decode")
    func publishFrames() throws {
        for size in [12, 40, 512, 20_000] {
            let template = MessageTemplate(groupID: [1, 2, 3], ciphertextByteCount: size)
            let frames = PublishFrames(template, publisher: 3, capacity: 4)
            for index in 0..<4 { frames.stamp(index, counter: 70_000 + UInt64(index), requestID: 9 + UInt32(index)) }
            let bytes = frames.withFrames(4) { [UInt8]($0) }
            for index in 0..<4 {
                let publish = Publish(messages: [template.message(publisher: 3, counter: 70_000 + UInt64(index))])
                let frame = bytes[index * frames.frameByteCount..<(index + 1) * frames.frameByteCount]
                #expect(Array(frame) == publish.frame(RequestID(rawValue: 9 + UInt32(index))))
            }
        }
    }

    @Test("the layout of an entry is the codec's")
    func entryLayout() {
        let entry = Entry(
            header: EntryHeader(
                log: LogNumber(rawValue: 0x0102_0304_0506_0708), sequenceNumber: SequenceNumber(rawValue: 2),
                time: Timestamp(rawValue: 3), sender: ClientNumber(rawValue: 4), kind: .groupCreated),
            chain: SHA256.hash([1]), payload: [UInt8](repeating: 7, count: 100))
        let body = EntryFrame(entry).frame(.none).dropFirst(2)
        Array(body).withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            #expect(load64(base, EntryLayout.log) == 0x0102_0304_0506_0708)
            #expect(load64(base, EntryLayout.sequenceNumber) == 2)
            #expect(load64(base, EntryLayout.time) == 3)
            #expect(load64(base, EntryLayout.sender) == 4)
            #expect(bytes[EntryLayout.kind] == EntryKind.groupCreated.rawValue)
            #expect(load64(base, EntryLayout.chain) == entry.chain.words.0)
            #expect(bytes[EntryLayout.payload...].elementsEqual([0x40, 100] + entry.payload))
        }
    }

    @Test("the chain check follows the vectors' rule, and notices another chain")
    func chain() {
        var chain = Chain()
        let name = LogName.group([1])
        var last = chain.start(of: name)
        let check = ChainCheck(of: name)
        for number in 1...3 as ClosedRange<UInt64> {
            let header = EntryHeader(
                log: LogNumber(rawValue: 5), sequenceNumber: SequenceNumber(rawValue: number),
                time: Timestamp(rawValue: 1),
                sender: ClientNumber(rawValue: 1), kind: .message)
            let payload: [UInt8] = [UInt8(number)]
            last = chain.next(after: last, header: header, payloadHash: chain.payloadHash(payload.rawSpan))
            var entry = Entry(header: header, chain: last, payload: payload)
            if number == 3 { entry.payload = [9] }
            let isNext = EntryFrame(entry).frame(.none).dropFirst(2).withUnsafeBytes { check.isNext($0) }
            #expect(isNext == (number < 3))
        }
    }

    @Test("latencies are told in microseconds")
    func latency() throws {
        let latency = Latency()
        #expect(latency.summary == nil)
        for _ in 0..<98 { latency.record(50_000) }
        for _ in 0..<2 { latency.record(7_000_000) }
        let summary = try #require(latency.summary)
        #expect(summary.count == 100)
        #expect(abs(summary.p50 - 50) < 0.2)
        #expect(abs(summary.p99 - 7000) < 10)
        #expect(summary.max == 7000)
        latency.reset()
        #expect(latency.summary == nil)
    }

    @Test("JSON is one line whatever is in it")
    func json() {
        var json = JSONObject()
        json.add("text", "a \"quoted\" \\ line\nand another")
        json.add("number", 1.23456)
        json.add("nothing", Double.nan)
        json.add("flag", true)
        json.add("inner") { $0.add("count", 3) }
        #expect(
            json.line == #"{"text":"a \"quoted\" \\ line\u000aand another","number":1.235,"nothing":null,"flag":true,"#
                + #""inner":{"count":3}}"#)
    }
}
