public import TLSPresentation

/// A proposal in a Commit, or the ProposalRef of one that was sent before. RFC 9420 section 12.4.
/// ```
/// struct {
///     ProposalOrRefType type;
///     select (ProposalOrRef.type) { case proposal: Proposal proposal; case reference: ProposalRef reference; };
/// } ProposalOrRef;
/// ```
public enum ProposalOrRef: Hashable, Sendable {
    case proposal(Proposal)
    case reference([UInt8])

    public var type: ProposalOrRefType {
        switch self {
        case .proposal: .proposal
        case .reference: .reference
        }
    }
}

extension ProposalOrRef: TLSCodable {
    public init(from reader: inout Reader) throws(DecodingError) {
        switch try ProposalOrRefType(from: &reader) {
        case .proposal: self = .proposal(try Proposal(from: &reader))
        case .reference: self = .reference(try reader.opaque())
        }
    }

    public func encode(into writer: inout Writer) {
        type.encode(into: &writer)
        switch self {
        case .proposal(let proposal): proposal.encode(into: &writer)
        case .reference(let reference): writer.opaque(reference)
        }
    }
}
