import MLS
import MLSCrypto
import MLSTestSupport
import RelayCore
import RelayStore
import RelayTestSupport
import RelayWire
import TLSPresentation
import TestSupport
import Testing

@Suite("Retention (PROTOCOL.md section 6.2)", .serialized)
struct RetentionTests {
    struct Setting: Sendable, CustomTestStringConvertible {
        var kind: TestRelay.StateKind
        var framing: GroupConfiguration.HandshakeFraming
        var testDescription: String { "\(kind), \(framing)" }
    }

    static let settings = TestRelay.StateKind.allCases.flatMap { kind in
        [GroupConfiguration.HandshakeFraming.publicMessage, .privateMessage].map { Setting(kind: kind, framing: $0) }
    }

    static let hour: UInt64 = 3_600_000

    /// A relay that keeps things for an hour, and waits a day for those who are away.
    static let limits: CoreLimits = {
        var limits = CoreLimits()
        limits.retentionMilliseconds = hour
        limits.maxLagMilliseconds = 24 * hour
        limits.maxEntriesPerRetention = 3
        return limits
    }()

    private func scene(
        _ setting: Setting, _ directory: TemporaryDirectory, limits: CoreLimits = Self.limits,
        _ change: (inout GroupPolicy) -> Void = { _ in }
    ) throws -> GroupScene {
        let scene = try GroupScene(setting.kind, in: directory, framing: setting.framing, limits: limits)
        try scene.register("alice", "bob", "carol")
        try scene.create(by: "alice", with: ["bob"], policy: GroupScene.policy(setting.framing, change))
        return scene
    }

    /// "d" for a digest, "e" for an entry with its payload, from the first that is kept on.
    private func kept(_ scene: GroupScene) throws -> String {
        let state = try scene.relay.state
        #expect(state.brokenInvariants == [])
        let entries = state.entries[scene.log] ?? []
        let first = state.heads[scene.log]?.first.rawValue ?? 0
        return "\(first): "
            + entries.map { state.digests[scene.log]?[$0.header.sequenceNumber] == nil ? "e" : "d" }.joined()
    }

    /// All that the relay counts is what there is.
    private func checkUsage(_ scene: GroupScene) throws {
        let state = try scene.relay.state
        let bytes = (state.entries[scene.log] ?? []).filter { $0.header.kind == .message }.reduce(0) {
            $0 + $1.payload.count
        }
        #expect(try state.get(Tables.usage, scene.log)?.byteCount == UInt64(bytes))
    }

    @Test(
        "N-4: old application messages become digests; commits that a member has not acknowledged stay",
        arguments: settings)
    func ages(setting: Setting) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(setting, directory)
        for text in ["2", "3", "4", "5", "6"] { try scene.say(text, by: "alice") }
        try scene.commit(by: "bob")
        try scene.relay.passTime(Self.hour / 2)
        try scene.say("8", by: "alice")
        #expect(try kept(scene) == "1: eeeeeeee")
        try checkUsage(scene)
        let hashes = try scene.relay.state.entries[scene.log]?.map { SHA256.hash($0.payload) } ?? []
        try scene.relay.passTime(Self.hour / 2)
        // Alice has not acknowledged the commit at 7, and Bob nothing.
        #expect(try kept(scene) == "2: dddddee")
        try checkUsage(scene)
        let state = try scene.relay.state
        for number in 2...6 as ClosedRange<UInt64> {
            let place = SequenceNumber(rawValue: number)
            #expect(state.storedEntry(place, in: scene.log) == nil)
            #expect(state.storedDigest(place, in: scene.log)?.payloadHash == hashes[Int(number) - 1])
        }
        // All have the commit: what is old goes as a whole.
        try scene.acknowledge(8, by: "bob")
        try scene.acknowledge(7, by: "alice")
        try scene.relay.passTime(Self.hour * 2)
        #expect(try kept(scene) == "8: d")
        try scene.acknowledge(8, by: "alice")
        try scene.relay.passTime(Self.hour * 2)
        #expect(try kept(scene) == "9: ")
        try checkUsage(scene)
        try scene.relay.reopen()
        #expect(try kept(scene) == "9: ")

