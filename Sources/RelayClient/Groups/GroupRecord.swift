import MLSCodec
import MLSCrypto
import RelayWire
import TLSPresentation

/// What this device knows of a group, beside what MLS keeps.
///
/// Invariant: everything up to `cursor` in the group's log was processed, and what came of it is in the store.
struct GroupRecord {
    enum Status: UInt8, TLSEnumerated {
        /// Made here; the relay may not have it yet.
        case creating = 1
        /// This device has asked to be let in, and does not know yet whether it is.
        case joining = 2
        case member = 3
        case ended = 4
        static var enumerationName: StaticStringName { "GroupRecord.Status" }
    }

    let id: [UInt8]
    var status: Status
    var end: GroupEnd?
    /// Where the MLS records are; none while there are none.
    var state: StateNumber
    /// The log's number at the relay; `none` while it is not known.
    var log = LogNumber.none
    var cursor = SequenceNumber.zero
    /// The log's chain hash at the cursor; nil at the start.
    var chain: SHA256Digest?
    var name: [UInt8] = []
    var alias: [UInt8] = []
    var policy = GroupPolicy()
    /// The epoch that a Welcome has led this device into; 0 where it came by itself.
    var firstEpoch: UInt64 = 0
    /// The admins among the users; all others are members.
    var admins: [[UInt8]] = []
    /// When this device last had new keys, by the relay's clock in milliseconds.
    var keysSince: UInt64 = 0
    /// Whether this device joined by a KeyPackage that others may have got too.
    var needsKeyUpdate = false
    /// The commit that this device could not accept, while it is not known what becomes of it.
    var denied: SequenceNumber?
    /// Commits that may still be voided, oldest first.
    var provisional: [ProvisionalCommit] = []
    /// Members that are gone, for as long as messages of their epochs may come.
    var former: [FormerMember] = []
    /// Members of which the directory has something new, as the log says: what that is has not been asked yet.
    var changedMembers: [ClientNumber] = []
    /// Devices in the group that say to be of this user: whether the directory has them has not been asked yet.
    var strangers: [Stranger] = []
    /// Up to where the relay knows that this device has processed the log.
    var acknowledged = SequenceNumber.zero
    /// The relay's time of the last entry.
    var time: UInt64 = 0
    /// The number of the newest item that the outbox ever had: no number names two.
    var lastItem: UInt64 = 0

    init(id: [UInt8], status: Status, state: StateNumber) {
        self.id = id
        self.status = status
        self.state = state
    }
}

/// A commit that was applied and is not known to be confirmed. PROTOCOL.md section 7.10.
struct ProvisionalCommit: Hashable {
    let sequenceNumber: SequenceNumber
    /// The epoch that it ended.
    let epoch: UInt64
    /// What it carried out of this device's own, to be done anew if it is voided with another one.
    let intents: [OutboxItem]
    let isOwn: Bool
    /// The commit of this device's that has lost against it. Where it is voided, that one may be in the log after all.
    let lost: Publication?
}

/// A device in a group that says to be of this user, and where it came.
struct Stranger: Hashable {
    let member: Member
    let signatureKey: [UInt8]
    let place: SequenceNumber
}

/// Somebody at a leaf that has changed since.
struct FormerMember: Hashable {
    let leaf: LeafIndex
    /// The last epoch in which it was there.
    let lastEpoch: UInt64
    let signatureKey: [UInt8]
    let member: Member
}

extension GroupRecord: TLSCodable {
    private static let version: UInt8 = 1

    init(from reader: inout Reader) throws(DecodingError) {
        try reader.expectVersion(Self.version, "GroupRecord")
        id = try reader.opaque()
        status = try Status(from: &reader)
        end = try reader.optional()
        state = StateNumber(rawValue: try reader.uint32())
        log = try LogNumber(from: &reader)
        cursor = try SequenceNumber(from: &reader)
        chain = try reader.optional()
        name = try reader.opaque()
        alias = try reader.opaque()
        policy = try GroupPolicy(from: &reader)
        admins = try reader.opaques()
        keysSince = try reader.uint64()
        needsKeyUpdate = try reader.isPresent()
        denied = try reader.optional()
        provisional = try reader.vector()
        former = try reader.vector()
        changedMembers = try reader.vector()
        strangers = try reader.vector()
        acknowledged = try SequenceNumber(from: &reader)
        time = try reader.uint64()
        firstEpoch = try reader.uint64()
        lastItem = try reader.uint64()
    }

    func encode(into writer: inout Writer) {
        writer.integer(Self.version)
        writer.opaque(id)
        status.encode(into: &writer)
        writer.optional(end)
        writer.integer(state.rawValue)
        log.encode(into: &writer)
        cursor.encode(into: &writer)
        writer.optional(chain)
        writer.opaque(name)
        writer.opaque(alias)
        policy.encode(into: &writer)
        writer.opaques(admins)
        writer.integer(keysSince)
        writer.isPresent(needsKeyUpdate)
        writer.optional(denied)
        writer.vector(provisional)
        writer.vector(former)
        writer.vector(changedMembers)
        writer.vector(strangers)
        acknowledged.encode(into: &writer)
        writer.integer(time)
        writer.integer(firstEpoch)
        writer.integer(lastItem)
    }
}

extension ProvisionalCommit: TLSCodable {
    init(from reader: inout Reader) throws(DecodingError) {
        sequenceNumber = try SequenceNumber(from: &reader)
        epoch = try reader.uint64()
        intents = try reader.vector()
        isOwn = try reader.isPresent()
        lost = try reader.optional()
    }

    func encode(into writer: inout Writer) {
        sequenceNumber.encode(into: &writer)
        writer.integer(epoch)
        writer.vector(intents)
        writer.isPresent(isOwn)
        writer.optional(lost)
    }
}

extension FormerMember: TLSCodable {
    init(from reader: inout Reader) throws(DecodingError) {
        leaf = try LeafIndex(from: &reader)
        lastEpoch = try reader.uint64()
        signatureKey = try reader.opaque()
        member = try Member(from: &reader)
    }

    func encode(into writer: inout Writer) {
        leaf.encode(into: &writer)
        writer.integer(lastEpoch)
        writer.opaque(signatureKey)
        member.encode(into: &writer)
    }
}

extension Stranger: TLSCodable {
    init(from reader: inout Reader) throws(DecodingError) {
        member = try Member(from: &reader)
        signatureKey = try reader.opaque()
        place = try SequenceNumber(from: &reader)
    }

    func encode(into writer: inout Writer) {
        member.encode(into: &writer)
        writer.opaque(signatureKey)
        place.encode(into: &writer)
    }
}
