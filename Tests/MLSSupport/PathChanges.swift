public import MLSCodec
public import MLSPublicGroup

/// What a test changes in the path of a Commit, at the place where all that follows from it is right again.
public struct PathChanges {
    /// The new public keys of the filtered direct path, before the parent hashes are computed from them.
    public var keys: (inout [[UInt8]]) throws -> Void
    /// The committer's leaf node, before it is signed.
    public var leaf: (inout LeafNode) throws -> Void
    /// The finished path.
    public var path: (inout UpdatePath) throws -> Void

    public init(
        keys: @escaping (inout [[UInt8]]) throws -> Void = { _ in },
        leaf: @escaping (inout LeafNode) throws -> Void = { _ in },
        path: @escaping (inout UpdatePath) throws -> Void = { _ in }
    ) {
        self.keys = keys
        self.leaf = leaf
        self.path = path
    }

    /// A path of `committer` in `tree`, the one after the Commit's proposals; its ciphertexts are for nobody.
    public func path(
        in tree: inout GroupTree, from leaf: LeafIndex, _ committer: TestClient, groupID: [UInt8],
        added: Set<LeafIndex> = []
    ) throws -> UpdatePath {
        let filtered = tree.filteredDirectPath(of: leaf)
        let counts = filtered.map { tree.resolution(of: $0.copathChild, excluding: added).count }
        var keys = try filtered.map { _ in try committer.freshPublicKey() }
        try self.keys(&keys)
        let parentHash = tree.mergePath(keys, from: leaf)
        let leafNode = try committer.leafNode(
            .commit(parentHash: parentHash), groupID: groupID, leaf: leaf, self.leaf)
        tree.setLeaf(leafNode, at: leaf)
        var path = UpdatePath(
            leafNode: leafNode,
            nodes: zip(keys, counts).map { key, count in
                UpdatePathNode(
                    encryptionKey: key,
                    encryptedPathSecret: Array(repeating: HPKECiphertext(kemOutput: [1], ciphertext: [2]), count: count)
                )
            })
        try self.path(&path)
        return path
    }
}
