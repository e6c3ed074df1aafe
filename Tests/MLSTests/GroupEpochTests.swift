import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import MLSTestSupport
import TLSPresentation
import Testing

@Suite("Moving from epoch to epoch (RFC 9420 sections 12.4.2 and 14)")
struct GroupEpochTests {
    /// Both kinds of handshake framing.
    private static let framings = [GroupConfiguration.HandshakeFraming.publicMessage, .privateMessage]

    private func options(_ framing: GroupConfiguration.HandshakeFraming, _ proposals: [Proposal] = []) -> CommitOptions
    {
        var options = CommitOptions(proposals)
        options.framing = framing
        return options
    }

    @Test("making a Commit changes nothing until it is merged (section 14)", arguments: framings)
    func making(framing: GroupConfiguration.HandshakeFraming) throws {
        let group = try Conversation(["Alice", "Bob"])
        let (context, authenticator) = (group[0].groupContext, group[0].epochAuthenticator)
        let messages = try group[0].commit(options(framing))
        #expect(group[0].groupContext == context)
        #expect(group[0].epochAuthenticator == authenticator)
        #expect(group[0].hasPendingCommit)
        #expect(try group[1].read(group[0].protect("still here")) == "still here")
        #expect(try group[0].read(group[1].protect("so am I")) == "so am I")
        let merged = group[0].group.mergePendingCommit()?.committer
        #expect(merged == group[0].leaf)
        try group[1].follow(messages.commit)
        try group.expectAgreement()
        let none = group[0].group.mergePendingCommit()?.committer
        #expect(none == nil)
    }

    @Test("one's own Commit is recognised when it comes back (section 14)", arguments: framings)
    func ownCommit(framing: GroupConfiguration.HandshakeFraming) throws {
        let group = try Conversation(["Alice", "Bob"])
        let messages = try group[0].commit(options(framing))
        switch try group[0].group.process(messages.commit) {
        case .pendingCommit: break
        default: Issue.record("one's own Commit")
        }
        try group.accept(messages, from: group[0])
        try group.expectAgreement()
    }

    @Test("a discarded Commit is nobody's any more, not its sender's either (section 14)", arguments: framings)
    func discarded(framing: GroupConfiguration.HandshakeFraming) throws {
        let group = try Conversation(["Alice", "Bob"])
        let messages = try group[0].commit(options(framing))
        group[0].group.discardPendingCommit()
        #expect(!group[0].hasPendingCommit)
        #expect(throws: GroupError.ownMessage) { try group[0].follow(messages.commit) }
        try group.expectAgreement()
        try group.commit(by: group[0])
        try group.expectAgreement()
    }

    @Test("of two Commits of an epoch one wins, and the loser commits again (section 14)", arguments: framings)
    func lostRace(framing: GroupConfiguration.HandshakeFraming) throws {
        let group = try Conversation(["Alice", "Bob", "Carol"])
        let dave = try group.device("Dave").applies()
        let lost = try group[1].commit(options(framing, [dave.add]))
        let won = try group[0].commit(options(framing))
        // Carol has looked at both.
        _ = try group[2].stage(lost.commit)
        try group.accept(won, from: group[0])
        #expect(!group[1].hasPendingCommit)
        try group.expectAgreement()
        expectRefusal(.commitEpoch) { try group[2].follow(lost.commit) }
        expectRefusal(.commitEpoch) { try group[1].follow(lost.commit) }
        try group.commit(options(framing, [dave.add]), by: group[1], joiners: [dave])
        #expect(group.members.count == 4)
        try group.expectAgreement()
    }

    @Test("a staged Commit that is dropped leaves all as it was (section 14)", arguments: framings)
    func droppedCommit(framing: GroupConfiguration.HandshakeFraming) throws {
        let group = try Conversation(["Alice", "Bob", "Carol"])
        let text = try group[0].protect("before")
        try group.proposeUpdate(by: group[1])
        let messages = try group[0].commit(options(framing))
        let before = group[1].snapshot
        for _ in 0..<3 {
            let staged = try group[1].stage(messages.commit)
            let (authenticator, epoch) = (staged.epochAuthenticator, staged.publicCommit.group.groupContext.epoch)
            #expect(authenticator != before.epochAuthenticator)
            #expect(epoch == 2)
            _ = consume staged
            #expect(group[1].snapshot == before)
        }
        #expect(try group[1].read(text) == "before")
        #expect(try group[2].read(group[1].protect("still here")) == "still here")
        try group.accept(messages, from: group[0])
        try group.expectAgreement()
        // Another one than the staged one may be taken.
        let (first, second) = (try group[0].commit(options(framing)), try group[2].commit(options(framing)))
        _ = try group[1].stage(first.commit)
        try group.accept(second, from: group[2])
        try group.expectAgreement()
    }

    @Test("a proposal may come between a Commit's staging and its merging (section 14)")
    func proposalMeanwhile() throws {
        let group = try Conversation(["Alice", "Bob", "Carol"])
        let messages = try group[0].commit()
        let staged = try group[1].stage(messages.commit)
        try group.proposeUpdate(by: group[2])
        group[1].group.merge(staged)
        for member in [group[0], group[2]] { try member.follow(messages.commit) }
        try group.expectAgreement()
        #expect(group[1].publicGroup.pendingProposals.isEmpty)
    }

