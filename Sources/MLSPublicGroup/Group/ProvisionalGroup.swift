public import MLSCodec

/// A group after the proposals of a Commit, before and after its path. RFC 9420 sections 12.3 and 12.4.2.
///
/// Whoever makes or processes a Commit carries it from `PublicGroup.applyProposals` through the path to
/// `PublicGroup.stage`. The group that it came from stays as it is.
public struct ProvisionalGroup: Sendable {
    /// The ratchet tree, which somebody who makes a path may change as far as that goes.
    public var tree: GroupTree
    /// Whose Commit it is: a leaf of `tree`, for an external Commit the one where the joiner is put.
    public let committer: LeafIndex
    public let isExternal: Bool
    /// Those who join with Adds, in the order of the list.
    public internal(set) var added: [(leafIndex: LeafIndex, keyPackage: KeyPackage)] = []
    /// Those who update their leaves with Updates.
    public internal(set) var updated: [LeafIndex] = []
    /// Those who are removed, by others or by themselves. Their leaves may be others' by now.
    public internal(set) var removed: [LeafIndex] = []
    /// In the order of the list, as the key schedule wants them.
    public internal(set) var psks: [PreSharedKeyID] = []
    /// The `kem_output` of an external Commit.
    public internal(set) var externalInit: [UInt8]?
    public internal(set) var reInit: ReInit?
    /// What only the application understands, in the order of the list.
    public internal(set) var custom: [QueuedProposal] = []
    /// Whether the Commit has to have a path. RFC 9420 section 12.4.
    public let isPathRequired: Bool

    var parameters: GroupParameters
    var members: MemberIndex
    let groupID: [UInt8]
    let policy: ValidationPolicy
    /// Whether `committer` has the leaf node that it comes with into the next epoch.
    var hasPath = false

    /// `group` as it is, for a Commit of the member at `committer`, or of somebody who has no leaf yet.
    init(_ group: PublicGroup, committer: LeafIndex?, isPathRequired: Bool) {
        tree = group.tree
        // Known for good only when all Removes have been applied: `placing` says.
        self.committer = committer ?? LeafIndex(0)
        isExternal = committer == nil
        self.isPathRequired = isPathRequired
        parameters = group.parameters
        members = group.members
        groupID = group.groupContext.groupID
        policy = group.policy
    }

    /// The same group with `joiner` at the leftmost blank leaf.
    init(placing joiner: LeafNode, in group: ProvisionalGroup) throws(GroupError) {
        var tree = group.tree
        // The joiner stands in the tree by the same rules as somebody who was added.
        guard !tree.containsSignatureKey(joiner.signatureKey) else { throw .refused(.uniqueSignatureKey) }
        // Section 12.4.2: "Verify that none of the public keys in the UpdatePath appear in any node of the new ratchet
        // tree."
        guard !tree.containsEncryptionKey(joiner.encryptionKey) else { throw .refused(.pathKeys) }
        committer = tree.addLeaf(joiner)
        var members = group.members
        guard members.insert(joiner, at: committer, group.policy.authenticationService) == nil else {
            throw .refused(.existingClient)
        }
        self.tree = tree
        self.members = members
        isExternal = true
        (added, updated, removed) = (group.added, group.updated, group.removed)
        (psks, externalInit, reInit, custom) = (group.psks, group.externalInit, group.reInit, group.custom)
        isPathRequired = group.isPathRequired
        parameters = group.parameters
        groupID = group.groupID
        policy = group.policy
    }

    /// The GroupContext's extensions in the new epoch.
    public var extensions: [Extension] { parameters.extensions }

    /// The leaves of those who join with Adds: they get their secrets in the Welcome, and are left out of the
    /// resolutions that path secrets are encrypted to. RFC 9420 section 7.5.
    public var addedLeaves: Set<LeafIndex> { Set(added.lazy.map(\.leafIndex)) }

    /// "Construct a provisional GroupContext object", which path secrets are encrypted with: of the new epoch, with the
    /// new tree hash and extensions and the old confirmed transcript hash. RFC 9420 section 12.4.2.
    /// - Parameter groupContext: of the group that this came from.
    public mutating func groupContext(for groupContext: GroupContext) -> GroupContext {
        GroupContext(
            cipherSuite: groupContext.cipherSuite, groupID: groupContext.groupID,
            // `applyProposals` saw to it that there is a next one.
            epoch: groupContext.epoch + 1, treeHash: tree.treeHash(),
            confirmedTranscriptHash: groupContext.confirmedTranscriptHash, extensions: extensions)
    }
}
