import RelayWire

/// Gives a committer that loses race after race a short turn of its own. RFC 9420 section 14 names its starvation a risk.
///
/// Kept in memory: who begins anew after a restart loses a few races more.
struct Fairness {
    /// Races that each committer has lost in a row.
    private var losses: [ClientNumber: Int] = [:]
    private var turn: (client: ClientNumber, until: Timestamp)?

    /// How long others have to wait; nil where `client` may commit.
    func wait(for client: ClientNumber, at now: Timestamp) -> UInt64? {
        guard let turn, turn.client != client, now < turn.until else { return nil }
        return turn.until.rawValue - now.rawValue
    }

    mutating func lost(_ client: ClientNumber, at now: Timestamp, limits: CoreLimits) {
        if let turn, turn.until <= now { self.turn = nil }
        losses[client, default: 0] += 1
        guard losses[client, default: 0] >= limits.fairnessLosses, turn == nil else { return }
        turn = (client, Timestamp(rawValue: now.rawValue + limits.fairnessTurnMilliseconds))
    }

    mutating func won(_ client: ClientNumber) {
        losses[client] = nil
        if turn?.client == client { turn = nil }
    }

    var isEmpty: Bool { losses.isEmpty && turn == nil }
}
