import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import MLSTestSupport
import TLSPresentation
import TestSupport
import Testing

@Suite("Proposing and committing (RFC 9420 sections 12.1 to 12.4)")
struct GroupProposalTests {
    // MARK: Updates and empty Commits

    @Test("a Commit without proposals renews the committer's keys (section 12.4)", arguments: allSuites)
    func emptyCommit(suite: CipherSuite) throws {
        let group = try Conversation(["Alice", "Bob", "Carol"], suite: suite)
        let before = group[1].leafNode
        let staged = try group.commit(by: group[1])
        #expect(staged.hasPath && staged.committer == group[1].leaf)
        #expect(group[1].leafNode?.encryptionKey != before?.encryptionKey)
        #expect(group[1].leafNode?.signatureKey == before?.signatureKey)
        try group.expectAgreement()
    }

    @Test("an Update of one is committed by another (section 12.1.2)", arguments: allSuites)
    func update(suite: CipherSuite) throws {
        let group = try Conversation(["Alice", "Bob", "Carol", "Dave"], suite: suite)
        let before = group[1].leafNode
        try group.proposeUpdate(by: group[1])
        let staged = try group.commit(by: group[2])
        #expect(staged.updated == [group[1].leaf])
        #expect(group[1].leafNode?.encryptionKey != before?.encryptionKey)
        try group.expectAgreement()
        // The updated member knows the keys that it now has.
        for committer in [0, 1, 3] {
            try group.commit(by: group[committer])
            try group.expectAgreement()
        }
    }

    @Test("of several Updates of a member the newest is committed, and it has the key of that (section 12.2)")
    func severalUpdates() throws {
        let group = try Conversation(["Alice", "Bob", "Carol"])
        try group.proposeUpdate(by: group[1])
        let newest = try group.proposeUpdate(by: group[1])
        let chosen = group[0].group.committableProposals.map(\.ref)
        #expect(chosen == [newest])
        try group.commit(by: group[0])
        try group.expectAgreement()
    }

    @Test("the older of two Updates can be committed too (section 12.2)")
    func olderUpdate() throws {
        let group = try Conversation(["Alice", "Bob", "Carol"])
        let older = try group.proposeUpdate(by: group[1])
        try group.proposeUpdate(by: group[1])
        var options = CommitOptions()
        options.references = [older]
        try group.commit(options, by: group[0])
        try group.expectAgreement()
        try group.commit(by: group[2])
        try group.expectAgreement()
    }

    @Test("nobody commits its own Update; others can (section 12.2)")
    func ownUpdate() throws {
        let group = try Conversation(["Alice", "Bob"])
        let ref = try group.proposeUpdate(by: group[0])
        let chosen = group[0].group.committableProposals.count
        #expect(chosen == 0)
        var options = CommitOptions()
        options.references = [ref]
        expectRefusal(.committerUpdated) { try group[0].commit(options) }
        // Its Commit overtakes the Update.
        try group.commit(by: group[0])
        try group.expectAgreement()
    }

    @Test("a proposal that no Commit covered is forgotten with its epoch (section 12.4)")
    func forgottenProposals() throws {
        let group = try Conversation(["Alice", "Bob", "Carol"])
        let ref = try group.proposeUpdate(by: group[1])
        var options = CommitOptions()
        options.references = []
        try group.commit(options, by: group[2])
        #expect(group[0].publicGroup.pendingProposals.isEmpty)
        options.references = [ref]
        expectRefusal(.proposalReference) { try group[0].commit(options) }
        try group.expectAgreement()
    }

    @Test("a member who updates may change its identity's key with it (section 5.3.1)", arguments: quickSuites)
    func rotationByUpdate(suite: CipherSuite) throws {
        let group = try Conversation(["Alice", "Bob", "Carol"], suite: suite)
        let renewed = try Device.identity("Bob", suite: suite)
        try group.proposeUpdate(by: group[1], identity: renewed)
        // Until then the old key signs.
        #expect(try group[0].read(group[1].protect("old")) == "old")
        let late = try group[1].protect("late")
        try group.commit(by: group[0])
        #expect(group[2].roster[1].signatureKey == renewed.signingKey.publicKey.bytes)
        try group.expectAgreement()
        #expect(try group[2].read(late) == "late")
        try group.commit(by: group[1])
        try group.expectAgreement()
    }

