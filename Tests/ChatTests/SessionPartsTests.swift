import RelayClient
import Testing

@testable import mlsrelay_chat

@Suite("Receipts, groups by name")
struct SessionPartsTests {
    @Test("a receipt for a message is one for all before it, and none goes back")
    func receipts() {
        var book = ReceiptBook()
        let ids = (1...3).map { Samples.message(UInt8($0)) }
        for id in ids { #expect(book.note(id, .waiting) == [id: .waiting]) }
        #expect(book.note(ids[0], .sent) == [ids[0]: .sent])
        #expect(book.reach(ids[1], .delivered) == [ids[0]: .delivered, ids[1]: .delivered])
        #expect(book.reach(ids[0], .delivered).isEmpty)
        #expect(book.reach(ids[2], .acknowledged).count == 3)
        #expect(book.note(ids[0], .sent).isEmpty)
        #expect(book.reach(Samples.message(9), .acknowledged).isEmpty)
        #expect(book.note(ids[1], .failed) == [ids[1]: .failed])
    }

    private static let groups = [
        GroupLookup.Candidate(id: GroupID([0xaa, 0xbb]), name: "choir", alias: "singers"),
        GroupLookup.Candidate(id: GroupID([0xaa, 0xcc]), name: "chess"),
        GroupLookup.Candidate(id: GroupID([0xdd, 0xdd]), name: "club"),
        GroupLookup.Candidate(id: GroupID([0xee, 0xee]), name: "club"),
        GroupLookup.Candidate(id: GroupID([0x11, 0x11]), name: "2"),
    ]

    @Test(
        "a group is found by name, alias, number, the beginning of its name or of its id",
        arguments: [("choir", 0), ("singers", 0), ("choi", 0), ("CHE", 1), ("1", 0), ("3", 2), ("2", 4), ("dddd", 2)])
    func lookup(word: String, index: Int) throws {
        let found = try GroupLookup.find(word, in: Self.groups)
        #expect(found == Self.groups[index].id)
    }

    @Test(
        "what is not one group is none",
        arguments: [
            ("ch", "groupAmbiguous"), ("club", "groupAmbiguous"), ("nothing", "groupUnknown"), ("99", "groupUnknown"),
        ])
    func lookupErrors(word: String, code: String) {
        do throws(CommandError) {
            let found = try GroupLookup.find(word, in: Self.groups)
            Issue.record("\(word) is \(found)")
        } catch {
            #expect(error.code == code)
        }
    }
}
