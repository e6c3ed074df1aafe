public import MLSCodec

/// What a Commit is to do. RFC 9420 section 12.4.
public struct CommitOptions: Sendable {
    /// Proposals of one's own that are in the Commit by value, beside those that were sent before.
    public var proposals: [Proposal] = []
    /// The proposals that were sent before; nil for all that can be committed together (`Group.committableProposals`), but
    /// for PSKs that the committer does not have.
    public var references: [[UInt8]]?
    /// Whether one's own keys are renewed also where no proposal asks for it. A Commit without any proposal always does.
    public var forcesPath = true
    /// Who one is from the next epoch on; nil for who one is. It takes a path.
    public var identity: ClientIdentity?
    /// The extensions of one's new leaf node; nil for those of the old one. It takes a path.
    public var leafExtensions: [Extension]?
    /// What everybody may read and nobody change. RFC 9420 section 6.
    public var authenticatedData: [UInt8] = []
    /// How the Commit is sent; nil for what the group's configuration says.
    public var framing: GroupConfiguration.HandshakeFraming?
    /// Whether those who join get the tree in their Welcome; else they need `CommitMessages.ratchetTree`.
    public var hasTreeInWelcome = true
    /// Whether a GroupInfo of the next epoch is made, by which others can join with external Commits.
    public var makesGroupInfo = false
    /// Whether that GroupInfo has the tree; else those who join need `CommitMessages.ratchetTree`.
    public var hasTreeInGroupInfo = true
    /// Extensions of the GroupInfo, in the Welcome too.
    public var groupInfoExtensions: [Extension] = []

    public init() {}

    /// By value.
    public init(_ proposals: [Proposal]) { self.proposals = proposals }
}

/// What is to be sent for a Commit; all of it only together (RFC 9420 section 14).
public struct CommitMessages: Hashable, Sendable {
    /// An encoded MLSMessage for the group: a PublicMessage or a PrivateMessage.
    public let commit: [UInt8]
    /// An encoded MLSMessage for those who join; nil where nobody does.
    public let welcome: [UInt8]?
    /// An encoded MLSMessage for those who may join from outside; nil where none was asked for.
    public let groupInfo: [UInt8]?
    /// The tree of the next epoch, for those whose Welcome or GroupInfo does not have it; nil where what there is has it.
    public let ratchetTree: RatchetTree?
}
