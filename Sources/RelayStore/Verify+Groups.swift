import RelayCore
import RelayWire

extension EntryKind {
    /// What the relay says in a group's log. PROTOCOL.md section 6.3.
    static let ofGroups: [EntryKind] = [.groupChanged, .roleChanged, .commitVoided, .groupDeleted, .memberChanged]
}

/// What the relay says in logs of groups.
extension StoreVerifier {
    /// Commits from one on are void: its epoch is open again.
    func verifyVoid(_ entry: Entry, _ number: SequenceNumber, _ walk: inout LogWalk) {
        guard let notice = notice(VoidNotice.self, entry, number, walk.log) else { return }
        if walk.epoch != nil, walk.commits[notice.epoch] != notice.sequenceNumber {
            report(
                Finding(
                    .contradiction, .entries, log: walk.log, at: number,
                    expected: "entry \(notice.sequenceNumber) as the commit that ended epoch \(notice.epoch)",
                    found: walk.commits[notice.epoch].map { "entry \($0)" } ?? "none"))
        }
        walk.commits = walk.commits.filter { $0.value < notice.sequenceNumber }
        walk.epoch = notice.epoch
    }

    func verifyGroupChange(_ entry: Entry, _ number: SequenceNumber, _ walk: LogWalk) {
        switch entry.header.kind {
        case .groupChanged: _ = notice(GroupChangeNotice.self, entry, number, walk.log)
        case .roleChanged: _ = notice(RoleNotice.self, entry, number, walk.log)
        case .groupDeleted: _ = notice(DeletionNotice.self, entry, number, walk.log)
        default: _ = notice(MemberChangeNotice.self, entry, number, walk.log)
        }
    }
}
