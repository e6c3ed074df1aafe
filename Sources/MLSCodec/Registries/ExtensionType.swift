public import TLSPresentation

/// What an extension is about, from the open registry "MLS Extension Types". RFC 9420 section 17.3.
public struct ExtensionType: TLSRegistered, Hashable, Sendable {
    public let rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// In a LeafNode.
    public static let applicationID = ExtensionType(rawValue: 0x0001)
    /// In a GroupInfo.
    public static let ratchetTree = ExtensionType(rawValue: 0x0002)
    /// In a GroupContext.
    public static let requiredCapabilities = ExtensionType(rawValue: 0x0003)
    /// In a GroupInfo.
    public static let externalPub = ExtensionType(rawValue: 0x0004)
    /// In a GroupContext.
    public static let externalSenders = ExtensionType(rawValue: 0x0005)
    /// In a KeyPackage: it may be handed out again when no other is left (draft-ietf-mls-extensions).
    public static let lastResort = ExtensionType(rawValue: 0x000a)

    /// Whether a client understands this one without listing it in its capabilities. RFC 9420 section 7.2.
    public var isDefault: Bool { (0x0001...0x0005).contains(rawValue) }
}

extension ExtensionType: CustomStringConvertible {
    /// The registry's name, or the number.
    public var description: String {
        switch self {
        case .applicationID: "application_id"
        case .ratchetTree: "ratchet_tree"
        case .requiredCapabilities: "required_capabilities"
        case .externalPub: "external_pub"
        case .externalSenders: "external_senders"
        case .lastResort: "last_resort_key_package"
        default: registryDescription(of: rawValue)
        }
    }
}