        // N-4: the group goes on where it was.
        let receipt = try scene.say("9", by: "alice")
        #expect(receipt.sequenceNumber == 9)
        try scene.commit(by: "alice", adding: ["carol"])
        try scene.say("hello", by: "carol")
        #expect(try kept(scene) == "9: eee")
        try checkUsage(scene)
    }

    @Test(
        "N-4: a member that is away holds commits for the longest lag, and learns what is missing", arguments: settings)
    func lag(setting: Setting) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(setting, directory)
        for _ in 0..<4 {
            try scene.commit(by: "alice")
            // A member that speaks confirms, and acknowledges nothing.
            try scene.say("x", by: "bob")
        }
        try scene.acknowledge(9, by: "alice")
        try scene.relay.passTime(Self.hour * 3)
        #expect(try kept(scene) == "2: edededed")
        try scene.relay.passTime(Self.hour * 22)
        #expect(try kept(scene) == "10: ")
        let head = try scene.head
        #expect(try scene.relay.state.keptChain(at: 9, of: head) == head.chain)
        #expect(try scene.relay.state.keptChain(at: 8, of: head) == nil)
        // Of the commits only the place of the last is known, which began the epoch.
        #expect(try scene.relay.state.commits[scene.log] == [4: 8])
    }

    @Test(
        "S4-7, N-4: nothing that a member has to confirm or that a commit may refer to is removed", arguments: settings)
    func needed(setting: Setting) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(setting, directory)
        try scene.say("2", by: "alice")
        try scene.commit(by: "alice")
        // Provisional: Bob has said nothing since.
        try scene.relay.passTime(Self.hour * 48)
        // A public group cannot be stored anew while it may have to go back.
        #expect(try kept(scene) == (setting.framing == .publicMessage ? "2: de" : "3: e"))
        #expect(try scene.relay.state.records[.provisionalCommits]?.count == 1)
        _ = try scene.perform(.deny(DenyCommit(log: scene.log, sequenceNumber: 3, text: [])), by: "bob")
        #expect(try scene.head.epoch == 1)
        try scene.relay.passTime(Self.hour * 48)
        // The notice is old too; in a public group it takes nothing to follow it again.
        #expect(try kept(scene) == "5: ")
    }

    @Test("a public group is stored anew before the entries go that it is made from")
    func publicGroup() throws {
        for kind in StateKind.allCases {
            let directory = try TemporaryDirectory(inMemory: true)
            let scene = try scene(Setting(kind: kind, framing: .publicMessage), directory)
            for _ in 0..<5 {
                try scene.commit(by: "alice")
                try scene.say("x", by: "bob")
            }
            for name in ["alice", "bob"] { try scene.acknowledge(11, by: name) }
            try scene.relay.passTime(Self.hour * 3)
            #expect(try kept(scene) == "12: ")
            #expect(try scene.relay.state.get(Tables.publicGroups, scene.log)?.sequenceNumber == 11)
            // It goes on from what was stored.
            try scene.relay.reopen()
            try scene.commit(by: "bob", adding: ["carol"])
            #expect(try scene.members == ["alice", "bob", "carol"])
        }
    }

    @Test("N-4: of too many bytes the oldest application messages go", arguments: StateKind.allCases)
    func bytes(kind: StateKind) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let message = TestMessage.application(String(repeating: "a", count: 1000), "group", 1).bytes.count
        let scene = try scene(Setting(kind: kind, framing: .privateMessage), directory) {
            $0.retentionByteCount = UInt64(message * 3)
        }
        let alice = scene["alice"].client
        func publish(_ letter: String) throws {
            try scene.relay.publish(.application(String(repeating: letter, count: 1000), "group", 1), by: alice)
            try scene.relay.passTime(1)
        }
        for letter in ["a", "b", "c"] { try publish(letter) }
        #expect(try kept(scene) == "1: eeee")
        try publish("d")
        #expect(try kept(scene) == "1: edeee")
        for letter in ["e", "f"] { try publish(letter) }
        #expect(try kept(scene) == "1: edddeee")
        try checkUsage(scene)
    }

    @Test(
        "the shorter of the group's and the relay's time counts, and a change of it at once",
        arguments: StateKind.allCases)
    func policy(kind: StateKind) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(Setting(kind: kind, framing: .privateMessage), directory) {
            $0.retentionMilliseconds = 100 * Self.hour
        }
        try scene.say("2", by: "alice")
        try scene.relay.passTime(Self.hour - 1000)
        #expect(try kept(scene) == "1: ee")
        var policy = GroupScene.policy(.privateMessage)
        policy.retentionMilliseconds = 1000
        _ = try scene.perform(.update(UpdateGroup(log: scene.log, name: [], alias: [], policy: policy)), by: "alice")
        try scene.relay.passTime(0)
        #expect(try kept(scene) == "2: de")
    }

    @Test("nothing is deleted where nobody wants it", arguments: StateKind.allCases)
    func forEver(kind: StateKind) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        var limits = Self.limits
        limits.retentionMilliseconds = 0
        let scene = try scene(Setting(kind: kind, framing: .privateMessage), directory, limits: limits)
        for _ in 0..<3 { try scene.say("x", by: "alice") }
        for name in ["alice", "bob"] { try scene.acknowledge(4, by: name) }
        try scene.relay.passTime(1000 * Self.hour)
        #expect(try kept(scene) == "1: eeee")
        #expect(try scene.relay.retentionPlan(for: scene.log)?.isEmpty == true)
    }

    @Test(
        "an untracked group keeps everything, or application messages for as long as the operator says",
        arguments: StateKind.allCases)
    func untracked(kind: StateKind) throws {
        for (time, expected) in [(0, ["a", "b", "c", "d"]), (Self.hour, ["", "b", "c", ""])] {
            let directory = try TemporaryDirectory(inMemory: true)
            var limits = Self.limits
            limits.untrackedRetentionMilliseconds = time
            let relay = try TestRelay(kind, in: directory, limits: limits)
            let alice = try relay.register("alice")
            let log = try relay.createGroup("g", by: alice)
            let messages: [TestMessage] = [
                .application("a", "g", 0), .proposal("b", "g", 0), .commit("c", "g", 0), .application("d", "g", 1),
            ]
            for message in messages { try relay.publish(message, by: alice) }
            try relay.passTime(100 * Self.hour)
            let kept = try relay.entries(of: log).map(\.payload)
            #expect(kept == zip(expected, messages).map { $0.0.isEmpty ? [] : $0.1.bytes })
            #expect(try relay.state.heads[log]?.first == 1)
            #expect(try relay.state.brokenInvariants == [])
        }
    }

    @Test(
        "N-6: what became a digest is still found when it is published again; what is gone is new",
        arguments: StateKind.allCases)
    func publishedAgain(kind: StateKind) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(Setting(kind: kind, framing: .privateMessage), directory)
        let message = TestMessage.application("a", "group", 1)
        let first = try scene.relay.publish(message, by: scene["alice"].client)
        try scene.commit(by: "alice")
        try scene.relay.passTime(Self.hour * 2)
        #expect(try kept(scene) == "2: de")
        #expect(try scene.relay.publish(message, by: scene["bob"].client) == first)
        try scene.relay.reopen()
        #expect(try scene.relay.publish(message, by: scene["alice"].client) == first)
        try scene.acknowledge(3, by: "alice")
        try scene.acknowledge(3, by: "bob")
        try scene.relay.passTime(Self.hour * 2)
        #expect(try kept(scene) == "4: ")
        #expect(try scene.relay.publish(message, by: scene["alice"].client).map(\.sequenceNumber) == [4])
    }

    @Test("a plan says what retention would do, and changes nothing", arguments: StateKind.allCases)
    func plan(kind: StateKind) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(Setting(kind: kind, framing: .privateMessage), directory)
        let texts = ["2", "3"]
        for text in texts { try scene.say(text, by: "alice") }
        try scene.acknowledge(2, by: "bob")
        scene.relay.now = Timestamp(rawValue: scene.relay.now.rawValue + 2 * Self.hour)
        let state = try scene.relay.state
        let plan = try #require(try scene.relay.retentionPlan(for: scene.log))
        #expect(plan.removedThrough == 2)
        #expect(plan.digested == [3])
        #expect(plan.floor == 2)
        let sizes = (state.entries[scene.log] ?? []).map(\.payload.count)
        #expect(plan.removedByteCount == sizes[0] + sizes[1])
        #expect(plan.digestedByteCount == sizes[2])
        #expect(try scene.relay.state == state)
        #expect(try scene.relay.retentionPlan(for: scene.relay.log(.directory)) == nil)
        try scene.relay.passTime(0)
        #expect(try kept(scene) == "3: d")
    }

    @Test(
        "N-16: a group that is full takes no application message more, but commits; and takes them again when some are gone",
        arguments: StateKind.allCases)
    func quota(kind: StateKind) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        // Measured first: what is in the group from its beginning.
        var limits = Self.limits
        let message = TestMessage.application(String(repeating: "a", count: 1000), "group", 1)
        let measured = try scene(Setting(kind: .memory, framing: .privateMessage), directory)
        let start = try #require(try measured.relay.state.get(Tables.usage, measured.log)?.byteCount)
        limits.maxGroupByteCount = start + UInt64(message.bytes.count)
        let scene = try scene(Setting(kind: kind, framing: .privateMessage), directory, limits: limits)
        let exact = try #require(try scene.relay.state.get(Tables.usage, scene.log)?.byteCount)
        let room = Int(limits.maxGroupByteCount - exact)
        func ofSize(_ count: Int) -> TestMessage {
            let overhead = message.bytes.count - 1000
            return .application(String(repeating: "b", count: count - overhead), "group", 1)
        }
        let alice = scene["alice"].client
        let error = try refused { try scene.relay.publish(ofSize(room + 1), by: alice) }
        #expect(error.code == .quotaExceeded)
        let detail = try RetryDetail(decoding: error.detail)
        #expect(detail.limit == Array("max-group-size".utf8))
        #expect(detail.retryAfterMilliseconds <= UInt32(Self.hour))
        try scene.relay.publish(ofSize(room), by: alice)
        #expect(try refusal { try scene.relay.publish(ofSize(100), by: alice) } == .quotaExceeded)
        try scene.commit(by: "alice")
        try scene.relay.passTime(Self.hour * 2)
        try scene.relay.publish(.application("c", "group", 2), by: alice)
    }

    @Test("a store that retention has gone over verifies")
    func verifies() throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(Setting(kind: .store, framing: .privateMessage), directory)
        for _ in 0..<4 {
            try scene.say("x", by: "alice")
            try scene.commit(by: "alice")
            try scene.acknowledge(3, by: "bob")
        }
        try scene.relay.passTime(Self.hour * 2)
        #expect(try kept(scene) == "4: dedede")
        var findings: [Finding] = []
        let verifier = try StoreVerifier(scene.relay.store) { findings.append($0) }
        _ = try verifier.verify()
        #expect(
            findings.filter { $0.table == "entries" || $0.table == "heads" || $0.table == "commits" }.map(\.description)
                == [])
    }
}
