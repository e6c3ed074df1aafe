import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import MLSTestSupport
import TLSPresentation
import Testing

@Suite("Joining by an external Commit (RFC 9420 section 12.4.3.2)")
struct GroupExternalCommitTests {
    @Test("who has a GroupInfo joins without being asked (section 12.4.3.2)", arguments: allSuites)
    func joining(suite: CipherSuite) throws {
        let group = try Conversation(["Alice", "Bob", "Carol"], suite: suite)
        let dave = try group.joinExternally(group.device("Dave"), informer: group[1])
        #expect(dave.leaf == LeafIndex(3))
        #expect(dave.epoch == 2)
        try group.expectAgreement()
        try group.commit(by: dave)
        try group.commit(by: group[0])
        try group.expectAgreement()
    }

    @Test("the joiner takes the leftmost free leaf (section 12.4.3.2)")
    func leftmostLeaf() throws {
        let group = try Conversation(["Alice", "Bob", "Carol", "Dave"])
        try group.commit(CommitOptions([.remove(Remove(removed: group[1].leaf))]), by: group[3])
        let erin = try group.joinExternally(group.device("Erin"))
        #expect(erin.leaf == LeafIndex(1))
        try group.expectAgreement()
    }

    @Test("the joiner joins also where handshake messages are private (section 12.4.3.2)")
    func privateGroup() throws {
        var configuration = Device.configuration
        configuration.handshakeFraming = .privateMessage
        let group = try Conversation(["Alice", "Bob"], configuration: configuration)
        try group.joinExternally(group.device("Carol"))
        try group.expectAgreement()
        try group.commit(by: group[2])
        try group.expectAgreement()
    }

    @Test("the GroupInfo comes with a Commit, and the next one with the joiner's (section 12.4.3.2)")
    func groupInfoOfCommits() throws {
        let group = try Conversation(["Alice", "Bob"])
        var options = CommitOptions()
        options.makesGroupInfo = true
        let messages = try group[0].commit(options)
        try group.accept(messages, from: group[0])
        var groupInfo = try #require(messages.groupInfo)
        for name in ["Carol", "Dave"] {
            var options = ExternalCommitOptions()
            options.makesGroupInfo = true
            let (joiner, commit) = try group.device(name).joinsExternally(groupInfo, options: options)
            for member in group.members { try member.follow(commit.commit) }
            #expect(joiner.snapshot == group[0].snapshot)
            groupInfo = try #require(commit.groupInfo)
        }
    }

    @Test("the tree may come beside the GroupInfo; without external_pub nobody joins (section 12.4.3.2)")
    func groupInfoParts() throws {
        let group = try Conversation(["Alice", "Bob"])
        let carol = try group.device("Carol")
        let withoutKey = try group[0].group.groupInfo(isForExternalCommits: false)
        expectRefusal(.externalPub) { try carol.joinsExternally(withoutKey).member.epoch }
        let withoutTree = try group[0].group.groupInfo(hasTree: false)
        expectRefusal(.ratchetTreeMissing) { try carol.joinsExternally(withoutTree).member.epoch }
        let (joiner, messages) = try carol.joinsExternally(
            withoutTree, ratchetTree: group[0].publicGroup.ratchetTree)
        try group[0].follow(messages.commit)
        #expect(joiner.snapshot == group[0].snapshot)
    }

    @Test("every changed byte of a GroupInfo is noticed (section 12.4.3)", arguments: quickSuites)
    func changedGroupInfo(suite: CipherSuite) throws {
        let group = try Conversation(["Alice", "Bob"], suite: suite)
        let (carol, groupInfo) = (try group.device("Carol"), try group[0].groupInfo())
        for changed in changes(of: groupInfo, every: 7) {
            #expect(throws: GroupError.self) { try carol.joinsExternally(changed).member.epoch }
        }
    }

