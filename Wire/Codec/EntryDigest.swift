public import MLSCrypto
public import TLSPresentation

/// An entry without its payload, which the client has or nobody has any longer: enough to go on with the chain.
/// PROTOCOL.md section 6.1.
/// ```
/// struct { uint64 log; uint64 seq; uint64 time; uint64 sender; EntryKind kind; opaque chain[32];
///          opaque payload_hash[32]; } EntryDigest;
/// ```
public struct EntryDigest: FrameBody {
    public static let type = FrameType.entryDigest
    public var header: EntryHeader
    public var chain: SHA256Digest
    /// SHA-256 of the payload.
    public var payloadHash: SHA256Digest

    public init(header: EntryHeader, chain: SHA256Digest, payloadHash: SHA256Digest) {
        self.header = header
        self.chain = chain
        self.payloadHash = payloadHash
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        header = try EntryHeader(from: &reader)
        chain = try SHA256Digest(from: &reader)
        payloadHash = try SHA256Digest(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        header.encode(into: &writer)
        chain.encode(into: &writer)
        payloadHash.encode(into: &writer)
    }

    private static let bodyByteCount = FrameHeader.byteCount + EntryHeader.byteCount + 32 + 32

    /// Bytes of every such frame, length included.
    public static let frameByteCount = Writer.varintByteCount(bodyByteCount) + bodyByteCount

    /// Writes the frame, `frameByteCount` bytes, to `target`, which must have room for them.
    @unsafe public static func writeFrame(
        to target: UnsafeMutableRawPointer, header: EntryHeader, chain: SHA256Digest, payloadHash: SHA256Digest
    ) {
        var next = unsafe target
        unsafe Entry.writeFrameStart(bodyByteCount: bodyByteCount, type: type, to: &next)
        unsafe header.write(to: next)
        unsafe next += EntryHeader.byteCount
        unsafe chain.copyBytes(to: next)
        unsafe payloadHash.copyBytes(to: next + 32)
    }
}
