public import TLSPresentation

/// What all members of a group agree on in an epoch. RFC 9420 section 8.1.
/// ```
/// struct {
///     ProtocolVersion version = mls10;
///     CipherSuite cipher_suite;
///     opaque group_id<V>;
///     uint64 epoch;
///     opaque tree_hash<V>;
///     opaque confirmed_transcript_hash<V>;
///     Extension extensions<V>;
/// } GroupContext;
/// ```
public struct GroupContext: Hashable, Sendable {
    public var cipherSuite: CipherSuite
    public var groupID: [UInt8]
    public var epoch: UInt64
    public var treeHash: [UInt8]
    public var confirmedTranscriptHash: [UInt8]
    public var extensions: [Extension]

    public init(
        cipherSuite: CipherSuite, groupID: [UInt8], epoch: UInt64, treeHash: [UInt8],
        confirmedTranscriptHash: [UInt8], extensions: [Extension] = []
    ) {
        self.cipherSuite = cipherSuite
        self.groupID = groupID
        self.epoch = epoch
        self.treeHash = treeHash
        self.confirmedTranscriptHash = confirmedTranscriptHash
        self.extensions = extensions
    }

    public var version: ProtocolVersion { .mls10 }
}

extension GroupContext: TLSCodable {
    public init(from reader: inout Reader) throws(DecodingError) {
        try ProtocolVersion.expectMLS10(&reader)
        cipherSuite = try CipherSuite(from: &reader)
        groupID = try reader.opaque()
        epoch = try reader.uint64()
        treeHash = try reader.opaque()
        confirmedTranscriptHash = try reader.opaque()
        extensions = try reader.vector()
    }

    public func encode(into writer: inout Writer) {
        version.encode(into: &writer)
        cipherSuite.encode(into: &writer)
        writer.opaque(groupID)
        writer.integer(epoch)
        writer.opaque(treeHash)
        writer.opaque(confirmedTranscriptHash)
        writer.vector(extensions)
    }
}
