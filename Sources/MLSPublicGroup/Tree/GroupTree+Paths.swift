public import MLSCodec

/// A node of a filtered direct path, and the child of it that the path does not come from.
public struct PathNode: Hashable, Sendable {
    public let node: NodeIndex
    public let copathChild: NodeIndex

    public init(node: NodeIndex, copathChild: NodeIndex) {
        self.node = node
        self.copathChild = copathChild
    }
}

/// Who is reached through which nodes. RFC 9420 sections 4.1.1 and 4.1.2.
extension GroupTree {
    /// The nodes that together cover the members below `node`, and no others. RFC 9420 section 4.1.1.
    /// - Parameter excluded: leaves that are left out: those who join with the Commit (section 7.5).
    public func resolution(of node: NodeIndex, excluding excluded: Set<LeafIndex> = []) -> [NodeIndex] {
        var nodes: [NodeIndex] = []
        appendResolution(of: node, excluding: excluded, to: &nodes)
        return nodes
    }

    private func appendResolution(
        of node: NodeIndex, excluding excluded: Set<LeafIndex>, to nodes: inout [NodeIndex]
    ) {
        guard nonBlankNodeCount(below: node) > 0 else { return }
        if let leaf = node.leaf {
            if !excluded.contains(leaf) { nodes.append(node) }
        } else if let parentNode = parentNode(at: node) {
            nodes.append(node)
            for leaf in parentNode.unmergedLeaves where !excluded.contains(leaf) { nodes.append(NodeIndex(leaf)) }
        } else if let (left, right) = node.children {
            appendResolution(of: left, excluding: excluded, to: &nodes)
            appendResolution(of: right, excluding: excluded, to: &nodes)
        }
    }

    /// The direct path of `leaf` without the nodes whose other child has an empty resolution, from below.
    /// RFC 9420 section 4.1.2.
    public func filteredDirectPath(of leaf: LeafIndex) -> [PathNode] {
        var path: [PathNode] = []
        var below = NodeIndex(leaf)
        while let node = below.parent(in: leafCount), let sibling = below.sibling(in: leafCount) {
            // A resolution is empty where all nodes are blank.
            if nonBlankNodeCount(below: sibling) > 0 { path.append(PathNode(node: node, copathChild: sibling)) }
            below = node
        }
        return path
    }
}
