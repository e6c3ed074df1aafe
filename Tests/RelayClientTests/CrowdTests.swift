import Foundation
import RelayClient
import TestSupport
import Testing

/// Everybody in a group changes it at the same time.
///
/// RELAY_CROWD=100 makes it so many members instead of the few.
@Suite("A crowd that commits at once", .timeLimit(.minutes(30)), .serialized)
struct CrowdTests {
    private static let count = ProcessInfo.processInfo.environment["RELAY_CROWD"].flatMap { Int($0) } ?? 20

    @Test("N-2, N-3: all members commit at once: all calls return, everybody's commit is in, and all members agree")
    func allAtOnce() async throws {
        try await withCrowd { crowd in
            let people = try await members(Self.count, of: crowd)
            let before = try await setUp(people, crowd)
            let began = ContinuousClock.now
            try await bounded("end of \(people.count) changes", within: .seconds(900)) {
                try await withThrowingTaskGroup(of: Void.self) { changes in
                    for person in people { changes.addTask { try await person.group(before.id).rotateKeys() } }
                    try await changes.waitForAll()
                }
            }
            let returned = ContinuousClock.now - began
            let epoch = try await converge(people, in: before.id, within: .seconds(120))
            let whole = ContinuousClock.now - began
            try await check(people, before.id, from: before.epoch, to: epoch)
            try await report(people, before.id, returned, whole, commits: epoch - before.epoch)
        }
    }

    private func members(_ count: Int, of crowd: Crowd) async throws -> [Person] {
        var people: [Person] = []
        for index in 0..<count {
            people.append(
                try await crowd.person("user\(index)", faults: StoreFaults()) { configuration in
                    configuration.keyPackageCount = 1
                    configuration.followsReceipts = false
                    configuration.requestTimeout = .seconds(120)
                })
        }
        return people
    }

    private func setUp(_ people: [Person], _ crowd: Crowd) async throws -> (id: GroupID, epoch: UInt64) {
        let began = ContinuousClock.now
        var policy = GroupPolicySettings()
        policy.join = .direct
        let group = try await people[0].createGroup(named: "Choir", policy: policy)
        try await group.add(people.dropFirst().map(\.user))
        for person in people { _ = try await person.joined(group.id) }
        let epoch = try await converge(people, in: group.id, within: .seconds(120))
        print("\(people.count) members in one group after \(ContinuousClock.now - began)")
        return (group.id, epoch)
    }

    /// Everybody's commit is in everybody's history, and nobody was warned of anything.
    private func check(_ people: [Person], _ id: GroupID, from first: UInt64, to last: UInt64) async throws {
        // Each is a commit of its own: none does another's work.
        #expect(last - first >= UInt64(people.count))
        let wanted = Set(people.map(\.user))
        for person in people {
            let updated = try await person.history(id).compactMap { kind in
                if case .keysUpdated(let member) = kind { member.user } else { nil }
            }
            #expect(wanted.isSubset(of: updated), "at \(person.name)")
            let warnings = try await person.warnings(id)
            #expect(warnings == [], "at \(person.name)")
        }
    }

    private func report(
        _ people: [Person], _ id: GroupID, _ returned: Duration, _ whole: Duration, commits: UInt64
    ) async throws {
        var lost: [Int] = []
        for person in people { lost.append(try await person.racesLost(id)) }
        let mean = Double(lost.reduce(0, +)) / Double(max(1, lost.count))
        print(
            "\(people.count) members: \(commits) commits, all returned after \(returned), all agreed after \(whole);",
            "\(Double(commits) / (returned / .seconds(1))) commits per second;",
            "races lost per commit: mean \(mean), max \(lost.max() ?? 0)")
    }
}
