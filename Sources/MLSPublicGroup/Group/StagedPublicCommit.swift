public import MLSCodec

/// What a Commit makes of a group, checked but not yet in its place; `PublicGroup.merge` puts it there.
public struct StagedPublicCommit: Sendable {
    /// The group of the next epoch.
    public let group: PublicGroup
    /// Where the committer is in the next epoch.
    public let committer: LeafIndex
    /// Whether the committer joins with it.
    public let isExternal: Bool
    /// Whether the committer has new keys.
    public let hasPath: Bool
    /// Those who join with Adds.
    public let added: [(leafIndex: LeafIndex, keyPackage: KeyPackage)]
    public let updated: [LeafIndex]
    /// Those who are removed: leaves of the epoch before.
    public let removed: [LeafIndex]
    public let psks: [PreSharedKeyID]
    /// What the group goes on as; it takes no more messages then.
    public let reInit: ReInit?
    /// Proposals of the application's own types, in the Commit's order.
    public let custom: [QueuedProposal]

    init(group: PublicGroup, _ provisional: ProvisionalGroup) {
        self.group = group
        committer = provisional.committer
        isExternal = provisional.isExternal
        hasPath = provisional.hasPath
        added = provisional.added
        updated = provisional.updated
        removed = provisional.removed
        psks = provisional.psks
        reInit = provisional.reInit
        custom = provisional.custom
    }
}