    @Test(
        "every changed byte of a handshake message is noticed, and changes nothing (section 12.4.2)",
        arguments: framings, quickSuites)
    func changedMessages(framing: GroupConfiguration.HandshakeFraming, suite: CipherSuite) throws {
        var configuration = Device.configuration
        configuration.handshakeFraming = framing
        let group = try Conversation(["Alice", "Bob", "Carol"], suite: suite, configuration: configuration)
        let proposal = try group[2].proposeUpdate()
        var before = group[1].snapshot
        for changed in changes(of: proposal, every: 5) {
            #expect(throws: GroupError.self) { try group[1].receiveProposal(changed) }
        }
        #expect(group[1].snapshot == before)
        try group.deliver(proposal: proposal, except: group[2])

        let dave = try group.device("Dave").applies()
        let messages = try group[0].commit(CommitOptions([dave.add]))
        before = group[1].snapshot
        for changed in changes(of: messages.commit, every: 9) {
            #expect(throws: GroupError.self) { try group[1].follow(changed) }
            // Whose own it is does not make it right.
            #expect(throws: GroupError.self) { try group[0].follow(changed) }
        }
        #expect(group[1].snapshot == before)
        try group.accept(messages, from: group[0], joiners: [dave])
        try group.expectAgreement()
    }

    @Test("handshake messages of an epoch that is over are refused (sections 12.1 and 12.4.2)", arguments: framings)
    func pastHandshakes(framing: GroupConfiguration.HandshakeFraming) throws {
        let group = try Conversation(["Alice", "Bob", "Carol"])
        group[2].group.configuration.handshakeFraming = framing
        let proposal = try group[2].proposeUpdate()
        let commit = try group[2].commit(options(framing)).commit
        try group.commit(by: group[0])
        expectRefusal(.proposalEpoch) { try group[1].receiveProposal(proposal) }
        expectRefusal(.commitEpoch) { try group[1].follow(commit) }
        // And those of one that is yet to come.
        let next = try group[0].commit(options(framing))
        try group[0].follow(next.commit)
        let early = try group[0].commit(options(framing)).commit
        expectRefusal(.commitEpoch) { try group[1].follow(early) }
        try group[1].follow(next.commit)
        try group[1].follow(early)
    }

    @Test("a proposal that comes twice is one (section 12.1)")
    func proposalTwice() throws {
        let group = try Conversation(["Alice", "Bob"])
        let message = try group[0].proposeUpdate()
        for _ in 0..<2 { try group[1].receiveProposal(message) }
        // The Delivery Service may bring one's own back, too.
        try group[0].receiveProposal(message)
        #expect(group[1].publicGroup.pendingProposals.count == 1)
        #expect(group[0].publicGroup.pendingProposals.count == 1)
        try group.commit(by: group[1])
        try group.expectAgreement()
    }

    @Test("a private proposal is decrypted once (section 9.2)")
    func privateProposalTwice() throws {
        let group = try Conversation(["Alice", "Bob"])
        group[0].group.configuration.handshakeFraming = .privateMessage
        let message = try group[0].proposeUpdate()
        try group[1].receiveProposal(message)
        expectRefusal(.generationUsed) { try group[1].receiveProposal(message) }
        #expect(throws: GroupError.ownMessage) { try group[0].receiveProposal(message) }
        try group.commit(by: group[1])
        try group.expectAgreement()
    }

    @Test("a Commit that covers a proposal which one did not get is refused until one has it (section 12.4.2)")
    func missingProposal() throws {
        let group = try Conversation(["Alice", "Bob", "Carol"])
        let proposal = try group[1].proposeUpdate()
        try group[0].receiveProposal(proposal)
        let messages = try group[0].commit()
        expectRefusal(.proposalReference) { try group[2].follow(messages.commit) }
        try group[2].receiveProposal(proposal)
        try group.accept(messages, from: group[0])
        try group.expectAgreement()
    }

    @Test("a KeyPackage, a Welcome and a GroupInfo are no messages of a group (section 6)")
    func otherMessages() throws {
        let group = try Conversation(["Alice", "Bob"])
        let carol = try group.device("Carol").applies()
        let messages = try group[0].commit(CommitOptions([carol.add]))
        let keyPackage = MLSMessage.keyPackage(carol.keyPackage).encoded
        for message in [keyPackage, try #require(messages.welcome), try group[0].groupInfo()] {
            expectRefusal(.wireFormat) { try group[1].follow(message) }
        }
        #expect(throws: GroupError.self) { try group[1].follow([]) }
    }

    @Test("who watches the public messages of a group sees what its members see (RFC 9750 section 5.3)")
    func follower() throws {
        let group = try Conversation(["Alice", "Bob", "Carol"])
        guard case .groupInfo(let groupInfo) = try MLSMessage(decoding: group[0].groupInfo()) else {
            throw GroupMember.UnexpectedMessage()
        }
        var policy = TestGroup.policy
        policy.clientSupport = nil
        var follower = try PublicGroup(groupInfo: groupInfo, policy: policy)
        let proposal = try group[1].proposeUpdate()
        try group.deliver(proposal: proposal, except: group[1])
        let messages = try group[2].commit()
        try group.accept(messages, from: group[2])
        for bytes in [proposal, messages.commit] {
            guard case .publicMessage(let message) = try MLSMessage(decoding: bytes) else { continue }
            if case .commit(let staged) = try follower.process(message) { follower.merge(staged) }
        }
        #expect(follower.groupContext == group[0].groupContext)
        #expect(follower.roster == group[0].roster)
    }
}
