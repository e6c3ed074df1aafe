import MLS
import MLSCodec
import RelayCore
import RelayTestSupport
import RelayWire
import TLSPresentation
import TestSupport
import Testing

/// What one client, user or group may do, at the edge of each limit. RFC 9750 section 8.1.3.
@Suite("Limits of clients, users and groups")
struct CommandLimitTests {
    private func relay(
        _ kind: StateKind, _ directory: TemporaryDirectory, _ change: (inout CoreLimits) -> Void
    ) throws -> TestRelay {
        var limits = CoreLimits()
        change(&limits)
        return try TestRelay(kind, in: directory, limits: limits)
    }

    /// The code, the setting and the pause that `body` is refused with.
    private func limited(_ body: () throws -> Void) throws -> RetryDetail {
        let error = try refused(body)
        #expect([.rateLimited, .quotaExceeded].contains(error.code))
        let detail = try RetryDetail(decoding: error.detail)
        #expect((error.code == .quotaExceeded) == (detail.retryAfterMilliseconds == 0))
        return detail
    }

    @Test(
        "RFC 9750 8.1.3: a client publishes as many messages a second as are allowed, and then waits as long as it is told",
        arguments: StateKind.allCases)
    func messages(kind: StateKind) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let relay = try relay(kind, directory) { $0.messagesPerSecond = 10 }
        let (alice, bob) = (try relay.register("alice"), try relay.register("bob", key: 2))
        _ = try relay.createGroup("group", by: alice)
        for number in 0..<9 { try relay.publish(.application("\(number)", "group", 0), by: alice) }
        let detail = try limited {
            try relay.publish(.application("a", "group", 0), .application("b", "group", 0), by: alice)
        }
        #expect(detail.limit == Array("max-messages-per-second".utf8))
        // Others are not held up, and one fits.
        try relay.publish(.application("bob", "group", 0), by: bob)
        try relay.publish(.application("one", "group", 0), by: alice)
        let wait = try limited { try relay.publish(.application("two", "group", 0), by: alice) }.retryAfterMilliseconds
        #expect((1...100).contains(wait))
        // `perform` takes a millisecond itself.
        relay.now = Timestamp(rawValue: relay.now.rawValue + UInt64(wait) - 1)
        try relay.publish(.application("two", "group", 0), by: alice)
    }

    @Test("RFC 9750 8.1.3: a client creates as many groups a day as are allowed", arguments: StateKind.allCases)
    func groups(kind: StateKind) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let relay = try relay(kind, directory) { $0.groupsPerDay = 3 }
        let alice = try relay.register("alice")
        for number in 1...3 { _ = try relay.createGroup("group \(number)", by: alice) }
        let detail = try limited { _ = try relay.createGroup("group 4", by: alice) }
        #expect(detail.limit == Array("max-groups-per-day".utf8))
        #expect((28_700_000...28_800_000).contains(detail.retryAfterMilliseconds))
        relay.now = Timestamp(rawValue: relay.now.rawValue + UInt64(detail.retryAfterMilliseconds))
        _ = try relay.createGroup("group 4", by: alice)
    }

    @Test(
        "RFC 9750 8.1.3: a group takes as many commits a minute as are allowed, also of several members",
        arguments: StateKind.allCases)
    func commits(kind: StateKind) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let relay = try relay(kind, directory) { $0.commitsPerMinute = 2 }
        let (alice, bob) = (try relay.register("alice"), try relay.register("bob", key: 2))
        _ = try relay.createGroup("group", by: alice)
        _ = try relay.createGroup("other", by: alice)
        let first = TestMessage.commit("0", "group", 0)
        try relay.publish(first, by: alice)
        try relay.publish(.commit("1", "group", 1), by: bob)
        let detail = try limited { try relay.publish(.commit("2", "group", 2), by: alice) }
        #expect(detail.limit == Array("max-commits-per-minute".utf8))
        // One that is sent again is none, and messages go on.
        try relay.publish(first, by: alice)
        try relay.publish(.application("m", "group", 2), by: bob)
        try relay.publish(.commit("0", "other", 0), by: alice)
        relay.now = Timestamp(rawValue: relay.now.rawValue + UInt64(detail.retryAfterMilliseconds))
        try relay.publish(.commit("2", "group", 2), by: alice)
        // Nothing of it is noted as a commit that failed.
        #expect(try relay.state.records[.rejects] == nil)
    }

    @Test(
        "RFC 9750 8.1.3: a tracked group has as many clients as are allowed, from its creation on",
        arguments: StateKind.allCases)
    func members(kind: StateKind) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        var limits = CoreLimits()
        limits.maxGroupMembers = 3
        let scene = try GroupScene(kind, in: directory, framing: .publicMessage, limits: limits)
        try scene.register("alice", "bob", "carol", "dave")
        try scene.create(by: "alice", with: ["bob"])
        try scene.commit(by: "alice", adding: ["carol"])
        let detail = try limited { try scene.commit(by: "alice", adding: ["dave"]) }
        #expect(detail == RetryDetail(retryAfterMilliseconds: 0, limit: Array("max-group-members".utf8)))
        // One for another fits.
        try scene.commit(by: "alice", adding: ["dave"], removing: ["carol"])
        #expect(try scene.members == ["alice", "bob", "dave"])

        let other = try TemporaryDirectory(inMemory: true)
        let large = try GroupScene(kind, in: other, framing: .privateMessage, limits: limits)
        try large.register("alice", "bob", "carol", "dave")
        let before = try limited { try large.create(by: "alice", with: ["bob", "carol", "dave"]) }
        #expect(before.limit == Array("max-group-members".utf8))
    }

    @Test("RFC 9750 8.1.3: a user is admin of as many open groups as are allowed", arguments: StateKind.allCases)
    func openGroups(kind: StateKind) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        var limits = CoreLimits()
        limits.maxOpenGroupsPerUser = 1
        let scene = try GroupScene(kind, in: directory, framing: .privateMessage, limits: limits)
        try scene.register("alice", "bob")
        let open = GroupScene.policy(.privateMessage, join: .open)
        try scene.create(by: "alice", with: ["bob"], policy: open)
        let first = scene.log
        let closed = GroupScene.policy(.privateMessage, join: .direct)
        func update(_ policy: GroupPolicy) throws {
            _ = try scene.perform(.update(UpdateGroup(log: first, name: [], alias: [], policy: policy)), by: "alice")
        }
        // The one that it has counts, once.
        try update(open)
        let second = try GroupScene(sharing: scene, groupID: "second")
        let detail = try limited { try second.create(by: "alice", policy: open) }
        #expect(detail == RetryDetail(retryAfterMilliseconds: 0, limit: Array("max-open-groups-per-user".utf8)))
        second["alice"].member = nil
        try second.create(by: "bob", policy: open)
        try update(closed)
        let third = try GroupScene(sharing: scene, groupID: "third")
        try third.create(by: "alice", policy: open)
        let refused = try limited { try update(open) }
        #expect(refused.limit == Array("max-open-groups-per-user".utf8))
    }
}
