import RelayCore
import RelayServer

public enum LimitSettings: SettingSection {
    public static let title = "Limits"
    public static let settings: [Setting] = [
        .count(
            "max-connections-per-address", \.server.addresses.maxConnections, 0...10_000_000,
            """
            Connections at once from one IPv4 address or one IPv6 /64. Behind an address may be an office or an exit of Tor: \
            it keeps one from taking all. 0 is no limit, here and below.
            """),
        .choice(
            "loopback", "RULE", \.server.addresses.loopback,
            """
            Whether the limits of addresses are for the relay's own machine too: what comes from there is a proxy, which \
            stands for everybody, or the operator.
            """),
        .count(
            "max-new-connections-per-minute", \.server.addresses.connectionsPerMinute, 0...100_000_000,
            "New connections from one address in a minute, and at once: all of them may come back after a network failed."
        ),
        .count(
            "max-failed-authentications-per-minute", \.server.addresses.failedAuthenticationsPerMinute, 0...1_000_000,
            "Attempts from one address to log in that fail; beyond, all from there wait. Each costs the check of a signature."
        ),
        .count(
            "max-registrations-per-hour", \.server.addresses.registrationsPerHour, 0...1_000_000,
            "New identities from one address in an hour, and at once: names are given once."),
        .count(
            "max-requests-per-second", \.server.session.maxRequestsPerSecond, 0...1_000_000,
            """
            Requests of one connection that are answered from what is stored, as subscriptions, lists and look-ups are. What \
            is written is bounded by what is in flight.
            """),
        .count(
            "max-searches-per-minute", \.server.session.maxSearchesPerMinute, 0...1_000_000,
            "LookUp and SearchUsers of one client: each reads many records."),
        .count(
            "max-messages-per-second", \.server.core.messagesPerSecond, 0...100_000_000,
            """
            Messages that one client publishes, over all of its connections. No limit by default: what is in flight bounds \
            it, and one client may have all of the disk when nobody else wants it.
            """),
        .count(
            "max-groups-per-day", \.server.core.groupsPerDay, 0...100_000_000,
            "Groups that one client creates: more than people do, and far fewer than would fill a store."),
        .count(
            "max-commits-per-minute", \.server.core.commitsPerMinute, 0...1_000_000,
            "Commits of one group: each is for all members to take, and more than some a second serve nobody."),
        .count(
            "max-group-members", \.server.core.maxGroupMembers, 0...10_000_000,
            "Clients in one tracked group."),
        .count(
            "max-open-groups-per-user", \.server.core.maxOpenGroupsPerUser, 0...1_000_000,
            "Groups that whoever wants may join of which one user is admin: everybody finds these in a list."),
    ]
}
