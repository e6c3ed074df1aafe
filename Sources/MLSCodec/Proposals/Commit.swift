public import TLSPresentation

/// Carries out proposals and begins the next epoch. RFC 9420 section 12.4.
/// ```
/// struct { ProposalOrRef proposals<V>; optional<UpdatePath> path; } Commit;
/// ```
public struct Commit: Hashable, Sendable {
    public var proposals: [ProposalOrRef]
    public var path: UpdatePath?

    public init(proposals: [ProposalOrRef], path: UpdatePath? = nil) {
        self.proposals = proposals
        self.path = path
    }
}

extension Commit: TLSCodable {
    public init(from reader: inout Reader) throws(DecodingError) {
        proposals = try reader.vector()
        path = try reader.optional()
    }

    public func encode(into writer: inout Writer) {
        writer.vector(proposals)
        writer.optional(path)
    }
}
