public import TLSPresentation

/// What an MLSMessage carries, from the open registry "MLS Wire Formats". RFC 9420 section 17.2.
public struct WireFormat: TLSRegistered, Hashable, Sendable {
    public let rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    public static let mlsPublicMessage = WireFormat(rawValue: 0x0001)
    public static let mlsPrivateMessage = WireFormat(rawValue: 0x0002)
    public static let mlsWelcome = WireFormat(rawValue: 0x0003)
    public static let mlsGroupInfo = WireFormat(rawValue: 0x0004)
    public static let mlsKeyPackage = WireFormat(rawValue: 0x0005)
}

extension WireFormat: CustomStringConvertible {
    /// The registry's name, or the number.
    public var description: String {
        switch self {
        case .mlsPublicMessage: "mls_public_message"
        case .mlsPrivateMessage: "mls_private_message"
        case .mlsWelcome: "mls_welcome"
        case .mlsGroupInfo: "mls_group_info"
        case .mlsKeyPackage: "mls_key_package"
        default: registryDescription(of: rawValue)
        }
    }
}
