import Glibc
import Logging
import MLSCodec
import RelayCore
public import RelayServer
import RelayStore
import RelayTransport
import RelayWire

/// Everything that an operator may set, with its default.
public struct Settings: Sendable {
    public var server: ServerConfiguration
    public var logLevel = LogLevel.info
    public var logFormat = LogFormat.text

    public enum LogLevel: String, CaseIterable, Sendable { case trace, debug, info, notice, warning, error, critical }
    public enum LogFormat: String, CaseIterable, Sendable { case text, json }

    public init() {
        let transport = TransportConfiguration(
            listeners: ["ws://127.0.0.1", "tcp://127.0.0.1"].compactMap(ListenAddress.init),
            // One is left to the writer.
            loopCount: max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)) - 1))
        server = ServerConfiguration(transport: transport, dataDirectory: "mlsrelay-data")
        // A basic credential is what its holder says; what the relay issues, others can verify.
        server.credentials.rule = .x509
    }
}

// MARK: The table

/// The sections in the order of the help.
public let settingSections: [any SettingSection.Type] = [
    ListeningSettings.self, IdentitySettings.self, StorageSettings.self, PublishingSettings.self,
    InvitationSettings.self, GroupSettings.self, DeliverySettings.self, ConnectionSettings.self, LimitSettings.self,
    LoggingSettings.self,
]

/// All settings, in the order of the help.
public let allSettings = settingSections.flatMap { $0.settings }

public enum ListeningSettings: SettingSection {
    public static let title = "Listening"
    public static let settings: [Setting] = [
        Setting(
            name: "listen", placeholder: "URL",
            help: """
                Where to listen: ws://, wss://, tcp:// or tls://, an IP address and a port, 0 for any free one. Without a port: \
                ws 7680, tcp 7681, wss 7443, tls 7444. Give it again to listen in several places. The default is reachable from \
                this machine only.
                """,
            defaultText: Settings().server.transport.listeners.map(\.description).joined(separator: ", "),
            allowed: "a URL such as ws://127.0.0.1:7680, tcp://0.0.0.0:7681 or wss://[::]:7443, and each only once",
            isList: true
        ) { settings, texts in
            let addresses = texts.compactMap(ListenAddress.init)
            // Port 0 twice is two ports.
            let fixed = addresses.filter { $0.port != 0 }.map { "\($0.host) \($0.port)" }
            guard !addresses.isEmpty, addresses.count == texts.count, Set(fixed).count == fixed.count else {
                return false
            }
            settings.server.transport.listeners = addresses
            return true
        },
        .path(
            "certificate", \.server.transport.certificatePath,
            "The certificate chain for wss and tls, PEM, this relay's certificate first."),
        .path("key", \.server.transport.privateKeyPath, "The private key of the certificate, PEM."),
        .text(
            "server-name", "NAME", \.server.serverName, bytes: 1...WireLimits.maxServerNameByteCount,
            """
            What clients sign that they log in to. A relay that passes a challenge on to another cannot log in there when \
            their names differ.
            """),
        .count(
            "loops", \.server.transport.loopCount, 1...256,
            "Threads that serve connections. By default one less than there are processors: the writer needs one too."),
        .count(
            "max-connections-per-loop", \.server.transport.maxConnectionsPerLoop, 1...10_000_000,
            """
            Connections of one thread; what comes beyond is closed at once. An idle one holds no buffer here, only a file \
            descriptor and what the kernel and TLS keep.
            """),
    ]
}

