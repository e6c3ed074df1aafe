import TLSPresentation

/// A proposal of an application's own, of a type for private use. RFC 9420 sections 12.1 and 17.4.
/// ```
/// struct { opaque content<V>; } CustomProposal;
/// ```
/// The RFC does not say how one is written; as one vector whoever does not know the type can pass it over, and that is
/// how other implementations write theirs.
public struct CustomProposal: Hashable, Sendable {
    /// One of 0xF000 to 0xFFFF.
    public let proposalType: ProposalType
    public var content: [UInt8]

    /// - Returns: nil where the type is not for private use.
    public init?(proposalType: ProposalType, content: [UInt8]) {
        guard proposalType.isForPrivateUse else { return nil }
        self.proposalType = proposalType
        self.content = content
    }

    /// The fields behind the type.
    init?(_ proposalType: ProposalType, from reader: inout Reader) throws(DecodingError) {
        guard proposalType.isForPrivateUse else { return nil }
        self.proposalType = proposalType
        content = try reader.opaque()
    }
}
