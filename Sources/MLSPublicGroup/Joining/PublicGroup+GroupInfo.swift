public import MLSCodec
import MLSCrypto
import TLSPresentation

extension PublicGroup {
    /// The group that a GroupInfo describes, for somebody who joins it or begins to follow it: all of RFC 9420 section
    /// 12.4.3 but what takes secrets, or knowledge of other groups.
    /// - Parameter ratchetTree: the tree, where the GroupInfo does not have it in an extension; not looked at where it
    ///   does.
    public init(
        groupInfo: GroupInfo, ratchetTree: RatchetTree? = nil, policy: ValidationPolicy
    ) throws(GroupError) {
        let groupContext = groupInfo.groupContext
        // Section 13.4: "Any field containing a list of extensions MUST NOT have more than one extension of any given
        // type."
        try groupInfo.extensions.checkTypesAreUnique()
        let parameters = try GroupParameters(groupContext.extensions)

        // "Extensions in GroupInfo.group_context.extensions, however, MUST be supported by the new joiner."
        try policy.clientSupport?.check(parameters)

        // Section 12.4.3.3.
        guard let ratchetTree = try groupInfo.ratchetTree ?? ratchetTree else { throw .refused(.ratchetTreeMissing) }
        var tree = try GroupTree(ratchetTree, suite: groupContext.cipherSuite)

        // "New members also MUST verify the signature using the public key taken from the leaf node of the ratchet tree
        // with leaf index signer." "If the node is blank or if signature verification fails, return an error."
        guard let signatureKey = tree.signatureKey(at: groupInfo.signer) else { throw .refused(.groupInfoSigner) }
        try groupInfo.verifySignature(by: signatureKey)

        // "Verify the integrity of the ratchet tree."
        let members = try tree.validate(for: groupContext, parameters, policy: policy)

        // Section 5.3.1: "When a member receives a GroupInfo object that it will use to join a group".
        try parameters.checkExternalSenders(with: policy.authenticationService)

        // "Use the confirmed transcript hash and confirmation tag to compute the interim transcript hash in the new
        // state."
        try self.init(
            groupContext, tree, parameters, members, confirmationTag: groupInfo.confirmationTag, policy)
    }
}

extension GroupInfo {
    /// The tree in the `ratchet_tree` extension, if there is one.
    public var ratchetTree: RatchetTree? {
        get throws(GroupError) {
            do {
                return try extensions.first(RatchetTree.self)
            } catch {
                throw .malformed(error)
            }
        }
    }

    /// Checks the signature, which covers all other fields. RFC 9420 section 12.4.3.
    public func verifySignature(by signatureKey: [UInt8]) throws(GroupError) {
        let suite = groupContext.cipherSuite
        let key = try signaturePublicKey(signatureKey, suite: suite, or: .groupInfoSignature)
        let content = GroupInfoTBS(self).encoded
        guard key.verifyWithLabel(GroupInfoTBS.label, content: content.rawSpan, signature: signature.rawSpan) else {
            throw .refused(.groupInfoSignature)
        }
    }
}

extension ClientSupport {
    /// Section 13.4: "A client joining a group MUST verify that it supports every extension in the GroupContext for the
    /// group. Otherwise, it MUST treat the enclosing GroupInfo message as invalid and not join the group."
    func check(_ parameters: GroupParameters) throws(GroupError) {
        guard parameters.listedTypes.allSatisfy(extensionTypes.contains) else {
            throw .refused(.joinerSupportsExtensions)
        }
        // Section 7.3, before a leaf node is made that would have to list it.
        if let required = parameters.requiredCapabilities, !satisfies(required) {
            throw .refused(.requiredCapabilities)
        }
    }
}
