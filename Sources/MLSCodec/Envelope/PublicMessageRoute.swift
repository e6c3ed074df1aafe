import TLSPresentation

/// What a PublicMessage says about where it belongs and what it does. RFC 9420 section 6.2.
public struct PublicMessageRoute: Hashable, Sendable {
    public enum Content: Hashable, Sendable {
        case proposal(ProposalType)
        /// A Commit: how many proposals it has in it or refers to, and whether it has an UpdatePath.
        case commit(proposalCount: Int, hasPath: Bool)
    }

    public let groupID: Range<Int>
    public let epoch: UInt64
    public let sender: Sender
    public let authenticatedData: Range<Int>
    public let content: Content
    /// The message's AuthenticatedContent, of which a ProposalRef is the hash: from the wire format to before the
    /// membership tag. RFC 9420 section 6.
    public let authenticatedContent: Range<Int>

    public var contentType: ContentType {
        switch content {
        case .proposal: .proposal
        case .commit: .commit
        }
    }

    /// The leaf of a sender that is a member.
    public var senderLeafIndex: LeafIndex? {
        switch sender {
        case .member(let leafIndex): leafIndex
        case .external, .newMemberProposal, .newMemberCommit: nil
        }
    }

    /// Nil where the message carries application data, which no PublicMessage may.
    static func read(from reader: inout Reader) throws(DecodingError) -> PublicMessageRoute? {
        // The wire format, read before, is the first field of AuthenticatedContent.
        let start = reader.byteOffset - 2
        let groupID = try reader.opaqueRange()
        let epoch = try reader.uint64()
        let sender = try Sender(from: &reader)
        let authenticatedData = try reader.opaqueRange()
        let content: Content
        switch try ContentType(from: &reader) {
        case .application: return nil
        case .proposal: content = .proposal(try Walk.proposal(&reader))
        case .commit:
            let commit = try Walk.commit(&reader)
            content = .commit(proposalCount: commit.proposalCount, hasPath: commit.hasPath)
        }
        // signature, and for a Commit confirmation_tag
        _ = try reader.opaqueRange()
        if case .commit = content { _ = try reader.opaqueRange() }
        let end = reader.byteOffset
        // membership_tag
        if case .member = sender { _ = try reader.opaqueRange() }
        return PublicMessageRoute(
            groupID: groupID, epoch: epoch, sender: sender, authenticatedData: authenticatedData, content: content,
            authenticatedContent: start..<end)
    }
}
