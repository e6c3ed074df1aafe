import MLS
import MLSCodec
import MLSPublicGroup
import RelayWire

/// What a commit did, as far as people care, with who was who before it.
struct ReceivedCommit {
    /// What is needed of the epoch that the commit ends.
    struct Before {
        let epoch: UInt64
        let tree: GroupTree
        /// Who has proposed to leave.
        let leaving: Set<LeafIndex>

        init(_ group: borrowing Group) throws {
            epoch = group.epoch
            tree = group.publicGroup.tree
            leaving = Set(
                group.publicGroup.pendingProposals.compactMap { queued in
                    guard queued.proposal == .selfRemove, case .member(let leaf) = queued.sender else { return nil }
                    return leaf
                })
        }
    }

    let before: Before
    let tree: GroupTree
    let committer: LeafIndex
    let isExternal: Bool
    let added: [LeafIndex]
    let updated: [LeafIndex]
    let removed: [LeafIndex]

    init(_ commit: StagedPublicCommit, _ before: Before) {
        self.before = before
        tree = commit.group.tree
        committer = commit.committer
        isExternal = commit.isExternal
        added = commit.added.map(\.leafIndex)
        updated = commit.updated
        removed = commit.removed
    }

    /// Whether the group has other members than before.
    var changesMembers: Bool { isExternal || !added.isEmpty || !removed.isEmpty }

    /// The leaves that are somebody else's, or hold other keys, than before.
    var changedLeaves: Set<LeafIndex> { Set(removed + updated + [committer]) }
}
