import MLSCrypto
import RelayConnection
import RelayWire

/// A group whose messages only its members can read: a handle, cheap to copy, that stays valid.
///
/// What changes the group returns once the relay has accepted it and this device has applied it. If another member's
/// change comes first, it is made anew on top of that; after a crash it goes on by itself.
public struct EncryptedGroup: Hashable, Sendable {
    public let id: GroupID
    let client: RelayClient

    public static func == (left: EncryptedGroup, right: EncryptedGroup) -> Bool {
        left.id == right.id && left.client === right.client
    }
    public func hash(into hasher: inout Hasher) { hasher.combine(id) }

    // MARK: Looking at it

    /// The group as this device knows it; without asking the relay.
    public func state() async throws(RelayClientError) -> GroupState {
        do { return try await client.state(of: id) } catch { throw RelayClientError(error) }
    }

    /// Events behind `position`, those that are stored and then those that come, until the client is closed or the task
    /// is cancelled.
    public func events(after position: EventPosition = .start) -> GroupEvents {
        GroupEvents(group: self, position: position)
    }

    /// The stored events behind `position`, at most `limit`, in their order.
    public func history(
        after position: EventPosition = .start, limit: Int = 1000
    ) async throws(RelayClientError) -> [GroupEvent] {
        do { return try await client.events(of: id, after: position, limit: limit) } catch {
            throw RelayClientError(error)
        }
    }

    /// The last events before `position`, at most `limit`, in their order.
    public func history(
        before position: EventPosition, limit: Int = 100
    ) async throws(RelayClientError) -> [GroupEvent] {
        do { return try await client.events(of: id, before: position, limit: limit) } catch {
            throw RelayClientError(error)
        }
    }

    // MARK: Talking

    /// Says something. Returns when it is stored in this device, from where it is sent, once, as soon as that can be.
    @discardableResult
    public func send(_ text: String) async throws(RelayClientError) -> MessageID {
        try await send(Array(text.utf8), contentType: Message.text)
    }

    /// Says something that is of another media type than text.
    @discardableResult
    public func send(
        _ body: [UInt8], contentType: String
    ) async throws(RelayClientError) -> MessageID {
        do { return try await client.send(body, contentType, to: id) } catch { throw RelayClientError(error) }
    }

    /// Waits until the relay has a message of this device, and returns its place in the group's log.
    /// - Throws: `notMember` where it was not sent, and will not be; `obsolete` where this device has sent no such message.
    public func accepted(_ message: MessageID) async throws(RelayClientError) -> UInt64 {
        do { return try await client.accepted(message, in: id) } catch { throw RelayClientError(error) }
    }

    // MARK: Changing it

    /// Adds users with all their devices; where the group asks people first, or an admin has to approve, invites them.
    public func add(_ users: [String]) async throws(RelayClientError) {
        do { try await client.add(users, to: id) } catch { throw RelayClientError(error) }
    }

    /// Removes users with all their devices.
    /// - Throws: `userUnknown` where none of them is in the group, `notAllowed`, `lastAdmin`.
    public func remove(_ users: [String]) async throws(RelayClientError) {
        do { try await client.remove(users, from: id) } catch { throw RelayClientError(error) }
    }

    /// Removes single devices.
    public func remove(devices: [Fingerprint]) async throws(RelayClientError) {
        do { try await client.remove(devices: devices, from: id) } catch { throw RelayClientError(error) }
    }

    /// Leaves with all devices of this user.
    public func leave() async throws(RelayClientError) {
        do { try await client.leave(id) } catch { throw RelayClientError(error) }
    }

    /// Gives this device new keys in the group: who has got hold of the old ones can read no further.
    public func rotateKeys() async throws(RelayClientError) {
        do { try await client.change(id, .change(.update)) } catch { throw RelayClientError(error) }
    }

    /// Proposes new keys for this device, which another member commits.
    public func proposeKeyRotation() async throws(RelayClientError) {
        do { try await client.change(id, .propose(.update)) } catch { throw RelayClientError(error) }
    }

    /// Sets the group's name, and its alias where one is given.
    public func rename(_ name: String, alias: String? = nil) async throws(RelayClientError) {
        do {
            try await client.update(id) { record in
                record.name = Array(name.utf8)
                if let alias { record.alias = Array(alias.utf8) }
            }
        } catch { throw RelayClientError(error) }
    }

    /// Sets who may do what. Whether changes are hidden cannot be changed.
    public func setPolicy(_ policy: GroupPolicySettings) async throws(RelayClientError) {
        do {
            try await client.update(id) { record in
                let mode = record.policy.mode
                record.policy = policy.wire
                record.policy.mode = mode
            }
        } catch { throw RelayClientError(error) }
    }

    public func setRole(_ role: GroupRole, of user: String) async throws(RelayClientError) {
        do {
            try await client.ask(id) { log in
                SetRole(log: log, name: Array(user.utf8), role: role == .admin ? .admin : .member)
            }
        } catch { throw RelayClientError(error) }
    }

    /// Keeps a user out, or no longer. It is not removed by that.
    public func setBanned(_ isBanned: Bool, user: String) async throws(RelayClientError) {
        do {
            try await client.ask(id) { log in Ban(log: log, name: Array(user.utf8), isBanned: isBanned) }
        } catch { throw RelayClientError(error) }
    }

    /// Deletes the group for everybody.
    public func delete() async throws(RelayClientError) {
        do { try await client.ask(id) { log in DeleteGroup(log: log) } } catch { throw RelayClientError(error) }
    }

    /// Compares what members have seen, now; findings come as events.
    public func checkHeads() async throws(RelayClientError) {
        do { try await client.checkHeads(id) } catch { throw RelayClientError(error) }
    }
}

/// The events of a group, as they are stored. See `EncryptedGroup.events`.
public struct GroupEvents: AsyncSequence, Sendable {
    public typealias Element = GroupEvent
    public typealias Failure = RelayClientError

    let group: EncryptedGroup
    let position: EventPosition

    public func makeAsyncIterator() -> Iterator { Iterator(group: group, position: position) }

    public struct Iterator: AsyncIteratorProtocol {
        private let group: EncryptedGroup
        private var position: EventPosition
        private var batch: ArraySlice<GroupEvent> = []

        init(group: EncryptedGroup, position: EventPosition) {
            self.group = group
            self.position = position
        }

        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(RelayClientError) -> GroupEvent? {
            if batch.isEmpty {
                do {
                    batch = try await group.client.nextEvents(of: group.id, after: position)[...]
                } catch {
                    throw RelayClientError(error)
                }
            }
            guard let event = batch.popFirst() else { return nil }
            position = event.position
            return event
        }

        public mutating func next() async throws(RelayClientError) -> GroupEvent? { try await next(isolation: nil) }
    }
}
