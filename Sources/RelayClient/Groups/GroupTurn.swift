import ClientStore
import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import RelayCredentials
import RelayWire
import Synchronization
import TLSPresentation

/// The time by which what is processed is judged: the relay's, when it took the entry. RFC 9420 section 5.3.2.
final class EntryClock: Sendable {
    private let seconds = Atomic<UInt64>(0)

    /// In seconds since 1970; of the computer where no entry is processed.
    var now: UInt64 {
        let entry = seconds.load(ordering: .relaxed)
        return entry == 0 ? ValidationPolicy.systemClock() : entry
    }

    /// - Parameter time: in milliseconds; nil for the computer's.
    func set(_ time: Timestamp?) { seconds.store((time?.rawValue ?? 0) / 1000, ordering: .relaxed) }
}

/// This device, as groups see it.
struct DeviceContext {
    let user: String
    /// The number that the relay gave it.
    let client: ClientNumber
    let identity: MLS.ClientIdentity
    let groupConfiguration: GroupConfiguration
    let verifier: CredentialVerifier
    let clock: EntryClock
    let settings: RelayClientConfiguration

    var signatureKey: [UInt8] { identity.signingKey.publicKey.bytes }

    /// Milliseconds since 1970 by this computer's clock.
    func now() -> UInt64 { ValidationPolicy.systemClock() * 1000 }

    /// Whose leaf it is. The credential was verified when it came into the group.
    func member(_ leaf: LeafNode, _ transaction: StoreTransaction) throws -> Member {
        try member(leaf.credential, leaf.signatureKey, transaction)
    }

    func member(_ credential: Credential, _ key: [UInt8], _ transaction: StoreTransaction) throws -> Member {
        let subject = try verifier.claimedSubject(of: credential)
        let user = String(decoding: subject.userName, as: UTF8.self)
        var device = String(decoding: subject.clientName, as: UTF8.self)
        if device.isEmpty { device = try transaction.contact(user: user, signatureKey: key)?.device ?? "" }
        return Member(
            user: user, device: device, fingerprint: Fingerprint(ofPublicKey: key), isThisDevice: key == signatureKey)
    }
}

/// One transaction's work on groups, and what came of it for the rest of the client.
final class GroupTurn {
    let transaction: StoreTransaction
    let device: DeviceContext
    var outcome = GroupOutcome()
    private var nextEvent: UInt64?

    init(_ transaction: StoreTransaction, _ device: DeviceContext) {
        self.transaction = transaction
        self.device = device
    }

    /// Stores an event behind all others.
    @discardableResult
    func append(
        _ kind: GroupEvent.Kind, _ session: GroupSession, at sequenceNumber: SequenceNumber = .zero,
        time: Timestamp? = nil
    ) throws -> UInt64 {
        let number = try nextEvent ?? lastEvent() + 1
        nextEvent = number + 1
        let event = StoredEvent(
            group: session.record.id, time: time?.rawValue ?? session.record.time,
            sequenceNumber: sequenceNumber.rawValue, kind: kind)
        try transaction.encode(event, Tables.events, number.encoded)
        let nothing: [UInt8] = []
        try transaction.put(Tables.groupEvents, session.number.key + number.encoded, nothing.rawSpan)
        outcome.hasEvents = true
        return number
    }

    private func lastEvent() throws -> UInt64 {
        guard let key = try transaction.keys(Tables.events, prefix: [], isReversed: true, limit: 1).first else {
            return 0
        }
        return try UInt64(decoding: key)
    }
}

/// What has to be done outside of the transaction, once it is durable.
struct GroupOutcome {
    var hasEvents = false
    /// Items of the outbox that are done with; the entry's place where they have one.
    var finished: [(item: UInt64, result: Result<SequenceNumber, RelayClientError>)] = []
    /// Why this device cannot accept the commit that it denies from here on.
    var denial: String?
    /// Changes of which there is nothing left to do, as far as this device has read the log.
    var mootItems: [UInt64] = []
    /// Whether a commit that the relay has refused may not have lost after all.
    var isCommitOpen = false
    /// Whether the relay is to be asked what it knows of the group.
    var wantsDescription = false
    /// Whether proposals wait for somebody to commit them: who proposed the first of them.
    var pendingProposer: LeafIndex?
    /// Whether this device has lost track of the group.
    var needsRejoin = false
    /// Whether the others are to be asked what they have seen.
    var wantsCheck = false
    /// Whether somebody has asked what this device has seen.
    var wantsReport = false
    /// Whether this device is out of the group.
    var hasEnded = false
}
