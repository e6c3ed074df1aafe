public import TLSPresentation

/// An inner node of the ratchet tree. RFC 9420 section 7.1.
/// ```
/// struct { HPKEPublicKey encryption_key; opaque parent_hash<V>; uint32 unmerged_leaves<V>; } ParentNode;
/// ```
public struct ParentNode: Hashable, Sendable {
    public var encryptionKey: [UInt8]
    public var parentHash: [UInt8]
    /// The leaves below that do not know the node's private key, in increasing order.
    public var unmergedLeaves: [LeafIndex]

    public init(encryptionKey: [UInt8], parentHash: [UInt8] = [], unmergedLeaves: [LeafIndex] = []) {
        self.encryptionKey = encryptionKey
        self.parentHash = parentHash
        self.unmergedLeaves = unmergedLeaves
    }
}

extension ParentNode: TLSCodable {
    public init(from reader: inout Reader) throws(DecodingError) {
        encryptionKey = try reader.opaque()
        parentHash = try reader.opaque()
        unmergedLeaves = try reader.vector()
    }

    public func encode(into writer: inout Writer) {
        writer.opaque(encryptionKey)
        writer.opaque(parentHash)
        writer.vector(unmergedLeaves)
    }
}
