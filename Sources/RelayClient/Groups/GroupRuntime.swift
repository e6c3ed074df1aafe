import MLSCrypto
import RelayWire

/// What a group does at the moment: nothing of it outlives the process.
final class GroupRuntime {
    let session: GroupSession
    /// Reads the group's log.
    var follower: Task<Void, Never>?
    var lastFollower = 0
    /// The last entry that there was for this device when the log was last followed; nil before.
    var lastToRead: SequenceNumber?
    /// Whether the next attempt to read is worth making at once.
    var isImpatient = false
    /// Whether a task does what is to be done, and whether it has to look again.
    var isWorking = false
    var mustLookAgain = false
    /// The publication that the relay has accepted, or refused for its epoch: the log says what becomes of it.
    var settledPublication: Publication?
    /// Hashes of the messages that the relay has accepted, and that only have to come back.
    var acceptedMessages: Set<SHA256Digest> = []
    var hasPendingProposals = false
    /// Proposals wait for this member's turn to commit them.
    var isTurnScheduled = false
    var isAcknowledging = false
    var isDenying = false
    var isAskingDirectory = false
    /// Whether people have to be told that this device is in the group.
    var isToBeAnnounced = false
    var mustDescribe = false
    var isDescribing = false
    /// How often a commit of this device's came too late.
    var racesLost = 0
    /// Since the last commit that the relay took.
    var racesLostInARow = 0
    /// How often the members that the relay names were not those of the group, one time after the other.
    var rosterMismatches = 0
    /// How often the relay gave a GroupInfo that was older than it had said that the group is.
    var staleGroupInfos = 0
    /// The epoch that the group is in, as the relay said when it refused an external commit.
    var epochAtRelay: UInt64 = 0
    var lastCheck: ContinuousClock.Instant?
    var lastReport: ContinuousClock.Instant?
    /// Nothing more is read or sent: the relay does not show the history that it showed before.
    var isBroken = false
    /// Why the last attempt to join failed for good.
    var joinFailure: RelayClientError?
    /// Wait for the next turn of the group.
    var turnWaiters: [Int: CheckedContinuation<Void, Never>] = [:]
    /// Wait for items of the outbox.
    var itemWaiters: [UInt64: [Int: CheckedContinuation<Result<SequenceNumber, RelayClientError>, Never>]] = [:]

    init(_ session: GroupSession) { self.session = session }

    /// The log is read no further from where it was.
    func stopFollowing() {
        follower?.cancel()
        follower = nil
    }

    /// Forgets the accepted messages that nothing in the outbox waits for.
    func forgetAcceptedMessages() {
        guard !acceptedMessages.isEmpty else { return }
        acceptedMessages.formIntersection(session.outbox.compactMap { $0.item.prepared?.hash })
    }

    func resumeTurnWaiters() {
        let waiters = turnWaiters
        turnWaiters = [:]
        for waiter in waiters.values { waiter.resume() }
    }

    func resumeItemWaiters(_ item: UInt64, _ result: Result<SequenceNumber, RelayClientError>) {
        for waiter in (itemWaiters.removeValue(forKey: item) ?? [:]).values { waiter.resume(returning: result) }
    }

    /// A task that waited for an item does not want to any more; the item is done all the same.
    func stopWaiting(_ waiter: Int, for item: UInt64) {
        let error = RelayClientError(.cancelled, "the task was cancelled")
        itemWaiters[item]?.removeValue(forKey: waiter)?.resume(returning: .failure(error))
    }

    /// Nobody waits any more.
    func end(_ error: RelayClientError) {
        follower?.cancel()
        resumeTurnWaiters()
        for item in itemWaiters.keys { resumeItemWaiters(item, .failure(error)) }
    }
}