public enum IdentitySettings: SettingSection {
    public static let title = "Users and credentials"
    public static let settings: [Setting] = [
        .choice(
            "registration", "RULE", \.server.rules.registration,
            """
            Who may register a new name: whoever comes first, whoever has a token of an operator's, or nobody. A user's \
            further clients are admitted by one that it has. Behind a public address token keeps others out.
            """),
        .names(
            "operators", \.server.rules.operators,
            """
            Users whose clients may administer the relay: tokens, suspending, revoking, groups. Give it again for several. \
            Register the name before you name it here: whoever has it is an operator.
            """),
        .choice(
            "directory", "RULE", \.server.rules.directory,
            """
            Who may follow the directory of all users and their keys, and search it: everybody, who can then check what the \
            relay says about keys, or operators. Looking up a name is always possible.
            """),
        Setting(
            name: "credentials", placeholder: "RULE",
            help: """
                Which credentials members have: certificates that this relay issues and everybody can verify, basic ones, \
                which say no more than a name, or either.
                """,
            defaultText: "x509", allowed: "one of " + CredentialRule.allCases.map { "\($0)" }.joined(separator: ", "),
            isList: false
        ) { settings, texts in
            guard let rule = CredentialRule.allCases.first(where: { "\($0)" == texts.first }) else { return false }
            settings.server.credentials.rule = rule
            return true
        },
        .directory(
            "authority", \.server.credentials.authorityDirectory,
            """
            Where the keys are that sign certificates, made when they are not there; by default `authority` in the data \
            directory. The root's key is needed again after a year only: keep it elsewhere.
            """),
        .milliseconds(
            "credential-lifetime", \.server.credentials.lifetimeMilliseconds, 60_000...400 * 86_400_000,
            """
            How long a certificate is valid. Clients are told to renew it when a third is left; one that is away for a \
            season still can.
            """),
        .count(
            "max-clients-per-user", \.server.core.maxClientsPerUser, 1...1000,
            "Clients of one user: phones, computers and what runs by itself. Whoever adds the user adds them all."),
        .count(
            "identity-changes-per-hour", \.server.core.identityChangesPerHour, 0...1_000_000,
            """
            Credentials, rotations, revocations and the like of one client in an hour: each is an entry that others read. \
            0 for no limit.
            """),
        .count(
            "max-tokens", \.server.core.maxTokenCount, 1...1_000_000,
            "Tokens at a time that still admit somebody: each is looked at when another is made."),
    ]
}

public enum StorageSettings: SettingSection {
    public static let title = "Storage"
    public static let settings: [Setting] = [
        .text(
            "data", "DIRECTORY", \.server.dataDirectory, bytes: 1...4000,
            "The data directory, made when it is not there. One relay at a time uses it."),
        .byteCount(
            "max-store-size", \.server.store.maxByteCount, 1 << 20...1 << 46,
            """
            What the store may grow to. This is address space, not disk: the file grows as it is written. When it is \
            full, publishing is refused and reading goes on.
            """),
        .byteCount(
            "write-ahead", \.server.store.aheadByteCount, 0...1 << 34,
            """
            How far the file is kept longer than what it holds, at most as much again. A sync that needs no new blocks of \
            the file system takes about half as long.
            """),
        .count(
            "duplicate-window", \.server.store.duplicateWindow, 1...1_000_000,
            """
            How many of a log's last entries a message is compared with, to give a repeated Publish the answer of the \
            first. It must reach as far as a client may fall behind between sending and sending again.
            """),
        .count(
            "max-duplicate-window-entries", \.server.store.maxDuplicateWindowEntries, 1000...1_000_000_000,
            "Entries that these windows keep in memory together, about 60 bytes each; beyond, windows are read from disk."
        ),
        .count(
            "max-readers", \.server.store.maxReaders, 16...100_000,
            "Readers of the store at the same time: one for each loop, one for each inspector beside the relay."),
    ]
}

