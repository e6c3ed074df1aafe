public import TLSPresentation

/// Where a pre-shared key comes from. RFC 9420 section 8.4.
/// ```
/// enum { reserved(0), external(1), resumption(2), (255) } PSKType;
/// ```
public enum PSKType: UInt8, TLSEnumerated, Hashable, Sendable {
    case external = 1
    case resumption = 2

    public static var enumerationName: StaticStringName { "PSKType" }
}

extension PSKType: CustomStringConvertible {
    /// The RFC's name.
    public var description: String {
        switch self {
        case .external: "external"
        case .resumption: "resumption"
        }
    }
}
