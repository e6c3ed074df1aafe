public import TLSPresentation

/// What a leaf node's signature covers: its fields, and where it stands unless it came from a KeyPackage.
/// RFC 9420 section 7.2.
/// ```
/// struct {
///     … all of LeafNode but its signature …
///     select (LeafNodeTBS.leaf_node_source) {
///         case key_package: struct{};
///         case update: case commit: opaque group_id<V>; uint32 leaf_index;
///     };
/// } LeafNodeTBS;
/// ```
public struct LeafNodeTBS: TLSEncodable, Hashable, Sendable {
    public static let label = "LeafNodeTBS"

    public var leafNode: LeafNode
    /// Not looked at for a leaf node of a KeyPackage.
    public var groupID: [UInt8]
    /// Not looked at for a leaf node of a KeyPackage.
    public var leafIndex: LeafIndex

    /// - Parameters:
    ///   - groupID: the group, where the leaf node is of an Update or a Commit.
    ///   - leafIndex: its leaf there.
    public init(_ leafNode: LeafNode, groupID: [UInt8] = [], leafIndex: LeafIndex = LeafIndex(0)) {
        self.leafNode = leafNode
        self.groupID = groupID
        self.leafIndex = leafIndex
    }

    public func encode(into writer: inout Writer) {
        leafNode.encodeUnsigned(into: &writer)
        switch leafNode.source {
        case .keyPackage: break
        case .update, .commit:
            writer.opaque(groupID)
            leafIndex.encode(into: &writer)
        }
    }
}
