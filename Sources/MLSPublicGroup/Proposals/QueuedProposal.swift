public import MLSCodec
public import TLSPresentation

/// A proposal with whose it is: sent before and cached, or in a Commit itself.
public struct QueuedProposal: Hashable, Sendable {
    public let proposal: Proposal
    public let sender: Sender
    /// The ProposalRef; nil for one that is in the Commit by value, and so is the committer's.
    public let ref: [UInt8]?

    public init(proposal: Proposal, sender: Sender, ref: [UInt8]?) {
        self.proposal = proposal
        self.sender = sender
        self.ref = ref
    }
}

/// For storage. RFC 9420 does not define it.
/// ```
/// struct { Proposal proposal; Sender sender; optional<ProposalRef> ref; } QueuedProposal;
/// ```
extension QueuedProposal: TLSCodable {
    public init(from reader: inout Reader) throws(DecodingError) {
        proposal = try Proposal(from: &reader)
        sender = try Sender(from: &reader)
        ref = try reader.isPresent() ? try reader.opaque() : nil
    }

    public func encode(into writer: inout Writer) {
        proposal.encode(into: &writer)
        sender.encode(into: &writer)
        writer.isPresent(ref != nil)
        if let ref { writer.opaque(ref) }
    }
}

/// The proposals of an epoch that a Commit may refer to. RFC 9420 section 12.1.
///
/// Invariant: each has a ref, and `positions` says where each is.
struct PendingProposals: Sendable {
    /// In the order of their arrival.
    private(set) var all: [QueuedProposal] = []
    private var positions: [[UInt8]: Int] = [:]

    init() {}

    init(_ proposals: [QueuedProposal]) {
        for proposal in proposals { append(proposal) }
    }

    subscript(ref: [UInt8]) -> QueuedProposal? { positions[ref].map { all[$0] } }

    /// One that is there already, or has no ref, is not put in.
    mutating func append(_ proposal: QueuedProposal) {
        guard let ref = proposal.ref, positions[ref] == nil else { return }
        positions[ref] = all.count
        all.append(proposal)
    }
}
