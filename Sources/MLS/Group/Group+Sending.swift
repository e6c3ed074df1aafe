public import MLSCodec
import MLSCrypto
public import MLSPublicGroup
import TLSPresentation

/// Sending messages and proposals. RFC 9420 sections 6, 12.1 and 15.
extension Group {
    /// Encrypts application data.
    ///
    /// Section 12.4: pending proposals are to be committed first. Section 6.3.1: the state is to be saved before this
    /// leaves, or the same key may be used for another message.
    /// - Parameter authenticatedData: what everybody may read and nobody change.
    /// - Returns: an encoded MLSMessage.
    public mutating func protect(
        _ data: [UInt8], authenticatedData: [UInt8] = []
    ) throws(GroupError) -> [UInt8] {
        try checkIsActive()
        let (sender, padding, signingKey, framing) = (ownLeaf, configuration.padding, identity.signingKey, framing)
        return try GroupError.framing { () throws(FramingError) in
            try framing.protectApplication(
                data, authenticatedData: authenticatedData, from: sender, padding: padding, signingKey: signingKey,
                senderDataSecret: secrets.senderDataSecret, tree: &secretTree, crypto: &crypto)
        }
    }

    /// Proposes something to the group. It counts as received then.
    /// - Returns: an encoded MLSMessage, and the ProposalRef.
    public mutating func propose(
        _ proposal: Proposal, authenticatedData: [UInt8] = []
    ) throws(GroupError) -> (message: [UInt8], ref: [UInt8]) {
        try checkIsActive()
        // draft-ietf-mls-extensions: a SelfRemove is sent as a PublicMessage.
        let content = try sign(
            .proposal(proposal), authenticatedData, proposal == .selfRemove ? .publicMessage : nil)
        var withProposal = publicGroup
        let ref = try withProposal.addProposal(content)
        let message = try protect(content)
        publicGroup = withProposal
        return (message, ref)
    }

    /// Proposes to renew one's own keys. RFC 9420 section 12.1.2.
    /// - Parameters:
    ///   - identity: who one is once it is committed; nil for who one is.
    ///   - leafExtensions: of the new leaf node; nil for those of the old one.
    public mutating func proposeUpdate(
        identity: ClientIdentity? = nil, leafExtensions: [Extension]? = nil, authenticatedData: [UInt8] = []
    ) throws(GroupError) -> (message: [UInt8], ref: [UInt8]) {
        try checkIsActive()
        guard let leafNode = publicGroup.tree.leafNode(at: ownLeaf) else {
            preconditionFailure("a member has a leaf")
        }
        let identity = identity ?? self.identity
        let leafKey = try GroupError.crypto { () throws(CryptoError) in try crypto.generateKeyPair() }
        let newLeaf = try LeafNode(
            renewing: leafNode, .update, encryptionKey: leafKey.publicKeyBytes, identity: identity,
            extensions: leafExtensions, groupID: groupID, leaf: ownLeaf)
        let proposed = try propose(.update(Update(leafNode: newLeaf)), authenticatedData: authenticatedData)
        pendingUpdates[leafKey.publicKeyBytes] = PendingUpdate(leafKey: leafKey, identity: identity)
        return proposed
    }

    /// Forgets the proposals of this epoch, as if they had not come: one's own Commit will not cover them, and a Commit of
    /// somebody else that does cannot be processed.
    public mutating func discardPendingProposals() {
        for proposal in publicGroup.pendingProposals {
            if let ref = proposal.ref { publicGroup.removeProposal(ref) }
        }
    }

    /// A PreSharedKey proposal with a fresh nonce. RFC 9420 section 12.1.4.
    public func preSharedKeyProposal(_ key: PreSharedKeyID.Key) -> Proposal {
        .psk(PreSharedKey(psk: PreSharedKeyID(key, pskNonce: crypto.randomBytes(crypto.hashByteCount))))
    }

    /// Signs a handshake message of one's own. RFC 9420 section 6.1.
    func sign(
        _ content: FramedContent.Content, _ authenticatedData: [UInt8],
        _ handshakeFraming: GroupConfiguration.HandshakeFraming?
    ) throws(GroupError) -> AuthenticatedContent {
        let isPublic = (handshakeFraming ?? configuration.handshakeFraming) == .publicMessage
        let content = FramedContent(
            groupID: groupID, epoch: epoch, sender: .member(ownLeaf), authenticatedData: authenticatedData,
            content: content)
        return try GroupError.framing { () throws(FramingError) in
            try AuthenticatedContent(
                signing: content, wireFormat: isPublic ? .mlsPublicMessage : .mlsPrivateMessage, context: framing,
                key: identity.signingKey)
        }
    }

    /// Makes a handshake message ready to be sent: an encoded MLSMessage.
    mutating func protect(_ content: AuthenticatedContent) throws(GroupError) -> [UInt8] {
        let (framing, padding) = (framing, configuration.padding)
        return try GroupError.framing { () throws(FramingError) in
            guard content.wireFormat == .mlsPrivateMessage else {
                return MLSMessage.publicMessage(
                    try framing.protectPublic(content, membershipKey: secrets.membershipKey, crypto: &crypto)
                ).encoded
            }
            return try framing.protectPrivate(
                content, padding: padding, senderDataSecret: secrets.senderDataSecret, tree: &secretTree,
                crypto: &crypto)
        }
    }
}
