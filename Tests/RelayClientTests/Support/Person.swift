import ClientStore
import Foundation
import RelayClient
import Synchronization
import TestSupport
import Testing

@testable import RelayClient

/// A device of a user in a test: an identity, its store, and the client on it, which can end and come back.
final class Person: Sendable {
    let identity: Identity
    /// Where the client connects: the relay, or a proxy before it.
    let url: String
    private let directory: String
    private let configuration: RelayClientConfiguration
    /// Where the device's store crashes; nil where it does not.
    let faults: StoreFaults?
    private let state = Mutex(State())

    private struct State {
        var client: RelayClient?
        var events = EventLog<ClientEvent>()
        /// How far the client's events were looked at, and those of groups.
        var next = 0
        var positions: [GroupID: EventPosition] = [:]
        var reader: Task<Void, Never>?
    }

    private init(
        _ identity: Identity, _ url: String, _ configuration: RelayClientConfiguration, _ faults: StoreFaults?
    ) {
        self.identity = identity
        self.url = url
        self.configuration = configuration
        self.faults = faults
        directory = temporaryPath("client-\(identity.user)")
    }

    deinit {
        // What is left is a temporary folder.
        try? FileManager.default.removeItem(atPath: directory)
    }

    /// What tests use: quick, and small.
    static var configuration: RelayClientConfiguration {
        var configuration = RelayClientConfiguration()
        configuration.keyPackageCount = 5
        configuration.commitDelay = .milliseconds(50)
        configuration.secondCheckDelay = .milliseconds(200)
        configuration.reconnectDelay = .milliseconds(20) ... .milliseconds(200)
        return configuration
    }

    /// A new device of `user`, connected to the relay at `url`. See `Crowd`, which closes those that it makes.
    static func connected(
        _ user: String, device: String = "phone", at url: String, admission: Admission = .open,
        faults: StoreFaults? = nil, _ change: (inout RelayClientConfiguration) -> Void = { _ in }
    ) async throws -> Person {
        var configuration = configuration
        change(&configuration)
        let person = Person(try Identity.create(user: user, device: device), url, configuration, faults)
        try await person.open(admission)
        return person
    }

    /// A further device of this user, admitted by this one.
    func furtherDevice(_ device: String, at url: String? = nil) async throws -> Person {
        let identity = try Identity.create(user: user, device: device)
        let admission = try await client.admit(identity.admissionRequest)
        let person = Person(identity, url ?? self.url, configuration, faults.map { _ in StoreFaults() })
        try await person.open(.device(admission))
        return person
    }

    /// The device is away: it was closed, and has not come back yet.
    struct Away: Error { let name: String }

    var user: String { identity.user }

    var client: RelayClient {
        get throws {
            guard let client = state.withLock({ $0.client }) else {
                throw Away(name: name)
            }
            return client
        }
    }

    // MARK: Ending and coming back

    private func open(_ admission: Admission) async throws {
        var store = ClientStoreConfiguration()
        // What is crashed here is never the computer.
        if let faults { (store.isDurable, store.faults) = (false, faults.begin()) }
        let client = try RelayClient(
            identity: identity, directory: directory, relay: url, configuration: configuration,
            storeConfiguration: store)
        faults?.whenCrashed { [weak client] in Task { await client?.close() } }
        let log = EventLog<ClientEvent>()
        let stream = await client.events()
        let reader = Task { for await event in stream { log.append(event) } }
        state.withLock { state in
            (state.client, state.events, state.next, state.reader) = (client, log, 0, reader)
        }
        try await client.connect(admission: admission)
    }

    /// The device goes away.
    func close() async {
        let (client, reader) = state.withLock { state in (state.client.take(), state.reader.take()) }
        await client?.close()
        await faults?.settle()
        reader?.cancel()
    }

    /// The device comes back with what it has stored.
    func reopen() async throws {
        await close()
        try await open(.open)
    }

    // MARK: Events of the client

