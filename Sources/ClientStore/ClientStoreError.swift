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
    /// `ClientStoreConfiguration.faults` said so: a test.
    case interrupted
}

extension ClientStoreError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .full: "the disk or the store is full"
        case .inUse: "the store is in use"
        case .keyWrong: "the store was made with another key"
        case .formatUnknown(let format): "the store has the format \(format), which this program does not know"
        case .damaged(let what): "the store is damaged: \(what)"
        case .failed(let call, let code): "\(call) failed: \(LMDB.reason(of: code))"
        case .interrupted: "interrupted by a test"
        }
    }
}
