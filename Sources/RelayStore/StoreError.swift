internal import CLMDB
import Glibc

/// Why the store could not do what was asked. After a throw from a write nothing of its transaction is stored.
public enum StoreError: Error, Hashable, Sendable {
    /// The disk, or the store up to its configured limit, is full.
    case full
    /// Another relay uses this data directory.
    case inUse(directory: String)
    /// There is no store in this directory.
    case missing(directory: String)
    /// There is a store already in this directory, which was to be written to.
    case exists(directory: String)
    /// The store has a format that this program does not know.
    case formatUnknown(UInt32)
    /// What is stored contradicts itself.
    case corrupted(String)
    /// The operating system or LMDB refused; nothing that this program expects.
    case failed(call: String, code: Int32)
}

extension StoreError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .full: "the disk or the store is full"
        case .inUse(let directory): "another relay uses \(directory)"
        case .missing(let directory): "there is no store in \(directory)"
        case .exists(let directory): "there is a store already in \(directory)"
        case .formatUnknown(let format): "the store has the format \(format), which this program does not know"
        case .corrupted(let what): "the store is damaged: \(what)"
        case .failed(let call, let code): "\(call) failed: \(String(cString: mdb_strerror(code)))"
        }
    }
}

/// Throws unless an LMDB or POSIX call succeeded; `code` is 0, an MDB error or an errno.
func check(_ code: Int32, _ call: String) throws(StoreError) {
    guard code != 0 else { return }
    switch code {
    case MDB_MAP_FULL, ENOSPC, EDQUOT: throw .full
    case MDB_CORRUPTED, MDB_PAGE_NOTFOUND, MDB_INVALID, MDB_VERSION_MISMATCH:
        throw .corrupted(String(cString: mdb_strerror(code)))
    default: throw .failed(call: call, code: code)
    }
}
