public import MLSCodec
public import MLSCrypto
public import MLSPublicGroup
import TLSPresentation

/// Proposing to a group that one is not in. RFC 9420 section 12.1.8.
///
/// Nothing is known of the group but its name and epoch: whether it takes the proposal is for its members.
extension Group {
    /// Proposes something as one of the group's `external_senders`. RFC 9420 section 12.1.8.1.
    /// - Parameters:
    ///   - proposal: an Add, Remove, PreSharedKey, ReInit or GroupContextExtensions.
    ///   - senderIndex: where one stands in the `external_senders` extension, from 0.
    ///   - signingKey: whose public half stands there.
    /// - Returns: an encoded MLSMessage.
    /// - Throws: `12.1.8-type` where an external sender may not propose that.
    public static func externalProposal(
        _ proposal: Proposal, groupID: [UInt8], epoch: UInt64, senderIndex: UInt32, signingKey: SigningKey,
        authenticatedData: [UInt8] = []
    ) throws(GroupError) -> [UInt8] {
        guard proposal.proposalType.isAllowedForExternalSenders else { throw .refused(.externalProposalType) }
        return try proposed(
            proposal, groupID, epoch, by: .external(senderIndex: senderIndex), signingKey, authenticatedData)
    }

    /// Proposes that the owner of a KeyPackage be added. RFC 9420 section 12.1.8.2.
    /// - Parameters:
    ///   - keyPackage: one's own; its private keys open the Welcome that comes if somebody commits this.
    ///   - signingKey: which signed it.
    /// - Returns: an encoded MLSMessage.
    public static func newMemberProposal(
        _ keyPackage: KeyPackage, groupID: [UInt8], epoch: UInt64, signingKey: SigningKey,
        authenticatedData: [UInt8] = []
    ) throws(GroupError) -> [UInt8] {
        try proposed(
            .add(Add(keyPackage: keyPackage)), groupID, epoch, by: .newMemberProposal, signingKey, authenticatedData)
    }

    private static func proposed(
        _ proposal: Proposal, _ groupID: [UInt8], _ epoch: UInt64, by sender: Sender, _ signingKey: SigningKey,
        _ authenticatedData: [UInt8]
    ) throws(GroupError) -> [UInt8] {
        let content = FramedContent(
            groupID: groupID, epoch: epoch, sender: sender, authenticatedData: authenticatedData,
            content: .proposal(proposal))
        // Section 6.1: only members and those who join by a Commit sign the GroupContext.
        let context = FramingContext(groupID: groupID, epoch: epoch, groupContext: [])
        let signed = try GroupError.framing { () throws(FramingError) in
            try AuthenticatedContent(
                signing: content, wireFormat: .mlsPublicMessage, context: context, key: signingKey)
        }
        return MLSMessage.publicMessage(PublicMessage(content: signed.content, auth: signed.auth)).encoded
    }
}
