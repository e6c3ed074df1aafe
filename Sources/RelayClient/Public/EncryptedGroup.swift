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
    public func state() async throws(RelayClientError) -> GroupState { preconditionFailure("not here yet") }

    /// Events behind `position`, those that are stored and then those that come, until the client is closed or the task
    /// is cancelled.
    public func events(after position: EventPosition = .start) -> GroupEvents {
        GroupEvents(group: self, position: position)
    }

    /// The stored events behind `position`, at most `limit`, in their order.
    public func history(
        after position: EventPosition = .start, limit: Int = 1000
    ) async throws(RelayClientError) -> [GroupEvent] { preconditionFailure("not here yet") }

    /// The last events before `position`, at most `limit`, in their order.
    public func history(
        before position: EventPosition, limit: Int = 100
    ) async throws(RelayClientError) -> [GroupEvent] { preconditionFailure("not here yet") }

    // MARK: Talking

    /// Says something. Returns when it is stored in this device, from where it is sent, once, as soon as that can be.
    @discardableResult
    public func send(_ text: String) async throws(RelayClientError) -> MessageID {
        try await send(Array(text.utf8), contentType: Message.text)
    }

    @discardableResult
    public func send(
        _ body: [UInt8], contentType: String
    ) async throws(RelayClientError) -> MessageID { preconditionFailure("not here yet") }

    /// Waits until the relay has a message of this device, and returns its place in the group's log.
    public func accepted(_ message: MessageID) async throws(RelayClientError) -> UInt64 {
        preconditionFailure("not here yet")
    }

    // MARK: Changing it

    /// Adds users with all their devices; where the group asks people first, invites them.
    public func add(_ users: [String]) async throws(RelayClientError) { preconditionFailure("not here yet") }

    /// Removes users with all their devices.
    public func remove(_ users: [String]) async throws(RelayClientError) { preconditionFailure("not here yet") }

    /// Removes single devices.
    public func remove(devices: [Fingerprint]) async throws(RelayClientError) { preconditionFailure("not here yet") }

    /// Leaves with all devices of this user.
    public func leave() async throws(RelayClientError) { preconditionFailure("not here yet") }

    /// Gives this device new keys in the group: who has got hold of the old ones can read no further.
    public func rotateKeys() async throws(RelayClientError) { preconditionFailure("not here yet") }

    /// Proposes new keys for this device, which another member commits.
    public func proposeKeyRotation() async throws(RelayClientError) { preconditionFailure("not here yet") }

    public func rename(
        _ name: String, alias: String? = nil
    ) async throws(RelayClientError) { preconditionFailure("not here yet") }

    /// Sets who may do what. Whether changes are hidden cannot be changed.
    public func setPolicy(_ policy: GroupPolicySettings) async throws(RelayClientError) {
        preconditionFailure("not here yet")
    }

    public func setRole(_ role: GroupRole, of user: String) async throws(RelayClientError) {
        preconditionFailure("not here yet")
    }

    /// Keeps a user out, or no longer. It is not removed by that.
    public func setBanned(_ isBanned: Bool, user: String) async throws(RelayClientError) {
        preconditionFailure("not here yet")
    }

    /// Deletes the group for everybody.
    public func delete() async throws(RelayClientError) { preconditionFailure("not here yet") }

    /// Compares what members have seen, now; findings come as events.
    public func checkHeads() async throws(RelayClientError) { preconditionFailure("not here yet") }
}

/// The events of a group, as they are stored. See `EncryptedGroup.events`.
public struct GroupEvents: AsyncSequence, Sendable {
    public typealias Element = GroupEvent
    public typealias Failure = RelayClientError

    let group: EncryptedGroup
    let position: EventPosition

    public func makeAsyncIterator() -> Iterator { Iterator(group: group, position: position) }

    public struct Iterator: AsyncIteratorProtocol {
        let group: EncryptedGroup
        var position: EventPosition
        var batch: [GroupEvent] = []

        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(RelayClientError) -> GroupEvent? {
            preconditionFailure("not here yet")
        }

        public mutating func next() async throws(RelayClientError) -> GroupEvent? { try await next(isolation: nil) }
    }
}
