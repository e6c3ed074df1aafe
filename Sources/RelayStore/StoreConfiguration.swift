/// How a store is kept.
public struct StoreConfiguration: Hashable, Sendable {
    /// Bytes that the store may grow to. Address space is reserved for all of them; the file grows as it is written.
    public var maxByteCount = 256 << 30
    /// How many of a log's last entries a message is compared with, to find that it is published again.
    /// 10,000 is what requirement N-6 asks for.
    public var duplicateWindow = 10_000
    /// How many entries all windows together keep in memory, about 60 bytes each; beyond, the windows of logs that are
    /// not published to are given up, and read again when they are needed.
    public var maxDuplicateWindowEntries = 2_000_000
    /// Bytes that the file is kept larger than what is in use, but never more than that again: see `Store.writeAhead`.
    public var aheadByteCount = 64 << 20
    /// Readers at the same time, over all processes.
    public var maxReaders = 126

    public init() {}
}
