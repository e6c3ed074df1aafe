public import TLSPresentation

/// Who sent a framed message, and which one of them. RFC 9420 section 6.
/// ```
/// struct {
///     SenderType sender_type;
///     select (Sender.sender_type) {
///         case member: uint32 leaf_index;
///         case external: uint32 sender_index;
///         case new_member_commit: case new_member_proposal: struct{};
///     };
/// } Sender;
/// ```
public enum Sender: Hashable, Sendable {
    case member(LeafIndex)
    /// An index into the group's `external_senders` extension.
    case external(senderIndex: UInt32)
    case newMemberProposal
    case newMemberCommit

    public var senderType: SenderType {
        switch self {
        case .member: .member
        case .external: .external
        case .newMemberProposal: .newMemberProposal
        case .newMemberCommit: .newMemberCommit
        }
    }
}

extension Sender: TLSCodable {
    public init(from reader: inout Reader) throws(DecodingError) {
        switch try SenderType(from: &reader) {
        case .member: self = .member(try LeafIndex(from: &reader))
        case .external: self = .external(senderIndex: try reader.uint32())
        case .newMemberProposal: self = .newMemberProposal
        case .newMemberCommit: self = .newMemberCommit
        }
    }

    public func encode(into writer: inout Writer) {
        senderType.encode(into: &writer)
        switch self {
        case .member(let leafIndex): leafIndex.encode(into: &writer)
        case .external(let senderIndex): writer.integer(senderIndex)
        case .newMemberProposal, .newMemberCommit: break
        }
    }
}
