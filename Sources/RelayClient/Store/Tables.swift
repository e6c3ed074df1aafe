import ClientStore
import MLSCodec
import MLSCrypto
import RelayWire
import TLSPresentation

/// What a device's store has. Keys hold numbers of this store and hashes only; values are encrypted.
enum Tables {
    /// "account" -> `Account`.
    static let account = StoreTable("account")
    /// KeyPackageRef -> when it was made, `KeyPackageSecrets.saved`.
    static let keyPackages = StoreTable("keyPackages")
    /// SHA-256 of a user's name, SHA-256 of a signature key -> `Contact`.
    static let contacts = StoreTable("contacts")
    /// Number of a client -> whose it is.
    static let clients = StoreTable("clients")
    /// Number of an invitation -> `InvitationRecord`.
    static let invitations = StoreTable("invitations")
    /// Group -> `GroupRecord`.
    static let groups = StoreTable("groups")
    /// State, key of the MLS record -> `GroupStateRecord`.
    static let groupStates = StoreTable("groupStates")
    /// State, seq of a commit, key of the MLS record -> `FormerRecord`: what it was before that commit.
    static let undo = StoreTable("undo")
    /// Group, seq -> chain hash.
    static let chains = StoreTable("chains")
    /// Group, number -> `OutboxItem`.
    static let outbox = StoreTable("outbox")
    /// Group, seq -> `OutboxItem`: messages of this device that the relay took in an epoch that may still be voided.
    static let unconfirmed = StoreTable("unconfirmed")
    /// Group -> `Publication`: the commit that was made and not yet seen in the log.
    static let publications = StoreTable("publications")
    /// Group -> `HeadMonitor`.
    static let heads = StoreTable("heads")
    /// Group -> `ReceiptTracker`.
    static let receipts = StoreTable("receipts")
    /// Number -> `GroupEvent`.
    static let events = StoreTable("events")
    /// Group, number of an event -> nothing.
    static let groupEvents = StoreTable("groupEvents")
    /// Group, message id, first 8 bytes of the sender's fingerprint -> number of the event.
    static let messages = StoreTable("messages")

    static let all = [
        account, keyPackages, contacts, clients, invitations, groups, groupStates, undo, chains, outbox, unconfirmed,
        publications, heads, receipts, events, groupEvents, messages,
    ]
}

/// A group's number in this store: for keys, so that they do not tell which group it is.
struct GroupNumber: RawRepresentable, Hashable, Sendable {
    let rawValue: UInt32
    /// The key of what there is one of for each group, and the start of all others.
    var key: [UInt8] { rawValue.encoded }
}

/// Under which number the MLS records of a group are: another one each time this device joins.
struct StateNumber: RawRepresentable, Hashable, Sendable {
    let rawValue: UInt32
    var key: [UInt8] { rawValue.encoded }
    static let none = StateNumber(rawValue: 0)
}

extension StoreTransaction {
    /// The number behind the highest that a table has at the start of its keys.
    func nextNumber(_ table: StoreTable) throws -> UInt32 {
        guard let last = try keys(table, prefix: [], isReversed: true, limit: 1).first else { return 1 }
        return try UInt32(decoding: Array(last.prefix(4))) + 1
    }
}
