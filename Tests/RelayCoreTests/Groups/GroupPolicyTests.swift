import MLS
import MLSCodec
import MLSTestSupport
import RelayCore
import RelayTestSupport
import RelayWire
import TLSPresentation
import TestSupport
import Testing

/// Who may do what in a tracked group.
@Suite("Roles and policies of tracked groups", .serialized)
struct GroupPolicyTests {
    static let settings = TrackedGroupTests.settings

    private func scene(
        _ setting: TrackedGroupTests.Setting, _ directory: TemporaryDirectory, with names: [String] = ["bob", "carol"],
        join: JoinRule = .direct, _ change: (inout GroupPolicy) -> Void = { _ in }
    ) throws -> GroupScene {
        let scene = try GroupScene(setting.kind, in: directory, framing: setting.framing)
        try scene.register("alice", "bob", "carol", "dave", "erin")
        try scene.create(by: "alice", with: names, policy: GroupScene.policy(setting.framing, join: join, change))
        return scene
    }

    private func update(_ scene: GroupScene, by name: String, _ change: (inout UpdateGroup) -> Void) throws {
        let group = try scene.describe(for: "alice")
        var request = UpdateGroup(log: scene.log, name: group.name, alias: group.alias, policy: group.policy)
        change(&request)
        _ = try scene.perform(.update(request), by: name)
    }

    private func setRole(_ scene: GroupScene, of user: String, to role: Role, by name: String) throws {
        _ = try scene.perform(.setRole(SetRole(log: scene.log, name: Array(user.utf8), role: role)), by: name)
    }

