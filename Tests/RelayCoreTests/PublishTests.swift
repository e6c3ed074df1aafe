import RelayCore
import RelayStore
import RelayTestSupport
import RelayWire
import TLSPresentation
import TestSupport
import Testing

@Suite("Publishing", .serialized)
struct PublishTests {
    let directory: TemporaryDirectory
    init() throws { directory = try TemporaryDirectory(inMemory: true) }

    /// A relay with alice and bob and the group "g".
    private func relay(
        _ kind: StateKind, epoch: UInt64 = 0, pastEpochs: UInt64 = 5
    ) throws -> (relay: TestRelay, alice: ClientNumber, bob: ClientNumber, log: LogNumber) {
        var limits = CoreLimits()
        limits.pastEpochs = pastEpochs
        let relay = try TestRelay(kind, in: directory, limits: limits)
        let alice = try relay.register("alice")
        let bob = try relay.register("bob")
        return (relay, alice, bob, try relay.createGroup("g", epoch: epoch, by: alice))
    }

    @Test(
        "commits, proposals and application messages share one log and one sequence (S2-12, S2-6)",
        arguments: StateKind.allCases)
    func oneSequence(_ kind: StateKind) throws {
        let (relay, alice, bob, log) = try relay(kind)
        let messages: [TestMessage] = [
            .application("a", "g", 0), .proposal("p", "g", 0), .commit("c", "g", 0), .application("b", "g", 1),
        ]
        for (index, message) in messages.enumerated() {
            let sender = index.isMultiple(of: 2) ? alice : bob
            let receipts = try relay.publish(message, by: sender)
            #expect(receipts.map(\.sequenceNumber.rawValue) == [UInt64(index) + 1])
            #expect(receipts.map(\.log) == [log])
            #expect(receipts.map(\.time) == [relay.now])
            let entry = try #require(try relay.entries(of: log).last)
            #expect(receipts.map(\.chain) == [entry.chain])
            #expect(entry.payload == message.bytes)
            #expect(entry.header.sender == sender)
            #expect(entry.header.kind == .message)
        }
        #expect(try relay.state.brokenInvariants == [])
    }

    /// What a refusal tells that has the winning commit with it.
    private func detail(
        _ relay: TestRelay, _ log: LogNumber, epoch: Epoch, commit: SequenceNumber
    ) throws -> EpochDetail {
        var detail = EpochDetail(log: log, epoch: epoch, commit: commit)
        detail.entry = try relay.entries(of: log).first { $0.header.sequenceNumber == commit }?.encoded ?? []
        return detail
    }

    @Test(
        "one commit ends an epoch: the first; a later one is stale and learns who won (RFC 9750 5.2, N-2)",
        arguments: StateKind.allCases)
    func oneCommitPerEpoch(_ kind: StateKind) throws {
        let (relay, alice, bob, log) = try relay(kind)
        try relay.publish(.application("a", "g", 0), by: alice)
        let won = try relay.publish(.commit("alice's", "g", 0), by: alice)[0].sequenceNumber
        #expect(won == 2)
        let lost = try epochDetail { try relay.publish(.commit("bob's", "g", 0), by: bob) }
        #expect(lost?.code == .staleEpoch)
        #expect(lost?.detail == (try detail(relay, log, epoch: 1, commit: won)))
        try relay.publish(.commit("bob's again", "g", 1), by: bob)
        try relay.reopen()
        let later = try epochDetail { try relay.publish(.commit("alice's late", "g", 0), by: alice) }
        #expect(later?.detail == (try detail(relay, log, epoch: 2, commit: won)))
        #expect(try relay.state.commits == [log: [0: 2, 1: 3]])
    }

    @Test("a commit or message of a future epoch is refused, and names no commit", arguments: StateKind.allCases)
    func future(_ kind: StateKind) throws {
        let (relay, alice, _, log) = try relay(kind)
        for message in [TestMessage.commit("c", "g", 1), .application("a", "g", 1), .proposal("p", "g", .max)] {
            let refused = try epochDetail { try relay.publish(message, by: alice) }
            #expect(refused?.code == .futureEpoch)
            #expect(refused?.detail == EpochDetail(log: log, epoch: 0, commit: 0))
        }
    }

