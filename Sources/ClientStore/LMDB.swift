internal import CLMDB
import Glibc

/// The one way in which LMDB's and the operating system's results are looked at, and LMDB's values made.
enum LMDB {
    /// Bytes of the longest key: what LMDB is compiled with.
    static let maxKeyByteCount = 511

    /// Throws unless a call succeeded; `code` is 0, a code of LMDB's or an `errno`.
    static func check(_ code: Int32, _ call: String) throws(ClientStoreError) {
        switch code {
        case 0: return
        case MDB_MAP_FULL, ENOSPC, EDQUOT: throw .full
        // The last of them: a table that is another kind of table, or a value.
        case MDB_CORRUPTED, MDB_PAGE_NOTFOUND, MDB_INVALID, MDB_VERSION_MISMATCH, MDB_CURSOR_FULL, MDB_INCOMPATIBLE:
            throw .damaged("\(call): \(reason(of: code))")
        default: throw .failed(call: call, code: code)
        }
    }

    /// The sentence that belongs to a code of LMDB's or an `errno`.
    static func reason(of code: Int32) -> String {
        guard let text = unsafe mdb_strerror(code) else { return "code \(code)" }
        return unsafe String(cString: text)
    }

    /// Calls `body` with `bytes` as a key or a value, valid for the call.
    static func withValue<Result>(_ bytes: [UInt8], _ body: (inout MDB_val) -> Result) -> Result {
        unsafe bytes.withUnsafeBytes { bytes in
            var value = unsafe MDB_val(
                mv_size: bytes.count, mv_data: UnsafeMutableRawPointer(mutating: bytes.baseAddress))
            return unsafe body(&value)
        }
    }
}

extension MDB_val {
    /// The bytes in LMDB's page, valid until the next write or the end of the transaction.
    var buffer: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(start: mv_data, count: mv_size) }
}
