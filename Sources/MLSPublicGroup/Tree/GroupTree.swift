public import MLSCodec
public import MLSCrypto
import TLSPresentation

/// The public half of a group's ratchet tree. RFC 9420 sections 4 and 7.
///
/// A value: copies share all that they have in common, and a change costs the path that it touches and not the size of
/// the group. So a Commit is tried on a copy, and the tree before it stays as it was.
///
/// Invariant: of each parent the counts are those of the nodes below it; its hash is nil, and so is that of each node
/// above, or the tree hash of its subtree; the key counts are those of all nodes that are not blank.
public struct GroupTree: Sendable {
    public let suite: CipherSuite
    public private(set) var leafCount: LeafCount
    let hashAlgorithm: HashAlgorithm
    private(set) var leaves = ChunkedArray<TreeLeaf?>()
    private(set) var parents = ChunkedArray<TreeParent>()
    private var encryptionKeys = KeyCounts()
    private var signatureKeys = KeyCounts()

    /// The tree of a group with one member. RFC 9420 section 11.
    /// - Throws: `unsupportedCipherSuite`.
    public init(suite: CipherSuite, creator: LeafNode) throws(CryptoError) {
        self.suite = suite
        hashAlgorithm = try suite.hashAlgorithm
        leafCount = .one
        leaves.resize(to: 1, filling: nil)
        setLeaf(creator, at: LeafIndex(0))
    }

    /// A blank tree.
    init(suite: CipherSuite, leafCount: LeafCount) throws(CryptoError) {
        self.suite = suite
        hashAlgorithm = try suite.hashAlgorithm
        self.leafCount = leafCount
        resizeArrays()
    }

    // MARK: Nodes

    /// How many leaves are not blank.
    public var memberCount: Int { nonBlankLeafCount(below: leafCount.root) }

    /// The leaves that are not blank, from the left.
    public var members: [LeafIndex] {
        (0..<leafCount.rawValue).map { LeafIndex($0) }.filter { leaves[Int($0.rawValue)] != nil }
    }

    /// The leaf node there; nil where the leaf is blank or outside of the tree. Decoding it takes about a microsecond.
    public func leafNode(at leaf: LeafIndex) -> LeafNode? { treeLeaf(at: leaf)?.leafNode }

    /// The leaf node's encoding.
    public func encodedLeafNode(at leaf: LeafIndex) -> [UInt8]? { treeLeaf(at: leaf)?.bytes }

    /// The `signature_key` of the leaf node there; nil where the leaf is blank or outside of the tree.
    public func signatureKey(at leaf: LeafIndex) -> [UInt8]? { treeLeaf(at: leaf)?.signatureKey }

    /// The parent node there; nil where it is blank, a leaf, or outside of the tree.
    public func parentNode(at node: NodeIndex) -> ParentNode? {
        treeParent(at: node)?.node
    }

    /// The `encryption_key` of the node there; nil where it is blank or outside of the tree.
    public func encryptionKey(at node: NodeIndex) -> [UInt8]? {
        node.leaf.map { treeLeaf(at: $0)?.encryptionKey } ?? treeParent(at: node)?.encryptionKey
    }

    public func isBlank(_ node: NodeIndex) -> Bool {
        node.leaf.map { treeLeaf(at: $0) == nil } ?? (treeParent(at: node)?.isBlank ?? true)
    }

    /// The place of the parent there; nil for a leaf, and outside of the tree.
    private func treeParent(at node: NodeIndex) -> TreeParent? {
        node.isLeaf || !leafCount.nodeCount.contains(node) ? nil : parents[node.parentPosition]
    }

    func treeLeaf(at leaf: LeafIndex) -> TreeLeaf? { leafCount.contains(leaf) ? leaves[Int(leaf.rawValue)] : nil }

    // MARK: Keys

    /// Whether no two nodes have the same `encryption_key`. RFC 9420 sections 7.3 and 12.4.3.1.
    public var hasUniqueEncryptionKeys: Bool { encryptionKeys.areUnique }

    /// Whether no two members have the same `signature_key`. RFC 9420 section 7.3.
    public var hasUniqueSignatureKeys: Bool { signatureKeys.areUnique }

    /// Whether a node has this `encryption_key`.
    public func containsEncryptionKey(_ key: [UInt8]) -> Bool { encryptionKeys.contains(key.rawSpan) }

    /// Whether a member has this `signature_key`.
    public func containsSignatureKey(_ key: [UInt8]) -> Bool { signatureKeys.contains(key.rawSpan) }

    /// Whether both trees count the same keys.
    func hasTheKeys(of other: GroupTree) -> Bool {
        encryptionKeys == other.encryptionKeys && signatureKeys == other.signatureKeys
    }

    // MARK: Changes

