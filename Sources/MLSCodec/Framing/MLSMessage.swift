public import TLSPresentation

/// What clients send each other through a Delivery Service. RFC 9420 section 6.
/// ```
/// struct {
///     ProtocolVersion version = mls10;
///     WireFormat wire_format;
///     select (MLSMessage.wire_format) {
///         case mls_public_message: PublicMessage public_message;
///         case mls_private_message: PrivateMessage private_message;
///         case mls_welcome: Welcome welcome;
///         case mls_group_info: GroupInfo group_info;
///         case mls_key_package: KeyPackage key_package;
///     };
/// } MLSMessage;
/// ```
public enum MLSMessage: Hashable, Sendable {
    case publicMessage(PublicMessage)
    case privateMessage(PrivateMessage)
    case welcome(Welcome)
    case groupInfo(GroupInfo)
    case keyPackage(KeyPackage)

    public var wireFormat: WireFormat {
        switch self {
        case .publicMessage: .mlsPublicMessage
        case .privateMessage: .mlsPrivateMessage
        case .welcome: .mlsWelcome
        case .groupInfo: .mlsGroupInfo
        case .keyPackage: .mlsKeyPackage
        }
    }
}

extension MLSMessage: TLSCodable {
    public init(from reader: inout Reader) throws(DecodingError) {
        try ProtocolVersion.expectMLS10(&reader)
        let start = reader.byteOffset
        let wireFormat = try WireFormat(from: &reader)
        switch wireFormat {
        case .mlsPublicMessage: self = .publicMessage(try PublicMessage(from: &reader))
        case .mlsPrivateMessage: self = .privateMessage(try PrivateMessage(from: &reader))
        case .mlsWelcome: self = .welcome(try Welcome(from: &reader))
        case .mlsGroupInfo: self = .groupInfo(try GroupInfo(from: &reader))
        case .mlsKeyPackage: self = .keyPackage(try KeyPackage(from: &reader))
        default: throw DecodingError(.unknownValue(type: "WireFormat", value: UInt64(wireFormat.rawValue)), at: start)
        }
    }

    public func encode(into writer: inout Writer) {
        ProtocolVersion.mls10.encode(into: &writer)
        wireFormat.encode(into: &writer)
        switch self {
        case .publicMessage(let message): message.encode(into: &writer)
        case .privateMessage(let message): message.encode(into: &writer)
        case .welcome(let message): message.encode(into: &writer)
        case .groupInfo(let message): message.encode(into: &writer)
        case .keyPackage(let message): message.encode(into: &writer)
        }
    }
}
