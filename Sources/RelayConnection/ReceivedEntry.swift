public import MLSCrypto
public import RelayWire

/// An entry of a log as a follower gets it. PROTOCOL.md section 6.
public enum ReceivedEntry: Hashable, Sendable {
    case entry(Entry)
    /// What there is of an entry without its payload: one that this client sent itself to a tracked group, or one whose
    /// payload is not kept any longer.
    case digest(EntryDigest)

    public var header: EntryHeader {
        switch self {
        case .entry(let entry): entry.header
        case .digest(let digest): digest.header
        }
    }

    /// The log's chain hash at this entry.
    public var chain: SHA256Digest {
        switch self {
        case .entry(let entry): entry.chain
        case .digest(let digest): digest.chain
        }
    }

    /// The entry with its payload; nil for a digest.
    public var entry: Entry? {
        switch self {
        case .entry(let entry): entry
        case .digest: nil
        }
    }
}
