/// How a `ClientStore` keeps what it keeps.
public struct ClientStoreConfiguration: Sendable {
    /// How large the store may become; address space is reserved for it.
    public var maxByteCount = 16 << 30
    /// Whether what was written is on the disk before `write` returns. Only tests can do without.
    public var isDurable = true
    /// Asked before and after each transaction becomes durable; where it returns false the write throws `interrupted`.
    /// Before: nothing is stored. After: everything is, but the caller does not learn it, as in a crash.
    public var faults: (@Sendable (_ isCommitted: Bool) -> Bool)?

    public init() {}
}
