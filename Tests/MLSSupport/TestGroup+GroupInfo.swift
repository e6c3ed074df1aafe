public import MLSCodec
import MLSPublicGroup
import TLSPresentation

extension TestGroup {
    /// A GroupInfo with the group's tree in it.
    /// - Parameters:
    ///   - change: changes the GroupInfo before it is signed.
    ///   - changeTree: changes the tree before its hash is put into the GroupContext.
    public func groupInfo(
        signer: UInt32 = 0, _ change: (inout GroupInfo) throws -> Void = { _ in },
        tree changeTree: (inout RatchetTree) throws -> Void = { _ in }
    ) throws -> GroupInfo {
        var ratchetTree = group.ratchetTree
        try changeTree(&ratchetTree)
        var groupContext = group.groupContext
        // A tree without a shape has no hash.
        if var tree = try? GroupTree(ratchetTree, suite: groupContext.cipherSuite) {
            groupContext.treeHash = tree.treeHash()
        }
        var groupInfo = GroupInfo(
            groupContext: groupContext, extensions: [Extension(ratchetTree)], confirmationTag: group.confirmationTag,
            signer: LeafIndex(signer))
        try change(&groupInfo)
        groupInfo.signature = try self[signer].sign(GroupInfoTBS.label, GroupInfoTBS(groupInfo))
        return groupInfo
    }
}
