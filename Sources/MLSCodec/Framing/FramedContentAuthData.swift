public import TLSPresentation

/// What authenticates a framed message. RFC 9420 section 6.1.
/// ```
/// struct {
///     /* SignWithLabel(., "FramedContentTBS", FramedContentTBS) */
///     opaque signature<V>;
///     select (FramedContent.content_type) {
///         case commit: MAC confirmation_tag;
///         case application: case proposal: struct{};
///     };
/// } FramedContentAuthData;
/// ```
public struct FramedContentAuthData: Hashable, Sendable {
    public var signature: [UInt8]
    /// There for a Commit, and only for one.
    public var confirmationTag: [UInt8]?

    public init(signature: [UInt8], confirmationTag: [UInt8]? = nil) {
        self.signature = signature
        self.confirmationTag = confirmationTag
    }

    /// - Parameter contentType: of the content that is authenticated, which says whether there is a tag.
    init(_ contentType: ContentType, from reader: inout Reader) throws(DecodingError) {
        signature = try reader.opaque()
        switch contentType {
        case .commit: confirmationTag = try reader.opaque()
        case .application, .proposal: confirmationTag = nil
        }
    }
}

extension FramedContentAuthData: TLSEncodable {
    public func encode(into writer: inout Writer) {
        writer.opaque(signature)
        if let confirmationTag { writer.opaque(confirmationTag) }
    }
}
