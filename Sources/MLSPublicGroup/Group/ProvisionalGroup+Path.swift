public import MLSCodec

/// The path of a Commit. RFC 9420 sections 7.5, 7.6 and 12.4.2.
extension ProvisionalGroup {
    /// Checks the path of somebody else's Commit and merges it; the tree is the new epoch's then.
    ///
    /// Cost: a signature, the hashes of a direct path, and whatever the resolutions beside it have.
    /// - Throws: the group is as it was then.
    public mutating func mergePath(_ path: UpdatePath) throws(GroupError) {
        try checkShape(of: path)
        try checkKeys(of: path)
        var merged = self
        // "Merge the UpdatePath into the new ratchet tree, as described in Section 7.5."
        let parentHash = merged.tree.mergePath(path.nodes.map(\.encryptionKey), from: committer)
        // "Validate the LeafNode as specified in Section 7.3. The leaf_node_source field MUST be set to commit."
        try path.leafNode.validate(at: merged.place(of: committer), suite: tree.suite, policy: policy)
        try merged.setLeafNode(path.leafNode, parentHash: parentHash)
        self = merged
    }

    /// Gives the committer the leaf node that belongs to a path whose keys are in `tree` already: the end of a path that
    /// one makes oneself.
    /// - Parameters:
    ///   - leafNode: one's own, and so its signature is not verified.
    ///   - parentHash: what `GroupTree.mergePath` gave.
    /// - Throws: nothing can go on from here then.
    public mutating func setOwnLeafNode(_ leafNode: LeafNode, parentHash: [UInt8]) throws(GroupError) {
        try leafNode.validateOwn(at: place(of: committer), suite: tree.suite, policy: policy)
        try setLeafNode(leafNode, parentHash: parentHash)
    }

    private func place(of committer: LeafIndex) -> LeafNodePlace {
        // "Verify that the encryption_key value in the LeafNode is different from the committer's current leaf node."
        let replaced = isExternal ? nil : tree.leafNode(at: committer)
        return .commit(groupID: groupID, leaf: committer, replaced: replaced)
    }

    private mutating func setLeafNode(_ leafNode: LeafNode, parentHash: [UInt8]) throws(GroupError) {
        // Section 7.9.2: "clients MUST recompute the expected value of parent_hash for the committer's new leaf and verify
        // that it matches the parent_hash value in the supplied leaf_node."
        guard case .commit(parentHash) = leafNode.source else { throw .refused(.pathParentHash) }

        guard let replaced = tree.leafNode(at: committer) else { preconditionFailure("a committer has a leaf") }
        tree.setLeaf(leafNode, at: committer)
        let same = members.replace(replaced, with: leafNode, at: committer, policy.authenticationService)
        guard same == nil else { throw .refused(.existingClient) }
        try leafNode.validate(in: parameters, with: members)
        try tree.checkKeysAreUnique()
        hasPath = true
    }

    /// Section 7.6: a node for each of the filtered direct path, and in each "the path secret for the direct path node
    /// encrypted" to each node of the resolution of the copath child, those left out who join with the Commit.
    private func checkShape(of path: UpdatePath) throws(GroupError) {
        let filtered = tree.filteredDirectPath(of: committer)
        guard path.nodes.count == filtered.count else { throw .refused(.pathNodeCount) }
        let addedLeaves = self.addedLeaves
        for (node, place) in zip(path.nodes, filtered) {
            let recipients = tree.resolution(of: place.copathChild, excluding: addedLeaves)
            guard node.encryptedPathSecret.count == recipients.count else { throw .refused(.pathCiphertextCount) }
        }
    }

    private func checkKeys(of path: UpdatePath) throws(GroupError) {
        // "Verify that the encryption_key value in the LeafNode is different from the committer's current leaf node." A
        // joiner's leaf is in the tree already, and was looked at when it was put there.
        let current = tree.encryptionKey(at: NodeIndex(committer))
        if !isExternal, path.leafNode.encryptionKey == current { throw .refused(.pathLeafKey) }

        // "Verify that none of the public keys in the UpdatePath appear in any node of the new ratchet tree." Nor may one
        // of them appear twice.
        var keys: Set<[UInt8]> = [path.leafNode.encryptionKey]
        if path.leafNode.encryptionKey != current, tree.containsEncryptionKey(path.leafNode.encryptionKey) {
            throw .refused(.pathKeys)
        }
        for key in path.nodes.lazy.map(\.encryptionKey) {
            guard keys.insert(key).inserted, !tree.containsEncryptionKey(key) else { throw .refused(.pathKeys) }
        }

        // Section 5.1.1. Only those below a node see its key's other half; others would find out too late.
        for key in path.nodes.lazy.map(\.encryptionKey) {
            try checkPublicKey(key, suite: tree.suite, or: .encryptionKeyFormat)
        }
    }
}
