/// Why the store did not do what it was asked to. After a throw from a write nothing of its transaction is stored.
public enum ClientStoreError: Error, Hashable, Sendable {
    /// The disk, or the store up to its configured limit, is full.
    case full
    /// Another process, or another store of this one, has this directory open.
    case inUse
    /// The key is not the one that the store was made with.
    case keyWrong
    /// The store has a format that this program does not know.
    case formatUnknown(UInt32)
    /// What is stored was changed by somebody else, or contradicts itself.
    case damaged(String)
    /// The operating system or LMDB refused.
    case failed(call: String, code: Int32)
    /// `ClientStoreConfiguration.beforeCommit` said so: a test.
    case interrupted
}
