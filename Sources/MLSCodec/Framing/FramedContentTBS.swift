public import TLSPresentation

/// What the signature of a framed message covers. RFC 9420 section 6.1.
/// ```
/// struct {
///     ProtocolVersion version = mls10;
///     WireFormat wire_format;
///     FramedContent content;
///     select (FramedContentTBS.content.sender.sender_type) {
///         case member: case new_member_commit: GroupContext context;
///         case external: case new_member_proposal: struct{};
///     };
/// } FramedContentTBS;
/// ```
public struct FramedContentTBS: TLSEncodable, Hashable, Sendable {
    public static let label = "FramedContentTBS"

    public var wireFormat: WireFormat
    public var content: FramedContent
    /// The encoding of the group's GroupContext; not looked at for senders who do not know it.
    public var context: [UInt8]

    public init(wireFormat: WireFormat, content: FramedContent, context: [UInt8]) {
        self.wireFormat = wireFormat
        self.content = content
        self.context = context
    }

    public func encode(into writer: inout Writer) {
        ProtocolVersion.mls10.encode(into: &writer)
        wireFormat.encode(into: &writer)
        content.encode(into: &writer)
        switch content.sender {
        case .member, .newMemberCommit: writer.raw(context)
        case .external, .newMemberProposal: break
        }
    }
}

/// What the membership tag of a PublicMessage covers. RFC 9420 section 6.2.
/// ```
/// struct { FramedContentTBS content_tbs; FramedContentAuthData auth; } AuthenticatedContentTBM;
/// ```
public struct AuthenticatedContentTBM: TLSEncodable, Hashable, Sendable {
    public var contentTBS: FramedContentTBS
    public var auth: FramedContentAuthData

    public init(contentTBS: FramedContentTBS, auth: FramedContentAuthData) {
        self.contentTBS = contentTBS
        self.auth = auth
    }

    public func encode(into writer: inout Writer) {
        contentTBS.encode(into: &writer)
        auth.encode(into: &writer)
    }
}