public enum PublishingSettings: SettingSection {
    public static let title = "Publishing"
    public static let settings: [Setting] = [
        .byteCount(
            "max-frame-size", \.server.transport.maxFrameByteCount, 4096...WireLimits.maxFrameByteCount,
            "The largest frame: room for a commit, its Welcomes and the GroupInfo of a group of thousands. A frame is held in memory."
        ),
        .byteCount(
            "max-message-size", \.server.publish.maxMessageByteCount, 1024...WireLimits.maxFrameByteCount,
            "The largest MLSMessage. Files belong elsewhere; the largest real ones are the Welcomes of large groups."),
        .byteCount(
            "max-key-package-size", \.server.publish.maxKeyPackageByteCount, 1024...WireLimits.maxFrameByteCount,
            "The largest KeyPackage: with X.509 chains or post-quantum keys one has some kilobytes."),
        .count(
            "max-messages-per-publish", \.server.publish.maxMessagesPerPublish, 1...65_536,
            "Messages in one Publish: all of them are stored, or none is."),
        .count(
            "max-key-packages", \.server.core.maxKeyPackagesPerPool, 1...100_000,
            "KeyPackages in the pool of one client and cipher suite, beside the last-resort one."),
        Setting(
            name: "cipher-suites", placeholder: "NUMBER",
            help: """
                The cipher suites of which KeyPackages are kept, by their numbers in the registry of RFC 9420 section 17.1. Give \
                it again for several. The default is all that there are.
                """,
            defaultText: KeyPackagePolicy.allCipherSuites.map(\.rawValue).sorted().map(String.init)
                .joined(separator: ", "),
            allowed: "a number from 1 to 7, and each only once", isList: true
        ) { settings, texts in
            let suites = Set(texts.compactMap(UInt16.init).map(CipherSuite.init))
            guard !suites.isEmpty, suites.count == texts.count, suites.isSubset(of: KeyPackagePolicy.allCipherSuites)
            else { return false }
            settings.server.keyPackages.cipherSuites = suites
            return true
        },
        .count(
            "key-package-low-water", \.server.core.keyPackageLowWater, 0...100_000,
            """
            A client is told when as many KeyPackages are left in a pool, and when none is: enough for the time until it \
            comes online again.
            """),
        .milliseconds(
            "max-key-package-lifetime", \.server.keyPackages.maxLifetimeMilliseconds, 60_000...315_360_000_000,
            """
            The longest total lifetime of a KeyPackage, 400 days: a year, and a month for those who publish the next ones \
            before the last ones end. RFC 9420 section 7.2 asks for such a limit.
            """),
        .milliseconds(
            "min-key-package-lifetime", \.server.keyPackages.minLifetimeMilliseconds, 0...315_360_000_000,
            "How long a KeyPackage must still be good for when it is published: what is over soon is of no use to others."
        ),
        .count(
            "key-package-fetches", \.server.core.keyPackageFetches, 0...1_000_000,
            """
            How often in a minute a user may ask for KeyPackages of others, 0 for no limit. One request can name 256 users; \
            that many a minute suits a person who adds others.
            """),
        .count(
            "key-package-fetches-per-user", \.server.core.keyPackageFetchesPerUser, 0...1_000_000,
            """
            How often of these it may name the same user, 0 for no limit: nobody empties another's pool (RFC 9420 section \
            16.8). Inviting counts too.
            """),
        .count(
            "past-epochs", \.server.core.pastEpochs, 0...1000,
            """
            How many epochs back application messages and proposals are still taken. Members keep the secrets of a few \
            past epochs only; what is older nobody could read.
            """),
        .choice(
            "untracked-senders", "RULE", \.server.core.untrackedSenders,
            """
            Whether entries of untracked groups say which client published them: kept, or hidden, and then not stored. \
            Tracked groups need it, for receipts and because a sender gets no copy of its own messages.
            """),
    ]
}

public enum InvitationSettings: SettingSection {
    public static let title = "Invitations"
    public static let settings: [Setting] = [
        .milliseconds(
            "invitation-lifetime", \.server.core.invitationLifetimeMilliseconds, 1000...31_536_000_000,
            "How long an invitation stands where the inviter does not say: a week's holiday. KeyPackages wait for it."),
        .milliseconds(
            "max-invitation-lifetime", \.server.core.maxInvitationLifetimeMilliseconds, 1000...31_536_000_000,
            "How long one may stand: 30 days, because a KeyPackage that waits is nobody else's."),
        .count(
            "max-invitations-per-group", \.server.core.maxInvitationsPerGroup, 1...100_000,
            "Open invitations to one group: each keeps a KeyPackage of every client of a user."),
        .count(
            "max-invitations-per-user", \.server.core.maxInvitationsPerUser, 1...100_000,
            "Open invitations by one user, to all groups: more than anybody invites by hand."),
    ]
}

public enum GroupSettings: SettingSection {
    public static let title = "Groups"
    public static let settings: [Setting] = [
        .count(
            "denials", \.server.core.denials, 1...1000,
            """
            Members whose denials void a commit, where the group's policy says nothing. One alone could be lying, and two \
            that cannot go on are enough not to wait for more.
            """),
        .count(
            "fairness-losses", \.server.core.fairnessLosses, 1...1_000_000,
            "Races that a committer loses in a row before it gets a turn of its own."),
        .milliseconds(
            "fairness-turn", \.server.core.fairnessTurnMilliseconds, 100...60_000,
            "How long that turn lasts: a round trip on a slow network, and the making of a commit."),
        .count(
            "commits-per-stored-group", \.server.core.commitsPerStoredGroup, 1...100_000,
            """
            Commits after which the tree of a group with public handshakes is stored anew. So many at most are read again \
            when a group comes back into memory; fewer cost more writing.
            """),
        .count(
            "max-followed-leaves", \.server.core.maxFollowedLeafCount, 1000...100_000_000,
            "Members of groups with public handshakes that are kept in memory together, about 1 KiB each."),
        .count(
            "max-rejects", \.server.core.maxRejectCount, 1...10_000_000,
            "Refused commits that are kept for `mlsrelay-tool rejects`, the newest."),
    ]
}

