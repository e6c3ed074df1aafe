import RelayClient

/// What there is to be shown.
struct ScreenState {
    /// Older lines are forgotten here; `/history` brings them back.
    static let maxLineCount = 5000

    private(set) var lines: [ChatLine] = []
    private(set) var marks: [MessageID: DeliveryMark] = [:]
    private(set) var trust: [Fingerprint: KeyTrust] = [:]
    private(set) var status: ChatStatus
    var showsMarks = true
    var editor = LineEditor()
    /// What the tab key has found.
    var hint = ""
    /// Rows that the newest is below the screen.
    var scroll = 0
    /// Seconds east of UTC.
    var timeOffset = 0

    init(_ status: ChatStatus) { self.status = status }

    mutating func apply(_ update: ChatUpdate) {
        switch update {
        case .line(let line): add(line)
        case .history(let group, let history): replace(group, history)
        case .marks(let news): marks.merge(news) { $1 }
        case .trust(let news): trust.merge(news) { $1 }
        case .status(let status):
            if status.present?.id != self.status.present?.id { scroll = 0 }
            self.status = status
        case .ended: break
        }
    }

    /// The lines of the group that is talked in, and those that concern all.
    var shown: some BidirectionalCollection<ChatLine> {
        lines.lazy.filter { [present = status.present?.id] in $0.group == nil || $0.group == present || $0.isUrgent }
    }

    private mutating func add(_ line: ChatLine) {
        // Sent messages show that by their mark.
        guard line.kind != .receipt else { return }
        lines.append(line)
        lines.removeFirst(max(0, lines.count - Self.maxLineCount))
    }

    private mutating func replace(_ group: GroupID, _ history: [ChatLine]) {
        lines.removeAll { $0.group == group && $0.kind != .done }
        lines += history
        lines.removeFirst(max(0, lines.count - Self.maxLineCount))
    }
}

extension ChatLine {
    /// Whether it is shown wherever somebody is.
    var isUrgent: Bool { kind == .warning && text.hasPrefix("integrity") }
}
