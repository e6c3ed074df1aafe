public import RelayWire

/// Every table with its types. A key of several numbers is ordered by the first.
public enum Tables {
    // MARK: Users and clients

    public static let users = Records<UserNumber, UserRecord>(.users)
    /// name -> user.
    public static let userNames = Records<BytesKey, UserNumber>(.userNames)
    /// Names of users that a search finds.
    public static let listedNames = Records<BytesKey, Mark>(.listedNames)
    public static let userClients = Records<PairKey<UserNumber, ClientNumber>, Mark>(.userClients)
    public static let clients = Records<ClientNumber, ClientRecord>(.clients)
    /// `keyID` of a signature key -> the client that has it or had it.
    public static let signatureKeys = Records<BytesKey, ClientNumber>(.signatureKeys)
    /// SHA-256 of the token -> what it admits.
    public static let tokens = Records<BytesKey, TokenRecord>(.tokens)

    // MARK: Groups

    public static let groups = Records<LogNumber, GroupRecord>(.groups)
    /// Tracked groups that whoever wants may join.
    public static let openGroups = Records<LogNumber, Mark>(.openGroups)
    public static let members = Records<PairKey<LogNumber, ClientNumber>, MemberRecord>(.members)
    /// The other way round, for members that are not gone.
    public static let clientGroups = Records<PairKey<ClientNumber, LogNumber>, Mark>(.clientGroups)
    public static let groupUsers = Records<PairKey<LogNumber, UserNumber>, GroupUserRecord>(.groupUsers)
    public static let bans = Records<PairKey<LogNumber, UserNumber>, BanRecord>(.bans)
    public static let publicGroups = Records<LogNumber, PublicGroupRecord>(.publicGroups)
    /// Proposals of the current epoch.
    public static let pendingProposals = Records<PairKey<LogNumber, SequenceNumber>, Mark>(.pendingProposals)
    public static let provisionalCommits =
        Records<PairKey<LogNumber, SequenceNumber>, ProvisionalCommit>(.provisionalCommits)
    /// Who denies a provisional commit.
    public static let denials = Records<TripleKey<LogNumber, SequenceNumber, ClientNumber>, Mark>(.denials)

    // MARK: Invitations

    public static let invitations = Records<InvitationNumber, InvitationRecord>(.invitations)
    public static let groupInvitations = Records<PairKey<LogNumber, InvitationNumber>, Mark>(.groupInvitations)
    public static let userInvitations = Records<PairKey<UserNumber, InvitationNumber>, Mark>(.userInvitations)
    /// Open ones, by the user that invites.
    public static let inviterInvitations = Records<PairKey<UserNumber, InvitationNumber>, Mark>(.inviterInvitations)
    /// KeyPackages that an open invitation keeps, by their place; not those of last resort, which stay in their pool.
    public static let reservations = Records<PairKey<ClientNumber, SequenceNumber>, ReservationRecord>(.reservations)

    // MARK: Delivery

    /// Up to where a log was written to a member's connections.
    public static let delivered = Records<PairKey<LogNumber, ClientNumber>, SequenceNumber>(.delivered)
    public static let headChecks = Records<PairKey<LogNumber, ClientNumber>, HeadCheckRecord>(.headChecks)
    public static let usage = Records<LogNumber, UsageRecord>(.usage)

    // MARK: The relay's own

    public static let deadlines = Records<DeadlineKey, Mark>(.deadlines)
    /// The last commits that were refused, by number.
    public static let rejects = Records<SequenceNumber, RejectRecord>(.rejects)
    /// name of a counter -> the last number that it gave.
    public static let counters = Records<BytesKey, SequenceNumber>(.counters)
}
