import ArgumentParser
import RelayCore
import RelayStore
import RelayWire

struct RetainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retain", abstract: "Show what retention would remove now.",
        discussion: """
            Only with --dry-run: a running relay removes by itself. Application messages become digests; entries at the \
            beginning of a log go altogether, once they are old and no member needs them. The relay's settings are given \
            again here; what a group's policy says holds besides. A relay that runs has most often done it already.
            """)

    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: ArgumentHelp("Only this group. \(LogReference.help)", valueName: "group"))
    var group: String?

    @Flag(help: "Change nothing.")
    var dryRun = false

    @Option(help: "As the relay keeps application messages, in hours; 0 for ever.")
    var hours = CoreLimits().retentionMilliseconds / 3_600_000

    @Option(help: "The same for untracked groups.")
    var untrackedHours = CoreLimits().untrackedRetentionMilliseconds / 3_600_000

    @Option(help: "Bytes of application messages that a tracked group keeps; 0 for as many as there are.")
    var bytes = CoreLimits().retentionByteCount

    @Option(help: "Hours after which members that lag are not waited for; 0 for ever.")
    var maxLagHours = CoreLimits().maxLagMilliseconds / 3_600_000

    @Option(name: .customLong("in"), help: "What it would remove in so many hours, if nothing came meanwhile.")
    var hoursAhead: UInt64 = 0

    private static let maxHours: UInt64 = 10_000_000

    func validate() throws {
        if !dryRun { throw ValidationError("retain is there with --dry-run only.") }
        if max(hours, untrackedHours, maxLagHours, hoursAhead) > Self.maxHours {
            throw ValidationError("Hours are at most \(Self.maxHours).")
        }
    }

    private var limits: CoreLimits {
        var limits = CoreLimits()
        limits.retentionMilliseconds = hours * 3_600_000
        limits.untrackedRetentionMilliseconds = untrackedHours * 3_600_000
        limits.retentionByteCount = bytes
        limits.maxLagMilliseconds = maxLagHours * 3_600_000
        return limits
    }

    private struct Listed {
        var log: LogNumber
        var group: [UInt8]
        var plan: RetentionPlan
        var first: SequenceNumber

        var removedCount: UInt64 { plan.removedThrough.map { $0.rawValue + 1 - first.rawValue } ?? 0 }
    }

    func run() throws {
        let reader = try StoreReader(store.open())
        var listing = Listing(
            [
                .number("LOG"), .long("GROUP"), .number("DIGESTED"), .number("BYTES"), .number("REMOVED"),
                .number("BYTES"), .text("NEXT"),
            ], json: output.json)
        let (limits, now) = (limits, Timestamp(rawValue: currentTime.rawValue + hoursAhead * 3_600_000))
        let logs = try group.map { [try reader.group($0).log] }
        var list: [Listed] = []
        for log in try logs ?? Self.groups(reader) {
            // A transaction for each: a plan may look at many entries.
            let listed = try reader.read { (snapshot) throws(StoreError) -> Listed? in
                guard let plan = try snapshot.retentionPlan(for: log, limits: limits, at: now),
                    let name = try snapshot.name(of: log), let head = try snapshot.head(of: log)
                else { return nil }
                return Listed(log: log, group: name.name, plan: plan, first: head.first)
            }
            if let listed, group != nil || !listed.plan.isEmpty { list.append(listed) }
        }
        listing.print(list, cells: Self.cells, json: Self.json)
        if !output.json {
            let bytes = list.reduce(0) { $0 + $1.plan.digestedByteCount + $1.plan.removedByteCount }
            print("\(byteCountText(bytes)) of \(counted(list.count, "group", "groups"))")
        }
    }

    private static func groups(_ reader: StoreReader) throws(StoreError) -> [LogNumber] {
        try reader.read { (snapshot) throws(StoreError) in
            var groups: [LogNumber] = []
            try snapshot.forEachLog(.group) { _, log in
                groups.append(log)
                return true
            }
            return groups
        }
    }

    private static func cells(_ listed: Listed) -> [String] {
        [
            "\(listed.log)", groupText(listed.group), "\(listed.plan.digested.count)",
            "\(listed.plan.digestedByteCount)", "\(listed.removedCount)", "\(listed.plan.removedByteCount)",
            listed.plan.next.map(\.text) ?? "",
        ]
    }

    private static func json(_ listed: Listed) -> JSON {
        [
            "log": .number(listed.log.rawValue), "group_id": .hex(listed.group),
            "digested": .number(UInt64(listed.plan.digested.count)),
            "digested_bytes": .number(UInt64(listed.plan.digestedByteCount)),
            "removed": .number(listed.removedCount),
            "removed_through": listed.plan.removedThrough.map { .number($0.rawValue) } ?? .null,
            "removed_bytes": .number(UInt64(listed.plan.removedByteCount)),
            "acknowledged_by_all": listed.plan.floor == .unlimited ? .null : .number(listed.plan.floor.rawValue),
            "next": listed.plan.next.map { .number($0.rawValue) } ?? .null,
        ]
    }
}
