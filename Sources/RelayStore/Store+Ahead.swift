internal import CLMDB
import Glibc

extension Store {
    /// Bytes that one call of `writeAhead` adds.
    private static let aheadStepByteCount = 1 << 20

    /// Adds zeros to the file behind what is in use, until there are `StoreConfiguration.aheadByteCount` of them, so that
    /// the next transactions overwrite blocks that the file has: a sync of new blocks waits for the file system's journal
    /// too and takes about twice as long.
    ///
    /// Only between transactions, by the thread that writes: LMDB writes behind its last page as it needs to. What it
    /// reads is never behind its last page, so the zeros mean nothing to it.
    /// - Returns: whether there is more to add. A full disk is no error here: writing will say so.
    public func writeAhead() -> Bool {
        let used = size.byteCount
        var status = stat()
        guard aheadDescriptor >= 0, fstat(aheadDescriptor, &status) == 0 else { return false }
        let end = max(Int(status.st_size), used)
        // A small store gets little: a store of a few groups need not take 64 MiB.
        let target = min(used + min(configuration.aheadByteCount, used), configuration.maxByteCount)
        guard end < target else { return false }
        let zeros = [UInt8](repeating: 0, count: min(Self.aheadStepByteCount, target - end))
        let written = zeros.withUnsafeBytes { pwrite(aheadDescriptor, $0.baseAddress, $0.count, off_t(end)) }
        guard written > 0, fdatasync(aheadDescriptor) == 0 else { return false }
        return end + written < target
    }
}