    @Test(
        "a commit of an epoch before the group was created is stale, and names no commit", arguments: StateKind.allCases
    )
    func beforeCreation(_ kind: StateKind) throws {
        let (relay, alice, _, log) = try relay(kind, epoch: 10)
        let refused = try epochDetail { try relay.publish(.commit("c", "g", 9), by: alice) }
        #expect(refused?.code == .staleEpoch)
        #expect(refused?.detail == EpochDetail(log: log, epoch: 10, commit: 0))
        #expect(try relay.publish(.commit("c", "g", 10), by: alice).count == 1)
    }

    @Test(
        "N-16: where the operator does not want it, nothing of who published to an untracked group is kept",
        arguments: StateKind.allCases)
    func hiddenSenders(_ kind: StateKind) throws {
        var limits = CoreLimits()
        limits.untrackedSenders = .hidden
        let relay = try TestRelay(kind, in: directory, limits: limits)
        let alice = try relay.register("alice")
        let log = try relay.createGroup("g", by: alice)
        let package = TestMessage.keyPackage("a")
        try relay.publish(package, by: alice)
        try relay.publish(
            .application("hello", "g", 0), .commit("c", "g", 0), .welcome("w", to: [package.reference]), by: alice)
        #expect(try relay.entries(of: log).map(\.header.sender) == [.relay, .relay])
        #expect(try relay.entries(of: relay.log(.inbox(of: alice))).map(\.header.sender) == [.relay])
        #expect(try relay.entries(of: relay.log(.keyPackages(of: alice))).map(\.header.sender) == [alice])
        guard kind == .store else { return }
        #expect(try relay.rebuildFindings == [])
        var findings: [Finding] = []
        _ = try StoreVerifier(relay.store, onFinding: { findings.append($0) }).verify()
        #expect(findings == [])
    }

    @Test(
        "application messages and proposals are taken from as many past epochs as the operator allows",
        arguments: StateKind.allCases, [0, 1, 5])
    func pastEpochs(_ kind: StateKind, allowed: UInt64) throws {
        let (relay, alice, _, log) = try relay(kind, pastEpochs: allowed)
        for epoch in 0..<10 as Range<UInt64> { try relay.publish(.commit("c\(epoch)", "g", epoch), by: alice) }
        let oldest = 10 - allowed
        for epoch in oldest...10 {
            #expect(try refusal { try relay.publish(.application("a", "g", epoch), by: alice) } == nil)
            #expect(try refusal { try relay.publish(.proposal("p", "g", epoch), by: alice) } == nil)
        }
        for message in [TestMessage.application("late", "g", oldest - 1), .proposal("late", "g", oldest - 1)] {
            let refused = try epochDetail { try relay.publish(message, by: alice) }
            #expect(refused?.code == .staleEpoch)
            let commit = SequenceNumber(rawValue: oldest)
            #expect(refused?.detail == (try detail(relay, log, epoch: 10, commit: commit)))
        }
    }

    @Test(
        "several commits, proposals and messages of one Publish follow each other through the epochs",
        arguments: StateKind.allCases)
    func manyInOne(_ kind: StateKind) throws {
        let (relay, alice, _, log) = try relay(kind)
        let receipts = try relay.publish(
            .proposal("p0", "g", 0), .commit("c0", "g", 0), .proposal("p1", "g", 1), .application("late", "g", 0),
            .commit("c1", "g", 1), .application("a2", "g", 2), by: alice)
        #expect(receipts.map(\.message) == [0, 1, 2, 3, 4, 5])
        #expect(receipts.map(\.sequenceNumber) == [1, 2, 3, 4, 5, 6])
        let state = try relay.state
        #expect(state.heads[log]?.epoch == 2)
        #expect(state.commits == [log: [0: 2, 1: 5]])
        #expect(state.brokenInvariants == [])
    }

    @Test("two commits of one epoch in one Publish: all of it is refused", arguments: StateKind.allCases)
    func twoCommits(_ kind: StateKind) throws {
        let (relay, alice, _, log) = try relay(kind)
        let refused = try epochDetail { try relay.publish(.commit("1", "g", 0), .commit("2", "g", 0), by: alice) }
        #expect(refused?.code == .staleEpoch)
        // The epoch is what it would have been; nothing stands in the log yet.
        #expect(refused?.detail == EpochDetail(log: log, epoch: 1, commit: 0))
        #expect(try relay.entries(of: log).isEmpty)
    }

