public import TLSPresentation

/// Whether a Commit has a proposal in it or refers to one. RFC 9420 section 12.4.
/// ```
/// enum { reserved(0), proposal(1), reference(2), (255) } ProposalOrRefType;
/// ```
public enum ProposalOrRefType: UInt8, TLSEnumerated, Hashable, Sendable {
    case proposal = 1
    case reference = 2

    public static var enumerationName: StaticStringName { "ProposalOrRefType" }
}

extension ProposalOrRefType: CustomStringConvertible {
    /// The RFC's name.
    public var description: String {
        switch self {
        case .proposal: "proposal"
        case .reference: "reference"
        }
    }
}
