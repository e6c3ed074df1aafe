import Foundation
import RelayWire
import Synchronization
import TestSupport
import Testing

@testable import RelayClient

/// An honest relay behind bad connections: nothing is ever reported that is not so, nothing is lost and nothing comes
/// twice.
///
/// RELAY_RANDOM_SEEDS=1000 tries so many seeds instead of the few, RELAY_RANDOM_STEPS=100 goes on for so long with each.
@Suite("Random honest runs", .timeLimit(.minutes(120)), .serialized)
struct HonestRunsTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let seedCount = environment["RELAY_RANDOM_SEEDS"].flatMap { UInt64($0) } ?? 20
    private static let stepCount = environment["RELAY_RANDOM_STEPS"].flatMap { Int($0) } ?? 12
    private static let firstSeed = environment["RELAY_RANDOM_FIRST_SEED"].flatMap { UInt64($0) } ?? 1

    @Test(
        "N-3, N-6, S4-14: with lag and cut connections all members agree, all messages come once, and nobody is warned")
    func honestRuns() async throws {
        for seed in Self.firstSeed..<Self.firstSeed + Self.seedCount {
            do {
                try await withCrowd { crowd in
                    let run = try await HonestRun(crowd, seed: seed)
                    do {
                        for _ in 0..<Self.stepCount { try await run.step() }
                        try await run.finish()
                    } catch {
                        throw FakeServer.Failure(description: "\(error)\n\(await run.situation())")
                    }
                }
            } catch {
                Issue.record("seed \(seed): \(error)")
            }
        }
    }
}

/// One run: three who stay, and one who comes and goes.
private final class HonestRun {
    private enum Step: CaseIterable {
        case say, sayMuch, cut, lag, noLag, restart, rotate, propose, rename, guest, relayRestart
    }

    private let crowd: Crowd
    private let id: GroupID
    private let stayers: [Person]
    private let guest: Person
    private let seed: UInt64
    private var random: SeededGenerator
    private var sent: Set<String> = []
    private var changes: [(what: String, group: EncryptedGroup, task: Task<Void, any Error>)] = []
    private var isGuestThere = false
    private var log: [String] = []

    init(_ crowd: Crowd, seed: UInt64) async throws {
        (self.crowd, self.seed, random) = (crowd, seed, SeededGenerator(seed: seed))
        stayers = try await crowd.people(["alice", "bob", "carol"], isProxied: true)
        guest = try await crowd.person("dave", isProxied: true)
        id = try await crowd.group(stayers) { policy in
            (policy.mayAdd, policy.mayRemove, policy.mayRename) = (.member, .member, .member)
            policy.hidesChanges = seed % 2 == 0
        }
    }

    private func somebody() -> Person { stayers[Int.random(in: stayers.indices, using: &random)] }

    func step() async throws {
        let person = somebody()
        let step = Step.allCases[Int.random(in: Step.allCases.indices, using: &random)]
        log.append("\(person.user) \(step)")
        switch step {
        case .say: try await say(1, person)
        case .sayMuch: try await say(Int.random(in: 2...8, using: &random), person)
        case .cut: try crowd.proxy(of: person).cut()
        case .lag: try lag(person, .milliseconds(Int.random(in: 1...20, using: &random)))
        case .noLag: try crowd.proxy(of: person).setRule(nil)
        case .restart: try await person.reopen()
        case .rotate: try await change(person) { try await $0.rotateKeys() }
        case .propose: try await change(person) { try await $0.proposeKeyRotation() }
        case .rename:
            let name = "Choir \(random.next() % 100)"
            try await change(person) { try await $0.rename(name) }
        case .guest: try await addOrRemoveGuest(person)
        case .relayRestart: try await crowd.relay.restart()
        }
    }

    private func say(_ count: Int, _ person: Person) async throws {
        for _ in 0..<count {
            let text = "\(person.user) \(sent.count)"
            sent.insert(text)
            try await person.group(id).send(text)
        }
    }

    private func lag(_ person: Person, _ duration: Duration) throws {
        try crowd.proxy(of: person).setRule { passing in
            switch passing.frame {
            case .entry, .entryDigest, .published, .publish: [.wait(duration), .send(passing.frame, passing.id)]
            default: nil
            }
        }
    }

