/// What the relay's decisions are bounded by; every number is an operator's to change.
public struct CoreLimits: Hashable, Sendable {
    /// How many epochs back an application message or a proposal is still taken. Clients keep the secrets of a few past
    /// epochs (RFC 9420 section 15.3; OpenMLS 5, Conclave 16); a message older than that nobody could read.
    public var pastEpochs: UInt64 = 5
    /// KeyPackages in the pool of one client and suite, beside the last-resort one.
    public var maxKeyPackagesPerPool = 100

    public init() {}
}
