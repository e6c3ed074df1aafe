import ClientStore
import MLS
import MLSCrypto
import RelayWire
import TLSPresentation

/// What members say that they have seen, beside what this device has. PROTOCOL.md section 6.
extension GroupSession {
    /// What stands in `authenticated_data` of everything that this device sends.
    func headClaim() -> [UInt8] {
        guard let chain = record.chain else { return [] }
        return HeadClaim(sequenceNumber: record.cursor, chain: chain).encoded
    }

    /// Compares what a member has seen with what this device has.
    func compare(
        _ data: [UInt8], from member: Member, _ signatureKey: [UInt8], at place: SequenceNumber, _ turn: GroupTurn
    ) throws {
        guard let claim = HeadClaim(authenticatedData: data) else { return }
        var monitor = try heads(turn)
        let finding = try monitor.receive(claim, from: signatureKey, at: place) { try chain(at: $0, turn) }
        try turn.transaction.encode(monitor, Tables.heads, number.key)
        switch finding {
        case .consistent, .unknown: break
        case .suspect: turn.outcome.wantsCheck = true
        case .diverged: try turn.append(.integrityWarning(.historiesDiffer(member)), self, at: place)
        }
    }

    /// Takes what the relay says of heads that members have reported.
    /// - Returns: whether something is to be checked again.
    @discardableResult
    func take(_ check: HeadCheck, _ turn: GroupTurn) throws -> Bool {
        var monitor = try heads(turn)
        let epoch = try withGroup(turn) { Epoch(rawValue: $0.epoch) }
        let outcome = monitor.checks.receive(check, epoch: epoch)
        try turn.transaction.encode(monitor, Tables.heads, number.key)
        for divergence in outcome.divergences {
            let member = try divergence.client.map { try self.member(of: $0, turn) } ?? ownMember(turn)
            let warning: IntegrityWarning =
                divergence.kind == .history ? .historiesDiffer(member) : .statesDiffer(member)
            try turn.append(.integrityWarning(warning), self)
        }
        return outcome.isSuspect
    }

    private func heads(_ turn: GroupTurn) throws -> HeadMonitor {
        try turn.transaction.decode(HeadMonitor.self, Tables.heads, number.key) ?? HeadMonitor()
    }

    /// The chain hash that this device has computed at a place; nil where it has none.
    private func chain(at place: SequenceNumber, _ turn: GroupTurn) throws -> SHA256Digest? {
        guard let bytes = try turn.transaction.get(Tables.chains, number.key + place.encoded) else { return nil }
        return try SHA256Digest(decoding: bytes.bytes)
    }
}
