public import MLSCodec

extension PublicGroup {
    /// What a new group begins with: its creator alone, in epoch 0. RFC 9420 section 11.
    ///
    /// The confirmation tag comes from the epoch's secrets, for which the GroupContext is needed first; with it,
    /// `init(unchecked:)` makes the group.
    /// - Throws: where the creator's leaf node does not fit the group.
    public static func newGroup(
        groupID: [UInt8], suite: CipherSuite, extensions: [Extension] = [], creator: LeafNode, policy: ValidationPolicy
    ) throws(GroupError) -> (groupContext: GroupContext, tree: GroupTree) {
        let parameters = try GroupParameters(extensions)
        try parameters.checkExternalSenders(with: policy.authenticationService)
        // It is a leaf node as a KeyPackage has one: nobody committed it.
        try creator.validate(at: .keyPackage(.keyPackage), suite: suite, policy: policy)
        var members = MemberIndex()
        _ = members.insert(creator, at: LeafIndex(0), policy.authenticationService)
        try creator.validate(in: parameters, with: members)
        do {
            var tree = try GroupTree(suite: suite, creator: creator)
            let groupContext = GroupContext(
                cipherSuite: suite, groupID: groupID, epoch: 0, treeHash: tree.treeHash(),
                confirmedTranscriptHash: [], extensions: extensions)
            return (groupContext, tree)
        } catch {
            throw .crypto(error)
        }
    }
}
