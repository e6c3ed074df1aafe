public import TLSPresentation

/// Who encrypted a PrivateMessage, and with which of its keys. RFC 9420 section 6.3.2.
/// ```
/// struct { uint32 leaf_index; uint32 generation; opaque reuse_guard[4]; } SenderData;
/// ```
public struct SenderData: Hashable, Sendable {
    public var leafIndex: LeafIndex
    public var generation: UInt32
    /// The four bytes, the first one most significant.
    public var reuseGuard: UInt32

    public init(leafIndex: LeafIndex, generation: UInt32, reuseGuard: UInt32) {
        self.leafIndex = leafIndex
        self.generation = generation
        self.reuseGuard = reuseGuard
    }
}

extension SenderData: TLSCodable {
    public init(from reader: inout Reader) throws(DecodingError) {
        leafIndex = try LeafIndex(from: &reader)
        generation = try reader.uint32()
        reuseGuard = try reader.uint32()
    }

    public func encode(into writer: inout Writer) {
        leafIndex.encode(into: &writer)
        writer.integer(generation)
        writer.integer(reuseGuard)
    }
}

/// What is authenticated along with the sender data. RFC 9420 section 6.3.2.
/// ```
/// struct { opaque group_id<V>; uint64 epoch; ContentType content_type; } SenderDataAAD;
/// ```
public struct SenderDataAAD: Hashable, Sendable {
    public var groupID: [UInt8]
    public var epoch: UInt64
    public var contentType: ContentType

    public init(groupID: [UInt8], epoch: UInt64, contentType: ContentType) {
        self.groupID = groupID
        self.epoch = epoch
        self.contentType = contentType
    }
}

extension SenderDataAAD: TLSCodable {
    public init(from reader: inout Reader) throws(DecodingError) {
        groupID = try reader.opaque()
        epoch = try reader.uint64()
        contentType = try ContentType(from: &reader)
    }

    public func encode(into writer: inout Writer) {
        writer.opaque(groupID)
        writer.integer(epoch)
        contentType.encode(into: &writer)
    }
}