    @Test("a committer may change its identity's key with its Commit (section 5.3.1)", arguments: quickSuites)
    func rotationByCommit(suite: CipherSuite) throws {
        let group = try Conversation(["Alice", "Bob", "Carol"], suite: suite)
        let renewed = try Device.identity("Alice", suite: suite)
        let dave = try group.device("Dave").applies()
        var options = CommitOptions([dave.add])
        options.identity = renewed
        options.makesGroupInfo = true
        let late = try group[0].protect("late")
        let messages = try group[0].commit(options)
        // Until then the old key signs.
        #expect(try group[1].read(group[0].protect("old")) == "old")
        try group.accept(messages, from: group[0], joiners: [dave])
        #expect(group[1].roster[0].signatureKey == renewed.signingKey.publicKey.bytes)
        #expect(try group[1].read(late) == "late")
        try group.expectAgreement()
        // The GroupInfo is signed with the new key.
        let groupInfo = try #require(messages.groupInfo)
        let (erin, commit) = try group.device("Erin").joinsExternally(groupInfo)
        for member in group.members { try member.follow(commit.commit) }
        #expect(erin.epochAuthenticator == group[0].epochAuthenticator)
    }

    @Test("a member cannot become somebody else (section 5.3.1)")
    func otherIdentity() throws {
        let group = try Conversation(["Alice", "Bob"])
        var options = CommitOptions()
        options.identity = try Device.identity("Eve", suite: group.suite)
        expectRefusal(.successor) { try group[0].commit(options) }
        let identity = options.identity
        expectRefusal(.successor) { try group[0].proposeUpdate(identity) }
        try group.expectAgreement()
    }

    // MARK: What does not fit

    @Test("a proposal that cannot be committed keeps nobody from committing (section 12.2)")
    func unfitProposals() throws {
        let group = try Conversation(["Alice", "Bob", "Carol"])
        let unfit: [Proposal] = [
            // Who is in the group already.
            try group[2].device.applies().add,
            // Extensions that nobody knows.
            .groupContextExtensions(
                GroupContextExtensions(extensions: [
                    Extension(extensionType: ExtensionType(rawValue: 0xf001), extensionData: [])
                ])),
            // A PSK that nobody has.
            group[1].group.preSharedKeyProposal(.external(pskID: [9])),
        ]
        for proposal in unfit { try group.propose(proposal, by: group[1]) }
        try group.proposeUpdate(by: group[2])
        let staged = try group.commit(by: group[0])
        #expect(staged.updated == [group[2].leaf])
        #expect(staged.added.isEmpty && staged.psks.isEmpty)
        #expect(group[0].groupContext.extensions.isEmpty)
        try group.expectAgreement()
    }

    @Test("who is removed and added again by proposals of others comes back (section 12.2)")
    func removedAndAdded() throws {
        let group = try Conversation(["Alice", "Bob", "Carol"])
        let carol = try group[2].device.applies()
        // The Add first, which does not fit without the Remove.
        try group.propose(carol.add, by: group[1])
        try group.propose(.remove(Remove(removed: group[2].leaf)), by: group[1])
        let staged = try group.commit(by: group[0], joiners: [carol])
        #expect(staged.added.count == 1 && staged.removed.count == 1)
        #expect(group.members.count == 3)
        try group.expectAgreement()
    }

    // MARK: Framing

    @Test("handshake messages are public or private (section 6)", arguments: quickSuites)
    func framing(suite: CipherSuite) throws {
        for framing in [GroupConfiguration.HandshakeFraming.publicMessage, .privateMessage] {
            var configuration = Device.configuration
            configuration.handshakeFraming = framing
            let group = try Conversation(["Alice", "Bob", "Carol"], suite: suite, configuration: configuration)
            let proposal = try group[1].proposeUpdate()
            try group.deliver(proposal: proposal, except: group[1])
            let messages = try group[0].commit()
            for message in [proposal, messages.commit] {
                guard case .privateMessage(let decoded) = try MLSMessage(decoding: message) else {
                    #expect(framing == .publicMessage)
                    continue
                }
                #expect(framing == .privateMessage)
                #expect(decoded.contentType != .application)
            }
            try group.accept(messages, from: group[0])
            try group.expectAgreement()
        }
    }

    @Test("public and private handshake messages go together in one epoch (section 6)")
    func mixedFraming() throws {
        let group = try Conversation(["Alice", "Bob", "Carol", "Dave"])
        for (member, framing) in zip(
            1...3, [GroupConfiguration.HandshakeFraming.privateMessage, .publicMessage, .privateMessage])
        {
            group[member].group.configuration.handshakeFraming = framing
            try group.proposeUpdate(by: group[member])
        }
        var options = CommitOptions()
        options.framing = .privateMessage
        let staged = try group.commit(options, by: group[0])
        #expect(staged.updated.count == 3)
        try group.expectAgreement()
    }

