public import MLSCodec
public import TLSPresentation

/// What a group is besides its tree, as it is stored; the tree is stored apart, because a Commit changes little of it.
/// ```
/// struct {
///     uint16 version = 1;
///     GroupContext group_context;
///     MAC confirmation_tag;
///     optional<ReInit> reinit;
///     QueuedProposal pending_proposals<V>;
/// } StoredPublicGroup;
/// ```
public struct StoredPublicGroup: Hashable, Sendable {
    public var groupContext: GroupContext
    public var confirmationTag: [UInt8]
    public var reInit: ReInit?
    public var pendingProposals: [QueuedProposal]

    private static let version: UInt16 = 1
}

extension StoredPublicGroup: TLSCodable {
    public init(from reader: inout Reader) throws(DecodingError) {
        let start = reader.byteOffset
        let version = try reader.uint16()
        guard version == Self.version else {
            throw DecodingError(.unknownValue(type: "StoredPublicGroup", value: UInt64(version)), at: start)
        }
        groupContext = try GroupContext(from: &reader)
        confirmationTag = try reader.opaque()
        reInit = try reader.optional()
        pendingProposals = try reader.vector()
    }

    public func encode(into writer: inout Writer) {
        writer.integer(Self.version)
        groupContext.encode(into: &writer)
        writer.opaque(confirmationTag)
        writer.optional(reInit)
        writer.vector(pendingProposals)
    }
}

extension PublicGroup {
    /// The group without its tree, for storage.
    public var stored: StoredPublicGroup {
        StoredPublicGroup(
            groupContext: groupContext, confirmationTag: confirmationTag, reInit: reInit,
            pendingProposals: pendingProposals)
    }

    /// The group that was stored. It was checked when it came to be, so that only the tree hash is compared, by which the
    /// tree is the one that belongs to it.
    public init(_ stored: StoredPublicGroup, tree: GroupTree, policy: ValidationPolicy) throws(GroupError) {
        var tree = tree
        guard tree.treeHash() == stored.groupContext.treeHash else { throw .refused(.treeHash) }
        try self.init(
            unchecked: stored.groupContext, tree: tree, confirmationTag: stored.confirmationTag, policy: policy,
            pendingProposals: stored.pendingProposals, reInit: stored.reInit)
    }
}
