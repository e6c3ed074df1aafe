public import RelayWire

/// What service loops do about a transaction beside answering and pushing: told once it is durable.
public struct Effects: Sendable {
    /// Clients whose connections end, with the error that says why.
    public var ended: [Ending] = []
    /// How far clients may read logs, where that has changed.
    public var bounds: [ReadingBound] = []
    /// Clients that go on with another key.
    public var rotated: [Rotation] = []
    /// Logs whose receipts have changed.
    public var receipts: Set<LogNumber> = []

    /// Groups in which a member was found to have seen something else than others, twice.
    public var diverged: [LogNumber] = []

    public struct Ending: Hashable, Sendable {
        public var client: ClientNumber
        public var error: RelayError
    }

    public struct ReadingBound: Hashable, Sendable {
        public var log: LogNumber
        public var client: ClientNumber
        /// What the client may read is behind this entry: a subscription that has not come so far stays in the membership
        /// before.
        public var after = SequenceNumber.zero
        /// The last entry that the client may read.
        public var through: SequenceNumber
    }

    public struct Rotation: Hashable, Sendable {
        public var client: ClientNumber
        public var identity: Identity
    }

    public init() {}

    public var isEmpty: Bool {
        ended.isEmpty && bounds.isEmpty && rotated.isEmpty && receipts.isEmpty && diverged.isEmpty
    }
}
