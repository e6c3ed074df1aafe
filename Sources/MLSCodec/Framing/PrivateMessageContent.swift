public import TLSPresentation

/// What the ciphertext of a PrivateMessage holds. RFC 9420 section 6.3.1.
/// ```
/// struct {
///     select (PrivateMessage.content_type) {
///         case application: opaque application_data<V>;
///         case proposal: Proposal proposal;
///         case commit: Commit commit;
///     };
///     FramedContentAuthData auth;
///     opaque padding[length_of_padding];
/// } PrivateMessageContent;
/// ```
public struct PrivateMessageContent: Hashable, Sendable {
    public var content: FramedContent.Content
    public var auth: FramedContentAuthData
    /// How many bytes of zero follow.
    public var paddingByteCount: Int

    public init(content: FramedContent.Content, auth: FramedContentAuthData, paddingByteCount: Int = 0) {
        self.content = content
        self.auth = auth
        self.paddingByteCount = paddingByteCount
    }

    /// Decodes all of `plaintext`.
    /// - Parameter contentType: of the PrivateMessage, which is not repeated inside.
    /// - Throws: also where the padding is not all zero.
    public init(decoding plaintext: RawSpan, contentType: ContentType) throws(DecodingError) {
        var reader = Reader(plaintext)
        content = try FramedContent.Content(contentType, from: &reader)
        auth = try FramedContentAuthData(contentType, from: &reader)
        paddingByteCount = reader.remainingByteCount
        while !reader.isAtEnd {
            let start = reader.byteOffset
            if try reader.uint8() != 0 { throw DecodingError(.invalidField("padding"), at: start) }
        }
    }
}

extension PrivateMessageContent: TLSEncodable {
    public func encode(into writer: inout Writer) {
        content.encode(into: &writer)
        auth.encode(into: &writer)
        writer.raw(repeatElement(0, count: paddingByteCount))
    }
}

/// What is authenticated along with the ciphertext of a PrivateMessage. RFC 9420 section 6.3.1.
/// ```
/// struct {
///     opaque group_id<V>; uint64 epoch; ContentType content_type; opaque authenticated_data<V>;
/// } PrivateContentAAD;
/// ```
public struct PrivateContentAAD: Hashable, Sendable {
    public var groupID: [UInt8]
    public var epoch: UInt64
    public var contentType: ContentType
    public var authenticatedData: [UInt8]

    public init(groupID: [UInt8], epoch: UInt64, contentType: ContentType, authenticatedData: [UInt8]) {
        self.groupID = groupID
        self.epoch = epoch
        self.contentType = contentType
        self.authenticatedData = authenticatedData
    }
}

extension PrivateContentAAD: TLSCodable {
    public init(from reader: inout Reader) throws(DecodingError) {
        groupID = try reader.opaque()
        epoch = try reader.uint64()
        contentType = try ContentType(from: &reader)
        authenticatedData = try reader.opaque()
    }

    public func encode(into writer: inout Writer) {
        writer.opaque(groupID)
        writer.integer(epoch)
        contentType.encode(into: &writer)
        writer.opaque(authenticatedData)
    }
}
