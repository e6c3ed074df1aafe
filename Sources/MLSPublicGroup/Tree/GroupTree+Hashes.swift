import MLSCodec
import MLSCrypto
import TLSPresentation

/// Tree hashes and parent hashes. RFC 9420 sections 7.8 and 7.9.
extension GroupTree {
    /// The tree hash of the root; what has not changed since the last time is not hashed again. RFC 9420 section 7.8.
    public mutating func treeHash() -> [UInt8] { treeHash(of: leafCount.root) }

    /// The tree hash of the subtree of `node`.
    public mutating func treeHash(of node: NodeIndex) -> [UInt8] {
        var hash = HashContext(hashAlgorithm)
        return treeHash(of: node, &hash)
    }

    mutating func treeHash(of node: NodeIndex, _ hash: inout HashContext) -> [UInt8] {
        guard let (left, right) = node.children else {
            return leafHash(treeLeaf(at: LeafIndex(node.rawValue >> 1)), LeafIndex(node.rawValue >> 1), &hash)
        }
        if let known = parents[node.parentPosition].treeHash { return known }
        let (leftHash, rightHash) = (treeHash(of: left, &hash), treeHash(of: right, &hash))
        let parent = parents[node.parentPosition]
        let computed = Self.nodeHash(parent.encodedNode, leftHash, rightHash, &hash)
        setTreeHash(computed, of: node)
        return computed
    }

    /// ```
    /// struct { NodeType node_type = leaf; uint32 leaf_index; optional<LeafNode> leaf_node; } TreeHashInput;
    /// ```
    private func leafHash(_ treeLeaf: TreeLeaf?, _ leaf: LeafIndex, _ hash: inout HashContext) -> [UInt8] {
        var head = Writer()
        head.reserve(6)
        NodeType.leaf.encode(into: &head)
        leaf.encode(into: &head)
        head.isPresent(treeLeaf != nil)
        let headBytes = head.take()
        hash.update(headBytes.rawSpan)
        if let bytes = treeLeaf?.bytes { hash.update(bytes.rawSpan) }
        return hash.finalize()
    }

    /// ```
    /// struct {
    ///     NodeType node_type = parent;
    ///     optional<ParentNode> parent_node; opaque left_hash<V>; opaque right_hash<V>;
    /// } TreeHashInput;
    /// ```
    /// - Parameter parentNode: encoded; empty for a blank one.
    private static func nodeHash(
        _ parentNode: RawSpan, _ leftHash: [UInt8], _ rightHash: [UInt8], _ hash: inout HashContext
    ) -> [UInt8] {
        var input = Writer()
        input.reserve(256)
        NodeType.parent.encode(into: &input)
        input.isPresent(!parentNode.isEmpty)
        input.raw(parentNode)
        input.opaque(leftHash)
        input.opaque(rightHash)
        let inputBytes = input.take()
        hash.update(inputBytes.rawSpan)
        return hash.finalize()
    }

    /// The parent hash of `parentNode` with the copath child whose original tree hash is given. RFC 9420 section 7.9.
    /// ```
    /// struct {
    ///     HPKEPublicKey encryption_key; opaque parent_hash<V>; opaque original_sibling_tree_hash<V>;
    /// } ParentHashInput;
    /// ```
    static func parentHash(
        of parentNode: ParentNode, originalSiblingTreeHash: [UInt8], _ hash: inout HashContext
    ) -> [UInt8] {
        var input = Writer()
        input.reserve(256)
        input.opaque(parentNode.encryptionKey)
        input.opaque(parentNode.parentHash)
        input.opaque(originalSiblingTreeHash)
        let inputBytes = input.take()
        hash.update(inputBytes.rawSpan)
        return hash.finalize()
    }

    /// The tree hash that the subtree of `node` would have without the leaves `removed`, as leaves and as unmerged ones:
    /// `original_sibling_tree_hash`. RFC 9420 section 7.9.
    /// - Parameter removed: in increasing order.
    private mutating func originalTreeHash(
        of node: NodeIndex, removing removed: ArraySlice<LeafIndex>, _ hash: inout HashContext
    ) -> [UInt8] {
        let removed = removed.filter(below: node)
        if removed.isEmpty { return treeHash(of: node, &hash) }
        guard let (left, right) = node.children else {
            return leafHash(nil, LeafIndex(node.rawValue >> 1), &hash)
        }
        var parentNode = parents[node.parentPosition].node
        parentNode?.unmergedLeaves.removeAll { removed.contains($0) }
        let leftHash = originalTreeHash(of: left, removing: removed, &hash)
        let rightHash = originalTreeHash(of: right, removing: removed, &hash)
        let encoded = parentNode?.encoded ?? []
        return Self.nodeHash(encoded.rawSpan, leftHash, rightHash, &hash)
    }