    /// What there is to say of a run that failed.
    func situation() async -> String {
        var lines = ["steps: \(log)"]
        for person in stayers + [guest] {
            // What cannot be told is not.
            guard let state = try? await person.groupState(id), let texts = try? await person.texts(id),
                let connection = try? await person.client.connectionState
            else {
                lines.append("\(person.name): nothing; \(person.problems)")
                continue
            }
            let missing = sent.subtracting(texts).sorted()
            let waiting = (try? await person.client.waiting(in: id)) ?? "?"
            lines.append(
                "\(person.name): epoch \(state.epoch), \(connection), has \(texts.count), not \(missing); waiting: \(waiting); \(person.problems)"
            )
        }
        return lines.joined(separator: "\n")
    }

    /// Begins a change, which goes on beside what comes next.
    private func change(
        _ person: Person, _ body: @escaping @Sendable (EncryptedGroup) async throws -> Void
    ) async throws {
        let group = try await person.group(id)
        changes.append(("step \(log.count), \(log.last ?? "")", group, Task { try await body(group) }))
    }

    private func addOrRemoveGuest(_ person: Person) async throws {
        try await waitForChanges()
        let group = try await person.group(id)
        if isGuestThere { try await group.remove(["dave"]) } else { try await group.add(["dave"]) }
        isGuestThere.toggle()
        if isGuestThere { _ = try await guest.joined(id) }
    }

    /// What was begun comes to its end. A device that was closed meanwhile goes on by itself; one whose change came to
    /// nothing says so.
    private func waitForChanges() async throws {
        let begun = changes
        changes = []
        for change in begun {
            do {
                try await bounded("end of the change of \(change.what)", within: .seconds(60)) {
                    do { try await change.task.value } catch let error as RelayClientError {
                        guard [.closed, .obsolete].contains(error.code) else { throw error }
                    }
                }
            } catch let error as FakeServer.Failure {
                let (client, id) = (change.group.client, id)
                let waiting = try? await bounded("answer", within: .seconds(2)) { try await client.waiting(in: id) }
                throw FakeServer.Failure(description: "\(error); \(waiting ?? "it does not even answer")")
            }
        }
    }

    func finish() async throws {
        for person in stayers + [guest] { try crowd.proxy(of: person).setRule(nil) }
        try await waitForChanges()
        for person in stayers { try await say(1, person) }
        let (members, id, sent) = (stayers + (isGuestThere ? [guest] : []), id, sent)
        for person in stayers {
            try await until("all messages at \(person.name)", within: .seconds(60)) {
                Set(try await person.texts(id)).isSuperset(of: sent)
            }
        }
        try await converge(members, in: id, within: .seconds(60))
        for person in stayers { #expect(try await person.texts(id).sorted() == sent.sorted(), "seed \(seed), \(log)") }
        for person in members {
            let texts = try await person.texts(id)
            #expect(Set(texts).count == texts.count, "seed \(seed), \(log)")
            #expect(try await person.warnings(id) == [], "seed \(seed), \(log)")
        }
        try await checkOrder()
    }

    /// All who stay have the same messages in the same order.
    private func checkOrder() async throws {
        var orders: Set<[String]> = []
        for person in stayers { orders.insert(try await person.texts(id)) }
        #expect(orders.count == 1, "seed \(seed), \(log)")
    }
}

extension RelayClient {
    /// What a group has to do still, for people who look for a fault.
    fileprivate func waiting(in id: GroupID) throws -> String {
        let runtime = try existing(id)
        let items = runtime.session.outbox.map { number, item in
            "\(number) \(String(describing: item.content).prefix(60)) of epoch \(item.prepared?.epoch.description ?? "none")"
        }
        return
            "\(isOpen ? "open" : "closed"), \(items), publication \(runtime.session.publication?.kind.rawValue ?? 0), at "
            + "\(runtime.session.record.cursor), waiters \(runtime.itemWaiters.count) and \(runtime.turnWaiters.count)"
    }
}