    @Test("two join at once: one wins, the other begins again (section 14)")
    func lostRace() throws {
        let group = try Conversation(["Alice", "Bob"])
        let (carol, dave) = (try group.device("Carol"), try group.device("Dave"))
        let groupInfo = try group[0].groupInfo()
        let lost = try dave.joinsExternally(groupInfo).messages.commit
        try group.joinExternally(carol)
        expectRefusal(.commitEpoch) { try group[0].follow(lost) }
        try group.joinExternally(dave)
        #expect(group.members.count == 4)
        try group.expectAgreement()
    }

    @Test("who lost its state takes its own place again (section 12.4.3.2)", arguments: quickSuites)
    func resync(suite: CipherSuite) throws {
        let group = try Conversation(["Alice", "Bob", "Carol"], suite: suite)
        let old = group[1]
        var options = ExternalCommitOptions()
        options.replacedLeaf = old.leaf
        let new = try group.joinExternally(old.device, options: options)
        #expect(new.leaf == old.leaf)
        #expect(!old.isActive)
        #expect(group.members.count == 3)
        try group.expectAgreement()
    }

    @Test("a joiner takes only its own place, and none where that is not wanted (section 12.4.3.2)")
    func wrongResync() throws {
        let group = try Conversation(["Alice", "Bob", "Carol"])
        var options = ExternalCommitOptions()
        options.replacedLeaf = group[1].leaf
        let groupInfo = try group[0].groupInfo()
        let eve = try group.device("Eve")
        expectRefusal(.externalCommitIdentity) { try eve.joinsExternally(groupInfo, options: options).member.epoch }
        let commit = try group[1].device.joinsExternally(groupInfo, options: options).messages.commit
        group[0].group.configuration.policy.allowsResync = false
        expectRefusal(.externalCommitResync) { try group[0].follow(commit) }
        // Without saying which leaf was its own it is a stranger with a known key.
        let bob = group[1].device
        expectRefusal(.uniqueSignatureKey) { try bob.joinsExternally(groupInfo).member.epoch }
    }

    @Test("the joiner's Commit covers the SelfRemoves that wait (draft-ietf-mls-extensions)", arguments: quickSuites)
    func selfRemoves(suite: CipherSuite) throws {
        let group = try Conversation(["Alice", "Bob", "Carol", "Dave"], suite: suite)
        var options = ExternalCommitOptions()
        for position in [1, 2] {
            let message = try group[position].propose(.selfRemove)
            try group.deliver(proposal: message, except: group[position])
            options.proposals.append(message)
        }
        let erin = try group.joinExternally(group.device("Erin"), options: options)
        #expect(erin.leaf == LeafIndex(1))
        #expect(group.members.map(\.leaf) == [LeafIndex(0), LeafIndex(3), LeafIndex(1)])
        try group.expectAgreement()
    }

    @Test("a PSK makes the others trust the joiner (section 12.4.3.2)")
    func psk() throws {
        let group = try Conversation(["Alice", "Bob"])
        for member in group.members { member.device.psks.external[[1]] = [1, 2] }
        var device = try group.device("Carol")
        var options = ExternalCommitOptions()
        options.psks = [.external(pskID: [1])]
        let groupInfo = try group[0].groupInfo()
        let unknowing = device
        expectRefusal(.pskAvailable) { try unknowing.joinsExternally(groupInfo, options: options).member.epoch }
        device.psks.external[[1]] = [1, 2]
        try group.joinExternally(device, options: options)
        try group.expectAgreement()
    }

    @Test("who was removed comes back with a PSK of its old epoch (section 12.4.3.2)")
    func resumptionPSK() throws {
        let group = try Conversation(["Alice", "Bob", "Carol"])
        let bob = group[1]
        let groupID = bob.groupContext.groupID
        guard let psk = bob.group.resumptionPSK(epoch: 1) else { throw GroupMember.UnexpectedMessage() }
        bob.device.psks.keep(psk, groupID: groupID, epoch: 1)
        try group.commit(CommitOptions([.remove(Remove(removed: bob.leaf))]), by: group[0])
        var options = ExternalCommitOptions()
        options.psks = [.resumption(usage: .application, pskGroupID: groupID, pskEpoch: 1)]
        try group.joinExternally(bob.device, options: options)
        #expect(group.members.count == 3)
        try group.expectAgreement()
    }
}
