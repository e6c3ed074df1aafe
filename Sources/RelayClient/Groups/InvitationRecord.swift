import MLSCodec
import RelayWire
import TLSPresentation

/// What this device knows of an invitation: to this user, by this user, or for this user, as an admin, to decide on.
/// PROTOCOL.md section 7.11.
///
/// It stays until the invitation's time is over, also when nothing more comes of it: what is told of it late is then
/// no news.
struct InvitationRecord: Hashable {
    let log: LogNumber
    let group: [UInt8]
    /// As it was called when this device heard of the invitation.
    let groupName: [UInt8]
    /// A user's name.
    let inviter: [UInt8]
    /// A user's name.
    var invited: [UInt8]
    var state: InvitationState
    /// When it ends.
    let expires: Timestamp
    /// Whether the KeyPackages of who has accepted are on their way into the group; it is looked after anew on each
    /// connection.
    var isTaken = false
}

/// What becomes of a record, and whether people are told.
struct InvitationChange: Hashable {
    var record: InvitationRecord
    var isNews: Bool
}

extension InvitationRecord {
    /// A group as this device has it: what a notice leaves out.
    struct KnownGroup {
        let id: [UInt8]
        let name: [UInt8]
    }

    /// When an InvitationNotice comes.
    ///
    /// The invited get it, and so do admins who are to approve; to them it is told in the next notice that it is about
    /// somebody else. So a device that is in the group waits for that one before it says anything.
    static func change(
        _ known: InvitationRecord?, by notice: InvitationNotice, user: [UInt8], isMember: Bool
    ) -> InvitationChange {
        if let known { return InvitationChange(record: known, isNews: false) }
        let record = InvitationRecord(
            log: notice.log, group: notice.groupID, groupName: notice.groupName, inviter: notice.inviter,
            invited: user, state: .waiting, expires: notice.expires)
        return InvitationChange(record: record, isNews: !isMember)
    }

    /// When an InvitationAnswerNotice comes. The relay's word counts: it alone puts answers into an order.
    /// - Parameters:
    ///   - group: the group of the notice, where this device has it.
    ///   - now: for an invitation that this device did not know, how long it may take is not known either.
    /// - Returns: nil where this device does not know enough to say anything of it.
    static func change(
        _ known: InvitationRecord?, by notice: InvitationAnswerNotice, user: [UInt8], group: KnownGroup?,
        expiring expires: Timestamp
    ) -> InvitationChange? {
        guard var record = known else { return unknown(notice, user: user, group: group, expiring: expires) }
        let isNews = record.state != notice.state
        record.state = notice.state
        record.invited = notice.name
        // After a commit that was voided others are reserved.
        if isNews { record.isTaken = false }
        return InvitationChange(record: record, isNews: isNews)
    }

    /// An answer to an invitation that this device has not heard of: another device of this user made it. One to this
    /// user, from before this device was there, is the business of the others.
    private static func unknown(
        _ notice: InvitationAnswerNotice, user: [UInt8], group: KnownGroup?, expiring expires: Timestamp
    ) -> InvitationChange? {
        guard let group, notice.name != user else { return nil }
        let record = InvitationRecord(
            log: notice.log, group: group.id, groupName: group.name, inviter: user, invited: notice.name,
            state: notice.state, expires: expires)
        return InvitationChange(record: record, isNews: record.isOpen)
    }

    /// Whether something may still come of it.
    var isOpen: Bool { state == .waiting || state == .waitingForApproval || state == .accepted }

    /// Whether this user has something to do with it now.
    func isShown(to user: [UInt8]) -> Bool {
        isOpen && (invited == user || inviter == user || state == .waitingForApproval)
    }

    /// Whether this user's devices are to add who has accepted.
    func isToBeAdded(by user: [UInt8]) -> Bool { state == .accepted && inviter == user && invited != user }

    /// The record after this device's own answer, which is told by the relay as well; nil where more has happened since.
    func answered(_ answer: InvitationAnswerType) -> InvitationRecord? {
        guard isOpen else { return nil }
        var record = self
        switch answer {
        case .accept where state == .waiting: record.state = .accepted
        case .decline where state != .waitingForApproval: record.state = .declined
        case .cancel: record.state = .cancelled
        case .approve where state == .waitingForApproval: record.state = .waiting
        case .refuse where state == .waitingForApproval: record.state = .cancelled
        default: return nil
        }
        return record
    }

    /// As applications see it.
    func invitation(_ number: InvitationNumber) -> Invitation? {
        guard let state = Invitation.State(rawValue: state.rawValue) else { return nil }
        return Invitation(
            number: number.rawValue, group: GroupID(group), groupName: String(decoding: groupName, as: UTF8.self),
            inviter: String(decoding: inviter, as: UTF8.self), invited: String(decoding: invited, as: UTF8.self),
            state: state, expires: RelayTime(milliseconds: expires.rawValue))
    }
}

extension InvitationRecord: TLSCodable {
    private static let version: UInt8 = 1

    init(from reader: inout Reader) throws(DecodingError) {
        try reader.expectVersion(Self.version, "InvitationRecord")
        log = try LogNumber(from: &reader)
        group = try reader.opaque()
        groupName = try reader.opaque()
        inviter = try reader.opaque()
        invited = try reader.opaque()
        state = try InvitationState(from: &reader)
        expires = try Timestamp(from: &reader)
        isTaken = try reader.isPresent()
    }

    func encode(into writer: inout Writer) {
        writer.integer(Self.version)
        log.encode(into: &writer)
        writer.opaque(group)
        writer.opaque(groupName)
        writer.opaque(inviter)
        writer.opaque(invited)
        state.encode(into: &writer)
        expires.encode(into: &writer)
        writer.isPresent(isTaken)
    }
}