    /// Puts `leafNode` there, and leaves all other nodes as they are.
    /// - Precondition: the leaf is one of the tree's.
    public mutating func setLeaf(_ leafNode: LeafNode?, at leaf: LeafIndex) {
        precondition(leafCount.contains(leaf), "a leaf of the tree")
        let before = replaceLeaf(leafNode, at: leaf)
        let change = (leafNode == nil ? 0 : 1) - (before ? 1 : 0)
        if change == 0 {
            forgetHashes(above: NodeIndex(leaf))
        } else {
            changePath(of: NodeIndex(leaf), leafCountChange: change) { _, _ in }
        }
    }

    private mutating func forgetHashes(above node: NodeIndex) {
        var below = node
        // Above a node without a hash there is none either.
        while let node = below.parent(in: leafCount), parents[node.parentPosition].treeHash != nil {
            parents[node.parentPosition].treeHash = nil
            below = node
        }
    }

    /// Puts `leafNode` there and blanks its direct path: what an Update does. RFC 9420 section 12.1.2.
    /// - Precondition: the leaf is one of the tree's.
    public mutating func updateLeaf(_ leafNode: LeafNode, at leaf: LeafIndex) {
        replaceLeafAndBlankPath(leafNode, leaf)
    }

    /// Puts `leafNode` into the leftmost blank leaf, which a tree without one is extended for, and makes it an unmerged
    /// leaf of the parents above: what an Add does. RFC 9420 sections 12.1.1 and 7.7.
    /// - Precondition: the tree has fewer than 2^30 members.
    public mutating func addLeaf(_ leafNode: LeafNode) -> LeafIndex {
        let leaf = firstBlankLeaf
        if !leafCount.contains(leaf) {
            guard let doubled = leafCount.doubled else { preconditionFailure("a tree of at most 2^30 leaves") }
            extend(to: doubled)
        }
        _ = replaceLeaf(leafNode, at: leaf)
        changePath(of: NodeIndex(leaf), leafCountChange: 1) { _, parent in
            guard var parentNode = parent.node else { return }
            let unmerged = parentNode.unmergedLeaves
            parentNode.unmergedLeaves.insert(leaf, at: unmerged.firstIndex { $0 > leaf } ?? unmerged.count)
            parent.node = parentNode
        }
        return leaf
    }

    /// Blanks the leaf and its direct path and truncates the tree: what a Remove does. RFC 9420 sections 12.1.3 and 7.7.
    /// - Precondition: the leaf is one of the tree's.
    public mutating func removeLeaf(at leaf: LeafIndex) {
        replaceLeafAndBlankPath(nil, leaf)
        truncate()
    }

    /// Where the next leaf goes: the leftmost blank one, or the first behind the tree where there is none.
    public var firstBlankLeaf: LeafIndex {
        var node = leafCount.root
        if nonBlankLeafCount(below: node) == Int(leafCount.rawValue) { return LeafIndex(leafCount.rawValue) }
        while let (left, right) = node.children {
            node = nonBlankLeafCount(below: left) < left.leaves.count ? left : right
        }
        return LeafIndex(node.rawValue >> 1)
    }

    /// Gives the nodes of the filtered direct path of `leaf` new keys, blanks the others above it, and fills in the
    /// parent hashes: what the path of a Commit does, but for the leaf. RFC 9420 sections 7.5 and 7.9.
    /// - Parameter encryptionKeys: one for each node of the filtered direct path, from below.
    /// - Returns: the `parent_hash` of the committer's new leaf node.
    /// - Precondition: the leaf is one of the tree's, and the keys are as many as the nodes.
    public mutating func mergePath(_ encryptionKeys: [[UInt8]], from leaf: LeafIndex) -> [UInt8] {
        let path = filteredDirectPath(of: leaf)
        precondition(path.count == encryptionKeys.count, "a key for each node of the filtered direct path")
        // From the root down, each node of the path gets the parent hash of the one above it. Nothing of this path is in
        // the hashes beside it.
        var hash = HashContext(hashAlgorithm)
        var parentHash: [UInt8] = []
        var nodes: [ParentNode] = []
        for (step, key) in zip(path, encryptionKeys).reversed() {
            let node = ParentNode(encryptionKey: key, parentHash: parentHash)
            let siblingHash = treeHash(of: step.copathChild, &hash)
            parentHash = Self.parentHash(of: node, originalSiblingTreeHash: siblingHash, &hash)
            nodes.append(node)
        }
        var steps = zip(path, nodes.reversed()).makeIterator()
        var next = steps.next()
        changePath(of: NodeIndex(leaf)) { node, parent in
            guard let (step, parentNode) = next, step.node == node else { return parent.node = nil }
            parent.node = parentNode
            next = steps.next()
        }
        return parentHash
    }

    // MARK: Storage

    /// Replaces what a leaf holds, and its keys among those of the tree, but nothing above.
    /// - Returns: whether there was a leaf node.
    private mutating func replaceLeaf(_ leafNode: LeafNode?, at leaf: LeafIndex) -> Bool {
        let before = leaves[Int(leaf.rawValue)]
        encryptionKeys.replace(before?.encryptionKey, with: leafNode?.encryptionKey)
        signatureKeys.replace(before?.signatureKey, with: leafNode?.signatureKey)
        leaves[Int(leaf.rawValue)] = leafNode.map(TreeLeaf.init)
        return before != nil
    }

