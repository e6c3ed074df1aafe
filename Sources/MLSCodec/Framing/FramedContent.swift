public import TLSPresentation

/// What a framed message says, before it is protected. RFC 9420 section 6.
/// ```
/// struct {
///     opaque group_id<V>;
///     uint64 epoch;
///     Sender sender;
///     opaque authenticated_data<V>;
///     ContentType content_type;
///     select (FramedContent.content_type) {
///         case application: opaque application_data<V>;
///         case proposal: Proposal proposal;
///         case commit: Commit commit;
///     };
/// } FramedContent;
/// ```
public struct FramedContent: Hashable, Sendable {
    public enum Content: Hashable, Sendable {
        case application([UInt8])
        case proposal(Proposal)
        case commit(Commit)

        public var contentType: ContentType {
            switch self {
            case .application: .application
            case .proposal: .proposal
            case .commit: .commit
            }
        }

        init(_ contentType: ContentType, from reader: inout Reader) throws(DecodingError) {
            switch contentType {
            case .application: self = .application(try reader.opaque())
            case .proposal: self = .proposal(try Proposal(from: &reader))
            case .commit: self = .commit(try Commit(from: &reader))
            }
        }

        /// The content alone, without its type.
        func encode(into writer: inout Writer) {
            switch self {
            case .application(let applicationData): writer.opaque(applicationData)
            case .proposal(let proposal): proposal.encode(into: &writer)
            case .commit(let commit): commit.encode(into: &writer)
            }
        }
    }

    public var groupID: [UInt8]
    public var epoch: UInt64
    public var sender: Sender
    public var authenticatedData: [UInt8]
    public var content: Content

    public init(
        groupID: [UInt8], epoch: UInt64, sender: Sender, authenticatedData: [UInt8] = [], content: Content
    ) {
        self.groupID = groupID
        self.epoch = epoch
        self.sender = sender
        self.authenticatedData = authenticatedData
        self.content = content
    }

    public var contentType: ContentType { content.contentType }
}

extension FramedContent: TLSCodable {
    public init(from reader: inout Reader) throws(DecodingError) {
        groupID = try reader.opaque()
        epoch = try reader.uint64()
        sender = try Sender(from: &reader)
        authenticatedData = try reader.opaque()
        content = try Content(try ContentType(from: &reader), from: &reader)
    }

    public func encode(into writer: inout Writer) {
        writer.opaque(groupID)
        writer.integer(epoch)
        sender.encode(into: &writer)
        writer.opaque(authenticatedData)
        contentType.encode(into: &writer)
        content.encode(into: &writer)
    }
}