    /// The first event of the client, behind those that were looked at, from which `transform` makes something.
    func next<Value: Sendable>(
        _ what: String, _ transform: @escaping @Sendable (ClientEvent) -> Value?
    ) async throws -> Value {
        let (events, start) = state.withLock { ($0.events, $0.next) }
        let (value, next) = try await events.first("\(what) at \(name)", from: start, transform)
        state.withLock { $0.next = next }
        return value
    }

    /// All that the client has said since it was opened.
    var events: [ClientEvent] { state.withLock { $0.events }.all }

    /// What has failed in the background since it was opened.
    var problems: [RelayClientError] {
        events.compactMap { event in
            if case .problem(let error) = event { error } else { nil }
        }
    }

    /// Waits until this device is in a group, and returns it.
    func joined(_ id: GroupID) async throws -> EncryptedGroup {
        try await until("\(name) in the group") { try await self.isMember(of: id) }
        return try await group(id)
    }

    private func isMember(of id: GroupID) async throws -> Bool {
        guard let group = try await client.group(id) else { return false }
        return try await group.state().isMember == true
    }

    /// Waits for an invitation of this user's that waits for it, and accepts it.
    @discardableResult
    func acceptNext() async throws -> Invitation {
        let invitation = try await nextInvitation(.waiting)
        try await client.accept(invitation)
        return invitation
    }

    func nextInvitation(_ wanted: Invitation.State) async throws -> Invitation {
        try await next("invitation that is \(wanted)") { event in
            if case .invitation(let invitation) = event, invitation.state == wanted { invitation } else { nil }
        }
    }

    // MARK: Groups

    func group(_ id: GroupID) async throws -> EncryptedGroup {
        guard let group = try await client.group(id) else {
            throw FakeServer.Failure(description: "\(name) knows no such group")
        }
        return group
    }

    func createGroup(named name: String, policy: GroupPolicySettings) async throws -> EncryptedGroup {
        let client = try client
        return try await bounded("\(self.name)'s group") { try await client.createGroup(named: name, policy: policy) }
    }

    func groupState(_ id: GroupID) async throws -> GroupState { try await group(id).state() }

    /// The first event of a group, behind those that were looked at, from which `transform` makes something.
    @discardableResult
    func next<Value: Sendable>(
        _ what: String, in id: GroupID, _ transform: @escaping @Sendable (GroupEvent.Kind) -> Value?
    ) async throws -> Value {
        let group = try await group(id)
        let start = state.withLock { $0.positions[id] ?? .start }
        let (value, position) = try await bounded("\(what) at \(name)") { () -> (Value, EventPosition) in
            for try await event in group.events(after: start) {
                if let value = transform(event.kind) { return (value, event.position) }
            }
            throw FakeServer.Failure(description: "the events ended before \(what)")
        }
        state.withLock { $0.positions[id] = position }
        return value
    }

    /// Waits for a message with this text.
    @discardableResult
    func message(_ text: String, in id: GroupID) async throws -> Message {
        try await next("message \"\(text)\"", in: id) { kind in
            if case .message(let message) = kind, message.text == text { message } else { nil }
        }
    }

    /// Waits until a user's device was added, and returns it and who did it.
    @discardableResult
    func sees(_ user: String, joinIn id: GroupID) async throws -> (Member, by: Member?) {
        try await next("\(user) joining", in: id) { kind in
            if case .joined(let member, let by) = kind, member.user == user { (member, by) } else { nil }
        }
    }

    @discardableResult
    func sees(_ user: String, removedFrom id: GroupID) async throws -> (Member, by: Member?) {
        try await next("\(user)'s removal", in: id) { kind in
            if case .removed(let member, let by) = kind, member.user == user { (member, by) } else { nil }
        }
    }

    /// All events of a group that this device has stored.
    func history(_ id: GroupID) async throws -> [GroupEvent.Kind] {
        try await group(id).history(after: .start, limit: 100_000).map(\.kind)
    }

