public import MLSCodec

/// How many leaves a tree has room for, blank ones too: a power of two. RFC 9420 section 4.1.
public struct LeafCount: Hashable, Sendable {
    public let rawValue: UInt32

    /// The smallest tree with room for `leafCount` leaves; nil for none, and for more than 2^30.
    public init?(enclosing leafCount: Int) {
        guard leafCount > 0, leafCount <= 1 << 30 else { return nil }
        var rawValue: UInt32 = 1
        while Int(rawValue) < leafCount { rawValue <<= 1 }
        self.rawValue = rawValue
    }

    private init(_ rawValue: UInt32) { self.rawValue = rawValue }

    public static let one = LeafCount(1)

    /// The tree that has this one as its left half; nil if it were too large.
    public var doubled: LeafCount? { rawValue < 1 << 30 ? LeafCount(rawValue << 1) : nil }

    /// The left half; nil for a single leaf.
    public var halved: LeafCount? { rawValue > 1 ? LeafCount(rawValue >> 1) : nil }

    /// Leaves and parents together.
    public var nodeCount: NodeCount { NodeCount(self) }

    /// The node above all others. RFC 9420 appendix C.
    public var root: NodeIndex { NodeIndex(rawValue - 1) }

    public func contains(_ leaf: LeafIndex) -> Bool { leaf.rawValue < rawValue }
}

/// How many nodes a tree has room for: 2^(d+1) - 1. RFC 9420 appendix C.
public struct NodeCount: Hashable, Sendable {
    public let rawValue: UInt32

    public init(_ leafCount: LeafCount) { rawValue = 2 * leafCount.rawValue - 1 }

    public func contains(_ node: NodeIndex) -> Bool { node.rawValue < rawValue }
}
