public import TLSPresentation

/// What a framed message is. RFC 9420 section 6.
/// ```
/// enum { reserved(0), application(1), proposal(2), commit(3), (255) } ContentType;
/// ```
public enum ContentType: UInt8, TLSEnumerated, Hashable, Sendable {
    case application = 1
    case proposal = 2
    case commit = 3

    public static var enumerationName: StaticStringName { "ContentType" }
}

extension ContentType: CustomStringConvertible {
    /// The RFC's name.
    public var description: String {
        switch self {
        case .application: "application"
        case .proposal: "proposal"
        case .commit: "commit"
        }
    }
}
