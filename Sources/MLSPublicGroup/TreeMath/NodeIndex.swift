public import MLSCodec

/// Which node of the ratchet tree, in its array: leaves are even, parents odd. RFC 9420 appendix C.
///
/// What lies below a node does not depend on the tree's size; what lies above is asked for with the tree's `LeafCount`.
public struct NodeIndex: Hashable, Sendable {
    public let rawValue: UInt32

    public init(_ rawValue: UInt32) { self.rawValue = rawValue }
    /// - Precondition: the leaf is one of a tree's 2^30 at most.
    public init(_ leaf: LeafIndex) { rawValue = leaf.rawValue * 2 }

    public var isLeaf: Bool { rawValue & 1 == 0 }

    /// The leaf that this node is; nil for a parent.
    public var leaf: LeafIndex? { isLeaf ? LeafIndex(rawValue >> 1) : nil }

    /// How far above the leaves: 0 for a leaf.
    public var level: Int { (~rawValue).trailingZeroBitCount }

    /// The left child; nil for a leaf.
    public var left: NodeIndex? {
        isLeaf ? nil : NodeIndex(rawValue ^ (1 << UInt32(level - 1)))
    }

    /// The right child; nil for a leaf.
    public var right: NodeIndex? {
        isLeaf ? nil : NodeIndex(rawValue ^ (3 << UInt32(level - 1)))
    }

    /// Both children; nil for a leaf.
    public var children: (left: NodeIndex, right: NodeIndex)? {
        guard let left, let right else { return nil }
        return (left, right)
    }

    /// The node above; nil for the root, and for what is not in a tree of that size.
    public func parent(in leafCount: LeafCount) -> NodeIndex? {
        guard self != leafCount.root, leafCount.nodeCount.contains(self) else { return nil }
        let bit: UInt32 = 1 << UInt32(level)
        return NodeIndex((rawValue | bit) & ~(bit << 1))
    }

    /// The other child of the parent; nil where there is no parent.
    public func sibling(in leafCount: LeafCount) -> NodeIndex? {
        guard let (left, right) = parent(in: leafCount)?.children else { return nil }
        return self == left ? right : left
    }

    /// The nodes above, from below to the root. RFC 9420 section 4.1.2.
    public func directPath(in leafCount: LeafCount) -> [NodeIndex] {
        var path: [NodeIndex] = []
        var node = self
        while let parent = node.parent(in: leafCount) {
            path.append(parent)
            node = parent
        }
        return path
    }

    /// The siblings of this node and of its direct path, without the root. RFC 9420 section 4.1.2.
    public func copath(in leafCount: LeafCount) -> [NodeIndex] {
        var path: [NodeIndex] = []
        var node = self
        while let parent = node.parent(in: leafCount), let sibling = node.sibling(in: leafCount) {
            path.append(sibling)
            node = parent
        }
        return path
    }

    /// The leaves that are this node or below it.
    public var leaves: Range<UInt32> {
        let half: UInt32 = 1 << UInt32(level)
        return (rawValue + 1 - half) >> 1..<(rawValue + 1 + half) >> 1
    }

    /// Whether this node is `root` or below it.
    public func isInSubtree(of root: NodeIndex) -> Bool {
        level <= root.level && rawValue >> UInt32(root.level + 1) == root.rawValue >> UInt32(root.level + 1)
    }

    /// The lowest node that has both in its subtree.
    public func commonAncestor(with other: NodeIndex) -> NodeIndex {
        if isInSubtree(of: other) { return other }
        if other.isInSubtree(of: self) { return self }
        // The bits that both share, then 0, then ones: the node where the two part.
        let height = UInt32(32 - (rawValue ^ other.rawValue).leadingZeroBitCount)
        return NodeIndex((rawValue >> height) << height | ((1 << (height - 1)) - 1))
    }
}

extension NodeIndex: Comparable {
    public static func < (lhs: NodeIndex, rhs: NodeIndex) -> Bool { lhs.rawValue < rhs.rawValue }
}

extension NodeIndex: CustomStringConvertible {
    public var description: String { "node \(rawValue)" }
}
