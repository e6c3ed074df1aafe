public import MLSCodec
import MLSPublicGroup
import RelayAuthority
public import RelayCore
import RelayCredentials
public import RelayStore
public import RelayTransport
public import RelayWire

/// How a relay runs; what an operator may change.
public struct ServerConfiguration: Sendable {
    public var transport: TransportConfiguration
    /// Where the store is; created when it is not there.
    public var dataDirectory: String
    public var store = StoreConfiguration()
    public var core = CoreLimits()
    public var rules = RelayRules()
    public var credentials = CredentialConfiguration()
    public var publish = PublishLimits()
    public var keyPackages = KeyPackageConfiguration()
    public var session = SessionLimits()
    public var addresses = AddressLimits()
    /// What clients sign that they log in to; at most 255 bytes.
    public var serverName = "mlsrelay"
    /// How long clients may take to go when the relay ends.
    public var shutdownGraceMilliseconds: UInt32 = 5000

    public init(transport: TransportConfiguration, dataDirectory: String) {
        self.transport = transport
        self.dataDirectory = dataDirectory
    }
}

/// Which KeyPackages are kept for others. RFC 9420 sections 7.2 and 10.1.
public struct KeyPackageConfiguration: Hashable, Sendable {
    public var cipherSuites = KeyPackagePolicy.allCipherSuites
    /// The longest total lifetime. RFC 9420 section 7.2 asks for one to be chosen: a year, and a month for those who publish
    /// the next ones before the last ones end.
    public var maxLifetimeMilliseconds: UInt64 = 400 * 86_400_000
    /// How long a KeyPackage must still be good for when it is published.
    public var minLifetimeMilliseconds: UInt64 = 3_600_000

    public init() {}
}

/// Which credentials the relay issues and takes.
public struct CredentialConfiguration: Hashable, Sendable {
    public var rule = CredentialRule.either
    /// Where the authority has its keys; nil for `authority` in the data directory. Made when it is not there.
    public var authorityDirectory: String?
    /// How long a certificate is valid: long enough for a client that is away for a season, and nobody has to be trusted for
    /// ever who once was.
    public var lifetimeMilliseconds: UInt64 = 90 * 86_400_000

    public init() {}
}

extension ServerConfiguration {
    /// What certificates are issued with; nil where none are. The data directory exists by now.
    /// - Parameter now: in seconds.
    func certificateAuthority(at now: UInt64) throws(AuthorityError) -> CertificateAuthority? {
        guard credentials.rule != .basic else { return nil }
        return try CertificateAuthority(
            directory: credentials.authorityDirectory ?? dataDirectory + "/authority", serverName: serverName, at: now)
    }

    /// Whose a credential is.
    /// - Parameters:
    ///   - root: of the relay's authority; nil where it has none.
    ///   - clock: in seconds; nil where it does not matter when a certificate is valid.
    func authenticationService(
        root: [UInt8]?, clock: (@Sendable () -> UInt64)?
    ) throws(CredentialError) -> any AuthenticationService {
        let verifier = try CredentialVerifier(
            serverName: serverName, root: root, acceptsBasic: credentials.rule != .x509)
        return RelayAuthenticationService(verifier: verifier, clock: clock)
    }

    func keyPackagePolicy(_ service: any AuthenticationService) -> KeyPackagePolicy {
        var policy = KeyPackagePolicy(
            validation: ValidationPolicy(
                maxTotalLifetime: keyPackages.maxLifetimeMilliseconds / 1000, authenticationService: service,
                clientSupport: nil), cipherSuites: keyPackages.cipherSuites)
        policy.minLifetime = keyPackages.minLifetimeMilliseconds / 1000
        return policy
    }
}

/// What one connection may do. PROTOCOL.md section 9.
public struct SessionLimits: Hashable, Sendable {
    /// Until a client must have authenticated.
    public var helloTimeoutMilliseconds: UInt64 = 10_000
    /// A connection from which nothing came for this long ends; after half of it the relay asks with a Ping.
    public var idleTimeoutMilliseconds: UInt32 = 60_000
    /// Requests that change something and wait for their answer; the relay reads no further while there are as many.
    public var maxRequestsInFlight = 1024
    /// Bytes of messages that wait for their answer, with the same effect.
    public var maxByteCountInFlight = 8 << 20
    /// Requests of one connection in a second, and at once, that are answered from what is stored; 0 for no limit. One that
    /// goes on with all of its groups after a pause has some hundred of them.
    public var maxRequestsPerSecond = 2000
    /// LookUp and SearchUsers of one client in a minute, and at once; 0 for no limit. Each reads many records.
    public var maxSearchesPerMinute = 600
    /// Logs that one connection follows.
    public var maxSubscriptions = 20_000
    /// Bytes of answers that wait for the socket; beyond, no further requests are read.
    public var maxPendingAnswerByteCount = 1 << 20
    /// Bytes of entries that are written to one connection in one turn.
    public var maxWriteByteCount = 256 << 10
    /// The same for a connection that could not take what was written last.
    public var minWriteByteCount = 32 << 10
    /// How often receipts of a group are told: to the store by loops, and by loops to those who follow them.
    public var receiptIntervalMilliseconds: UInt64 = 1000
    /// Bytes of messages that one loop's connections may have waiting for the writer together.
    public var maxByteCountInFlightPerLoop = 128 << 20

    public init() {}
}
