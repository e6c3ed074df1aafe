public import MLSPublicGroup

/// Where the states of groups last: tables of bytes by bytes, such as LMDB has.
public protocol GroupStorage {
    associatedtype Failure: Error

    /// Carries out all changes in their order, or none of them: a record without a value is deleted. What is written is
    /// durable when this returns.
    mutating func write(_ changes: [GroupStateRecord], groupID: [UInt8]) throws(Failure)

    /// All records of the group, in any order; none where it was never written.
    func records(groupID: [UInt8]) throws(Failure) -> [GroupStateRecord]
}

/// Why a stored group did not do what it was asked to.
public enum StoredGroupError<Failure: Error>: Error {
    /// The group refused; what that used up is saved.
    case group(GroupError)
    /// The store failed; nothing has left. The group in memory may be ahead of the store until the next time something
    /// is saved.
    case storage(Failure)
}

/// A group whose state is durable before anything leaves it.
///
/// RFC 9420 section 6.3.1 and 9.1: a key that is used twice is broken, so that no ciphertext may be sent before the ratchet
/// that made it is known to have moved; and a Commit that was sent and forgotten locks its sender out.
@frozen public struct StoredGroup<Storage: GroupStorage>: ~Copyable {
    /// To be looked at; `update` changes it.
    public private(set) var group: Group
    public var storage: Storage

    /// Begins to store a new group.
    public init(
        _ group: consuming Group, storage: Storage
    ) throws(StoredGroupError<Storage.Failure>) {
        self.group = group
        self.storage = storage
        try save()
    }

    /// The group as it was stored last.
    /// - Throws: `storage`; `group` where there is no such group, or its records are damaged.
    public init(
        groupID: [UInt8], storage: Storage, configuration: GroupConfiguration
    ) throws(StoredGroupError<Storage.Failure>) {
        let records: [GroupStateRecord]
        do throws(Storage.Failure) { records = try storage.records(groupID: groupID) } catch { throw .storage(error) }
        let restored: Group
        do throws(GroupError) {
            restored = try Group(restoring: records, configuration: configuration)
        } catch { throw .group(error) }
        group = restored
        self.storage = storage
    }

    /// Calls `body` with the group. What it changes is durable before its result is returned, or its error thrown.
    public mutating func update<Result: ~Copyable>(
        _ body: (inout Group) throws(GroupError) -> Result
    ) throws(StoredGroupError<Storage.Failure>) -> Result {
        let result: Result
        do throws(GroupError) {
            result = try body(&group)
        } catch {
            try save()
            throw .group(error)
        }
        try save()
        return result
    }

    private mutating func save() throws(StoredGroupError<Storage.Failure>) {
        let groupID = group.groupID
        do throws(Storage.Failure) {
            try group.save { (changes) throws(Storage.Failure) in try storage.write(changes, groupID: groupID) }
        } catch { throw .storage(error) }
    }
}
