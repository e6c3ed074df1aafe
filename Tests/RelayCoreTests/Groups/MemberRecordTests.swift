import RelayCore
import RelayWire
import TLSPresentation
import Testing

@Suite("Memberships")
struct MemberRecordTests {
    private static func place(_ number: UInt64) -> SequenceNumber { SequenceNumber(rawValue: number) }

    @Test("a record of before former memberships were kept is one without any")
    func earlierVersion() throws {
        var record = MemberRecord(user: UserNumber(rawValue: 7), joined: Self.place(5))
        record.state = .ended
        record.ended = Self.place(9)
        let encoded = record.encoded
        // user, state, joined, ended.
        #expect(try MemberRecord(decoding: Array(encoded.prefix(8 + 1 + 8 + 8))) == record)
        #expect(try MemberRecord(decoding: encoded) == record)
        #expect(throws: DecodingError.self) { try MemberRecord(decoding: Array(encoded.dropLast())) }
    }

    @Test("S1-9: memberships are read in their order, but for what is gone, and the last ones are kept")
    func order() {
        let user = UserNumber(rawValue: 7)
        var record = MemberRecord(user: user, joined: Self.place(10))
        for number in 1...UInt64(MemberRecord.maxFormerCount + 1) {
            record.state = .ended
            record.ended = Self.place(number * 10 + 5)
            record.lastEpoch = Epoch(rawValue: number)
            record = record.next(of: user, joined: Self.place(number * 10 + 10))
        }
        #expect(record.former.count == MemberRecord.maxFormerCount && record.former[0].joined == Self.place(20))
        let first = Self.place(1)
        #expect(record.unread(after: .zero, from: first) == nil)
        #expect(record.unread(after: Self.place(1), from: first)?.ended == Self.place(25))
        #expect(record.unread(after: Self.place(24), from: first)?.ended == Self.place(25))
        #expect(record.unread(after: Self.place(25), from: first)?.joined == Self.place(30))
        #expect(record.unread(after: Self.place(1), from: Self.place(26))?.joined == Self.place(30))
        #expect(record.unread(after: record.former.last?.ended ?? .zero, from: first) == nil)
        // Without having been away there is nothing between.
        #expect(record.next(of: user, joined: Self.place(500)).former == record.former)
    }
}
