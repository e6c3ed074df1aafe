import ClientStore
import ClientTransport
import MLSPublicGroup
import RelayConnection
import RelayWire
import TLSPresentation

/// A device's side of a relay: its groups, its store, and a connection that comes back whenever it is lost.
///
/// What was asked for and not yet done is in the store, and so is everything that was received: it goes on where it was
/// after a lost connection and after a crash alike. One process at a time uses a store.
public actor RelayClient {
    public nonisolated let identity: Identity
    public nonisolated let configuration: RelayClientConfiguration

    let url: RelayURL
    let store: ClientStore
    /// The time of the entry that is processed.
    let clock = EntryClock()
    var account: Account
    var upkeep = Upkeep()
    /// This device as groups see it, for as long as it has this credential.
    var knownDevice: (credential: [UInt8], device: DeviceContext)?

    // The connection.
    var connection: RelayConnection?
    var isOpen = true
    private var closing: Task<Void, Never>?
    var lastState = ConnectionState.idle
    var connectionReaders: [Task<Void, Never>] = []
    var inboxReader: Task<Void, Never>?

    // Groups.
    var runtimes: [GroupNumber: GroupRuntime] = [:]
    var groupNumbers: [[UInt8]: GroupNumber] = [:]
    var lastWaiter = 0

    private var observers: [Int: AsyncStream<ClientEvent>.Continuation] = [:]

    /// Opens the store in `directory`, or makes it; nothing is connected yet.
    /// - Parameter url: `ws:`, `wss:`, `tcp:` or `tls:` with host and port.
    /// - Throws: `storeInUse`, `storeMismatch` for another identity's store, `damaged`, `storeFailed`, `addressInvalid`.
    public init(
        identity: Identity, directory: String, relay url: String,
        configuration: RelayClientConfiguration = RelayClientConfiguration()
    ) throws(RelayClientError) {
        try self.init(
            identity: identity, directory: directory, relay: url, configuration: configuration,
            storeConfiguration: ClientStoreConfiguration())
    }

    /// - Parameter storeConfiguration: how the store is kept; tests make it fail.
    init(
        identity: Identity, directory: String, relay url: String, configuration: RelayClientConfiguration,
        storeConfiguration: ClientStoreConfiguration
    ) throws(RelayClientError) {
        do {
            self.url = try RelayURL(url)
            let store = try ClientStore(
                directory: directory, key: identity.storeKey, tables: Tables.all, configuration: storeConfiguration)
            account = try Self.loadAccount(of: identity, in: store, configuration)
            let groups = try store.read { try Self.loadGroups($0) }
            self.store = store
            self.identity = identity
            self.configuration = configuration
            for session in groups {
                runtimes[session.number] = GroupRuntime(session)
                groupNumbers[session.record.id] = session.number
            }
        } catch {
            throw RelayClientError(error)
        }
    }

    private static func loadGroups(_ transaction: StoreTransaction) throws -> [GroupSession] {
        try transaction.keys(Tables.groups, prefix: []).compactMap { key in
            try GroupSession(number: GroupNumber(rawValue: try UInt32(decoding: key)), in: transaction)
        }
    }

    // MARK: Connecting

    /// Connects; the first time it registers the device. Afterwards lost connections are made again until `close`.
    /// - Parameter admission: why the device may register; of no meaning once it has.
    /// - Throws: `nameTaken` where this is another device of a user and `admission` is not from one that it has,
    ///   `admissionRequired`, `admissionInvalid`, `relayNotTrusted`, `connectionFailed`, `deviceRevoked`, `userSuspended`.
    public func connect(admission: Admission = .open) async throws(RelayClientError) {
        do {
            try await begin(admission)
        } catch {
            throw RelayClientError(error)
        }
    }

    /// Ends the connection and closes the store. What is not sent yet is, the next time. Whoever calls this, also again,
    /// finds the store closed afterwards.
    public func close() async {
        guard isOpen else {
            await closing?.value
            return
        }
        isOpen = false
        let closing = Task { await end() }
        self.closing = closing
        await closing.value
    }

    private func end() async {
        let ending = RelayClientError(.closed, "the client was closed")
        for runtime in runtimes.values { runtime.end(ending) }
        inboxReader?.cancel()
        for reader in connectionReaders { reader.cancel() }
        await connection?.close()
        connection = nil
        setState(.ended(ending))
        for observer in observers.values { observer.finish() }
        observers = [:]
        store.close()
    }

    /// What the client is doing.
    public var connectionState: ConnectionState { lastState }

    /// What happens from now on. A reader that is slow misses the oldest: all of it can be asked for as well.
    public func events() -> AsyncStream<ClientEvent> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: ClientEvent.self, bufferingPolicy: .bufferingNewest(1000))
        guard isOpen else {
            continuation.finish()
            return stream
        }
        lastWaiter += 1
        let id = lastWaiter
        observers[id] = continuation
        continuation.onTermination = { [weak self] _ in Task { [weak self] in await self?.forgetObserver(id) } }
        return stream
    }

    private func forgetObserver(_ id: Int) { observers[id] = nil }

    func tell(_ event: ClientEvent) { for observer in observers.values { observer.yield(event) } }

    /// Something that nobody waits for has failed.
    func report(_ error: any Error) {
        let error = RelayClientError(error)
        guard isOpen, ![.cancelled, .closed].contains(error.code) else { return }
        tell(.problem(error))
    }

    func setState(_ state: ConnectionState) {
        guard state != lastState else { return }
        lastState = state
        tell(.connection(state))
    }

    // MARK: Groups

    /// The groups that this device is in, in the order in which it came to them.
    public func groups() throws(RelayClientError) -> [EncryptedGroup] {
        runtimes.values.filter { $0.session.isMember || $0.session.record.status == .joining }
            .sorted { $0.session.number.rawValue < $1.session.number.rawValue }
            .map { EncryptedGroup(id: $0.session.id, client: self) }
    }

    /// One of them, or one that this device was in.
    public func group(_ id: GroupID) throws(RelayClientError) -> EncryptedGroup? {
        runtime(id).map { _ in EncryptedGroup(id: id, client: self) }
    }

    /// Creates a group; this user is its admin, and all devices of the user are in it as soon as they know of it.
    /// - Parameter name: what people call it, at most 255 bytes.
    public func createGroup(
        named name: String, alias: String = "", policy: GroupPolicySettings = GroupPolicySettings()
    ) async throws(RelayClientError) -> EncryptedGroup {
        do {
            return EncryptedGroup(id: try await create(name, alias, policy), client: self)
        } catch {
            throw RelayClientError(error)
        }
    }

    /// Groups that whoever wants may join, whose name or alias has `filter` in it.
    public func openGroups(matching filter: String = "") async throws(RelayClientError) -> [OpenGroup] {
        do { return try await listOpenGroups(matching: filter) } catch { throw RelayClientError(error) }
    }

    /// Joins an open group; returns once this device is in it.
    public func join(_ id: GroupID) async throws(RelayClientError) -> EncryptedGroup {
        do {
            try await joinFromOutside(id)
            return EncryptedGroup(id: id, client: self)
        } catch {
            throw RelayClientError(error)
        }
    }

    // MARK: Invitations

    /// The open ones: to this user, by this user, and those that wait for this user's approval.
    public func invitations() throws(RelayClientError) -> [Invitation] {
        do { return try listInvitations() } catch { throw RelayClientError(error) }
    }

    /// Accepts an invitation; the inviter's device then adds this user, and `ClientEvent.groupJoined` comes.
    public func accept(_ invitation: Invitation) async throws(RelayClientError) {
        do { try await answer(invitation, .accept) } catch { throw RelayClientError(error) }
    }

    public func decline(_ invitation: Invitation) async throws(RelayClientError) {
        do { try await answer(invitation, .decline) } catch { throw RelayClientError(error) }
    }

    /// Takes back an invitation of this user's.
    public func cancel(_ invitation: Invitation) async throws(RelayClientError) {
        do { try await answer(invitation, .cancel) } catch { throw RelayClientError(error) }
    }

    /// As an admin, lets a user be asked, or not.
    public func approve(
        _ invitation: Invitation, _ isApproved: Bool = true
    ) async throws(RelayClientError) {
        do { try await answer(invitation, isApproved ? .approve : .refuse) } catch { throw RelayClientError(error) }
    }

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
