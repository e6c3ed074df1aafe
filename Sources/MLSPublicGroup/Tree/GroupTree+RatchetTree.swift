public import MLSCodec

/// The tree as it is sent. RFC 9420 section 12.4.3.3.
extension GroupTree {
    /// The nodes from the left, without the blank ones at the end.
    public var ratchetTree: RatchetTree {
        var nodes: [Node?] = []
        nodes.reserveCapacity(Int(leafCount.nodeCount.rawValue))
        for position in 0..<leafCount.nodeCount.rawValue {
            let node = NodeIndex(position)
            if let leaf = node.leaf {
                nodes.append(leafNode(at: leaf).map(Node.leaf))
            } else {
                nodes.append(parentNode(at: node).map(Node.parent))
            }
        }
        while nodes.count > 1, nodes[nodes.count - 1] == nil { nodes.removeLast() }
        return RatchetTree(nodes: nodes)
    }

    /// The tree that `ratchetTree` describes. Only its shape is looked at: whether it is valid is another question.
    /// - Throws: `refused` with a rule of section 12.4.3.3; `crypto` for a suite that is not known.
    public init(_ ratchetTree: RatchetTree, suite: CipherSuite) throws(GroupError) {
        let nodes = ratchetTree.nodes
        // "The ratchet_tree extension ... the last node in the tree MUST be non-blank": of a valid tree that is a leaf, so
        // that the number of nodes is odd.
        guard case .leaf? = nodes.last, nodes.count % 2 == 1 else { throw .refused(.ratchetTreeLastNode) }
        // "nodes at even positions are leaves, those at odd ones parents"
        for (position, node) in nodes.enumerated() {
            guard node == nil || (node?.nodeType == .leaf) == position.isMultiple(of: 2) else {
                throw .refused(.ratchetTreeNodeKind)
            }
        }
        guard let leafCount = LeafCount(enclosing: (nodes.count + 1) / 2) else { throw .refused(.ratchetTreeSize) }
        do {
            try self.init(suite: suite, leafCount: leafCount)
        } catch {
            throw .crypto(error)
        }
        fill(nodes)
    }

    /// The nodes that differ from those of `earlier`, a tree that this one came from by changes: what has to be written
    /// where that one was saved. Nodes that there are no more count as blank. It costs what changed, not the size.
    public func nodesChanged(since earlier: GroupTree) -> [NodeIndex] {
        var changed: [NodeIndex] = []
        for position in leaves.indicesNotShared(with: earlier.leaves).joined() {
            let bytes = earlier.encodedLeafNode(at: LeafIndex(UInt32(position)))
            if leaves[position]?.bytes != bytes { changed.append(NodeIndex(UInt32(position) * 2)) }
        }
        for position in parents.indicesNotShared(with: earlier.parents).joined() {
            let node = NodeIndex(UInt32(position) * 2 + 1)
            if parents[position].node != earlier.parentNode(at: node) { changed.append(node) }
        }
        let size = leafCount.nodeCount.rawValue
        for position in size..<max(size, earlier.leafCount.nodeCount.rawValue)
        where !earlier.isBlank(NodeIndex(position)) {
            changed.append(NodeIndex(position))
        }
        return changed
    }
}
