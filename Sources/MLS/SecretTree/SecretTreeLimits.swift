/// How much of what others say they have sent the secret tree goes along with. RFC 9420 section 15.3.
public struct SecretTreeLimits: Hashable, Sendable {
    /// How far beyond the next generation of a ratchet a message may be: so many keys are derived for it at most. A member
    /// who claims more loses its message; with 1024, as mls-rs has it, it costs a receiver half a millisecond.
    public var maxForwardSteps: UInt32
    /// How many keys of skipped generations are kept in a ratchet; the oldest are dropped first. A relay delivers in order,
    /// so that what is skipped is mostly lost for good, and each kept key is one that could still be stolen.
    public var maxOutOfOrderKeys: Int

    public init(maxForwardSteps: UInt32 = 1024, maxOutOfOrderKeys: Int = 32) {
        self.maxForwardSteps = maxForwardSteps
        self.maxOutOfOrderKeys = maxOutOfOrderKeys
    }
}
