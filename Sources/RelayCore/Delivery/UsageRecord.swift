public import MLSCrypto
public import RelayWire
public import TLSPresentation

/// What a group takes, and what retention has left of its log.
/// ```
/// struct { uint64 byte_count; uint64 application_byte_count; uint64 digested_through; uint64 first; opaque chain[32];
///          uint64 due; } UsageRecord;
/// ```
public struct UsageRecord: TLSCodable, Hashable, Sendable {
    /// Bytes of the MLSMessages that are kept; of untracked groups they are not counted.
    public var byteCount: UInt64 = 0
    /// Those of application messages.
    public var applicationByteCount: UInt64 = 0
    /// Application messages up to this entry are gone.
    public var digestedThrough = SequenceNumber.zero
    /// The first entry that is kept, where others were removed, and the chain hash before it.
    public var first = SequenceNumber.zero.next
    public var chain = SHA256Digest.zero
    /// When there is something to do next; 0: when something is published.
    public var due = Timestamp(rawValue: 0)

    public init() {}
    public init(from reader: inout Reader) throws(DecodingError) {
        byteCount = try reader.uint64()
        applicationByteCount = try reader.uint64()
        digestedThrough = try SequenceNumber(from: &reader)
        first = try SequenceNumber(from: &reader)
        chain = try SHA256Digest(from: &reader)
        due = try Timestamp(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        writer.integer(byteCount)
        writer.integer(applicationByteCount)
        digestedThrough.encode(into: &writer)
        first.encode(into: &writer)
        chain.encode(into: &writer)
        due.encode(into: &writer)
    }

    mutating func discount(_ outline: EntryOutline) {
        byteCount -= min(byteCount, UInt64(outline.messageByteCount))
        guard outline.content == .application else { return }
        applicationByteCount -= min(applicationByteCount, UInt64(outline.messageByteCount))
    }
}
