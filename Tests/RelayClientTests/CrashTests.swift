import Foundation
import RelayClient
import TestSupport
import Testing

/// Devices that crash at transactions of their stores, and come back on what is stored: as killed, but for the moment.
///
/// RELAY_RANDOM_SEEDS=1000 tries so many seeds instead of the few, RELAY_RANDOM_STEPS=100 goes on for so long with each.
@Suite("Crashes of devices", .timeLimit(.minutes(120)), .serialized)
struct CrashTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let seedCount = environment["RELAY_RANDOM_SEEDS"].flatMap { UInt64($0) } ?? 8
    private static let stepCount = environment["RELAY_RANDOM_STEPS"].flatMap { Int($0) } ?? 25
    private static let firstSeed = environment["RELAY_RANDOM_FIRST_SEED"].flatMap { UInt64($0) } ?? 1

    @Test("S2-7, N-3: devices crash at random: nothing is lost, nothing comes twice, all members converge")
    func random() async throws {
        var crashCount = 0
        for seed in Self.firstSeed..<Self.firstSeed + Self.seedCount {
            do {
                try await withCrowd { crowd in
                    let run = try await CrashRun(crowd, seed: seed)
                    for _ in 0..<Self.stepCount { try await run.step() }
                    try await run.finish()
                    crashCount += run.crashCount
                }
            } catch {
                Issue.record("seed \(seed): \(error)")
            }
        }
        print("\(crashCount) crashes of devices in \(Self.seedCount) runs")
        #expect(crashCount > 0)
    }

    @Test("N-3: a device that crashes at any transaction goes on where it was", arguments: StoreFaults.Moment.allCases)
    func everywhere(moment: StoreFaults.Moment) async throws {
        try await withCrowd { crowd in
            let others = try await crowd.people(["bob", "carol"])
            var transaction = 0
            var hasCrashed = true
            while hasCrashed {
                transaction += 1
                let alice = try await crowd.person("alice\(transaction)", faults: StoreFaults())
                let script = CrashScript(alice, others)
                alice.faults?.crash(at: transaction, moment)
                do { try await script.run() } catch {
                    Issue.record("crash \(moment) transaction \(transaction): \(error)")
                }
                hasCrashed = (alice.faults?.crashCount ?? 0) > 0
                await alice.close()
            }
            print("\(transaction - 1) transactions with a crash \(moment)")
            #expect(transaction > 20)
        }
    }
}

/// What a user does one after the other, again where it failed by a crash.
private struct CrashScript {
    let alice: Person
    let bob: Person
    let carol: Person

    init(_ alice: Person, _ others: [Person]) { (self.alice, bob, carol) = (alice, others[0], others[1]) }

    func run() async throws {
        let id = try await create()
        try await insisting("adding bob") { try await $0.group(id).add(["bob"]) }
        try await insisting("adding carol") { try await $0.group(id).add(["carol"]) }
        _ = try await bob.joined(id)
        _ = try await carol.joined(id)
        for index in 0..<3 { try await say("hello \(index)", id) }
        try await insisting("rotating") { try await $0.group(id).rotateKeys() }
        try await insisting("removing bob") { alice in
            do {
                try await alice.group(id).remove(["bob"])
            } catch let error as RelayClientError where error.code == .userUnknown {
                // It was done before the crash.
            }
        }
        try await say("bye", id)
        try await check(id)
    }

    /// Does something until it returns, coming back after a crash.
    private func insisting<Value: Sendable>(
        _ what: String, _ body: @escaping @Sendable (Person) async throws -> Value
    ) async throws -> Value {
        while true {
            do {
                return try await bounded("end of \(what)") { try await body(alice) }
            } catch let error as FakeServer.Failure {
                var inside = ""
                if let id = try await alice.anyGroup() { inside = try await alice.inside(id) }
                throw FakeServer.Failure(description: "\(error): \(inside), \(alice.events)")
            } catch let error as RelayClientError where [.closed, .storeFailed].contains(error.code) {
                try await alice.comeBack()
            }
        }
    }

    private func create() async throws -> GroupID {
        var policy = GroupPolicySettings()
        policy.join = .direct
        let settings = policy
        return try await insisting("creating") { alice in
            // What was begun before a crash comes about by itself.
            if let known = try await alice.anyGroup() { return try await alice.joined(known).id }
            return try await alice.client.createGroup(named: "Choir", policy: settings).id
        }
    }

    /// Says something, again where it did not come to be stored.
    private func say(_ text: String, _ id: GroupID) async throws {
        _ = try await insisting("saying \(text)") { alice in
            // In this order: what is not waiting any more by then is among what was said.
            let known = try await alice.unfinishedTexts(id) + alice.texts(id)
            if !known.contains(text) { try await alice.group(id).send(text) }
        }
    }

    private func check(_ id: GroupID) async throws {
        let texts = ["hello 0", "hello 1", "hello 2", "bye"]
        do {
            try await until("end", within: .seconds(5)) {
                if alice.faults?.isDown == true { try await alice.comeBack() }
                let isSaid = try await carol.texts(id).contains("bye")
                let isDone = try await alice.unfinished(id).isEmpty
                return isSaid && isDone
            }
        } catch {
            let unfinished = try await alice.unfinished(id)
            let texts = try await carol.texts(id)
            throw FakeServer.Failure(
                description: "\(error): to do \(unfinished), said \(texts), \(alice.events)")
        }
        // From here on nothing is looked at but what there is.
        alice.faults?.disarm()
        if alice.faults?.isDown == true { try await alice.comeBack() }
        try await converge([alice, carol], in: id)
        try await compare("carol", try await carol.texts(id), texts)
        try await compare("alice", try await alice.texts(id), texts)
        try await compare("bob", try await bob.texts(id), Array(texts.dropLast()))
        try await compare("users", try await carol.groupState(id).users.map(\.name).sorted(), [alice.user, "carol"])
        let joined = try await carol.history(id).count { if case .joined = $0 { true } else { false } }
        let hasRotated = try await carol.history(id).contains { kind in
            if case .keysUpdated(let member) = kind { member.user == alice.user } else { false }
        }
        #expect(joined == 1 && hasRotated)
        for person in [alice, bob, carol] {
            try await compare("troubles of \(person.name)", try await person.troubles(id), [])
        }
    }

    private func compare(_ what: String, _ found: [String], _ wanted: [String]) async throws {
        guard found != wanted else { return }
        throw FakeServer.Failure(description: "\(what): \(found) in the place of \(wanted)")
    }
}
