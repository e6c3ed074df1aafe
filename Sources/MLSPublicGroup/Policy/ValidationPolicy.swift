import Glibc

/// What RFC 9420 leaves to the application when something received is validated.
///
/// All members of a group, and a relay that follows it, should have the same: what one refuses and others take parts
/// them.
public struct ValidationPolicy: Sendable {
    /// The time in seconds since 1970, asked for once by each validation. Nil where lifetimes are not compared with the
    /// time, as for the official vectors, whose leaves expired in 2024.
    public var clock: (@Sendable () -> UInt64)?
    /// The longest time that a `lifetime` may last, in seconds; nil for any. RFC 9420 section 7.2: "Applications MUST
    /// define a maximum total lifetime".
    public var maxTotalLifetime: UInt64?
    /// How many seconds others' clocks may be ahead of or behind this one.
    public var clockSkew: UInt64
    /// Whether a leaf of a tree that is joined must not have expired. The RFC recommends it; but a member that was added
    /// long ago and has not committed since is a member, and whoever refuses it cannot join the group.
    public var checksLifetimesInTree: Bool
    public var authenticationService: any AuthenticationService
    /// What this client understands, if it is one; nil for somebody who only follows a group, as a relay does.
    public var clientSupport: ClientSupport?
    /// Whether somebody outside of the group may propose to be added. RFC 9420 section 12.1.8.
    public var allowsNewMemberProposals: Bool
    /// Whether an external Commit may remove the joiner's earlier self. RFC 9420 section 12.4.3.2.
    public var allowsResync: Bool
    /// How many proposals of an epoch are kept for a Commit to refer to.
    public var maxPendingProposalCount: Int
    /// How many threads verify the signatures of a tree that is joined, and of what a Commit adds, at least 1.
    public var verificationThreadCount: Int

    public init(
        clock: (@Sendable () -> UInt64)? = systemClock, maxTotalLifetime: UInt64? = 400 * 86_400,
        clockSkew: UInt64 = 3600, checksLifetimesInTree: Bool = false,
        authenticationService: any AuthenticationService = TrustingAuthenticationService(),
        clientSupport: ClientSupport? = ClientSupport(), allowsNewMemberProposals: Bool = true,
        allowsResync: Bool = true, maxPendingProposalCount: Int = 10_000, verificationThreadCount: Int = 1
    ) {
        self.clock = clock
        self.maxTotalLifetime = maxTotalLifetime
        self.clockSkew = clockSkew
        self.checksLifetimesInTree = checksLifetimesInTree
        self.authenticationService = authenticationService
        self.clientSupport = clientSupport
        self.allowsNewMemberProposals = allowsNewMemberProposals
        self.allowsResync = allowsResync
        self.maxPendingProposalCount = maxPendingProposalCount
        self.verificationThreadCount = verificationThreadCount
    }

    /// The computer's clock.
    public static let systemClock: @Sendable () -> UInt64 = { UInt64(max(0, time(nil))) }
}