    /// The texts that others have sent, in their order.
    func texts(_ id: GroupID) async throws -> [String] {
        try await history(id).compactMap { kind in
            if case .message(let message) = kind { message.text } else { nil }
        }
    }

    func warnings(_ id: GroupID) async throws -> [IntegrityWarning] {
        try await history(id).compactMap { kind in
            if case .integrityWarning(let warning) = kind { warning } else { nil }
        }
    }

    /// Expects just these warnings in a group.
    func expectWarnings(
        _ wanted: [IntegrityWarning], in id: GroupID, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let found = try await warnings(id)
        #expect(found == wanted, "at \(name)", sourceLocation: sourceLocation)
    }

    var name: String { "\(identity.user)'s \(identity.device)" }
}

/// Waits until all are in the same epoch of a group with the same safety number, and returns the epoch.
@discardableResult
func converge(_ people: [Person], in id: GroupID, within limit: Duration = patience) async throws -> UInt64 {
    try await until("agreement of \(people.map(\.name))", within: limit) {
        var states: Set<[String]> = []
        for person in people {
            let state = try await person.groupState(id)
            guard state.isMember == true, let number = state.safetyNumber else { return false }
            states.insert(["\(state.epoch)", number.description] + state.users.map(\.name).sorted())
        }
        return states.count == 1
    }
    guard let first = people.first else { return 0 }
    return try await first.groupState(id).epoch
}

extension Person {
    /// What this device has still to do in a group, in words.
    func unfinished(_ id: GroupID) async throws -> [String] { try await client.unfinished(id) }
    /// How often a commit of this device's came too late, since the device was opened.
    func racesLost(_ id: GroupID) async throws -> Int { try await client.racesLost(id) }
    /// What this device does in a group at the moment, for who looks for a fault.
    func inside(_ id: GroupID) async throws -> String { try await client.inside(id) }
    func unfinishedTexts(_ id: GroupID) async throws -> [String] { try await client.unfinishedTexts(id) }
}

extension RelayClient {
    fileprivate func unfinished(_ id: GroupID) throws -> [String] {
        let session = try existing(id).session
        return session.outbox.map { "\($0.item.content)" } + (session.publication.map { ["\($0.kind)"] } ?? [])
    }

    fileprivate func racesLost(_ id: GroupID) throws -> Int { try existing(id).racesLost }

    fileprivate func inside(_ id: GroupID) throws -> String {
        let runtime = try existing(id)
        let (session, record) = (runtime.session, runtime.session.record)
        let items = session.outbox.map { entry in
            let (item, prepared) = (entry.item, entry.item.prepared)
            let what = item.isChange ? "change" : "message"
            return "\(what) of \(prepared?.epoch as Any) refused in \(prepared?.refusedIn as Any)"
                + ((prepared.map { runtime.acceptedMessages.contains($0.hash) } ?? false) ? " accepted" : "")
        }
        return "\(record.status) at \(record.cursor) of \(record.log), first epoch \(record.firstEpoch), "
            + "reads to \(runtime.lastToRead as Any), followers \(runtime.lastFollower), inbox \(account.inbox), "
            + "admins \(record.admins.count), "
            + "denied \(record.denied as Any), follows \(runtime.follower != nil), works \(runtime.isWorking), "
            + "pending \(runtime.hasPendingProposals), broken \(runtime.isBroken), to publish "
            + "\(session.publication?.epoch as Any) settled \(runtime.settledPublication?.epoch as Any), to do \(items), "
            + "waiting: for items \(runtime.itemWaiters.keys.sorted()), for turns \(runtime.turnWaiters.count)"
    }

    fileprivate func unfinishedTexts(_ id: GroupID) throws -> [String] {
        try existing(id).session.outbox.compactMap { entry in
            if case .message(let payload) = entry.item.content {
                String(decoding: payload.body, as: UTF8.self)
            } else {
                nil
            }
        }
    }

    /// All groups in the store, also those that are over.
    func knownGroups() -> [GroupID] { runtimes.values.map(\.session.id) }
}
