internal import RelayWire
internal import TLSPresentation

/// Reads the relay's answers to head checks (PROTOCOL.md section 7.13): what is to be checked again, and what is to be
/// told, each once until it was right again.
struct HeadCheckMonitor: TLSCodable, Hashable, Sendable {
    /// A member, or this device itself, that has seen or computed something else than the others.
    struct Divergence: Hashable, Sendable {
        /// Nil: this device.
        var client: ClientNumber?
        var kind: Kind
    }

    enum Kind: Hashable, Sendable {
        /// `IntegrityWarning.historiesDiffer`.
        case history
        /// `IntegrityWarning.statesDiffer`.
        case state
    }

    /// What an answer gives.
    struct Outcome: Hashable, Sendable {
        /// Check again after `RelayClientConfiguration.secondCheckDelay`.
        var isSuspect = false
        /// What was not told yet.
        var divergences: [Divergence] = []
    }

    /// Those that were told, in ascending order; 0, whom no client has, is this device itself. At most `maxCount`.
    private var reported: [ClientNumber] = []
    /// The relay had less than this device, the last time.
    private var wasAhead = false

    /// Beyond this many, further ones are not told: the group is beyond repair, and everybody in it was told so.
    private static let maxCount = 256
    private static let ownNumber = ClientNumber(rawValue: 0)

    init() {}

    /// Takes the answer for one group.
    /// - Parameter epoch: the one that this device has reported itself in.
    mutating func receive(_ check: HeadCheck, epoch: Epoch) -> Outcome {
        guard check.error == .none else { return Outcome() }
        var outcome = Outcome()
        readOwnStatus(of: check, epoch: epoch, &outcome)
        // Where this device is the one that differs, it does from all others: that is told once.
        let isOwnFault = check.status == .suspect || check.status == .diverged
        for member in check.members {
            read(isOwnFault ? .unknown : member.status, of: member.client, member.kind(beside: epoch), &outcome)
        }
        return outcome
    }

    private mutating func readOwnStatus(of check: HeadCheck, epoch: Epoch, _ outcome: inout Outcome) {
        var status = check.status
        if status == .ahead {
            // The relay has lost what it has delivered; or its answer was on its way when more came.
            status = wasAhead ? .diverged : .suspect
        }
        wasAhead = check.status == .ahead
        let differing = check.members.filter { $0.status == .diverged }
        let isHistory = wasAhead || differing.contains { $0.kind(beside: epoch) == .history }
        read(status, of: Self.ownNumber, isHistory ? .history : .state, &outcome)
    }

    private mutating func read(_ status: HeadStatus, of client: ClientNumber, _ kind: Kind, _ outcome: inout Outcome) {
        switch status {
        case .unknown: break
        case .consistent, .behind, .ahead: forget(client)
        case .suspect: outcome.isSuspect = true
        case .diverged:
            guard !reported.contains(client), reported.count < Self.maxCount else { return }
            reported.insert(client, at: reported.firstIndex { $0 > client } ?? reported.endIndex)
            outcome.divergences.append(Divergence(client: client == Self.ownNumber ? nil : client, kind: kind))
        }
    }

    /// Forgets what was told of a member: it is right again, or not in the group any more.
    mutating func forget(_ client: ClientNumber) { reported.removeAll { $0 == client } }

    // MARK: Bytes

    /// ```
    /// struct { uint64 reported<V>; uint8 was_ahead; } HeadCheckMonitor;
    /// ```
    init(from reader: inout Reader) throws(DecodingError) {
        reported = try reader.vector()
        let isAscending = zip(reported, reported.dropFirst()).allSatisfy { $0 < $1 }
        guard isAscending, reported.count <= Self.maxCount else {
            throw reader.error(.invalidField("HeadCheckMonitor.reported"))
        }
        wasAhead = try reader.isPresent()
    }

    func encode(into writer: inout Writer) {
        writer.vector(reported)
        writer.isPresent(wasAhead)
    }
}

extension MemberHead {
    /// What differs if something does. The relay does not say; but states are compared within an epoch only, and a history
    /// that differs shows itself in claims, and to the member with each entry.
    fileprivate func kind(beside own: Epoch) -> HeadCheckMonitor.Kind { epoch == own ? .state : .history }
}
