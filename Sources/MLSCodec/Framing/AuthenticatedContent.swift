public import TLSPresentation

/// A framed message with what authenticates it, the same for both ways of protecting it. RFC 9420 section 6.
/// ```
/// struct { WireFormat wire_format; FramedContent content; FramedContentAuthData auth; } AuthenticatedContent;
/// ```
public struct AuthenticatedContent: Hashable, Sendable {
    /// How the message is sent.
    public var wireFormat: WireFormat
    public var content: FramedContent
    public var auth: FramedContentAuthData

    public init(wireFormat: WireFormat, content: FramedContent, auth: FramedContentAuthData) {
        self.wireFormat = wireFormat
        self.content = content
        self.auth = auth
    }
}

extension AuthenticatedContent: TLSCodable {
    public init(from reader: inout Reader) throws(DecodingError) {
        wireFormat = try WireFormat(from: &reader)
        content = try FramedContent(from: &reader)
        auth = try FramedContentAuthData(content.contentType, from: &reader)
    }

    public func encode(into writer: inout Writer) {
        wireFormat.encode(into: &writer)
        content.encode(into: &writer)
        auth.encode(into: &writer)
    }
}
