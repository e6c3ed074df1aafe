public import TLSPresentation

/// Replaces the sender's own leaf node. RFC 9420 section 12.1.2.
/// ```
/// struct { LeafNode leaf_node; } Update;
/// ```
public struct Update: Hashable, Sendable {
    public var leafNode: LeafNode

    public init(leafNode: LeafNode) { self.leafNode = leafNode }
}

extension Update: TLSCodable {
    public init(from reader: inout Reader) throws(DecodingError) { leafNode = try LeafNode(from: &reader) }
    public func encode(into writer: inout Writer) { leafNode.encode(into: &writer) }
}
