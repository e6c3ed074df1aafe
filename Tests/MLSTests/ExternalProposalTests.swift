import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import MLSTestSupport
import Testing

@Suite("Proposing to a group from outside (RFC 9420 section 12.1.8)")
struct ExternalProposalTests {
    @Test("an external sender's proposals are taken and committed (section 12.1.8.1)", arguments: allSuites)
    func externalSender(suite: CipherSuite) throws {
        let server = try Device.identity("Server", suite: suite)
        let sender = ExternalSender(
            signatureKey: server.signingKey.publicKey.bytes, credential: server.credential)
        let senders = Extension(ExternalSenders([sender]))
        let group = try Conversation(["Alice", "Bob", "Carol"], suite: suite, extensions: [senders])
        let dave = try group.device("Dave").applies()
        let context = group[0].groupContext
        func proposal(_ proposal: Proposal, index: UInt32 = 0) throws -> [UInt8] {
            try Group.externalProposal(
                proposal, groupID: context.groupID, epoch: context.epoch, senderIndex: index,
                signingKey: server.signingKey, authenticatedData: [1, 2])
        }
        try group.deliver(proposal: proposal(dave.add))
        try group.deliver(proposal: proposal(.remove(Remove(removed: group[1].leaf))))
        let unknown = try proposal(dave.add, index: 1)
        expectRefusal(.externalSender) { try group[0].receiveProposal(unknown) }
        let pending = group[0].publicGroup.pendingProposals
        #expect(pending.count == 2 && pending.allSatisfy { $0.sender == .external(senderIndex: 0) })
        try group.commit(by: group[2], joiners: [dave])
        #expect(group[0].roster.count == 3)
        try group.expectAgreement()
    }

    @Test("an external sender does not make what it may not propose (section 12.1.8)")
    func types() throws {
        let server = try Device.identity("Server", suite: .mls128DHKEMP256AES128GCMSHA256P256)
        expectRefusal(.externalProposalType) {
            try Group.externalProposal(
                .selfRemove, groupID: [1], epoch: 0, senderIndex: 0, signingKey: server.signingKey)
        }
    }

    @Test("a new member's proposal of itself is taken and committed (section 12.1.8.2)", arguments: allSuites)
    func newMember(suite: CipherSuite) throws {
        let group = try Conversation(["Alice", "Bob"], suite: suite)
        let carol = try group.device("Carol").applies()
        let proposal = try Group.newMemberProposal(
            carol.keyPackage, groupID: group[0].groupContext.groupID, epoch: group[0].epoch,
            signingKey: carol.device.identity.signingKey)
        try group.deliver(proposal: proposal)
        try group.commit(by: group[1], joiners: [carol])
        #expect(group[0].roster.count == 3)
        try group.expectAgreement()
        // It was for that epoch.
        expectRefusal(.proposalEpoch) { try group[0].receiveProposal(proposal) }
    }
}

@Suite("One's own Commit and proposals that wait")
struct PendingTests {
    @Test("a Commit shows what it will do before it is merged, and what it was when it is discarded")
    func pendingCommit() throws {
        let group = try Conversation(["Alice", "Bob"])
        expectNothingPending(group[0])
        let carol = try group.device("Carol").applies()
        var options = CommitOptions([carol.add])
        options.makesGroupInfo = true
        options.hasTreeInGroupInfo = false
        let messages = try group[0].commit(options)
        let shown = group[0].group.pendingPublicCommit
        let pending = try #require(shown)
        let authenticator = group[0].group.pendingEpochAuthenticator
        #expect(pending.added.count == 1 && pending.group.groupContext.epoch == group[0].epoch + 1)
        // The tree is beside the GroupInfo, though it is in the Welcome.
        #expect(messages.ratchetTree == pending.group.ratchetTree)
        let groupInfo = try #require(messages.groupInfo)
        let dave = try group.device("Dave")
        expectRefusal(.ratchetTreeMissing) { try dave.joinsExternally(groupInfo) }
        try group.accept(messages, from: group[0], joiners: [carol])
        #expect(group[0].epochAuthenticator == authenticator)
        expectNothingPending(group[0])
        let (member, joined) = try dave.joinsExternally(groupInfo, ratchetTree: messages.ratchetTree)
        for other in group.members { try other.follow(joined.commit) }
        #expect(member.epochAuthenticator == group[1].epochAuthenticator)
    }

    private func expectNothingPending(_ member: GroupMember) {
        let (commit, authenticator) = (member.group.pendingPublicCommit, member.group.pendingEpochAuthenticator)
        #expect(commit == nil && authenticator == nil)
    }

    @Test("proposals that were discarded are not committed, and come again where they are received again")
    func discardedProposals() throws {
        let group = try Conversation(["Alice", "Bob", "Carol"])
        let message = try group[1].proposeUpdate()
        for member in [group[0], group[2]] { try member.receiveProposal(message) }
        for member in group.members { member.group.discardPendingProposals() }
        #expect(group.members.allSatisfy { $0.publicGroup.pendingProposals.isEmpty })
        try group.commit(by: group[0])
        try group.expectAgreement()

        let again = try group[1].proposeUpdate()
        group[1].group.discardPendingProposals()
        // Its own, come back.
        for member in group.members { try member.receiveProposal(again) }
        let staged = try group.commit(by: group[2])
        #expect(staged.updated == [group[1].leaf])
        try group.expectAgreement()
    }
}
