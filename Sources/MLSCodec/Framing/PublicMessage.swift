public import TLSPresentation

/// A handshake message that anybody may read. RFC 9420 section 6.2.
/// ```
/// struct {
///     FramedContent content;
///     FramedContentAuthData auth;
///     select (PublicMessage.content.sender.sender_type) {
///         case member: MAC membership_tag;
///         case external: case new_member_commit: case new_member_proposal: struct{};
///     };
/// } PublicMessage;
/// ```
/// Application data decodes, so that it can be looked at, but nobody may send it like this: section 6, and
/// `MLSMessageEnvelope` refuses it.
public struct PublicMessage: Hashable, Sendable {
    public var content: FramedContent
    public var auth: FramedContentAuthData
    /// There for a member, and only for one.
    public var membershipTag: [UInt8]?

    public init(content: FramedContent, auth: FramedContentAuthData, membershipTag: [UInt8]? = nil) {
        self.content = content
        self.auth = auth
        self.membershipTag = membershipTag
    }

    /// The message without its membership tag.
    public var authenticatedContent: AuthenticatedContent {
        AuthenticatedContent(wireFormat: .mlsPublicMessage, content: content, auth: auth)
    }
}

extension PublicMessage: TLSCodable {
    public init(from reader: inout Reader) throws(DecodingError) {
        content = try FramedContent(from: &reader)
        auth = try FramedContentAuthData(content.contentType, from: &reader)
        switch content.sender {
        case .member: membershipTag = try reader.opaque()
        case .external, .newMemberCommit, .newMemberProposal: membershipTag = nil
        }
    }

    public func encode(into writer: inout Writer) {
        content.encode(into: &writer)
        auth.encode(into: &writer)
        if let membershipTag { writer.opaque(membershipTag) }
    }
}
