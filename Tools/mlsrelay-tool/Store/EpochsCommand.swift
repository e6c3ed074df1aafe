import ArgumentParser
import MLSCodec
import RelayCore
import RelayStore
import RelayWire
import TLSPresentation

struct EpochsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "epochs", abstract: "List the commits of a group: what each epoch began with.",
        discussion: """
            A commit is confirmed when a member other than its sender has accepted it; before that it is provisional, and \
            members or the operator can void it. What is void stays in the log and counts for nothing. Whom a commit added \
            and removed is known in tracked groups, as long as they did not come and go again.
            """)

    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: ArgumentHelp(LogReference.help, valueName: "group"))
    var group: String

    private enum State: String { case confirmed, provisional, void, accepted }

    private struct Listed {
        /// The epoch that the commit began.
        var epoch: UInt64
        var number: SequenceNumber
        var time: Timestamp
        var committer: ClientNumber
        var name: String
        var added: [String]
        var removed: [String]
        var state: State
    }

    /// Entries read in one transaction.
    private static let pageCount = 4096

    func run() throws {
        let reader = try StoreReader(store.open())
        let log = try reader.group(group).log
        var listing = Listing(
            [
                .number("EPOCH"), .number("COMMIT"), .text("TIME"), .long("COMMITTER"), .long("ADDED"),
                .long("REMOVED"), .text("STATE"),
            ], json: output.json)
        var last: SequenceNumber? = .zero
        while let after = last {
            let page = try reader.read { (snapshot) throws(StoreError) in try Self.read(snapshot, log, after: after) }
            listing.print(page.commits, cells: Self.cells, json: Self.json)
            last = page.last
        }
    }

    /// - Returns: the commits of a page, and where the next page begins.
    private static func read(
        _ snapshot: borrowing Snapshot, _ log: LogNumber, after: SequenceNumber
    ) throws(StoreError) -> (commits: [Listed], last: SequenceNumber?) {
        var found: [(EntryHeader, UInt64)] = []
        var count = 0
        var last: SequenceNumber?
        try snapshot.forEachFrame(in: log, after: after, through: .unlimited) { (number, frame) throws(StoreError) in
            // What is damaged is for `verify` to say.
            if case .whole(let entry)? = try? Snapshot.decodeStored(frame), let epoch = entry.epochEnded {
                found.append((entry.header, epoch))
            }
            count += 1
            if count == pageCount { last = number }
            return count < pageCount
        }
        guard !found.isEmpty else { return ([], last) }
        let roster = try Roster(of: log, in: snapshot)
        let commits = try found.map { (header, ended) throws(StoreError) in
            let number = header.sequenceNumber
            let isStanding = try snapshot.commit(ending: Epoch(rawValue: ended), in: log) == number
            let isProvisional = try snapshot.has(Tables.provisionalCommits, PairKey(log, number))
            return Listed(
                epoch: ended &+ 1, number: number, time: header.time, committer: header.sender,
                name: try snapshot.nameText(of: header.sender), added: roster.added[number] ?? [],
                removed: roster.removed[number] ?? [],
                state: !isStanding ? .void : isProvisional ? .provisional : roster.isTracked ? .confirmed : .accepted)
        }
        return (commits, last)
    }

    /// Who came and went by which commit, as the members' records say.
    private struct Roster {
        var isTracked = false
        var added: [SequenceNumber: [String]] = [:]
        var removed: [SequenceNumber: [String]] = [:]

        init(of log: LogNumber, in snapshot: borrowing Snapshot) throws(StoreError) {
            isTracked = try snapshot.has(Tables.groups, log)
            guard isTracked else { return }
            var members: [(ClientNumber, MemberRecord)] = []
            try snapshot.forEach(Tables.members, prefix: log.recordKey) { (key, record) throws(StoreError) in
                members.append((key.second, record))
                return true
            }
            for (client, record) in members {
                let name = try snapshot.nameText(of: client)
                added[record.joined, default: []].append(name)
                if record.state == .ended { removed[record.ended, default: []].append(name) }
            }
        }
    }

    private static func cells(_ listed: Listed) -> [String] {
        [
            "\(listed.epoch)", "\(listed.number)", listed.time.text, listed.name, listed.added.joined(separator: ", "),
            listed.removed.joined(separator: ", "), listed.state.rawValue,
        ]
    }

    private static func json(_ listed: Listed) -> JSON {
        [
            "epoch": .number(listed.epoch), "seq": .number(listed.number.rawValue),
            "time": .number(listed.time.rawValue), "committer": .number(listed.committer.rawValue),
            "committer_name": .string(listed.name), "added": .array(listed.added.map { .string($0) }),
            "removed": .array(listed.removed.map { .string($0) }), "state": .string(listed.state.rawValue),
        ]
    }
}

extension Entry {
    /// The epoch that a commit ends; nil for all else.
    var epochEnded: UInt64? {
        guard header.kind == .message, let envelope = try? MLSMessageEnvelope(payload.rawSpan) else { return nil }
        return switch envelope.payload {
        case .publicMessage(let route) where route.contentType == .commit: route.epoch
        case .privateMessage(let route) where route.contentType == .commit: route.epoch
        default: nil
        }
    }
}
