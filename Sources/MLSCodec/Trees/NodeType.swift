public import TLSPresentation

/// What a node of the ratchet tree is. RFC 9420 section 7.8.
/// ```
/// enum { reserved(0), leaf(1), parent(2), (255) } NodeType;
/// ```
public enum NodeType: UInt8, TLSEnumerated, Hashable, Sendable {
    case leaf = 1
    case parent = 2

    public static var enumerationName: StaticStringName { "NodeType" }
}

extension NodeType: CustomStringConvertible {
    /// The RFC's name.
    public var description: String {
        switch self {
        case .leaf: "leaf"
        case .parent: "parent"
        }
    }
}
