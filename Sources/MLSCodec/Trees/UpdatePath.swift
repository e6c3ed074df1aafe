public import TLSPresentation

/// The new keys from a committer's leaf to the root. RFC 9420 section 7.6.
/// ```
/// struct { LeafNode leaf_node; UpdatePathNode nodes<V>; } UpdatePath;
/// ```
public struct UpdatePath: Hashable, Sendable {
    public var leafNode: LeafNode
    /// One for each node of the committer's filtered direct path, from below.
    public var nodes: [UpdatePathNode]

    public init(leafNode: LeafNode, nodes: [UpdatePathNode]) {
        self.leafNode = leafNode
        self.nodes = nodes
    }
}

extension UpdatePath: TLSCodable {
    public init(from reader: inout Reader) throws(DecodingError) {
        leafNode = try LeafNode(from: &reader)
        nodes = try reader.vector()
    }

    public func encode(into writer: inout Writer) {
        leafNode.encode(into: &writer)
        writer.vector(nodes)
    }
}

/// A node's new key, and its path secret for whoever is below its other child. RFC 9420 section 7.6.
/// ```
/// struct { HPKEPublicKey encryption_key; HPKECiphertext encrypted_path_secret<V>; } UpdatePathNode;
/// ```
public struct UpdatePathNode: Hashable, Sendable {
    public var encryptionKey: [UInt8]
    /// One for each node of the resolution of the other child, in its order.
    public var encryptedPathSecret: [HPKECiphertext]

    public init(encryptionKey: [UInt8], encryptedPathSecret: [HPKECiphertext]) {
        self.encryptionKey = encryptionKey
        self.encryptedPathSecret = encryptedPathSecret
    }
}

extension UpdatePathNode: TLSCodable {
    public init(from reader: inout Reader) throws(DecodingError) {
        encryptionKey = try reader.opaque()
        encryptedPathSecret = try reader.vector()
    }

    public func encode(into writer: inout Writer) {
        writer.opaque(encryptionKey)
        writer.vector(encryptedPathSecret)
    }
}
