import MLSCrypto
public import RelayWire
import TLSPresentation

/// An entry as it stands in LMDB's pages, read in place; valid only where it was handed over.
public struct StoredFrame {
    /// What subscribers receive: the frame of an Entry or of an EntryDigest, length included.
    public let bytes: UnsafeRawBufferPointer
    private let record: UnsafeRawBufferPointer
    /// Where the entry's header begins in `bytes`: behind the frame's length and header.
    private let start: Int

    init(_ record: UnsafeRawBufferPointer, _ number: SequenceNumber, in log: LogNumber) throws(StoreError) {
        self.record = record
        bytes = EntryRecord.frame(record)
        // The length of a vector's length stands in its first two bits. RFC 9420 section 2.1.2.
        let first = bytes.first ?? 0
        start = 1 << Int(first >> 6) + FrameHeader.byteCount
        guard first >> 6 < 3, bytes.count >= start + EntryHeader.byteCount + SHA256Digest.byteCount else {
            throw .corrupted("entry \(number) of log \(log) is not one")
        }
    }

    public var sender: ClientNumber { ClientNumber(rawValue: bytes.number(start + 24)) }

    /// The entry without its payload.
    public var digest: EntryDigest {
        let header = EntryHeader(
            log: LogNumber(rawValue: bytes.number(start)),
            sequenceNumber: SequenceNumber(rawValue: bytes.number(start + 8)),
            time: Timestamp(rawValue: bytes.number(start + 16)), sender: sender,
            kind: EntryKind(rawValue: bytes[start + 32]))
        let chain = SHA256Digest(
            RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: bytes[(start + 33)..<(start + 65)])))
        return EntryDigest(header: header, chain: chain, payloadHash: EntryRecord.payloadHash(record))
    }

    /// Whether the payload is stored: the frame is that of an Entry.
    var hasPayload: Bool { bytes[start - FrameHeader.byteCount] == FrameType.entry.rawValue }

    /// Lends the payload of an entry that has it.
    func withPayload<Result>(
        _ body: (RawSpan) throws(DecodingError) -> Result
    ) throws(DecodingError) -> Result {
        var reader = Reader(RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: bytes[(start + 65)...])))
        let payload = try reader.opaqueSpan()
        try reader.expectEnd()
        return try body(payload)
    }

    /// Writes the frame of the entry's digest, `EntryDigest.frameByteCount` bytes, to `target`, which must have room for
    /// them.
    public func writeDigest(to target: UnsafeMutableRawPointer) {
        let digest = digest
        EntryDigest.writeFrame(
            to: target, header: digest.header, chain: digest.chain, payloadHash: digest.payloadHash)
    }
}