    @Test("what is authenticated with a Commit is seen by all and changed by nobody (section 6)")
    func authenticatedData() throws {
        let group = try Conversation(["Alice", "Bob"])
        var options = CommitOptions()
        options.authenticatedData = [9, 9]
        let messages = try group[0].commit(options)
        guard case .publicMessage(var message) = try MLSMessage(decoding: messages.commit) else {
            throw GroupMember.UnexpectedMessage()
        }
        #expect(message.content.authenticatedData == [9, 9])
        message.content.authenticatedData = []
        let changed = MLSMessage.publicMessage(message).encoded
        expectRefusal(.contentSignature) { try group[1].follow(changed) }
        try group.accept(messages, from: group[0])
        try group.expectAgreement()
    }

    // MARK: PSKs

    @Test("an external PSK goes into the epoch of all, also of those who join (section 8.4)", arguments: quickSuites)
    func externalPSK(suite: CipherSuite) throws {
        let group = try Conversation(["Alice", "Bob"], suite: suite)
        let psks = PSKsInMemory(external: [[1]: [1, 2, 3], [2]: [4, 5, 6]])
        for member in group.members { member.device.psks = psks }
        var device = try group.device("Carol")
        device.psks = psks
        let carol = try device.applies()
        let first = group[1].group.preSharedKeyProposal(.external(pskID: [1]))
        let second = group[0].group.preSharedKeyProposal(.external(pskID: [2]))
        try group.propose(first, by: group[1])
        let staged = try group.commit(CommitOptions([second, carol.add]), by: group[0], joiners: [carol])
        #expect(staged.psks.count == 2)
        try group.expectAgreement()
    }

    @Test("a PSK that one does not have, or another one, is noticed and changes nothing (section 12.4.2)")
    func missingPSK() throws {
        let group = try Conversation(["Alice", "Bob"])
        let proposal = group[0].group.preSharedKeyProposal(.external(pskID: [1]))
        expectRefusal(.pskAvailable) { try group[0].commit(CommitOptions([proposal])) }
        group[0].device.psks.external[[1]] = [1]
        let carol = try group.device("Carol").applies()
        let messages = try group[0].commit(CommitOptions([proposal, carol.add]))
        let before = group[1].snapshot
        expectRefusal(.pskAvailable) { try group[1].follow(messages.commit) }
        group[1].device.psks.external[[1]] = [2]
        expectRefusal(.confirmationTag) { try group[1].follow(messages.commit) }
        #expect(group[1].snapshot == before)
        let welcome = try #require(messages.welcome)
        expectRefusal(.welcomePSK) { try carol.joins(welcome).epoch }
        group[1].device.psks.external[[1]] = [1]
        try group[1].follow(messages.commit)
        try group[0].follow(messages.commit)
        #expect(group[0].snapshot == group[1].snapshot)
    }

    @Test("a PSK alone needs no path (section 12.4)")
    func pskWithoutPath() throws {
        let group = try Conversation(["Alice", "Bob"])
        for member in group.members { member.device.psks.external[[1]] = [1] }
        var options = CommitOptions([group[0].group.preSharedKeyProposal(.external(pskID: [1]))])
        options.forcesPath = false
        let staged = try group.commit(options, by: group[0])
        #expect(!staged.hasPath)
        try group.expectAgreement()
    }

    @Test("the group's own earlier epochs give PSKs to those who were there (section 8.6)")
    func resumptionPSK() throws {
        let group = try Conversation(["Alice", "Bob"])
        let groupID = group[0].groupContext.groupID
        for _ in 0..<2 { try group.commit(by: group[0]) }
        let kept = (1...3).map { group[1].resumptionPSK(epoch: $0) }
        #expect(kept == (1...3).map { group[0].resumptionPSK(epoch: $0) })
        #expect(Set(kept).count == 3 && !kept.contains(nil))
        let earlier = group[1].group.preSharedKeyProposal(
            .resumption(usage: .application, pskGroupID: groupID, pskEpoch: 1))
        try group.propose(earlier, by: group[1])
        try group.commit(by: group[0])
        try group.expectAgreement()
        // Epoch 0 was over before Bob came.
        let tooEarly = group[0].group.preSharedKeyProposal(
            .resumption(usage: .application, pskGroupID: groupID, pskEpoch: 0))
        let messages = try group[0].commit(CommitOptions([tooEarly]))
        expectRefusal(.pskAvailable) { try group[1].follow(messages.commit) }
    }

