import ClientStore
import MLSCodec
import RelayWire
import TLSPresentation

/// Who has received what this device has said. PROTOCOL.md section 7.12.
extension GroupSession {
    /// A message of this device has its place.
    func trackReceipts(of message: MessageID, at place: SequenceNumber, _ turn: GroupTurn) throws {
        guard turn.device.settings.followsReceipts else { return }
        try track(turn) { $0.add(message, at: place) }
    }

    /// Tells what is new in receipts.
    func take(_ receipts: Receipts, _ turn: GroupTurn) throws {
        if let own = record.provisional.first(where: \.isOwn) {
            turn.outcome.wantsDescription = receipts.positions.contains {
                $0.client != turn.device.client && $0.acknowledged >= own.sequenceNumber
            }
        }
        try track(turn) { $0.receive(receipts) }
    }

    /// Who is in the group, and since when.
    func trackMembers(_ members: [MemberDescription], _ turn: GroupTurn) throws {
        guard turn.device.settings.followsReceipts else { return }
        try track(turn) { tracker in
            members.filter { $0.client != turn.device.client }.flatMap { tracker.join($0.client, at: $0.joined) }
        }
    }

    private func track(_ turn: GroupTurn, _ body: (inout ReceiptTracker) -> [ReceiptTracker.Event]) throws {
        let before =
            try turn.transaction.decode(ReceiptTracker.self, Tables.receipts, number.key) ?? ReceiptTracker()
        var tracker = before
        for event in body(&tracker) {
            switch event {
            case .delivered(let id, let client):
                try turn.append(.delivered(id, to: try client.map { try member(of: $0, turn) }), self)
            case .acknowledged(let id, let client):
                try turn.append(.acknowledged(id, by: try client.map { try member(of: $0, turn) }), self)
            }
        }
        if tracker != before { try turn.transaction.encode(tracker, Tables.receipts, number.key) }
    }

    /// Whose a client's number is, as the relay says.
    func member(of client: ClientNumber, _ turn: GroupTurn) throws -> Member {
        if let known = try turn.transaction.client(client) {
            return Member(
                user: known.user, device: known.device, fingerprint: known.fingerprint,
                isThisDevice: client == turn.device.client)
        }
        return Member(
            user: "user#\(client)", device: "", fingerprint: Fingerprint(ofPublicKey: []), isThisDevice: false)
    }
}
