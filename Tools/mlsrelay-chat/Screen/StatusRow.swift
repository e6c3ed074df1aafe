import RelayClient

/// The line that says where one is.
enum StatusRow {
    static func make(_ status: ChatStatus, width: Int) -> Row {
        let identity = "\(PeerText.name(status.user))@\(PeerText.name(status.device))"
        let parts = [identity, connection(status.connection), group(status.present)] + unread(status.unread)
        let text = " " + parts.joined(separator: " · ")
        guard status.warningCount > 0 else { return Row(Width.fitted(text, width), .reverse) }
        let warning = " !! \(status.warningCount) "
        return Row([
            .init(text: Width.fitted(text, max(0, width - warning.count)), style: .reverse),
            .init(text: String(warning.prefix(width)), style: .warning),
        ])
    }

    private static func connection(_ state: ConnectionState) -> String {
        switch state {
        case .idle: "not connected"
        case .connecting: "connecting"
        case .ready: "connected"
        case .waiting: "connection lost"
        case .ended: "ended"
        }
    }

    private static func group(_ group: ChatStatus.GroupSummary?) -> String {
        guard let group else { return "no group" }
        let people = group.userCount == 1 ? "1 person" : "\(group.userCount) people"
        return "\(PeerText.name(group.name)) · " + (group.isEnded ? "ended" : "\(people) · epoch \(group.epoch)")
    }

    private static func unread(_ unread: [ChatStatus.Unread]) -> [String] {
        unread.map { "\(PeerText.name($0.name)) +\($0.count)" }
    }
}
