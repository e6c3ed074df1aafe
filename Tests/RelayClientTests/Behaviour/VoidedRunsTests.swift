import Foundation
import RelayClient
import RelayConnection
import RelayCore
import RelayServer
import RelayWire
import TestSupport
import Testing

@testable import RelayClient

/// An operator who takes back whatever can be, and a member whose commits nobody can follow.
///
/// RELAY_RANDOM_SEEDS=1000 tries so many seeds instead of the few, RELAY_RANDOM_FIRST_SEED=7 begins with that one.
@Suite("Random runs with voided commits", .timeLimit(.minutes(120)), .serialized)
struct VoidedRunsTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let seedCount = environment["RELAY_RANDOM_SEEDS"].flatMap { UInt64($0) } ?? 6
    private static let stepCount = environment["RELAY_RANDOM_STEPS"].flatMap { Int($0) } ?? 20
    private static let firstSeed = environment["RELAY_RANDOM_FIRST_SEED"].flatMap { UInt64($0) } ?? 1

    @Test("N-2, N-6: whatever is voided, all members agree, all messages come once, and nobody is warned")
    func voidedRuns() async throws {
        for seed in Self.firstSeed..<Self.firstSeed + Self.seedCount {
            do {
                try await withCrowd {
                    $0.rules.operators = [Array("root".utf8)]
                } _: { crowd in
                    let run = try await VoidedRun(crowd, seed: seed)
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

/// One run: three who stay, one who comes and goes, and in a group that hides its changes one who breaks them.
private final class VoidedRun {
    private enum Step: CaseIterable {
        case say, sayMuch, cut, lag, noLag, restart, rotate, propose, add, remove, void, voidAgain, broken
    }

    private let crowd: Crowd
    private let id: GroupID
    private let root: Person
    private let mallory: Person
    private let stayers: [Person]
    private let guest: Person
    private let seed: UInt64
    private var random: SeededGenerator
    private var sent: Set<String> = []
    private var changes: [(what: String, task: Task<Void, any Error>)] = []
    private var log: [String] = []
    private let isHidden: Bool

    init(_ crowd: Crowd, seed: UInt64) async throws {
        (self.crowd, self.seed, random) = (crowd, seed, SeededGenerator(seed: seed))
        let isHidden = seed % 2 == 0
        self.isHidden = isHidden
        root = try await crowd.person("root")
        mallory = try await crowd.person("mallory")
        stayers = try await crowd.people(["alice", "bob", "carol"], isProxied: true)
        guest = try await crowd.person("dave", isProxied: true)
        id = try await crowd.group(stayers + (isHidden ? [mallory] : [])) { policy in
            (policy.mayAdd, policy.mayRemove, policy.mayRename) = (.member, .member, .member)
            policy.hidesChanges = isHidden
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
        case .add: try await change(person) { try await $0.add(["dave"]) }
        case .remove: try await change(person) { try await $0.remove(["dave"]) }
        case .void, .voidAgain: try await voidLast(person)
        case .broken where isHidden: await breakGroup()
        case .broken: break
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
            case .entry, .entryDigest, .published, .publish, .acknowledge:
                [.wait(duration), .send(passing.frame, passing.id)]
            default: nil
            }
        }
    }

    /// Takes back the commit that a member has seen last, if it is not too late.
    private func voidLast(_ person: Person) async throws {
        guard let commit = try await person.client.lastProvisional(in: id) else { return }
        do {
            try await root.client.void(commit, of: try await person.client.log(of: id))
        } catch let error as RelayConnectionError where error.code == .relay(.commitNotProvisional) {
            // It is confirmed by now, or void already.
        }
    }

    private func breakGroup() async {
        // It may lose a race, and be out of step itself.
        try? await mallory.client.publishBrokenCommit(in: id)
    }

    private func change(
        _ person: Person, _ body: @escaping @Sendable (EncryptedGroup) async throws -> Void
    ) async throws {
        let group = try await person.group(id)
        changes.append(("step \(log.count), \(log.last ?? "")", Task { try await body(group) }))
    }

    /// What was begun comes to its end. What is voided comes to nothing, and so may what was to be done on top of it.
    private func waitForChanges() async throws {
        for change in changes {
            try await bounded("end of the change of \(change.what)", within: .seconds(60)) {
                do { try await change.task.value } catch let error as RelayClientError {
                    guard [.closed, .obsolete, .userUnknown, .connectionFailed, .storeFailed].contains(error.code)
                    else { throw error }
                }
            }
        }
        changes = []
    }

    /// What there is to say of a run that failed.
    func situation() async -> String {
        var lines = ["steps: \(log)"]
        for person in stayers + [guest, mallory] {
            // What cannot be told is not.
            guard let state = try? await person.groupState(id), let texts = try? await person.texts(id) else {
                lines.append("\(person.name): nothing; \(person.problems)")
                continue
            }
            let missing = sent.subtracting(texts).sorted()
            let inside = (try? await person.client.situation(in: id)) ?? ""
            lines.append(
                "\(person.name): epoch \(state.epoch), member \(String(describing: state.isMember)), "
                    + "has \(texts.count), not \(missing); \(inside); \(person.problems)")
        }
        return lines.joined(separator: "\n")
    }

    func finish() async throws {
        for person in stayers + [guest] { try crowd.proxy(of: person).setRule(nil) }
        try await waitForChanges()
        for person in stayers { try await say(1, person) }
        let (id, sent) = (id, sent)
        for person in stayers {
            try await until("all messages at \(person.name)", within: .seconds(60)) {
                Set(try await person.texts(id)).isSuperset(of: sent)
            }
        }
        try await converge(stayers, in: id, within: .seconds(60))
        let users = try await stayers[0].groupState(id).users.map(\.name)
        if users.contains("dave") { try await converge(stayers + [guest], in: id, within: .seconds(60)) }
        for person in stayers {
            let texts = try await person.texts(id)
            #expect(texts.sorted() == sent.sorted(), "seed \(seed), \(log)")
            #expect(try await person.warnings(id) == [], "seed \(seed), \(log)")
            #expect(try await person.count(in: id) { $0 == .rejoined } == 0, "seed \(seed), \(log)")
        }
    }
}