    @Test("where the last message of a Publish fails, nothing of it is stored (N-1)", arguments: StateKind.allCases)
    func allOrNothing(_ kind: StateKind) throws {
        let (relay, alice, bob, log) = try relay(kind)
        _ = try relay.createGroup("other", by: alice)
        let package = TestMessage.keyPackage("bob's")
        try relay.publish(package, by: bob)
        let good: [TestMessage] = [
            .proposal("p", "g", 0), .commit("c", "g", 0), .welcome("w", to: [package.reference]),
            .groupInfo("i", "g", 1),
            .keyPackage("alice's"), .application("a", "g", 1),
        ]
        let bad: [(TestMessage, ErrorCode)] = [
            (.commit("c2", "g", 0), .staleEpoch), (.commit("c2", "g", 2), .futureEpoch),
            (.application("a2", "g", 2), .futureEpoch), (.groupInfo("i2", "g", 0), .staleEpoch),
            (.application("a2", "nowhere", 0), .groupUnknown), (.application("a2", "other", 0), .mixedGroups),
            (.welcome("w2", to: [package.reference, [1, 2, 3]]), .keyPackageRefUnknown), (package, .notPermitted),
        ]
        for (message, code) in bad {
            // `perform` looks after the state being as it was.
            #expect(try refusal { _ = try relay.perform(.publish(good + [message]), by: alice) } == code)
        }
        #expect(try relay.entries(of: log).isEmpty)
        #expect(try relay.perform(.publish(good), by: alice).receipts.map(\.message) == [0, 1, 2, 4, 5])
    }

    @Test("the messages of a Publish are of one group, GroupInfos too", arguments: StateKind.allCases)
    func mixedGroups(_ kind: StateKind) throws {
        let (relay, alice, _, _) = try relay(kind)
        _ = try relay.createGroup("h", by: alice)
        let mixes: [[TestMessage]] = [
            [.application("a", "g", 0), .application("b", "h", 0)], [.commit("c", "g", 0), .groupInfo("i", "h", 0)],
            [.groupInfo("i", "h", 0), .application("a", "g", 0)],
        ]
        for messages in mixes {
            #expect(try refusal { _ = try relay.perform(.publish(messages), by: alice) } == .mixedGroups)
        }
    }

    @Test("the time of entries never goes back, whatever the clock does", arguments: StateKind.allCases)
    func time(_ kind: StateKind) throws {
        let (relay, alice, _, log) = try relay(kind)
        let clock: [UInt64] = [2_000_000, 1_000, 2_000_000, 1_999_999, 3_000_000, 0]
        for (index, now) in clock.enumerated() {
            relay.now = Timestamp(rawValue: now)
            try relay.publish(.application("\(index)", "g", 0), by: alice)
            try relay.reopen()
        }
        let times = try relay.entries(of: log).map(\.header.time.rawValue)
        #expect(times == [2_000_001, 2_000_001, 2_000_001, 2_000_001, 3_000_001, 3_000_001])
        #expect(try relay.state.brokenInvariants == [])
    }

    @Test("the epoch after the largest one is 0, and nothing breaks", arguments: StateKind.allCases)
    func largestEpoch(_ kind: StateKind) throws {
        let (relay, alice, _, log) = try relay(kind, epoch: .max)
        try relay.publish(.application("a", "g", .max), .commit("c", "g", .max), by: alice)
        #expect(try relay.state.heads[log]?.epoch == 0)
        try relay.publish(.commit("c", "g", 0), by: alice)
        #expect(try relay.state.heads[log]?.epoch == 1)
    }

    @Test("every command of a batch sees what those before it did", arguments: StateKind.allCases)
    func batch(_ kind: StateKind) throws {
        let relay = try TestRelay(kind, in: directory)
        let (alice, bob) = (ClientNumber(rawValue: 1), ClientNumber(rawValue: 2))
        let results = try relay.carryOut([
            TestCommand(.register(.test("alice"))), TestCommand(.register(.test("bob"))),
            TestCommand(.createGroup(Array("g".utf8), 0), by: alice),
            TestCommand(.publish([.commit("alice's", "g", 0)]), by: alice),
            TestCommand(.publish([.commit("bob's", "g", 0)]), by: bob),
            TestCommand(.publish([.commit("bob's", "g", 1)]), by: bob),
            TestCommand(.publish([.commit("alice's", "g", 0)]), by: alice),
        ])
        #expect(results[3].receipts.map(\.sequenceNumber) == [1])
        guard case .refused(let error) = results[4].outcome else {
            Issue.record("two commits ended one epoch")
            return
        }
        #expect(try EpochDetail(decoding: error.detail).commit == 1)
        #expect(results[5].receipts.map(\.sequenceNumber) == [2])
        #expect(results[6].receipts == results[3].receipts)
    }
}