    private mutating func replaceLeafAndBlankPath(_ leafNode: LeafNode?, _ leaf: LeafIndex) {
        precondition(leafCount.contains(leaf), "a leaf of the tree")
        let before = replaceLeaf(leafNode, at: leaf)
        let change = (leafNode == nil ? 0 : 1) - (before ? 1 : 0)
        changePath(of: NodeIndex(leaf), leafCountChange: change) { _, parent in parent.node = nil }
    }

    /// Calls `body` with each parent above `node`, from below, keeps the counts and keys true, and forgets the hashes.
    /// - Parameter leafCountChange: by how much there are more leaves below than there were.
    private mutating func changePath(
        of node: NodeIndex, leafCountChange: Int = 0, _ body: (NodeIndex, inout TreeParent) -> Void
    ) {
        var nodeCountChange = leafCountChange
        var below = node
        while let node = below.parent(in: leafCount) {
            let before = parents[node.parentPosition].encryptionKey
            body(node, &parents[node.parentPosition])
            let after = parents[node.parentPosition].encryptionKey
            encryptionKeys.replace(before, with: after)
            nodeCountChange += (after == nil ? 0 : 1) - (before == nil ? 0 : 1)
            parents[node.parentPosition].nonBlankLeafCount += Int32(leafCountChange)
            parents[node.parentPosition].nonBlankNodeCount += Int32(nodeCountChange)
            parents[node.parentPosition].treeHash = nil
            below = node
        }
    }

    /// Puts a blank root above the tree, with a blank right half. RFC 9420 section 7.7.
    private mutating func extend(to newLeafCount: LeafCount) {
        let oldRoot = leafCount.root
        let (leafSum, nodeSum) = (nonBlankLeafCount(below: oldRoot), nonBlankNodeCount(below: oldRoot))
        leafCount = newLeafCount
        resizeArrays()
        parents[leafCount.root.parentPosition].nonBlankLeafCount = Int32(leafSum)
        parents[leafCount.root.parentPosition].nonBlankNodeCount = Int32(nodeSum)
    }

    /// Drops the right half as long as nothing is there but blank nodes. RFC 9420 section 7.7.
    private mutating func truncate() {
        while let halved = leafCount.halved, let right = leafCount.root.right, nonBlankNodeCount(below: right) == 0 {
            if let key = parents[leafCount.root.parentPosition].encryptionKey { encryptionKeys.remove(key.rawSpan) }
            leafCount = halved
        }
        resizeArrays()
    }

    private mutating func resizeArrays() {
        leaves.resize(to: Int(leafCount.rawValue), filling: nil)
        parents.resize(to: Int(leafCount.rawValue) - 1, filling: TreeParent())
    }

    /// Fills a blank tree.
    mutating func fill(_ nodes: [Node?]) {
        for (position, node) in nodes.enumerated() {
            switch node {
            case .leaf(let leafNode): _ = replaceLeaf(leafNode, at: LeafIndex(UInt32(position) >> 1))
            case .parent(let parentNode):
                parents[position >> 1].node = parentNode
                encryptionKeys.insert(parentNode.encryptionKey.rawSpan)
            case nil: break
            }
        }
        _ = count(below: leafCount.root)
    }

    /// Counts what is not blank in the subtree of `node`.
    private mutating func count(below node: NodeIndex) -> (leaves: Int32, nodes: Int32) {
        guard let (left, right) = node.children else {
            let count: Int32 = isBlank(node) ? 0 : 1
            return (count, count)
        }
        let (leftCounts, rightCounts) = (count(below: left), count(below: right))
        let leafSum = leftCounts.leaves + rightCounts.leaves
        let nodeSum = leftCounts.nodes + rightCounts.nodes + (isBlank(node) ? 0 : 1)
        parents[node.parentPosition].nonBlankLeafCount = leafSum
        parents[node.parentPosition].nonBlankNodeCount = nodeSum
        return (leafSum, nodeSum)
    }

    /// How many leaves in the subtree of `node` are not blank.
    func nonBlankLeafCount(below node: NodeIndex) -> Int {
        node.isLeaf ? (isBlank(node) ? 0 : 1) : Int(parents[node.parentPosition].nonBlankLeafCount)
    }

    /// How many nodes in the subtree of `node` are not blank.
    func nonBlankNodeCount(below node: NodeIndex) -> Int {
        node.isLeaf ? (isBlank(node) ? 0 : 1) : Int(parents[node.parentPosition].nonBlankNodeCount)
    }

    /// The tree hash of a parent, where it is known.
    mutating func setTreeHash(_ treeHash: [UInt8], of node: NodeIndex) {
        parents[node.parentPosition].treeHash = treeHash
    }
}

extension NodeIndex {
    /// Which one of the parents this is, from the left.
    var parentPosition: Int { Int(rawValue >> 1) }
}
