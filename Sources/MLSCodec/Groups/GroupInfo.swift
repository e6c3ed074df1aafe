public import TLSPresentation

/// What somebody has to know to join a group. RFC 9420 section 12.4.3.
/// ```
/// struct {
///     GroupContext group_context;
///     Extension extensions<V>;
///     MAC confirmation_tag;
///     uint32 signer;
///     /* SignWithLabel(., "GroupInfoTBS", GroupInfoTBS) */
///     opaque signature<V>;
/// } GroupInfo;
/// ```
public struct GroupInfo: Hashable, Sendable {
    public var groupContext: GroupContext
    public var extensions: [Extension]
    public var confirmationTag: [UInt8]
    public var signer: LeafIndex
    public var signature: [UInt8]

    public init(
        groupContext: GroupContext, extensions: [Extension] = [], confirmationTag: [UInt8], signer: LeafIndex,
        signature: [UInt8] = []
    ) {
        self.groupContext = groupContext
        self.extensions = extensions
        self.confirmationTag = confirmationTag
        self.signer = signer
        self.signature = signature
    }

    /// All fields but the signature.
    func encodeUnsigned(into writer: inout Writer) {
        groupContext.encode(into: &writer)
        writer.vector(extensions)
        writer.opaque(confirmationTag)
        signer.encode(into: &writer)
    }
}

extension GroupInfo: TLSCodable {
    public init(from reader: inout Reader) throws(DecodingError) {
        groupContext = try GroupContext(from: &reader)
        extensions = try reader.vector()
        confirmationTag = try reader.opaque()
        signer = try LeafIndex(from: &reader)
        signature = try reader.opaque()
    }

    public func encode(into writer: inout Writer) {
        encodeUnsigned(into: &writer)
        writer.opaque(signature)
    }
}

/// What a GroupInfo's signature covers: all of its fields but that. RFC 9420 section 12.4.3.
public struct GroupInfoTBS: TLSEncodable, Hashable, Sendable {
    public static let label = "GroupInfoTBS"

    public var groupInfo: GroupInfo

    public init(_ groupInfo: GroupInfo) { self.groupInfo = groupInfo }

    public func encode(into writer: inout Writer) { groupInfo.encodeUnsigned(into: &writer) }
}