    @Test("resumption PSKs are kept for so many epochs and no more (section 8.6)")
    func oldResumptionPSKs() throws {
        var configuration = Device.configuration
        configuration.maxResumptionPSKCount = 2
        let group = try Conversation(["Alice", "Bob"], configuration: configuration)
        for _ in 0..<3 { try group.commit(by: group[0]) }
        #expect(group[0].epoch == 4)
        #expect(group[0].resumptionPSK(epoch: 1) == nil)
        for epoch: UInt64 in 2...4 { #expect(group[0].resumptionPSK(epoch: epoch) != nil) }
    }

    @Test("another group's epoch gives a PSK to those who were in it (section 8.6)")
    func otherGroupsPSK() throws {
        let (first, second) = (try Conversation(["Alice", "Bob"]), try Conversation(["Alice", "Bob"]))
        let groupID = first[0].groupContext.groupID
        for position in 0...1 {
            guard let psk = first[position].group.resumptionPSK(epoch: 1) else {
                throw GroupMember.UnexpectedMessage()
            }
            second[position].device.psks.keep(psk, groupID: groupID, epoch: 1)
        }
        let proposal = second[0].group.preSharedKeyProposal(
            .resumption(usage: .application, pskGroupID: groupID, pskEpoch: 1))
        try second.commit(CommitOptions([proposal]), by: second[0])
        try second.expectAgreement()
    }

    @Test("a PSK of a reinitialization or a branch is refused in any other group (section 12.1.4)")
    func successorPSKs() throws {
        let group = try Conversation(["Alice", "Bob"])
        let groupID = group[0].groupContext.groupID
        for (usage, rule) in [
            (ResumptionPSKUsage.reinit, ValidationRule.pskReInitUsage), (.branch, .pskBranchUsage),
        ] {
            let proposal = group[0].group.preSharedKeyProposal(
                .resumption(usage: usage, pskGroupID: groupID, pskEpoch: 1))
            expectRefusal(rule) { try group[0].commit(CommitOptions([proposal])) }
            expectRefusal(rule) { try group[0].propose(proposal) }
        }
    }

    // MARK: GroupContextExtensions

    @Test("GroupContextExtensions replace all that were there (section 12.1.7)", arguments: quickSuites)
    func groupContextExtensions(suite: CipherSuite) throws {
        let required = Extension(RequiredCapabilities(credentialTypes: [.basic]))
        let group = try Conversation(["Alice", "Bob", "Carol"], suite: suite, extensions: [required])
        let sender = ExternalSender(
            signatureKey: try TestClient("Server", suite: suite).signingKey.publicKey.bytes,
            credential: .basic(identity: [1]))
        let senders = Extension(ExternalSenders([sender]))
        let staged = try group.commit(
            CommitOptions([.groupContextExtensions(GroupContextExtensions(extensions: [senders]))]), by: group[1])
        #expect(staged.hasPath)
        #expect(group[2].groupContext.extensions == [senders])
        #expect(group[2].publicGroup.externalSenders == [sender])
        #expect(group[2].publicGroup.requiredCapabilities == nil)
        try group.expectAgreement()

        try group.propose(.groupContextExtensions(GroupContextExtensions(extensions: [required])), by: group[0])
        try group.commit(by: group[2])
        #expect(group[0].groupContext.extensions == [required])
        try group.expectAgreement()
    }

    @Test("what somebody does not support can be required once that one is gone (section 12.1.7)")
    func requiredCapabilities() throws {
        let group = try Conversation(["Alice", "Bob"])
        var device = try group.device("Carol")
        device.configuration.policy.clientSupport?.proposalTypes = []
        let carol = try device.applies()
        try group.commit(CommitOptions([carol.add]), by: group[0], joiners: [carol])
        let required = Proposal.groupContextExtensions(
            GroupContextExtensions(extensions: [Extension(RequiredCapabilities(proposalTypes: [.selfRemove]))]))
        expectRefusal(.groupRequiredCapabilities) { try group[0].commit(CommitOptions([required])) }
        try group.commit(
            CommitOptions([required, .remove(Remove(removed: group[2].leaf))]), by: group[0])
        try group.expectAgreement()
        #expect(group[1].publicGroup.requiredCapabilities?.proposalTypes == [.selfRemove])
    }

    @Test("an extension that somebody does not know cannot be used (section 13.4)")
    func unsupportedExtension() throws {
        let group = try Conversation(["Alice", "Bob"])
        let custom = Extension(extensionType: ExtensionType(rawValue: 0xf001), extensionData: [])
        let proposal = Proposal.groupContextExtensions(GroupContextExtensions(extensions: [custom]))
        #expect(throws: GroupError.self) { try group[0].commit(CommitOptions([proposal])) }
        try group.expectAgreement()
    }

    // MARK: From outside

    /// A proposal of somebody who is no member, as an encoded MLSMessage.
    private func proposal(
        _ proposal: Proposal, from sender: Sender, signer: TestClient, to member: GroupMember
    ) throws -> [UInt8] {
        let content = FramedContent(
            groupID: member.groupContext.groupID, epoch: member.epoch, sender: sender, content: .proposal(proposal))
        let signed = FramedContentTBS(wireFormat: .mlsPublicMessage, content: content, context: [])
        let auth = FramedContentAuthData(
            signature: try signer.sign(FramedContentTBS.label, signed), confirmationTag: nil)
        return MLSMessage.publicMessage(PublicMessage(content: content, auth: auth)).encoded
    }

    @Test("an external sender adds, removes and changes extensions (section 12.1.8.1)", arguments: quickSuites)
    func externalSender(suite: CipherSuite) throws {
        let server = try TestClient("Server", suite: suite)
        let senders = Extension(
            ExternalSenders([
                ExternalSender(signatureKey: server.signingKey.publicKey.bytes, credential: server.credential)
            ]))
        let group = try Conversation(["Alice", "Bob", "Carol"], suite: suite, extensions: [senders])
        let dave = try group.device("Dave").applies()
        let required = Extension(RequiredCapabilities(credentialTypes: [.basic]))
        for wanted: Proposal in [
            dave.add, .remove(Remove(removed: group[2].leaf)),
            .groupContextExtensions(GroupContextExtensions(extensions: [senders, required])),
        ] {
            try group.deliver(
                proposal: proposal(wanted, from: .external(senderIndex: 0), signer: server, to: group[0]))
        }
        let staged = try group.commit(by: group[0], joiners: [dave])
        #expect(staged.added.count == 1 && staged.removed.count == 1)
        #expect(group[0].groupContext.extensions == [senders, required])
        try group.expectAgreement()
    }

    @Test("an external sender who is not one, or proposes what it may not, is refused (section 12.1.8)")
    func wrongExternalSender() throws {
        let (server, eve) = (try TestClient("Server"), try TestClient("Eve"))
        let senders = Extension(
            ExternalSenders([
                ExternalSender(signatureKey: server.signingKey.publicKey.bytes, credential: server.credential)
            ]))
        let group = try Conversation(["Alice", "Bob"], extensions: [senders])
        let remove = Proposal.remove(Remove(removed: group[1].leaf))
        let forged = try proposal(remove, from: .external(senderIndex: 0), signer: eve, to: group[0])
        expectRefusal(.contentSignature) { try group[0].receiveProposal(forged) }
        let unknown = try proposal(remove, from: .external(senderIndex: 1), signer: server, to: group[0])
        expectRefusal(.externalSender) { try group[0].receiveProposal(unknown) }
        let update = try proposal(.selfRemove, from: .external(senderIndex: 0), signer: server, to: group[0])
        expectRefusal(.externalProposalType) { try group[0].receiveProposal(update) }
        #expect(group[0].publicGroup.pendingProposals.isEmpty)
    }

    @Test("somebody outside proposes to be added, and is (section 12.1.8)", arguments: quickSuites)
    func newMemberProposal(suite: CipherSuite) throws {
        let group = try Conversation(["Alice", "Bob"], suite: suite)
        let carol = try group.device("Carol").applies()
        let signer = try TestClient("Carol", suite: suite, signingKey: carol.device.identity.signingKey)
        let message = try proposal(carol.add, from: .newMemberProposal, signer: signer, to: group[0])
        try group.deliver(proposal: message)
        try group.commit(by: group[1], joiners: [carol])
        #expect(group.members.count == 3)
        try group.expectAgreement()
    }

    @Test("who proposes itself is refused where the application does not want it (section 12.1.8)")
    func unwantedNewMember() throws {
        let group = try Conversation(["Alice", "Bob"])
        let carol = try group.device("Carol").applies()
        let signer = try TestClient("Carol", signingKey: carol.device.identity.signingKey)
        let message = try proposal(carol.add, from: .newMemberProposal, signer: signer, to: group[0])
        group[0].group.configuration.policy.allowsNewMemberProposals = false
        expectRefusal(.newMemberProposalAuthorized) { try group[0].receiveProposal(message) }
        #expect(group[0].publicGroup.pendingProposals.isEmpty)
    }
}
