import Foundation
import MLS
import MLSCodec
import MLSPublicGroup
import MLSTestSupport
import RelayCore
import RelayTestSupport
import RelayWire
import TLSPresentation
import TestSupport
import Testing

/// A tracked group lives by chance, on both states at once: whatever comes, they agree, the invariants hold after every step,
/// what is refused changes nothing, and the members that did as they should agree on the epoch's secrets.
///
/// RELAY_RANDOM_SEEDS=100 tries so many seeds instead of the few, RELAY_RANDOM_STEPS=1000 goes on for so long with each.
@Suite("Tracked groups by chance", .serialized)
struct GroupPropertyTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let seedCount = environment["RELAY_RANDOM_SEEDS"].flatMap { UInt64($0) } ?? 6
    private static let stepCount = environment["RELAY_RANDOM_STEPS"].flatMap { Int($0) } ?? 60

    @Test(
        "S0-5, S1-6, S1-7, N-1, N-2, N-5: random groups keep their invariants, and their members stay together",
        arguments: 1...seedCount)
    func randomGroup(seed: UInt64) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        var walk = try RandomGroup(seed: seed, directory)
        for step in 0..<Self.stepCount {
            let what = try walk.step()
            let problems = try walk.problems
            try #require(problems.isEmpty, "seed \(seed), step \(step), \(what): \(problems)")
        }
        #expect(try walk.mirror.rebuildFindings == [], "seed \(seed)")
        #expect(walk.met.count > 4, "seed \(seed): \(walk.met.sorted())")
    }
}

private struct RandomGroup {
    private let scene: GroupScene
    fileprivate let mirror: TestRelay
    private var generator: SeededGenerator
    private let names = ["ann", "ben", "cleo", "dan", "eve", "fay", "gil", "hal"]
    /// What has happened.
    private(set) var met: Set<String> = []

    init(seed: UInt64, _ directory: TemporaryDirectory) throws {
        generator = SeededGenerator(seed: seed)
        let framing: GroupConfiguration.HandshakeFraming = seed.isMultiple(of: 2) ? .privateMessage : .publicMessage
        // Turns are not kept over a restart, and one state restarts here.
        var limits = CoreLimits()
        limits.fairnessLosses = .max
        scene = try GroupScene(.memory, in: directory, framing: framing, limits: limits)
        mirror = try TestRelay(.store, in: directory, limits: limits)
        scene.relay.mirror = mirror
        for name in names { try scene.register(name) }
        let join: JoinRule = .open
        try scene.create(
            by: "ann", with: ["ben", "cleo"],
            policy: GroupScene.policy(framing, join: join) { policy in
                policy.mayRemove = .member
                policy.mayRename = .member
            })
    }

    private mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
    private mutating func one(_ names: [String]) -> String? { names.randomElement(using: &generator) }

    private var inside: [String] {
        scene.devices.values.filter { $0.member != nil }.map(\.name).sorted()
    }
    private var outside: [String] { names.filter { scene[$0].member == nil } }

    /// What is not as it must be.
    var problems: [String] {
        get throws {
            let state = try scene.relay.state
            var problems = state.brokenInvariants + state.brokenGroupInvariants
            let stored = try mirror.state
            for table in RecordTable.allCases where state.records[table] != stored.records[table] {
                problems.append("the states differ in \(table)")
            }
            if state.heads.mapValues(\.chain) != stored.heads.mapValues(\.chain) { problems.append("the logs differ") }
            if state.groupInfos != stored.groupInfos { problems.append("the GroupInfos differ") }
            let authenticators = try inside.map { try scene[$0].group.epochAuthenticator }
            if Set(authenticators).count > 1 { problems.append("the members have parted") }
            if try scene.members != inside { problems.append("members: \(try scene.members), by MLS: \(inside)") }
            return problems
        }
    }

    /// Does something.
    /// - Returns: what.
    mutating func step() throws -> String {
        if number(1...10) == 1 { try mirror.reopen() }
        guard let name = one(inside) else { return "nobody is left" }
        let what: String
        do {
            what = try act(name)
        } catch let error as RelayError {
            // A refusal: who wanted something goes on as before.
            scene[name].member?.group.discardPendingCommit()
            met.insert("\(error.code)")
            return "\(name) was refused: \(error)"
        }
        met.insert(String(what.prefix { $0 != " " }))
        return "\(name): \(what)"
    }

