public import TLSPresentation

/// What a proposal changes, from the open registry "MLS Proposal Types". RFC 9420 section 17.4.
public struct ProposalType: TLSRegistered, Hashable, Sendable {
    public let rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    public static let add = ProposalType(rawValue: 0x0001)
    public static let update = ProposalType(rawValue: 0x0002)
    public static let remove = ProposalType(rawValue: 0x0003)
    public static let psk = ProposalType(rawValue: 0x0004)
    public static let reInit = ProposalType(rawValue: 0x0005)
    public static let externalInit = ProposalType(rawValue: 0x0006)
    public static let groupContextExtensions = ProposalType(rawValue: 0x0007)
    /// A member takes itself out (draft-ietf-mls-extensions).
    public static let selfRemove = ProposalType(rawValue: 0x000a)

    /// Whether a client understands this one without listing it in its capabilities. RFC 9420 section 7.2.
    public var isDefault: Bool { (0x0001...0x0007).contains(rawValue) }

    /// Whether applications may give it a meaning of their own. RFC 9420 section 17.4.
    public var isForPrivateUse: Bool { rawValue >= 0xf000 }
}

extension ProposalType: CustomStringConvertible {
    /// The registry's name, or the number.
    public var description: String {
        switch self {
        case .add: "add"
        case .update: "update"
        case .remove: "remove"
        case .psk: "psk"
        case .reInit: "reinit"
        case .externalInit: "external_init"
        case .groupContextExtensions: "group_context_extensions"
        case .selfRemove: "self_remove"
        default: registryDescription(of: rawValue)
        }
    }
}
