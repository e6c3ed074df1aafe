import RelayClient
import RelayWire
import Testing

/// What the commands of seed 004 cost in frames of clients, beside the seed's formulas, which count messages of clients
/// too.
@Suite("Seed 004: what it costs", .timeLimit(.minutes(2)))
struct CostTests {
    /// Frames that clients sent for one command.
    private struct Cost {
        let command: String
        let formula: String
        /// By the seed's formula.
        let seed: Int
        /// By the device that carries it out.
        let own: Int
        /// By all devices, acknowledgements and head checks apart.
        let all: Int
        /// Acknowledgements and head checks of all.
        let acknowledgements: Int

        var line: String {
            let name = command.padded(to: 12) + formula.padded(to: 6)
            return "\(name) seed \(seed), here: own \(own), all \(all), and \(acknowledgements) acknowledgements"
        }
    }

    private static let acknowledging: Set<FrameType> = [.acknowledge, .checkHeads, .credit, .pong]

    private struct Scene {
        let crowd: Crowd
        let people: [Person]
        let id: GroupID

        /// Carries out a command, waits for what it leads to, and counts.
        func cost(
            _ command: String, _ formula: String, _ seed: Int, by person: Person,
            _ body: () async throws -> Void
        ) async throws -> Cost {
            let proxies = try people.map { try crowd.proxy(of: $0) }
            for proxy in proxies { proxy.resetCounts() }
            try await body()
            let types = proxies.map { $0.types(.toRelay) }
            let work = types.map { $0.count { !CostTests.acknowledging.contains($0) } }
            let own = people.firstIndex { $0 === person }.map { work[$0] } ?? 0
            let all = work.reduce(0, +)
            return Cost(
                command: command, formula: formula, seed: seed, own: own, all: all,
                acknowledgements: types.map(\.count).reduce(0, +) - all)
        }
    }

    private func costs(of count: Int) async throws -> [Cost] {
        var costs: [Cost] = []
        try await withCrowd { crowd in
            var people = try await crowd.people((0..<count).map { "member\($0)" }, isProxied: true)
            let newcomer = try await crowd.person("newcomer", isProxied: true)
            let id = try await crowd.group(people) { $0.mayRemove = .member }
            let first = people[0]
            people.append(newcomer)
            let scene = Scene(crowd: crowd, people: people, id: id)
            let n = count + 1
            let add = try await scene.cost("add (open)", "4n-2", 4 * n - 2, by: first) {
                try await first.group(id).add(["newcomer"])
                for person in people.dropLast() { try await person.sees("newcomer", joinIn: id) }
                _ = try await newcomer.joined(id)
                try await converge(people, in: id)
            }
            let send = try await scene.cost("send", "2n-2", 2 * n - 2, by: first) {
                try await first.group(id).send("hello")
                for person in people.dropFirst() { try await person.message("hello", in: id) }
            }
            let remove = try await scene.cost("remove", "2n-1", 2 * n - 1, by: first) {
                try await first.group(id).remove(["member1"])
                for person in people { try await person.sees("member1", removedFrom: id) }
            }
            let left = people.filter { $0.user != "member1" }
            let leave = try await scene.cost("leave", "n-1", n - 2, by: newcomer) {
                try await newcomer.group(id).leave()
                for person in left where person !== newcomer {
                    try await person.next("leaving", in: id) { kind in
                        if case .left = kind { true } else { nil }
                    }
                }
            }
            let delete = try await scene.cost("delete", "2n-2", 2 * (n - 2) - 2, by: first) {
                try await first.group(id).delete()
                for person in left where person !== newcomer {
                    try await person.next("the end", in: id) { kind in
                        if case .ended = kind { true } else { nil }
                    }
                }
            }
            costs = [add, send, remove, leave, delete]
        }
        return costs
    }

    @Test("S4: what a command costs its sender does not grow with the group, and is less than the seed's")
    func cost() async throws {
        let (small, large) = (try await costs(of: 4), try await costs(of: 8))
        print("Frames of clients for the commands of seed 004, in groups of 5 and 9:")
        for (small, large) in zip(small, large) {
            print("  5: \(small.line)")
            print("  9: \(large.line)")
            // One more or less: a request for what the group is like now may fall on either side.
            #expect(large.own <= small.own + 2, "\(small.command)")
            #expect(large.own < large.seed || large.command == "leave", "\(large.command)")
        }
    }

    @Test("S4: to be asked first costs an invitation, an answer and the taking of KeyPackages more")
    func invitation() async throws {
        try await withCrowd { crowd in
            let people = try await crowd.people(["alice", "bob", "carol"], isProxied: true)
            let newcomer = try await crowd.person("newcomer", isProxied: true)
            let id = try await crowd.group(people)
            var policy = try await people[0].groupState(id).policy
            policy.join = .invitation
            try await people[0].group(id).setPolicy(policy)
            let scene = Scene(crowd: crowd, people: people + [newcomer], id: id)
            let n = 4
            let cost = try await scene.cost("add", "6n-4", 6 * n - 4, by: people[0]) {
                try await people[0].group(id).add(["newcomer"])
                try await newcomer.acceptNext()
                _ = try await newcomer.joined(id)
                try await converge(people + [newcomer], in: id)
            }
            print("  4: \(cost.line)")
            #expect(cost.own < cost.seed)
        }
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
