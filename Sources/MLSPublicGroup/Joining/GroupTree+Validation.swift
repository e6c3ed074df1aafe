import MLSCodec
import MLSCrypto

extension GroupTree {
    /// Checks a tree that somebody else gave: RFC 9420 section 12.4.3.1, "Verify the integrity of the ratchet tree."
    ///
    /// What costs a signature for each member comes last, behind what a tree that was changed on its way fails at.
    /// - Returns: what all members have in common.
    mutating func validate(
        for groupContext: GroupContext, _ parameters: GroupParameters, policy: ValidationPolicy
    ) throws(GroupError) -> MemberIndex {
        // "Verify that the tree hash of the ratchet tree matches the tree_hash field in GroupInfo."
        guard treeHash() == groupContext.treeHash else { throw .refused(.treeHash) }

        // "For each non-empty parent node and each entry in the node's unmerged_leaves field: verify that the entry
        // represents a non-blank leaf node that is a descendant of the parent node; verify that every non-blank
        // intermediate node between the leaf node and the parent node also has an entry". What follows relies on it.
        try checkUnmergedLeaves()

        // "For each non-empty parent node, verify that it is "parent-hash valid", as described in Section 7.9.2."
        guard parentHashesAreValid() else { throw .refused(.parentHash) }

        // "Verify that the encryption key in the parent node does not appear in any other node of the tree." and section
        // 7.3, "Verify that the following fields are unique among the members of the group".
        try checkKeysAreUnique()

        // "For each non-empty leaf node, validate the LeafNode as described in Section 7.3."
        return try validateLeaves(groupID: groupContext.groupID, parameters, policy)
    }

    private func checkUnmergedLeaves() throws(GroupError) {
        // Section 7.1: "The entries in the unmerged_leaves vector MUST be sorted in increasing order."
        for position in stride(from: 1, to: leafCount.nodeCount.rawValue, by: 2) {
            guard let unmerged = parentNode(at: NodeIndex(position))?.unmergedLeaves else { continue }
            guard zip(unmerged, unmerged.dropFirst()).allSatisfy(<) else { throw .refused(.unmergedLeavesSorted) }
        }
        guard unmergedLeavesAreValid() else { throw .refused(.unmergedLeaves) }
    }

    func checkKeysAreUnique() throws(GroupError) {
        guard hasUniqueSignatureKeys else { throw .refused(.uniqueSignatureKey) }
        if hasUniqueEncryptionKeys { return }
        // Which rule it is depends on where the two are: both leaves, or not.
        var leafKeys: Set<[UInt8]> = []
        for leaf in members {
            guard let key = encryptionKey(at: NodeIndex(leaf)), leafKeys.insert(key).inserted else {
                throw .refused(.uniqueEncryptionKey)
            }
        }
        throw .refused(.uniqueParentKey)
    }

    private func validateLeaves(
        groupID: [UInt8], _ parameters: GroupParameters, _ policy: ValidationPolicy
    ) throws(GroupError) -> MemberIndex {
        let members = self.members
        var index = MemberIndex()
        for leaf in members {
            guard let leafNode = leafNode(at: leaf) else { continue }
            guard index.insert(leafNode, at: leaf, policy.authenticationService) == nil else {
                throw .refused(.existingClient)
            }
        }
        let (tree, allMembers) = (self, index)
        try concurrentCheck(count: members.count, threadCount: policy.verificationThreadCount) {
            (number) throws(GroupError) in
            let leaf = members[number]
            guard let leafNode = tree.leafNode(at: leaf) else { return }
            try leafNode.validate(in: parameters, with: allMembers)
            try leafNode.validate(at: .tree(groupID: groupID, leaf: leaf), suite: tree.suite, policy: policy)
        }
        return index
    }
}
