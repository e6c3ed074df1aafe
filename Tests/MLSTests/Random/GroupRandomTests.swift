import Foundation
import MLS
import MLSCodec
import Testing

/// Groups that live by chance. A failure says its seed, and the same seed does the same again.
///
/// MLS_RANDOM_SEEDS=100 tries so many seeds instead of the few, MLS_RANDOM_STEPS=1000 goes on for so long with each.
@Suite("Groups that live by chance")
struct GroupRandomTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let seedCount = environment["MLS_RANDOM_SEEDS"].flatMap { UInt64($0) } ?? 6
    private static let stepCount = environment["MLS_RANDOM_STEPS"].flatMap { Int($0) } ?? 80

    @Test("all members of a group agree, whatever they do", arguments: 1...seedCount)
    func life(seed: UInt64) throws {
        var plan = GroupSimulation.Plan(
            seed: seed, suite: CipherSuite(rawValue: UInt16(1 + (seed - 1) % 3)), isPublic: seed % 2 == 0)
        plan.stepCount = Self.stepCount
        let simulation = try GroupSimulation(plan)
        try simulation.run()
        if Self.environment["MLS_RANDOM_COUNTS"] != nil { print(simulation.counts.sorted { $0.key < $1.key }) }
    }

    @Test("fifty members agree")
    func crowd() throws {
        var plan = GroupSimulation.Plan(seed: 50, suite: .mls128DHKEMP256AES128GCMSHA256P256, isPublic: true)
        (plan.initialMemberCount, plan.maxMemberCount, plan.stepCount) = (50, 52, 10)
        try GroupSimulation(plan).run()
    }
}