    /// Whether every parent node that is not blank is parent-hash valid. RFC 9420 section 7.9.2.
    ///
    /// For a tree from somebody else; in one's own, commits are merged with their parent hashes.
    public mutating func parentHashesAreValid() -> Bool {
        var hash = HashContext(hashAlgorithm)
        for position in 0..<parents.count {
            let node = NodeIndex(UInt32(position) * 2 + 1)
            guard let parentNode = parents[position].node, let (left, right) = node.children else { continue }
            // "verifying that there is exactly one descendant of each non-blank parent node for which the parent node is
            // parent-hash valid"
            let validFromLeft = isParentHashValid(parentNode, child: left, sibling: right, &hash)
            let validFromRight = isParentHashValid(parentNode, child: right, sibling: left, &hash)
            guard validFromLeft != validFromRight else { return false }
        }
        return true
    }

    /// Whether a node D below `child` was updated together with the parent P above it.
    private mutating func isParentHashValid(
        _ parentNode: ParentNode, child: NodeIndex, sibling: NodeIndex, _ hash: inout HashContext
    ) -> Bool {
        // "D is in the resolution of C, and the intersection of P's `unmerged_leaves` with the subtree under C is equal
        // to the resolution of C with D removed."
        let unmerged = Set(parentNode.unmergedLeaves[...].filter(below: child).map { NodeIndex($0) })
        let resolution = resolution(of: child)
        guard resolution.count == unmerged.count + 1 else { return false }
        let others = resolution.filter { !unmerged.contains($0) }
        guard others.count == 1, let descendant = others.first else { return false }
        // "The `parent_hash` field of D is equal to the parent hash of P with copath child S."
        let siblingHash = originalTreeHash(of: sibling, removing: parentNode.unmergedLeaves[...], &hash)
        let expected = Self.parentHash(of: parentNode, originalSiblingTreeHash: siblingHash, &hash)
        return parentHashField(of: descendant) == expected
    }

    /// The `parent_hash` that the node carries; nil where it has none.
    private func parentHashField(of node: NodeIndex) -> [UInt8]? {
        guard let leaf = node.leaf else { return parentNode(at: node)?.parentHash }
        guard case .commit(let parentHash) = leafNode(at: leaf)?.source else { return nil }
        return parentHash
    }

    /// Whether the unmerged leaves of every parent node are in order, below it, not blank, and unmerged in each node
    /// between that is not blank. RFC 9420 sections 7.1 and 12.4.3.1.
    public func unmergedLeavesAreValid() -> Bool {
        for position in 0..<parents.count {
            guard let unmerged = parents[position].node?.unmergedLeaves else { continue }
            // "unmerged_leaves ... sorted in increasing order"
            guard zip(unmerged, unmerged.dropFirst()).allSatisfy({ $0 < $1 }) else { return false }
        }
        // All lists are in order now, so that a leaf is looked up in one and not searched for.
        for position in 0..<parents.count {
            let node = NodeIndex(UInt32(position) * 2 + 1)
            for leaf in parents[position].node?.unmergedLeaves ?? [] where !isUnmerged(leaf, in: node) { return false }
        }
        return true
    }

    /// "For each non-empty parent node and each entry in the node's `unmerged_leaves` field: verify that the entry
    /// represents a non-blank leaf node that is a descendant of the parent node; verify that every non-blank
    /// intermediate node between the leaf node and the parent node contains the entry's leaf index in its own
    /// `unmerged_leaves`."
    private func isUnmerged(_ leaf: LeafIndex, in node: NodeIndex) -> Bool {
        guard treeLeaf(at: leaf) != nil, NodeIndex(leaf).isInSubtree(of: node) else { return false }
        var below = NodeIndex(leaf)
        while let between = below.parent(in: leafCount), between != node {
            if let parentNode = parentNode(at: between), !parentNode.unmergedLeaves.containsInOrder(leaf) {
                return false
            }
            below = between
        }
        return true
    }
}

extension [LeafIndex] {
    /// Whether these leaves, which are in increasing order, have `leaf` among them.
    fileprivate func containsInOrder(_ leaf: LeafIndex) -> Bool {
        var (low, high) = (0, count)
        while low < high {
            let middle = low + (high - low) / 2
            if self[middle] < leaf { low = middle + 1 } else { high = middle }
        }
        return low < count && self[low] == leaf
    }
}

extension ArraySlice<LeafIndex> {
    /// Those of these leaves, which are in increasing order, that are `node` or below it.
    fileprivate func filter(below node: NodeIndex) -> ArraySlice<LeafIndex> {
        let leaves = node.leaves
        // Hostile unmerged leaves may stand in any order, so the whole slice is looked at.
        return self.filter { leaves.contains($0.rawValue) }[...]
    }
}
