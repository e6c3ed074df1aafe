import MLSCrypto
import MLS
import MLSTestSupport
import RelayCore
import RelayTestSupport
import RelayWire
import TLSPresentation
import TestSupport
import Testing

@Suite("Head checks (PROTOCOL.md section 7.13)", .serialized)
struct HeadCheckTests {
    private func scene(_ kind: StateKind, _ directory: TemporaryDirectory) throws -> GroupScene {
        let scene = try GroupScene(kind, in: directory, framing: .privateMessage)
        try scene.register("alice", "bob", "carol", "dave")
        try scene.create(by: "alice", with: ["bob", "carol"])
        return scene
    }

    /// What an honest member would say that has processed the log up to an entry.
    private func head(
        _ scene: GroupScene, _ name: String, at number: UInt64, _ change: (inout HeadDigest) -> Void = { _ in }
    ) throws -> HeadDigest {
        let state = try scene.relay.state
        let place = SequenceNumber(rawValue: number)
        let log = try #require(state.heads[scene.log])
        var head = HeadDigest(
            log: scene.log, sequenceNumber: place, chain: try state.keptChain(at: place, of: log) ?? .zero,
            epoch: Epoch(rawValue: try scene[name].group.epoch),
            authenticatorHash: SHA256.hash(try scene[name].group.epochAuthenticator))
        change(&head)
        return head
    }

    private func check(_ scene: GroupScene, _ name: String, _ head: HeadDigest) throws -> HeadCheck {
        let action = Command.Action.delivery(.checkHeads([head], followed: []))
        guard case .answered(let frame) = try scene.relay.perform(.other(action), by: scene[name].client).outcome else {
            preconditionFailure("answered")
        }
        return try frame.decoded(as: HeadsChecked.self).results[0]
    }

    private func statuses(_ check: HeadCheck, _ scene: GroupScene, _ names: [String]) -> [HeadStatus?] {
        names.map { name in check.members.first { $0.client == scene[name].client }?.status }
    }

