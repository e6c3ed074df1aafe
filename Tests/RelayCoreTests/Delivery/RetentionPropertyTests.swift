import RelayCore
import RelayStore
import RelayTestSupport
import RelayWire
import TLSPresentation
import TestSupport
import Testing

/// Goal: retention deletes what it may and nothing else, and both states agree on all of it.
///
/// Method: members publish, commit, deny and acknowledge at random while time passes, in memory and on LMDB alike. A list of
/// all entries there ever were says what each member must still find. A seed determines a run.
@Suite("Retention by chance")
struct RetentionPropertyTests {
    private static let limits: CoreLimits = {
        var limits = CoreLimits()
        limits.retentionMilliseconds = 1000
        limits.maxLagMilliseconds = 8000
        limits.maxEntriesPerRetention = 4
        return limits
    }()

    private final class World {
        let relays: [TestRelay]
        var clients: [ClientNumber] = []
        var log = LogNumber.none
        var count = 0
        /// Every entry, and whether it is an application message.
        var entries: [(header: EntryHeader, isApplication: Bool)] = []

        init(_ directory: TemporaryDirectory, _ limits: CoreLimits) throws {
            relays = try StateKind.allCases.map { try TestRelay($0, in: directory, limits: limits) }
            let names = ["alice", "bob", "carol"]
            clients = try names.map { name in try relays.map { try $0.register(name) }[0] }
            for (index, name) in names.enumerated().dropFirst() {
                try each { try $0.publish(.keyPackage(name), by: self.clients[index]) }
            }
            let references = names.dropFirst().map { TestMessage.keyPackage($0).reference }
            let new = NewGroup(
                groupID: Array("group".utf8), epoch: 0, name: [], alias: [],
                policy: GroupPolicy(mode: .privateHandshake, join: .direct, denials: 1))
            let messages: [TestMessage] = [
                .commit("0", "group", 0), .groupInfo("0", "group", 1), .welcome("w", to: Array(references)),
            ]
            try each { _ = try $0.perform(.createTrackedGroup(new, messages), by: self.clients[0]) }
            log = try relays[0].state.logs[.group(Array("group".utf8))] ?? .none
            try see()
        }

        func each(_ body: (TestRelay) throws -> Void) throws { for relay in relays { try body(relay) } }

        /// The same on both, or refused by both.
        func perform(_ action: TestCommand.Action, by client: ClientNumber) throws {
            let results = try relays.map { relay in
                do {
                    return Result<TestRelay.Result, RelayError>.success(try relay.perform(action, by: client))
                } catch let error as RelayError {
                    return .failure(error)
                }
            }
            try #require(results[0] == results[1])
            try see()
        }

        /// Notes the entries that are new.
        func see() throws {
            let last = entries.last?.header.sequenceNumber ?? .zero
            for entry in try relays[0].entries(of: log) where entry.header.sequenceNumber > last {
                try #require(entry.header.sequenceNumber == (entries.last?.header.sequenceNumber ?? .zero).next)
                let isApplication = entry.payload.count > 6 && entry.payload[3] == 2 && entry.payload[18] == 1
                entries.append((entry.header, isApplication))
            }
        }
    }

    @Test(
        "N-4: nothing goes that a member has not acknowledged, and the sequence goes on",
        arguments: 1...16 as ClosedRange<UInt64>)
    func random(seed: UInt64) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let world = try World(directory, Self.limits)
        var generator = SeededGenerator(seed: seed)
        for step in 0..<120 {
            let client = world.clients[Int.random(in: 0..<3, using: &generator)]
            let head = try #require(try world.relays[0].state.heads[world.log])
            let epoch = head.epoch.rawValue
            world.count += 1
            let text = "\(world.count)"
            switch Int.random(in: 0..<12, using: &generator) {
            case 0...3: try world.perform(.publish([.application(text, "group", epoch)]), by: client)
            case 4: try world.perform(.publish([.proposal(text, "group", epoch)]), by: client)
            case 5, 6:
                let messages = [TestMessage.commit(text, "group", epoch), .groupInfo(text, "group", epoch + 1)]
                try world.perform(.publishCommit(messages, DeclaredRoster(added: [], removed: [])), by: client)
            case 7:
                let number = SequenceNumber(rawValue: UInt64.random(in: 1...head.last.rawValue, using: &generator))
                let deny = DenyCommit(log: world.log, sequenceNumber: number, text: [])
                try world.perform(.other(.group(.deny(deny))), by: client)
            case 8, 9:
                let number = SequenceNumber(rawValue: UInt64.random(in: 0...head.last.rawValue, using: &generator))
                try world.perform(.acknowledge([Position(log: world.log, sequenceNumber: number)]), by: client)
            default:
                let time = UInt64.random(in: 0...1500, using: &generator)
                try world.each { try $0.passTime(time) }
            }
            if step % 10 == 9 {
                try world.each { try $0.passTime(0) }
                try check(world, "seed \(seed), step \(step)")
            }
            if step % 40 == 39 { try world.each { try $0.reopen() } }
        }
        // An inspector finds nothing wrong either.
        var findings: [Finding] = []
        let verifier = try StoreVerifier(world.relays[1].store, rowsPerTransaction: 7) { findings.append($0) }
        _ = try verifier.verify()
        #expect(findings.filter { $0.log == world.log }.map(\.description) == [])
    }

    private func check(_ world: World, _ place: String) throws {
        let states = try world.relays.map { try $0.state }
        try #require(states[0] == states[1], "\(place)")
        let state = states[0]
        try #require(state.brokenInvariants == [], "\(place)")
        let now = world.relays[0].now.rawValue
        let head = try #require(state.heads[world.log])
        try #require(head.last == world.entries.last?.header.sequenceNumber, "\(place)")
        let members = try state.members(of: world.log)
        let floor = members.map { max(state.acknowledged(world.log, by: $0.client), $0.record.joined) }.min() ?? .zero
        let open = Set(
            try state.keys(Tables.provisionalCommits, prefix: world.log.recordKey).map(\.second)
                + state.keys(Tables.pendingProposals, prefix: world.log.recordKey).map(\.second))
        for (header, isApplication) in world.entries {
            let number = header.sequenceNumber
            let age = now - header.time.rawValue
            let isKept = number >= head.first
            let isWhole = state.storedEntry(number, in: world.log) != nil
            if age < Self.limits.retentionMilliseconds { try #require(isWhole, "\(place): \(number) is too young") }
            if isKept, !isApplication { try #require(isWhole, "\(place): \(number) is no application message") }
            if isApplication, age > Self.limits.retentionMilliseconds {
                try #require(!isWhole, "\(place): \(number) is over")
            }
            if open.contains(number) { try #require(isWhole, "\(place): \(number) is open") }
            if number > floor, age <= Self.limits.maxLagMilliseconds {
                try #require(isKept, "\(place): \(number) is above the floor \(floor)")
            }
        }
        let kept = (state.entries[world.log] ?? []).filter { $0.header.kind == .message }.reduce(0) {
            $0 + $1.payload.count
        }
        try #require(try state.get(Tables.usage, world.log)?.byteCount == UInt64(kept), "\(place)")
    }
}
