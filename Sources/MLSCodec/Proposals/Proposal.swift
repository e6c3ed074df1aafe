public import TLSPresentation

/// A change to a group that a Commit may carry out. RFC 9420 section 12.1.
/// ```
/// struct {
///     ProposalType proposal_type;
///     select (Proposal.proposal_type) {
///         case add: Add;
///         case update: Update;
///         case remove: Remove;
///         case psk: PreSharedKey;
///         case reinit: ReInit;
///         case external_init: ExternalInit;
///         case group_context_extensions: GroupContextExtensions;
///     };
/// } Proposal;
/// ```
/// One of a type that is not known here does not decode, unless it is for private use: where it ends is not known
/// either.
public enum Proposal: Hashable, Sendable {
    case add(Add)
    case update(Update)
    case remove(Remove)
    case psk(PreSharedKey)
    case reInit(ReInit)
    case externalInit(ExternalInit)
    case groupContextExtensions(GroupContextExtensions)
    /// Takes its sender out of the group; it has no fields. draft-ietf-mls-extensions.
    case selfRemove
    case custom(CustomProposal)

    public var proposalType: ProposalType {
        switch self {
        case .add: .add
        case .update: .update
        case .remove: .remove
        case .psk: .psk
        case .reInit: .reInit
        case .externalInit: .externalInit
        case .groupContextExtensions: .groupContextExtensions
        case .selfRemove: .selfRemove
        case .custom(let proposal): proposal.proposalType
        }
    }
}

extension Proposal: TLSCodable {
    public init(from reader: inout Reader) throws(DecodingError) {
        let start = reader.byteOffset
        let type = try ProposalType(from: &reader)
        switch type {
        case .add: self = .add(try Add(from: &reader))
        case .update: self = .update(try Update(from: &reader))
        case .remove: self = .remove(try Remove(from: &reader))
        case .psk: self = .psk(try PreSharedKey(from: &reader))
        case .reInit: self = .reInit(try ReInit(from: &reader))
        case .externalInit: self = .externalInit(try ExternalInit(from: &reader))
        case .groupContextExtensions: self = .groupContextExtensions(try GroupContextExtensions(from: &reader))
        case .selfRemove: self = .selfRemove
        default:
            guard let proposal = try CustomProposal(type, from: &reader) else {
                throw DecodingError(.unknownValue(type: "ProposalType", value: UInt64(type.rawValue)), at: start)
            }
            self = .custom(proposal)
        }
    }

    public func encode(into writer: inout Writer) {
        proposalType.encode(into: &writer)
        switch self {
        case .add(let proposal): proposal.encode(into: &writer)
        case .update(let proposal): proposal.encode(into: &writer)
        case .remove(let proposal): proposal.encode(into: &writer)
        case .psk(let proposal): proposal.encode(into: &writer)
        case .reInit(let proposal): proposal.encode(into: &writer)
        case .externalInit(let proposal): proposal.encode(into: &writer)
        case .groupContextExtensions(let proposal): proposal.encode(into: &writer)
        case .selfRemove: break
        case .custom(let proposal): writer.opaque(proposal.content)
        }
    }
}