    private mutating func act(_ name: String) throws -> String {
        switch number(0...15) {
        case 0, 1, 2:
            try scene.say("\(number(0...999))", by: name)
            return "says"
        case 3:
            let last = try scene.head.last.rawValue
            try scene.acknowledge(UInt64(number(1...Int(last))), by: name)
            return "acknowledges"
        case 4, 5:
            guard let other = one(outside) else { return "nothing" }
            try scene.publishKeyPackage(of: other)
            try scene.commit(by: name, adding: [other])
            return "adds \(other)"
        case 6:
            guard let other = one(inside.filter { $0 != name }) else { return "nothing" }
            try scene.commit(by: name, removing: [other])
            return "removes \(other)"
        case 7, 8:
            try scene.commit(by: name)
            return "updates"
        case 9: return try race(name)
        case 10: return try provoke(name)
        case 11: return try leave(name)
        case 12:
            guard let other = one(outside) else { return "nothing" }
            return try join(other)
        case 13: return try govern(name)
        case 14:
            // Somebody who is not in it tries.
            guard let other = one(outside) else { return "nothing" }
            let message = TestMessage(bytes: try scene[name].group.protect("stolen"))
            _ = try scene.relay.publish(message, by: scene[other].client)
            return "intrudes"
        default:
            let role: Role = number(0...1) == 0 ? .admin : .member
            let request = SetRole(log: scene.log, name: Array((one(names) ?? name).utf8), role: role)
            _ = try scene.perform(.setRole(request), by: name)
            return "sets a role"
        }
    }

    /// Two commit at once.
    private mutating func race(_ name: String) throws -> String {
        guard let other = one(inside.filter { $0 != name }) else { return "nothing" }
        let winning = try scene.commitMessages(by: name)
        let losing = try scene.commitMessages(by: other)
        _ = try scene.publish(winning, by: name)
        do {
            _ = try scene.publish(losing, by: other)
            Issue.record("two commits of one epoch")
        } catch let error as RelayError {
            met.insert("\(error.code)")
        }
        scene[other].member?.group.discardPendingCommit()
        try scene.accept(winning, by: name)
        return "wins against \(other)"
    }

    /// A commit that nobody takes.
    private mutating func provoke(_ name: String) throws -> String {
        let added = one(outside)
        if let added { try scene.publishKeyPackage(of: added) }
        let bad = try scene.commitMessages(by: name, adding: added.map { [$0] } ?? [])
        let number = try scene.publish(bad, by: name, adding: added.map { [$0] } ?? []).receipts[0].sequenceNumber
        for other in inside where other != name {
            do {
                let request = DenyCommit(log: scene.log, sequenceNumber: number, text: [])
                _ = try scene.perform(.deny(request), by: other)
            } catch let error as RelayError {
                met.insert("\(error.code)")
            }
        }
        guard try scene.head.epoch.rawValue == scene[name].group.epoch else {
            // Nobody was there to deny it.
            try scene.accept(bad, by: name, adding: added.map { [$0] } ?? [])
            return "commits alone"
        }
        scene[name].member?.group.discardPendingCommit()
        return "provokes"
    }

    private mutating func leave(_ name: String) throws -> String {
        let proposal = try scene[name].group.propose(.selfRemove)
        do {
            try scene.relay.publish(TestMessage(bytes: proposal), by: scene[name].client)
        } catch {
            scene[name].member?.group.discardPendingProposals()
            throw error
        }
        scene[name].member = nil
        for other in inside { try scene[other].group.receiveProposal(proposal) }
        guard let other = one(inside) else { return "leaves nobody" }
        let messages = try scene.commitMessages(by: other)
        if scene.framing == .privateMessage {
            let roster = DeclaredRoster(added: [], removed: [scene[name].client])
            _ = try scene.relay.perform(.publishCommit(messages.published, roster), by: scene[other].client)
        } else {
            _ = try scene.publish(messages, by: other)
        }
        try scene.accept(messages, by: other)
        return "leaves"
    }

    private mutating func join(_ name: String) throws -> String {
        let answer = try scene.perform(.fetchGroupInfo(scene.groupID), by: name).decoded(as: GroupInfoAnswer.self)
        var options = ExternalCommitOptions()
        options.makesGroupInfo = true
        let tree: RatchetTree?
        if scene.framing == .publicMessage {
            tree = answer.ratchetTree.isEmpty ? nil : try RatchetTree(decoding: answer.ratchetTree)
        } else {
            // The relay does not know it; a member tells.
            tree = try inside.first.map { try scene[$0].group.publicGroup.ratchetTree }
        }
        let (member, messages) = try scene[name].device.joinsExternally(
            answer.message, ratchetTree: tree, options: options)
        _ = try scene.relay.perform(.publish(GroupScene.published(messages)), by: scene[name].client)
        for other in inside { try scene[other].group.follow(messages.commit) }
        scene[name].member = member
        return "joins"
    }

    private mutating func govern(_ name: String) throws -> String {
        var request = UpdateGroup(
            log: scene.log, name: Array("name \(number(0...3))".utf8), alias: [],
            policy: try scene.describe(for: name).policy)
        if number(0...2) == 0 { request.policy.mayAdd = number(0...1) == 0 ? .admin : .member }
        if number(0...4) == 0 { request.policy.denials = UInt32(number(0...3)) }
        _ = try scene.perform(.update(request), by: name)
        if number(0...2) == 0, let other = one(outside) {
            let isBanned = number(0...1) == 0
            _ = try scene.perform(.ban(Ban(log: scene.log, name: Array(other.utf8), isBanned: isBanned)), by: name)
            return "bans"
        }
        return "governs"
    }
}