    @Test("S4-14: behind and ahead are no faults, and one answer has all members", arguments: StateKind.allCases)
    func lag(kind: StateKind) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(kind, directory)
        for text in ["one", "two", "three"] { try scene.say(text, by: "alice") }
        let others = ["alice", "bob", "carol"]
        let first = try check(scene, "alice", head(scene, "alice", at: 4))
        #expect(first.status == .consistent)
        #expect(statuses(first, scene, others) == [nil, .unknown, .unknown])
        #expect(statuses(try check(scene, "bob", head(scene, "bob", at: 2)), scene, others) == [.ahead, nil, .unknown])
        let third = try check(scene, "carol", head(scene, "carol", at: 4))
        #expect(statuses(third, scene, others) == [.consistent, .behind, nil])
        // The relay that was set back knows less than its client: no fault of the client's.
        let ahead = try check(scene, "carol", head(scene, "carol", at: 4) { $0.sequenceNumber = 9 })
        #expect(ahead.status == .ahead)
        #expect(scene.relay.takeEffects().diverged == [])
    }

    @Test(
        "S4-14, N-3: another chain is suspect first and a violation at the second check", arguments: StateKind.allCases)
    func otherHistory(kind: StateKind) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(kind, directory)
        try scene.say("one", by: "alice")
        _ = try check(scene, "alice", head(scene, "alice", at: 2))
        let wrong = try head(scene, "bob", at: 2) { $0.chain = SHA256.hash([1]) }
        #expect(try check(scene, "bob", wrong).status == .suspect)
        #expect(scene.relay.takeEffects().diverged == [])
        // Others see it, and are not to blame themselves.
        let seen = try check(scene, "alice", head(scene, "alice", at: 2))
        #expect(seen.status == .consistent)
        #expect(statuses(seen, scene, ["bob", "carol"]) == [.suspect, .unknown])
        #expect(try check(scene, "bob", wrong).status == .diverged)
        #expect(scene.relay.takeEffects().diverged == [scene.log])
        #expect(
            try statuses(check(scene, "carol", head(scene, "carol", at: 1)), scene, ["alice", "bob"]) == [
                .ahead, .diverged,
            ])
        #expect(try check(scene, "bob", wrong).status == .diverged)
        #expect(scene.relay.takeEffects().diverged == [])
        // It has found its way back.
        #expect(try check(scene, "bob", head(scene, "bob", at: 2)).status == .consistent)
        #expect(try statuses(check(scene, "alice", head(scene, "alice", at: 2)), scene, ["bob"]) == [.consistent])
        #expect(try check(scene, "bob", wrong).status == .suspect)
    }

    @Test(
        "N-3: two group states in one epoch are found in one round of checks, and a violation in the next",
        arguments: StateKind.allCases)
    func otherState(kind: StateKind) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(kind, directory)
        let honest = try head(scene, "alice", at: 1)
        let other = try head(scene, "bob", at: 1) { $0.authenticatorHash = SHA256.hash([2]) }
        #expect(try statuses(check(scene, "alice", honest), scene, ["bob"]) == [.unknown])
        #expect(try statuses(check(scene, "bob", other), scene, ["alice"]) == [.suspect])
        // Nothing was said that is new: still the same suspicion.
        #expect(try statuses(check(scene, "bob", other), scene, ["alice"]) == [.suspect])
        #expect(scene.relay.takeEffects().diverged == [])
        #expect(try statuses(check(scene, "alice", honest), scene, ["bob"]) == [.suspect])
        #expect(try statuses(check(scene, "bob", other), scene, ["alice"]) == [.diverged])
        #expect(try statuses(check(scene, "alice", honest), scene, ["bob"]) == [.diverged])
        // A third tells which of the two it is.
        let third = try check(scene, "carol", head(scene, "carol", at: 1))
        #expect(third.status == .consistent)
        #expect(statuses(third, scene, ["alice", "bob"]) == [.consistent, .diverged])
        #expect(try check(scene, "alice", honest).status == .consistent)
        #expect(try check(scene, "bob", other).status == .diverged)
        // Whoever is in another epoch says nothing about this one.
        try scene.commit(by: "alice")
        #expect(try statuses(check(scene, "alice", head(scene, "alice", at: 2)), scene, ["bob"]) == [.behind])
        #expect(
            try scene.relay.state.get(Tables.headChecks, PairKey(scene.log, scene["alice"].client))?.status
                == .consistent)
    }

    @Test("an epoch that was voided and begun anew is another one: no false alarm", arguments: StateKind.allCases)
    func voidedEpoch(kind: StateKind) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(kind, directory)
        func say(_ name: String, _ number: UInt64, _ commit: UInt8) throws -> HeadCheck {
            try check(
                scene, name,
                head(scene, name, at: number) {
                    $0.epoch = 2
                    $0.authenticatorHash = SHA256.hash([commit])
                })
        }
        // Made-up commits: the relay does not look into them.
        func commit(_ text: String) throws {
            let messages = [TestMessage.commit(text, "group", 1), .groupInfo(text, "group", 2)]
            let roster = DeclaredRoster(added: [], removed: [])
            _ = try scene.relay.perform(.publishCommit(messages, roster), by: scene["alice"].client)
        }
        try commit("bad")
        #expect(try say("bob", 2, 1).status == .consistent)
        _ = try scene.perform(.deny(DenyCommit(log: scene.log, sequenceNumber: 2, text: [])), by: "bob")
        _ = try scene.perform(.deny(DenyCommit(log: scene.log, sequenceNumber: 2, text: [])), by: "carol")
        try commit("good")
        for round in 0..<3 {
            let check = try say("carol", 4, 2)
            #expect(statuses(check, scene, ["bob"]) == [.behind], "round \(round)")
            #expect(try statuses(say("bob", 2, 1), scene, ["carol"]) == [.ahead], "round \(round)")
        }
        #expect(scene.relay.takeEffects().diverged == [])
    }

    @Test("heads of groups that one does not follow are not told", arguments: StateKind.allCases)
    func outsiders(kind: StateKind) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(kind, directory)
        let honest = try head(scene, "alice", at: 1)
        #expect(try check(scene, "dave", honest).error == .logUnknown)
        var unknown = honest
        unknown.log = LogNumber(rawValue: 999)
        #expect(try check(scene, "dave", unknown).error == .logUnknown)
        try scene.commit(by: "alice", removing: ["bob"])
        #expect(try check(scene, "bob", honest).error == .notMember)
        // An untracked group's, where the connection follows it: one's own head.
        let untracked = try scene.relay.createGroup("untracked", by: scene["alice"].client)
        try scene.relay.publish(.application("a", "untracked", 0), by: scene["alice"].client)
        var head = HeadDigest(
            log: untracked, sequenceNumber: 1, chain: try #require(scene.relay.state.heads[untracked]?.chain), epoch: 0,
            authenticatorHash: .zero)
        #expect(try check(scene, "dave", head).error == .logUnknown)
        func checkFollowed() throws -> HeadCheck {
            let action = Command.Action.delivery(.checkHeads([head], followed: [untracked]))
            guard case .answered(let frame) = try scene.relay.perform(.other(action), by: scene["dave"].client).outcome
            else { preconditionFailure("answered") }
            return try frame.decoded(as: HeadsChecked.self).results[0]
        }
        #expect(try checkFollowed() == HeadCheck(error: .none, log: untracked, status: .consistent, members: []))
        head.chain = .zero
        #expect(try checkFollowed().status == .suspect)
        #expect(try scene.relay.state.records[.headChecks] == nil)
    }

    /// Goal: whatever honest members do, in whatever order they come to say it, nobody is ever suspected.
    ///
    /// Method: members that process the log at their own pace, over commits, voided commits and those that follow them,
    /// say now and then what they have seen. Secrets of an epoch are made up from the commit that began it.
    @Test(
        "S4-14, N-3: honest members are never suspected, however far behind", arguments: 1...12 as ClosedRange<UInt64>)
    func noFalseAlarms(seed: UInt64) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(.memory, directory)
        var generator = SeededGenerator(seed: seed)
        let names = ["alice", "bob", "carol"]
        var places = Dictionary(uniqueKeysWithValues: names.map { ($0, UInt64(1)) })
        var count = 0
        for _ in 0..<150 {
            let epoch = try scene.head.epoch.rawValue
            let name = names[Int.random(in: 0..<3, using: &generator)]
            count += 1
            switch Int.random(in: 0..<10, using: &generator) {
            case 0, 1: try scene.relay.publish(.application("\(count)", "group", epoch), by: scene[name].client)
            case 2:
                let messages = [
                    TestMessage.commit("\(count)", "group", epoch), .groupInfo("\(count)", "group", epoch + 1),
                ]
                let roster = DeclaredRoster(added: [], removed: [])
                _ = try scene.relay.perform(.publishCommit(messages, roster), by: scene[name].client)
            case 3:
                // Two deny the newest provisional commit.
                let waiting = try scene.relay.state.keys(Tables.provisionalCommits, prefix: scene.log.recordKey)
                guard let commit = waiting.randomElement(using: &generator)?.second else { continue }
                for name in names {
                    let deny = DenyCommit(log: scene.log, sequenceNumber: commit, text: [])
                    _ = try? scene.perform(.deny(deny), by: name)
                }
            case 4, 5, 6:
                let last = try scene.head.last.rawValue
                guard let place = places[name], place < last else { continue }
                places[name] = UInt64.random(in: place...last, using: &generator)
            default:
                let head = try honestHead(scene, at: places[name] ?? 1)
                let check = try check(scene, name, head)
                let last = try scene.head.last
                try #require(check.status == (head.sequenceNumber == last ? .consistent : .behind))
                let bad = check.members.filter { $0.status == .suspect || $0.status == .diverged }
                try #require(bad == [], "seed \(seed)")
            }
        }
        #expect(scene.relay.takeEffects().diverged == [])
    }

    /// What the log up to an entry leads to: the epoch, and a secret that depends on the commits that stand.
    private func honestHead(_ scene: GroupScene, at number: UInt64) throws -> HeadDigest {
        var commits: [(epoch: UInt64, hash: [UInt8])] = []
        var chain = SHA256Digest.zero
        for entry in try scene.relay.entries(of: scene.log) where entry.header.sequenceNumber.rawValue <= number {
            chain = entry.chain
            if entry.header.kind == .commitVoided {
                let epoch = try VoidNotice(decoding: entry.payload).epoch.rawValue
                commits.removeAll { $0.epoch >= epoch }
            } else if entry.header.kind == .message,
                case .group(_, let epoch, isCommit: true) = TestMessage(bytes: entry.payload).route(at: 0)
            {
                commits.append((epoch.rawValue, SHA256.hash(entry.payload).bytes))
            }
        }
        return HeadDigest(
            log: scene.log, sequenceNumber: SequenceNumber(rawValue: number), chain: chain,
            epoch: Epoch(rawValue: (commits.last?.epoch ?? 0) + 1),
            authenticatorHash: SHA256.hash(commits.flatMap(\.hash)))
    }
}
