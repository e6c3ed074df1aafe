public import MLSCodec

/// Who sent a message. RFC 9420 section 6.1.
extension PublicGroup {
    /// Checks that a message is for this group and epoch, that its sender may send it, and its signature.
    /// - Parameter message: from a PublicMessage, whose membership tag only members can check, or an opened
    ///   PrivateMessage.
    public func verify(_ message: AuthenticatedContent) throws(GroupError) {
        let content = message.content
        guard content.groupID == groupContext.groupID else { throw .refused(.groupID) }
        try checkEpoch(of: content)
        try message.checkFraming()
        let key = try signatureKey(ofSenderOf: content)
        try message.verifySignature(by: key, suite: groupContext.cipherSuite, context: encodedGroupContext)
    }

    private func checkEpoch(of content: FramedContent) throws(GroupError) {
        if content.epoch != groupContext.epoch {
            switch content.contentType {
            case .application: throw .refused(.applicationEpoch)
            // Section 12.1: "a client MUST verify … that the epoch field of the enclosing FramedContent is equal to the
            // epoch field of the current GroupContext object."
            case .proposal: throw .refused(.proposalEpoch)
            // Section 12.4.2: "Verify that the epoch field of the enclosing FramedContent is equal to the epoch field of
            // the current GroupContext object."
            case .commit: throw .refused(.commitEpoch)
            }
        }

        // Section 12.4.2: "If the Commit included a ReInit proposal, the client MUST NOT use the group to send messages
        // anymore."
        guard reInit == nil else { throw .refused(.reInitialized) }
    }

    /// "The sender MUST use the private key corresponding to the following signature key depending on the sender's
    /// sender_type".
    private func signatureKey(ofSenderOf content: FramedContent) throws(GroupError) -> [UInt8] {
        switch content.sender {
        case .member(let leaf):
            // "member: The signature key contained in the LeafNode at the index indicated by leaf_index in the ratchet
            // tree."
            guard let key = tree.signatureKey(at: leaf) else { throw .refused(.memberSender) }
            return key
        case .external(let senderIndex):
            // "external: The signature key at the index indicated by sender_index in the external_senders group context
            // extension."
            let senders = parameters.externalSenders ?? []
            guard senderIndex < senders.count else { throw .refused(.externalSender) }
            // "The content_type of the message MUST be proposal and the proposal_type MUST be a value that is allowed for
            // external senders."
            guard case .proposal(let proposal) = content.content else { throw .refused(.externalContent) }
            guard proposal.proposalType.isAllowedForExternalSenders else { throw .refused(.externalProposalType) }
            return senders[Int(senderIndex)].signatureKey
        case .newMemberCommit:
            // "new_member_commit: The signature key in the LeafNode in the Commit's path. The content_type of the message
            // MUST be commit."
            guard case .commit(let commit) = content.content else { throw .refused(.newMemberCommitContent) }
            // Section 12.4.3.2: "External Commits MUST contain a path field".
            guard let path = commit.path else { throw .refused(.externalCommitPath) }
            return path.leafNode.signatureKey
        case .newMemberProposal:
            // "new_member_proposal: The signature key in the LeafNode in the KeyPackage embedded in an external Add
            // proposal. The content_type of the message MUST be proposal and the proposal_type of the Proposal MUST be
            // add."
            guard case .proposal(.add(let add)) = content.content else { throw .refused(.newMemberProposalContent) }
            return add.keyPackage.leafNode.signatureKey
        }
    }
}
