internal import ClientStore
internal import ClientTransport
internal import RelayConnection

/// A device's side of a relay: its groups, its store, and a connection that comes back whenever it is lost.
///
/// What was asked for and not yet done is in the store, and so is everything that was received: it goes on where it was
/// after a lost connection and after a crash alike. One process at a time uses a store.
public actor RelayClient {
    public nonisolated let identity: Identity
    public nonisolated let configuration: RelayClientConfiguration
    let store: ClientStore
    let url: RelayURL
    var connection: RelayConnection?
    var account: Account
    var upkeep = Upkeep()
    private var observers: [AsyncStream<ClientEvent>.Continuation] = []
    private var reader: Task<Void, any Error>?

    /// Opens the store in `directory`, or makes it; nothing is connected yet.
    /// - Parameter url: `ws:`, `wss:`, `tcp:` or `tls:` with host and port.
    /// - Throws: `storeInUse`, `storeMismatch` for another identity's store, `damaged`, `storeFailed`, `addressInvalid`.
    public init(
        identity: Identity, directory: String, relay url: String,
        configuration: RelayClientConfiguration = RelayClientConfiguration()
    ) throws(RelayClientError) {
        do {
            try self.init(
                identity: identity, directory: directory, relay: url, configuration: configuration,
                storeConfiguration: ClientStoreConfiguration())
        } catch { throw RelayClientError(error) }
    }

    /// - Parameter storeConfiguration: how the store is kept; tests make it fail.
    init(
        identity: Identity, directory: String, relay url: String, configuration: RelayClientConfiguration,
        storeConfiguration: ClientStoreConfiguration
    ) throws {
        self.identity = identity
        self.configuration = configuration
        self.url = try RelayURL(url)
        store = try ClientStore(
            directory: directory, key: identity.storeKey, tables: Tables.all, configuration: storeConfiguration)
        account = try Self.loadAccount(of: identity, in: store, configuration)
    }

    /// Connects; the first time it registers the device. Afterwards lost connections are made again until `close`.
    /// - Parameter admission: why the device may register; of no meaning once it has.
    /// - Throws: `nameTaken` where this is another device of a user and `admission` is not from one that it has,
    ///   `admissionRequired`, `admissionInvalid`, `relayNotTrusted`, `connectionFailed`, `deviceRevoked`, `userSuspended`.
    public func connect(admission: Admission = .open) async throws(RelayClientError) {
        do {
            var base = RelayConnectionConfiguration()
            base.requestTimeout = configuration.requestTimeout
            let connection = try RelayConnection(
                url: url, identity: identity.connectionIdentity,
                configuration: connectionConfiguration(base, admission: admission))
            try await connection.connect()
            self.connection = connection
            try await didConnect()
            let inbox = try await connection.subscribe(to: .inbox, after: account.inbox)
            reader = Task { [weak self] in try await self?.read(inbox) }
        } catch { throw RelayClientError(error) }
    }

    /// Ends the connection and closes the store. What is not sent yet is, the next time.
    public func close() async {
        reader?.cancel()
        await connection?.close()
        store.close()
        for observer in observers { observer.finish() }
    }

    /// What the client is doing.
    public var connectionState: ConnectionState { preconditionFailure("not here yet") }

    /// What happens from now on. A reader that is slow misses the oldest: all of it can be asked for as well.
    public func events() -> AsyncStream<ClientEvent> {
        let (stream, continuation) = AsyncStream.makeStream(of: ClientEvent.self)
        observers.append(continuation)
        return stream
    }

    private func read(_ inbox: LogSubscription) async throws {
        var iterator = inbox.makeAsyncIterator()
        while let entries = try await iterator.nextBatch() {
            var changed = account
            let events = try store.write { transaction in
                let events = try entries.compactMap { entry in
                    changed.inbox = Cursor(entry)
                    return try entry.entry.flatMap { try receive($0, &changed, in: transaction) }
                }
                try transaction.put(changed)
                return events
            }
            account = changed
            for event in events { tell(event) }
            if account.needsUpkeep { Task { await maintain() } }
        }
    }

    func tell(_ event: ClientEvent) { for observer in observers { observer.yield(event) } }

    // MARK: Groups

    /// The groups that this device is in, in the order in which it came to them.
    public func groups() throws(RelayClientError) -> [EncryptedGroup] { preconditionFailure("not here yet") }

    /// One of them, or one that this device was in.
    public func group(_ id: GroupID) throws(RelayClientError) -> EncryptedGroup? { preconditionFailure("not here yet") }

    /// Creates a group; this user is its admin, and all devices of the user are in it as soon as they know of it.
    /// - Parameter name: what people call it, at most 255 bytes.
    public func createGroup(
        named name: String, alias: String = "", policy: GroupPolicySettings = GroupPolicySettings()
    ) async throws(RelayClientError) -> EncryptedGroup {
        preconditionFailure("not here yet")
    }

    /// Groups that whoever wants may join, whose name or alias has `filter` in it.
    public func openGroups(matching filter: String = "") async throws(RelayClientError) -> [OpenGroup] {
        preconditionFailure("not here yet")
    }

    /// Joins an open group; returns once this device is in it.
    public func join(_ id: GroupID) async throws(RelayClientError) -> EncryptedGroup {
        preconditionFailure("not here yet")
    }

    // MARK: Invitations

    /// The open ones: to this user, by this user, and those that wait for this user's approval.
    public func invitations() throws(RelayClientError) -> [Invitation] { preconditionFailure("not here yet") }

    /// Accepts an invitation; the inviter's device then adds this user, and `ClientEvent.groupJoined` comes.
    public func accept(_ invitation: Invitation) async throws(RelayClientError) { preconditionFailure("not here yet") }

    public func decline(_ invitation: Invitation) async throws(RelayClientError) { preconditionFailure("not here yet") }

    /// Takes back an invitation of this user's.
    public func cancel(_ invitation: Invitation) async throws(RelayClientError) { preconditionFailure("not here yet") }

    /// As an admin, lets a user be asked, or not.
    public func approve(
        _ invitation: Invitation, _ isApproved: Bool = true
    ) async throws(RelayClientError) { preconditionFailure("not here yet") }

    // MARK: Users and devices

    /// The devices of a user that the relay shows; of this user where `name` is nil.
    /// - Throws: `userUnknown`.
    public func devices(of name: String? = nil) async throws(RelayClientError) -> [Device] {
        do { return try await lookUpDevices(of: name) } catch { throw RelayClientError(error) }
    }

    /// Names of users that begin with `prefix`, at most `limit`.
    public func searchUsers(prefix: String, limit: Int = 100) async throws(RelayClientError) -> [String] {
        do { return try await findUsers(prefix: prefix, limit: limit) } catch { throw RelayClientError(error) }
    }

    /// Remembers that a person has compared this fingerprint, or takes that back.
    /// - Throws: `keyNotTrusted` where no device of the user has this fingerprint.
    public func setVerified(
        _ isVerified: Bool, _ fingerprint: Fingerprint, of user: String
    ) async throws(RelayClientError) {
        do { try await markVerified(isVerified, fingerprint, of: user) } catch { throw RelayClientError(error) }
    }

    /// Lets another device of this user register, within the next day.
    /// - Parameter request: what `Identity.admissionRequest` gave on the other device.
    /// - Returns: the text to carry back to it, for `Admission.device`.
    public func admit(_ request: String) async throws(RelayClientError) -> String {
        do { return try sign(admissionOf: request) } catch { throw RelayClientError(error) }
    }

    /// Revokes a device of this user, for ever: it is taken out of all groups.
    public func revoke(_ device: Device) async throws(RelayClientError) {
        do { try await revokeDevice(device.fingerprint) } catch { throw RelayClientError(error) }
    }
}

/// Why a new device may register.
public enum Admission: Hashable, Sendable {
    /// The relay lets everybody in.
    case open
    /// A token of the relay's operator.
    case token(String)
    /// What `RelayClient.admit` gave on a device that the user has already.
    case device(String)
}
