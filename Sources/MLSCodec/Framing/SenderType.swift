public import TLSPresentation

/// Who sent a framed message. RFC 9420 section 6.
/// ```
/// enum { reserved(0), member(1), external(2), new_member_proposal(3), new_member_commit(4), (255) } SenderType;
/// ```
public enum SenderType: UInt8, TLSEnumerated, Hashable, Sendable {
    case member = 1
    case external = 2
    case newMemberProposal = 3
    case newMemberCommit = 4

    public static var enumerationName: StaticStringName { "SenderType" }
}

extension SenderType: CustomStringConvertible {
    /// The RFC's name.
    public var description: String {
        switch self {
        case .member: "member"
        case .external: "external"
        case .newMemberProposal: "new_member_proposal"
        case .newMemberCommit: "new_member_commit"
        }
    }
}