public enum ConnectionSettings: SettingSection {
    public static let title = "Connections"
    public static let settings: [Setting] = [
        .milliseconds(
            "handshake-timeout", \.server.transport.handshakeTimeoutMilliseconds, 100...600_000,
            "How long the HTTP head of a WebSocket may take."),
        .milliseconds(
            "hello-timeout", \.server.session.helloTimeoutMilliseconds, 100...600_000,
            "How long a client may take to authenticate: some round trips on a slow network."),
        .milliseconds(
            "idle-timeout", \.server.session.idleTimeoutMilliseconds, 1000...86_400_000,
            """
            A connection from which nothing came for this long ends; after half of it the relay asks. Below the minute or \
            two after which routers forget a connection.
            """),
        .milliseconds(
            "close-timeout", \.server.transport.closeTimeoutMilliseconds, 10...60_000,
            "How long the other side of a closing connection may take to close too."),
        .milliseconds(
            "shutdown-grace", \.server.shutdownGraceMilliseconds, 0...600_000,
            "How long what clients have sent may take to be answered when the relay ends. Also told to the clients."),
        .count(
            "max-requests-in-flight", \.server.session.maxRequestsInFlight, 1...1_000_000,
            """
            Requests of one connection that wait for the disk; with as many, no more is read from it. Many, so that one \
            client can fill a transaction.
            """),
        .byteCount(
            "max-bytes-in-flight", \.server.session.maxByteCountInFlight, 4096...1 << 40,
            "Bytes of messages of one connection that wait for the disk, with the same effect."),
        .byteCount(
            "max-bytes-in-flight-per-loop", \.server.session.maxByteCountInFlightPerLoop, 4096...1 << 40,
            "The same for all connections of one thread: the memory that publishing may take."),
        .count(
            "max-subscriptions", \.server.session.maxSubscriptions, 1...10_000_000,
            "Logs that one connection follows, 100 to 300 bytes each: more than the groups of the busiest user."),
        .byteCount(
            "max-pending-answers", \.server.session.maxPendingAnswerByteCount, 4096...1 << 32,
            "Bytes of answers that wait for a socket; beyond, no more requests are read from it."),
        .byteCount(
            "max-write-size", \.server.session.maxWriteByteCount, 1024...1 << 30,
            "Bytes of entries written to one connection at once, so that all get their turn."),
        .byteCount(
            "min-write-size", \.server.session.minWriteByteCount, 1024...1 << 30,
            "The same for a connection that does not keep up: what its socket does not take is kept in memory."),
    ]
}

public enum LoggingSettings: SettingSection {
    public static let title = "Logging"
    public static let settings: [Setting] = [
        .choice("log-level", "LEVEL", \.logLevel, "What to log: this level and those above it."),
        .choice("log-format", "FORMAT", \.logFormat, "Lines for people, or a JSON object each for machines."),
    ]
}

extension Settings {
    /// What does not fit together.
    var contradictions: [String] {
        var contradictions: [String] = []
        let transport = server.transport
        if transport.listeners.contains(where: { $0.scheme.isEncrypted }) {
            if transport.certificatePath == nil {
                contradictions.append("certificate is not set, and wss:// and tls:// need one")
            }
            if transport.privateKeyPath == nil {
                contradictions.append("key is not set, and wss:// and tls:// need one")
            }
        }
        // A Publish has a header and two lengths around the message; what subscribers receive has some more.
        if server.publish.maxMessageByteCount > transport.maxFrameByteCount - 256 {
            contradictions.append(
                "max-message-size must be at least 256 bytes smaller than max-frame-size, or no frame could carry it")
        }
        if server.publish.maxKeyPackageByteCount > server.publish.maxMessageByteCount {
            contradictions.append("max-key-package-size must not be larger than max-message-size")
        }
        if server.keyPackages.minLifetimeMilliseconds > server.keyPackages.maxLifetimeMilliseconds {
            contradictions.append("min-key-package-lifetime must not be longer than max-key-package-lifetime")
        }
        if server.session.minWriteByteCount > server.session.maxWriteByteCount {
            contradictions.append("min-write-size must not be larger than max-write-size")
        }
        if server.store.maxReaders < transport.loopCount + 8 {
            contradictions.append(
                "max-readers must be at least 8 more than loops, so that inspectors can read beside the relay")
        }
        return contradictions
    }
}
