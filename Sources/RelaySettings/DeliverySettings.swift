import RelayCore
import RelayServer

public enum DeliverySettings: SettingSection {
    public static let title = "Delivery and retention"
    public static let settings: [Setting] = [
        .milliseconds(
            "retention", \.server.core.retentionMilliseconds, 0...maxMilliseconds,
            """
            How long application messages of tracked groups are kept, unless their group keeps them for less; 0 is for ever. \
            What else is in a group's log goes when it is as old and every member has acknowledged it.
            """),
        .milliseconds(
            "untracked-retention", \.server.core.untrackedRetentionMilliseconds, 0...maxMilliseconds,
            """
            The same for application messages of untracked groups. 0, for ever: the relay does not know who has yet to read \
            them.
            """),
        .byteCount(
            "retention-size", \.server.core.retentionByteCount, 0...1 << 50,
            "Bytes of application messages that a tracked group keeps, the oldest go first; 0 is no end."),
        .milliseconds(
            "max-lag", \.server.core.maxLagMilliseconds, 0...maxMilliseconds,
            """
            How long a member that acknowledges nothing keeps a group's commits from being removed; 0 is for ever. One that \
            comes later joins anew.
            """),
        .byteCount(
            "max-group-size", \.server.core.maxGroupByteCount, 0...1 << 50,
            """
            Bytes of messages of one tracked group; beyond, it takes no application messages until some are gone. 0 is no \
            end. A message of 1 MiB every 20 minutes for a month is about as much as the default.
            """),
        .count(
            "retention-batch", \.server.core.maxEntriesPerRetention, 1...1_000_000,
            "Entries that retention looks at in one transaction: those who publish wait meanwhile."),
        .milliseconds(
            "receipt-interval", \.server.session.receiptIntervalMilliseconds, 0...600_000,
            "How often it is told, at most, how far the members of a group are."),
        .count(
            "max-head-check-members", \.server.core.maxMembersPerHeadCheck, 1...10_000_000,
            """
            Members that one CheckHeads compares, beside those of its first group: twenty thousand are some milliseconds of \
            the writer's time.
            """),
    ]

    /// Ten years.
    private static let maxMilliseconds: UInt64 = 3660 * 24 * 3600 * 1000
}
