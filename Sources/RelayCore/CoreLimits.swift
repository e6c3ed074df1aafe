/// What the relay's decisions are bounded by; every number is an operator's to change.
public struct CoreLimits: Hashable, Sendable {
    /// How many epochs back an application message or a proposal is still taken. Clients keep the secrets of a few past
    /// epochs (RFC 9420 section 15.3; OpenMLS 5, Conclave 16); a message older than that nobody could read.
    public var pastEpochs: UInt64 = 5
    /// KeyPackages in the pool of one client and suite, beside the last-resort one.
    public var maxKeyPackagesPerPool = 100
    /// A client is told when as many are left in a pool, and when none is: enough for the time until it comes online.
    public var keyPackageLowWater = 20
    /// Requests for others' KeyPackages of one user in a minute, and those that name the same user: nobody empties
    /// others' pools, which has them added with their last resort. 0 for no limit.
    public var keyPackageFetches = 60
    public var keyPackageFetchesPerUser = 10
    /// How long an invitation stands where the inviter does not say, and at most: KeyPackages wait for it.
    public var invitationLifetimeMilliseconds: UInt64 = 7 * 86_400_000
    public var maxInvitationLifetimeMilliseconds: UInt64 = 30 * 86_400_000
    /// Open invitations to one group, and of one user.
    public var maxInvitationsPerGroup = 1000
    public var maxInvitationsPerUser = 100
    /// Clients of one user that are not revoked: phones, computers and what runs by itself, with room.
    public var maxClientsPerUser = 64
    /// Credentials, rotations, revocations and changes of visibility of one client in an hour: a lost answer is asked for
    /// again, and nobody fills the directory, which others read. 0 for no limit.
    public var identityChangesPerHour = 20
    /// Tokens that admit new users at one time.
    public var maxTokenCount = 10_000
    /// Denials that void a provisional commit, where the group's policy says nothing: one malicious member alone voids
    /// nothing, and two that cannot go on are enough not to wait for more.
    public var denials = 2
    /// Races that a committer loses in a row before it gets a turn of its own.
    public var fairnessLosses = 3
    /// How long that turn lasts: a round trip on a slow network, and the making of a commit.
    public var fairnessTurnMilliseconds: UInt64 = 3000
    /// Commits after which a public group is stored anew: as many are read again when it comes into memory.
    public var commitsPerStoredGroup = 64
    /// Leaves of public groups that are kept in memory together, about 1 KiB each.
    public var maxFollowedLeafCount = 200_000
    /// Messages that one client publishes in a second, and at once; 0 for no limit, which is the default: what is written is
    /// bounded by what a connection has in flight, and one client may well fill the disk's time when nobody else wants it.
    public var messagesPerSecond = 0
    /// Groups that one client creates in a day, and at once: more than people do, and far fewer than would fill a store.
    public var groupsPerDay = 1000
    /// Commits of one group in a minute, and at once: each is for all members to take, so more than some a second serve nobody.
    public var commitsPerMinute = 1000
    /// Clients in one tracked group: what MLS was made for.
    public var maxGroupMembers = 50_000
    /// Groups that whoever wants may join of which one user is admin: all users find these.
    public var maxOpenGroupsPerUser = 20
    /// Refused commits that are kept for operators.
    public var maxRejectCount = 10_000

    /// Members that one CheckHeads compares, beside those of its first group: some milliseconds of the writer's time.
    public var maxMembersPerHeadCheck = 20_000

    /// How long application messages of tracked groups are kept, and other entries at least; 0: for ever.
    public var retentionMilliseconds: UInt64 = 30 * 24 * 3600 * 1000
    /// The same for application messages of untracked groups, whose readers nobody knows.
    public var untrackedRetentionMilliseconds: UInt64 = 0
    /// Bytes of application messages that a tracked group keeps; 0: as many as there are.
    public var retentionByteCount: UInt64 = 0
    /// How long a member that acknowledges nothing keeps commits from being removed; 0: for ever.
    public var maxLagMilliseconds: UInt64 = 90 * 24 * 3600 * 1000
    /// Bytes of messages of one tracked group, beyond which it takes no application messages; 0: no end.
    public var maxGroupByteCount: UInt64 = 2 << 30
    /// Entries that retention looks at in one transaction: others wait meanwhile.
    public var maxEntriesPerRetention = 1000

    /// Whether entries of untracked groups, and Welcomes of theirs, say who published them.
    public var untrackedSenders = SenderRule.kept

    public init() {}
}

/// Whether a relay keeps who has published something.
public enum SenderRule: String, Hashable, Sendable, CaseIterable {
    case kept
    /// The entry's sender is the relay: who wrote a message, MLS tells its members.
    case hidden
}
