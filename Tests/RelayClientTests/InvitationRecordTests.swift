import RelayWire
import TLSPresentation
import Testing

@testable import RelayClient

@Suite("What a device remembers of invitations")
struct InvitationRecordTests {
    private static let (alice, bob, carol) = (Array("alice".utf8), Array("bob".utf8), Array("carol".utf8))
    private static let log = LogNumber(rawValue: 3)
    private static let expires = Timestamp(rawValue: 1000)
    private static let notice = InvitationNotice(
        invitation: InvitationNumber(rawValue: 7), log: log, groupID: [1], groupName: Array("Choir".utf8),
        inviter: alice, info: [], expires: expires)

    private static func answer(_ name: [UInt8], _ state: InvitationState) -> InvitationAnswerNotice {
        InvitationAnswerNotice(invitation: InvitationNumber(rawValue: 7), log: log, name: name, state: state)
    }

    private static func after(
        _ known: InvitationRecord?, _ notice: InvitationAnswerNotice, user: [UInt8], isInGroup: Bool = true
    ) -> InvitationChange? {
        let group = isInGroup ? InvitationRecord.KnownGroup(id: [1], name: Array("Choir".utf8)) : nil
        return InvitationRecord.change(known, by: notice, user: user, group: group, expiring: expires)
    }

    /// What bob knows once he is invited.
    private static var invited: InvitationRecord {
        InvitationRecord.change(nil, by: notice, user: bob, isMember: false).record
    }

    /// What alice knows once her other device has invited bob.
    private static func inviting(_ state: InvitationState) throws -> InvitationRecord {
        try #require(after(nil, answer(bob, state), user: alice)).record
    }

    @Test("S4-2: who is invited is told so, once")
    func isInvited() {
        let change = InvitationRecord.change(nil, by: Self.notice, user: Self.bob, isMember: false)
        #expect(change.isNews)
        #expect(change.record.state == .waiting)
        #expect(change.record.invited == Self.bob)
        #expect(change.record.isShown(to: Self.bob))
        #expect(!change.record.isToBeAdded(by: Self.bob))
        let again = InvitationRecord.change(change.record, by: Self.notice, user: Self.bob, isMember: false)
        #expect(again == InvitationChange(record: change.record, isNews: false))
    }

    @Test("S4-16: an admin is told of an invitation to approve once it is known whom it is for")
    func approval() throws {
        let first = InvitationRecord.change(nil, by: Self.notice, user: Self.carol, isMember: true)
        #expect(!first.isNews)
        let second = try #require(
            Self.after(first.record, Self.answer(Self.bob, .waitingForApproval), user: Self.carol))
        #expect(second.isNews)
        #expect(second.record.isShown(to: Self.carol))
        #expect(second.record.invitation(InvitationNumber(rawValue: 7))?.invited == "bob")
        let approved = try #require(second.record.answered(.approve))
        #expect(approved.state == .waiting)
        // From there on it is the others' business.
        #expect(!approved.isShown(to: Self.carol))
        #expect(!approved.isToBeAdded(by: Self.carol))
        #expect(second.record.answered(.refuse)?.state == .cancelled)
        #expect(second.record.answered(.accept) == nil)
    }

    @Test("N-10: the inviter's devices add whom they have asked, and nobody else does")
    func adding() throws {
        let accepted = try Self.inviting(.accepted)
        #expect(accepted.isToBeAdded(by: Self.alice))
        #expect(!accepted.isToBeAdded(by: Self.bob))
        #expect(accepted.isShown(to: Self.alice))
        var bob = Self.invited
        bob = try #require(bob.answered(.accept))
        #expect(!bob.isToBeAdded(by: Self.bob))
        for state in InvitationState.allCases where state != .accepted {
            #expect(try !Self.inviting(state).isToBeAdded(by: Self.alice))
        }
    }

    @Test("what was voided is added anew")
    func voided() throws {
        var record = try Self.inviting(.accepted)
        record.isTaken = true
        let completed = try #require(Self.after(record, Self.answer(Self.bob, .completed), user: Self.alice))
        #expect(completed.isNews)
        let again = try #require(
            Self.after(completed.record, Self.answer(Self.bob, .accepted), user: Self.alice))
        #expect(again.record.isToBeAdded(by: Self.alice))
        #expect(!again.record.isTaken)
    }

    @Test("S4-3: an invitation works once; what is told late is no news")
    func once() throws {
        let accepted = try #require(Self.invited.answered(.accept))
        #expect(accepted.answered(.accept) == nil)
        let told = try #require(Self.after(accepted, Self.answer(Self.bob, .accepted), user: Self.bob))
        #expect(!told.isNews)
        let completed = try #require(Self.after(told.record, Self.answer(Self.bob, .completed), user: Self.bob))
        #expect(completed.isNews)
        #expect(!completed.record.isShown(to: Self.bob))
        #expect(completed.record.answered(.decline) == nil)
        #expect(completed.record.answered(.cancel) == nil)
    }

    @Test("an answer to an unknown invitation is another device's where the group is known, else nobody's")
    func unknown() throws {
        #expect(Self.after(nil, Self.answer(Self.bob, .accepted), user: Self.alice, isInGroup: false) == nil)
        #expect(Self.after(nil, Self.answer(Self.bob, .accepted), user: Self.bob) == nil)
        let closed = try #require(Self.after(nil, Self.answer(Self.bob, .declined), user: Self.alice))
        #expect(!closed.isNews)
        let open = try #require(Self.after(nil, Self.answer(Self.bob, .waiting), user: Self.alice))
        #expect(open.isNews)
        #expect(open.record.inviter == Self.alice)
    }

    @Test("records are stored and read again, and nothing cut short is")
    func coding() throws {
        var record = Self.invited
        record.isTaken = true
        #expect(try InvitationRecord(decoding: record.encoded) == record)
        let bytes = record.encoded
        for count in bytes.indices {
            let piece = Array(bytes[..<count])
            #expect(throws: DecodingError.self) { try InvitationRecord(decoding: piece) }
        }
    }
}
