public import MLSCodec
import MLSCrypto
import TLSPresentation

/// A group as everybody can see it who sees its handshake messages: no secret is in it, and all of RFC 9420's rules are
/// checked by it that need none.
///
/// A value: copies share their trees, and a Commit is tried on a copy. Whatever is thrown, the group is as it was.
///
/// Invariant: `tree` has the tree hash of `groupContext`, and is valid by RFC 9420 section 12.4.3.1; `members` and
/// `parameters` are what the tree and the GroupContext's extensions give; the pending proposals are valid ones of this
/// epoch.
public struct PublicGroup: Sendable {
    public internal(set) var groupContext: GroupContext
    /// The encoding of `groupContext`, which every signature of a member covers.
    public internal(set) var encodedGroupContext: [UInt8]
    public internal(set) var tree: GroupTree
    /// Of the Commit that began this epoch, or of the group's creation.
    public internal(set) var confirmationTag: [UInt8]
    /// RFC 9420 section 8.2.
    public internal(set) var interimTranscriptHash: [UInt8]
    /// What the group goes on as, once a ReInit was committed; it takes no more messages then.
    public internal(set) var reInit: ReInit?
    /// May be changed at any time, but see `ValidationPolicy`.
    public var policy: ValidationPolicy

    let hashAlgorithm: HashAlgorithm
    var parameters: GroupParameters
    var members: MemberIndex
    var pending = PendingProposals()

    /// A group from its parts, which nobody checks: one that was checked before it was stored, or one that the caller
    /// creates.
    ///
    /// Cost: each leaf node is decoded once.
    /// - Parameters:
    ///   - confirmationTag: of the epoch. Of a new group: RFC 9420 section 11.
    ///   - pendingProposals: of this epoch, which were checked.
    /// - Throws: `crypto` for a suite that is not known; `malformed`, `refused` where the GroupContext's extensions cannot
    ///   be understood.
    public init(
        unchecked groupContext: GroupContext, tree: GroupTree, confirmationTag: [UInt8], policy: ValidationPolicy,
        pendingProposals: [QueuedProposal] = [], reInit: ReInit? = nil
    ) throws(GroupError) {
        let parameters = try GroupParameters(groupContext.extensions)
        var members = MemberIndex()
        for leaf in tree.members {
            guard let leafNode = tree.leafNode(at: leaf) else { continue }
            _ = members.insert(leafNode, at: leaf, policy.authenticationService)
        }
        try self.init(groupContext, tree, parameters, members, confirmationTag: confirmationTag, policy)
        pending = PendingProposals(pendingProposals)
        self.reInit = reInit
    }

    init(
        _ groupContext: GroupContext, _ tree: GroupTree, _ parameters: GroupParameters, _ members: MemberIndex,
        confirmationTag: [UInt8], _ policy: ValidationPolicy
    ) throws(GroupError) {
        do {
            hashAlgorithm = try groupContext.cipherSuite.hashAlgorithm
        } catch {
            throw .crypto(error)
        }
        self.groupContext = groupContext
        encodedGroupContext = groupContext.encoded
        self.tree = tree
        self.parameters = parameters
        self.members = members
        self.confirmationTag = confirmationTag
        self.policy = policy
        interimTranscriptHash = InterimTranscriptHashInput(confirmationTag: confirmationTag)
            .interimTranscriptHash(after: groupContext.confirmedTranscriptHash, hashAlgorithm)
    }

    /// The tree as somebody who joins needs it. RFC 9420 section 12.4.3.3.
    public var ratchetTree: RatchetTree { tree.ratchetTree }

    /// The `required_capabilities` of the group, if it has any. RFC 9420 section 11.1.
    public var requiredCapabilities: RequiredCapabilities? { parameters.requiredCapabilities }

    /// Who may propose to the group from outside. RFC 9420 section 12.1.8.1.
    public var externalSenders: [ExternalSender] { parameters.externalSenders ?? [] }
}