    @Test("RFC 9750 3.5, 6.1: the policy says who may add and who may remove", arguments: settings)
    func rights(setting: TrackedGroupTests.Setting) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(setting, directory) { policy in
            policy.mayAdd = .admin
            policy.mayRemove = .admin
        }
        #expect(try refusal { try scene.commit(by: "bob", adding: ["dave"]) } == .roleInsufficient)
        #expect(try refusal { try scene.commit(by: "bob", removing: ["carol"]) } == .roleInsufficient)
        try setRole(scene, of: "bob", to: .admin, by: "alice")
        try scene.commit(by: "bob", adding: ["dave"])
        try scene.commit(by: "bob", removing: ["carol"])
        #expect(try scene.members == ["alice", "bob", "dave"])
    }

    @Test("S4-18: only admins set roles; the last admin stays one while there are others", arguments: settings)
    func roles(setting: TrackedGroupTests.Setting) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(setting, directory)
        #expect(try refusal { try setRole(scene, of: "bob", to: .admin, by: "bob") } == .roleInsufficient)
        #expect(try refusal { try setRole(scene, of: "alice", to: .member, by: "alice") } == .lastAdmin)
        #expect(try refusal { try setRole(scene, of: "dave", to: .admin, by: "alice") } == .userUnknown)
        #expect(try refusal { try setRole(scene, of: "bob", to: .nobody, by: "alice") } == .policyInvalid)
        try setRole(scene, of: "bob", to: .admin, by: "alice")
        try setRole(scene, of: "alice", to: .member, by: "alice")
        #expect(try scene.describe(for: "carol").members.map(\.role) == [.member, .admin, .member])
        #expect(try scene.kinds.count { $0 == .roleChanged } == 2)
    }

    @Test("The last admin can be neither removed nor leave while there are others", arguments: settings)
    func lastAdmin(setting: TrackedGroupTests.Setting) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(setting, directory) { $0.mayRemove = .member }
        #expect(try refusal { try scene.commit(by: "bob", removing: ["alice"]) } == .lastAdmin)
        let leave = TestMessage(bytes: try scene["alice"].group.propose(.selfRemove))
        #expect(try refusal { try scene.relay.publish(leave, by: scene["alice"].client) } == .lastAdmin)
        #expect(try scene.members == ["alice", "bob", "carol"])
    }

    @Test("Names are changed by who may rename, the policy by admins, the mode by nobody", arguments: settings)
    func updates(setting: TrackedGroupTests.Setting) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(setting, directory)
        #expect(try refusal { try update(scene, by: "bob") { $0.name = [1] } } == .roleInsufficient)
        try update(scene, by: "alice") { request in
            request.name = Array("New".utf8)
            request.policy.mayRename = .member
        }
        try update(scene, by: "bob") { $0.alias = Array("new".utf8) }
        #expect(try refusal { try update(scene, by: "bob") { $0.policy.mayAdd = .admin } } == .roleInsufficient)
        #expect(
            try refusal {
                try update(scene, by: "alice") {
                    $0.policy.mode = setting.framing == .publicMessage ? .privateHandshake : .publicHandshake
                }
            } == .policyInvalid)
        let description = try scene.describe(for: "carol")
        #expect(description.name == Array("New".utf8))
        #expect(description.alias == Array("new".utf8))
        #expect(try scene.kinds.count { $0 == .groupChanged } == 2)
    }

    @Test("A banned user can be added by nobody, and joins nothing", arguments: settings)
    func bans(setting: TrackedGroupTests.Setting) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(setting, directory, join: .open)
        let ban = Ban(log: scene.log, name: Array("dave".utf8), isBanned: true)
        #expect(try refusal { _ = try scene.perform(.ban(ban), by: "bob") } == .roleInsufficient)
        _ = try scene.perform(.ban(ban), by: "alice")
        #expect(try refusal { try scene.commit(by: "alice", adding: ["dave"]) } == .userBanned)
        #expect(try refusal { _ = try scene.perform(.fetchGroupInfo(scene.groupID), by: "dave") } == .userBanned)
        #expect(try scene.describe(for: "alice").banned == [Array("dave".utf8)])
        #expect(try scene.describe(for: "bob").banned == [])
        _ = try scene.perform(.ban(Ban(log: scene.log, name: Array("dave".utf8), isBanned: false)), by: "alice")
        try scene.commit(by: "alice", adding: ["dave"])
    }

    @Test("S4-16: above the threshold, additions by members wait for an admin", arguments: settings)
    func approval(setting: TrackedGroupTests.Setting) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(setting, directory) { $0.approvalAbove = 4 }
        try scene.commit(by: "bob", adding: ["dave"])
        #expect(try refusal { try scene.commit(by: "bob", adding: ["erin"]) } == .approvalRequired)
        try scene.commit(by: "alice", adding: ["erin"])
    }

    // MARK: Joining from outside

    /// Takes the group's GroupInfo and joins by an external commit.
    private func joinExternally(_ scene: GroupScene, _ name: String, replacing leaf: LeafIndex? = nil) throws {
        let answer = try scene.perform(.fetchGroupInfo(scene.groupID), by: name).decoded(as: GroupInfoAnswer.self)
        var options = ExternalCommitOptions()
        options.makesGroupInfo = true
        options.replacedLeaf = leaf
        let tree = answer.ratchetTree.isEmpty ? nil : try RatchetTree(decoding: answer.ratchetTree)
        let (member, messages) = try scene[name].device.joinsExternally(
            answer.message, ratchetTree: tree, options: options)
        let client = scene[name].client
        let published = GroupScene.published(messages)
        if leaf != nil, scene.framing == .privateMessage {
            let roster = DeclaredRoster(added: [client], removed: [client])
            _ = try scene.relay.perform(.publishCommit(published, roster), by: client)
        } else {
            _ = try scene.relay.perform(.publish(published), by: client)
        }
        for other in scene.devices.values where other.member != nil && other.name != name {
            try other.group.follow(messages.commit)
        }
        scene[name].member = member
    }

    @Test(
        "N-5, S2: strangers join an open group one after the other, each on the GroupInfo of the one before",
        arguments: settings)
    func externalJoins(setting: TrackedGroupTests.Setting) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try GroupScene(setting.kind, in: directory, framing: setting.framing)
        try scene.register("alice", "bob", "carol", "dave", "erin")
        try scene.create(by: "alice", policy: GroupScene.policy(setting.framing, join: .open))
        for name in ["bob", "carol", "dave"] { try joinExternally(scene, name) }
        #expect(try scene.members == ["alice", "bob", "carol", "dave"])
        #expect(try Set(["alice", "bob", "carol", "dave"].map { try scene[$0].group.epochAuthenticator }).count == 1)
        try scene.say("hello", by: "dave")
    }

    @Test("RFC 9750 6.4: who may join from outside is the policy's to say", arguments: settings)
    func externalJoinRefused(setting: TrackedGroupTests.Setting) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(setting, directory, join: .open)
        try update(scene, by: "alice") { $0.policy.join = .direct }
        #expect(try refusal { _ = try scene.perform(.fetchGroupInfo(scene.groupID), by: "dave") } == .groupUnknown)
    }

    @Test("RFC 9750 6.6: a member that lost its state joins again in place of its earlier self", arguments: settings)
    func resync(setting: TrackedGroupTests.Setting) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(setting, directory)
        let leaf = try scene["bob"].group.leaf
        scene["bob"].member = nil
        // A GroupInfo with the tree, where the relay does not know it.
        if setting.framing == .privateMessage {
            try scene.relay.publish(TestMessage(bytes: try scene["alice"].group.groupInfo()), by: scene["alice"].client)
        }
        try joinExternally(scene, "bob", replacing: leaf)
        #expect(try scene.members == ["alice", "bob", "carol"])
        #expect(try scene["bob"].group.epochAuthenticator == scene["carol"].group.epochAuthenticator)
        try scene.say("I am back", by: "bob")
    }

    @Test("an admin that lost its state is one when it is back, and nobody else has become one", arguments: settings)
    func resyncOfAdmin(setting: TrackedGroupTests.Setting) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(setting, directory)
        try setRole(scene, of: "bob", to: .admin, by: "alice")
        try setRole(scene, of: "alice", to: .member, by: "bob")
        let leaf = try scene["bob"].group.leaf
        scene["bob"].member = nil
        if setting.framing == .privateMessage {
            try scene.relay.publish(TestMessage(bytes: try scene["carol"].group.groupInfo()), by: scene["carol"].client)
        }
        try joinExternally(scene, "bob", replacing: leaf)
        let roles = try ["alice", "bob", "carol"].map { name in
            try scene.relay.state.role(of: scene.relay.state.user(of: scene[name].client), in: scene.log)
        }
        #expect(roles == [.member, .admin, .member])
    }

    // MARK: Leaving

    @Test(
        "N-12, S4-9: who leaves gets nothing more at once, and the next commit has to carry it out",
        arguments: settings)
    func leaving(setting: TrackedGroupTests.Setting) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(setting, directory)
        let leave = try scene["bob"].group.propose(.selfRemove)
        let receipt = try scene.relay.publish(TestMessage(bytes: leave), by: scene["bob"].client)[0]
        #expect(try scene.members == ["alice", "carol"])
        let record = try #require(try scene.relay.state.member(scene["bob"].client, of: scene.log))
        #expect(record.readableThrough == receipt.sequenceNumber)
        #expect(try refusal { try scene.say("still here", by: "bob") } == .notMember)
        let answer = try scene.perform(.fetchGroupInfo(scene.groupID), by: "alice").decoded(as: GroupInfoAnswer.self)
        #expect(answer.proposals == [leave])
        // A committer that does not know of it yet is told.
        #expect(try refusal { try scene.commit(by: "carol") } == .proposalRequired)
        for name in ["alice", "carol"] { try scene[name].group.receiveProposal(leave) }
        scene["bob"].member = nil
        let messages = try scene.commitMessages(by: "carol")
        if setting.framing == .privateMessage {
            #expect(try refusal { _ = try scene.publish(messages, by: "carol") } == .proposalRequired)
            let roster = DeclaredRoster(added: [], removed: [scene["bob"].client])
            _ = try scene.relay.perform(.publishCommit(messages.published, roster), by: scene["carol"].client)
        } else {
            _ = try scene.publish(messages, by: "carol")
        }
        try scene.accept(messages, by: "carol")
        #expect(try scene.relay.state.member(scene["bob"].client, of: scene.log)?.state == .ended)
        #expect(try scene["alice"].group.roster.count == 2)
    }

    @Test(
        "S4-13: who is no member puts nothing into a group, also not in the name of somebody outside",
        arguments: settings)
    func proposalsFromOutside(setting: TrackedGroupTests.Setting) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(setting, directory, join: .open)
        try scene.commit(by: "alice", removing: ["bob"])
        let last = try scene.head.last
        let epoch = try scene.head.epoch.rawValue
        let senders: [(Sender, ErrorCode)] = [
            (.external(senderIndex: 0), setting.framing == .publicMessage ? .proposalInvalid : .notMember),
            (.newMemberProposal, setting.framing == .publicMessage ? .proposalInvalid : .notMember),
        ]
        for name in ["bob", "dave"] {
            for (sender, code) in senders {
                let keyPackage = try scene["dave"].device.applies().keyPackage
                let message = PublicMessage(
                    content: FramedContent(
                        groupID: scene.groupID, epoch: epoch, sender: sender,
                        content: .proposal(.add(Add(keyPackage: keyPackage)))),
                    auth: FramedContentAuthData(signature: [1], confirmationTag: nil))
                let bytes = MLSMessage.publicMessage(message).encoded
                #expect(
                    try refusal { _ = try scene.relay.publish(TestMessage(bytes: bytes), by: scene[name].client) }
                        == code)
            }
        }
        #expect(try scene.head.last == last)
    }

    @Test("S4-10: the last one in a group is told that it is empty", arguments: settings)
    func empty(setting: TrackedGroupTests.Setting) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(setting, directory, with: ["bob"])
        let leave = try scene["bob"].group.propose(.selfRemove)
        try scene.relay.publish(TestMessage(bytes: leave), by: scene["bob"].client)
        #expect(try scene.inbox(of: "alice", .groupEmpty).count == 1)
        #expect(try scene.inbox(of: "bob", .groupEmpty).isEmpty)
    }

    @Test(
        "S4-12, S4-13: a deleted group tells everybody, takes nothing more, and its id is not used again",
        arguments: settings)
    func deletion(setting: TrackedGroupTests.Setting) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(setting, directory)
        #expect(
            try refusal { _ = try scene.perform(.delete(DeleteGroup(log: scene.log)), by: "bob") } == .roleInsufficient)
        let message = TestMessage(bytes: try scene["bob"].group.protect("late"))
        let said = try scene.say("before", by: "bob")
        _ = try scene.perform(.delete(DeleteGroup(log: scene.log)), by: "alice")
        for name in ["alice", "bob", "carol"] {
            #expect(try scene.inbox(of: name, .groupDeleted).count == 1)
            let member = try #require(try scene.relay.state.member(scene[name].client, of: scene.log))
            #expect(member.readableThrough == (try scene.head.last))
        }
        #expect(try refusal { try scene.relay.publish(message, by: scene["bob"].client) } == .groupDeleted)
        #expect(try refusal { _ = try scene.relay.createGroup("group", by: scene["dave"].client) } == .groupExists)
        #expect(try scene.kinds.last == .groupDeleted)
        // What was said is gone, in time.
        try scene.relay.passTime(1000)
        #expect(try scene.relay.state.storedEntry(said.sequenceNumber, in: scene.log) == nil)
        #expect(try scene.relay.state.storedEntry(1, in: scene.log) != nil)
    }

    // MARK: Lists

    @Test("S2-5: a client finds its groups again, and open ones by name", arguments: settings)
    func lists(setting: TrackedGroupTests.Setting) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scene = try scene(setting, directory, join: .open)
        let state = try scene.relay.state
        func list(_ name: String, _ listing: GroupListing, filter: String = "", after: LogNumber = .none) throws
            -> [GroupSummary]
        {
            let request = ListGroups(listing: listing, filter: Array(filter.utf8), after: after, limit: 10)
            return try state.list(request, for: scene[name].client).decoded(as: GroupList.self).groups
        }
        let mine = try list("bob", .mine)
        #expect(mine.map(\.groupID) == [scene.groupID])
        #expect(mine.map(\.role) == [.member])
        #expect(mine.map(\.userCount) == [3])
        #expect(try list("dave", .mine).isEmpty)
        #expect(try list("dave", .open).map(\.role) == [.nobody])
        #expect(try list("dave", .open, filter: "rou").count == 1)
        #expect(try list("dave", .open, filter: "xyz").isEmpty)
        #expect(try list("dave", .open, after: scene.log).isEmpty)
        let described = try state.describe(scene.groupID, for: scene["dave"].client).get().decoded(
            as: GroupDescription.self)
        #expect(described.members.isEmpty)
    }
}
