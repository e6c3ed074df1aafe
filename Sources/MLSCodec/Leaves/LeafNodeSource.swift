public import TLSPresentation

/// How a leaf node came into the tree. RFC 9420 section 7.2.
/// ```
/// enum { reserved(0), key_package(1), update(2), commit(3), (255) } LeafNodeSource;
/// ```
public enum LeafNodeSource: UInt8, TLSEnumerated, Hashable, Sendable {
    case keyPackage = 1
    case update = 2
    case commit = 3

    public static var enumerationName: StaticStringName { "LeafNodeSource" }
}

extension LeafNodeSource: CustomStringConvertible {
    /// The RFC's name.
    public var description: String {
        switch self {
        case .keyPackage: "key_package"
        case .update: "update"
        case .commit: "commit"
        }
    }
}
