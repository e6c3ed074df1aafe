public import TLSPresentation

/// What a resumption PSK is used for. RFC 9420 section 8.4.
/// ```
/// enum { reserved(0), application(1), reinit(2), branch(3), (255) } ResumptionPSKUsage;
/// ```
public enum ResumptionPSKUsage: UInt8, TLSEnumerated, Hashable, Sendable {
    case application = 1
    case reinit = 2
    case branch = 3

    public static var enumerationName: StaticStringName { "ResumptionPSKUsage" }
}

extension ResumptionPSKUsage: CustomStringConvertible {
    /// The RFC's name.
    public var description: String {
        switch self {
        case .application: "application"
        case .reinit: "reinit"
        case .branch: "branch"
        }
    }
}
