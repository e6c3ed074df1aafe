import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import MLSTestSupport
import TLSPresentation
import Testing

@Suite("Leaving groups (RFC 9420 section 12.1.3)")
struct GroupRemovalTests {
    @Test("a removed member learns of it and has no secrets any more (section 12.4.2)", arguments: allSuites)
    func removal(suite: CipherSuite) throws {
        let group = try Conversation(["Alice", "Bob", "Carol"], suite: suite)
        let bob = group[1]
        let late = try group[2].protect("late")
        let messages = try group[0].commit(CommitOptions([.remove(Remove(removed: bob.leaf))]))
        let staged = try bob.stage(messages.commit)
        let (isRemoved, authenticator) = (staged.removesThisMember, staged.epochAuthenticator)
        #expect(isRemoved)
        #expect(authenticator == nil)
        // Not before it is merged.
        #expect(bob.isActive)
        let (old, oldExported) = (bob.epochAuthenticator, bob.exported())
        bob.group.merge(staged)
        #expect(!bob.isActive)
        #expect(bob.epochAuthenticator != old)
        #expect(bob.exported() != oldExported)
        #expect(bob.resumptionPSK(epoch: 1) == nil)

        for position in [0, 2] { try group[position].follow(messages.commit) }
        #expect(group[0].snapshot == group[2].snapshot)
        #expect(group[0].roster.count == 2)
        #expect(throws: GroupError.self) { try bob.read(late) }
        let message = try group[0].protect("later")
        #expect(throws: GroupError.self) { try bob.read(message) }
        let next = try group[2].commit().commit
        expectRefusal(.removedFromGroup) { try bob.follow(next) }
        expectRefusal(.removedFromGroup) { try bob.protect("hello") }
        expectRefusal(.removedFromGroup) { try bob.commit() }
        expectRefusal(.removedFromGroup) { try bob.proposeUpdate() }
        expectRefusal(.removedFromGroup) { try bob.groupInfo() }
    }

    @Test("a Remove by reference takes out who was proposed, but not the committer (section 12.2)")
    func removalByReference() throws {
        let group = try Conversation(["Alice", "Bob", "Carol"])
        try group.propose(.remove(Remove(removed: group[0].leaf)), by: group[1])
        try group.propose(.remove(Remove(removed: group[2].leaf)), by: group[1])
        let staged = try group.commit(by: group[0])
        #expect(staged.removed == [LeafIndex(2)])
        try group.expectAgreement()
        var options = CommitOptions([.remove(Remove(removed: group[0].leaf))])
        options.references = []
        expectRefusal(.committerRemoved) { try group[0].commit(options) }
    }

    @Test("who is removed is not updated, whichever was proposed first (section 12.2)")
    func removalAndUpdate() throws {
        let group = try Conversation(["Alice", "Bob", "Carol"])
        try group.propose(.remove(Remove(removed: group[2].leaf)), by: group[1])
        try group.proposeUpdate(by: group[2])
        let staged = try group.commit(by: group[0])
        #expect(staged.removed == [LeafIndex(2)] && staged.updated.isEmpty)
        try group.expectAgreement()
    }

    @Test("a removed member's leaf is another's in the same epoch (section 12.3)", arguments: quickSuites)
    func replacement(suite: CipherSuite) throws {
        let group = try Conversation(["Alice", "Bob", "Carol", "Dave"], suite: suite)
        let late = try group[1].protect("late")
        let erin = try group.device("Erin").applies()
        try group.commit(
            CommitOptions([.remove(Remove(removed: group[1].leaf)), erin.add]), by: group[0], joiners: [erin])
        #expect(group.members.last?.leaf == LeafIndex(1))
        try group.expectAgreement()
        // It is still the old one's message.
        #expect(try group[0].receive(late).sender == LeafIndex(1))
        expectRefusal(.applicationEpoch) { try group[3].read(late) }
    }

    @Test("the tree shrinks when its right half is empty, and grows again (section 7.7)")
    func shrinking() throws {
        let group = try Conversation(["Alice", "Bob", "Carol", "Dave", "Erin"])
        try group.commit(CommitOptions([.remove(Remove(removed: group[4].leaf))]), by: group[1])
        try group.expectAgreement()
        try group.commit(
            CommitOptions([2, 3].map { .remove(Remove(removed: group[$0].leaf)) }), by: group[0])
        try group.expectAgreement()
        #expect(group[0].publicGroup.tree.leafCount.rawValue == 2)
        try group.add(["Frank", "Grace"], by: group[1])
        try group.expectAgreement()
    }

    @Test("late messages of who is gone are read also where the tree has shrunk since (sections 7.7 and 15.3)")
    func lateMessagesAfterShrinking() throws {
        let group = try Conversation(["Alice", "Bob", "Carol", "Dave", "Erin"])
        let late = try group[4].protect("late")
        try group.commit(CommitOptions([.remove(Remove(removed: group[4].leaf))]), by: group[1])
        try group.commit(CommitOptions([2, 3].map { .remove(Remove(removed: group[$0].leaf)) }), by: group[0])
        #expect(group[1].publicGroup.tree.leafCount.rawValue == 2)
        for reader in 0...1 { #expect(try group[reader].read(late) == "late") }
    }

    @Test("a removed member can be added again with the same key (section 12.2)")
    func comingBack() throws {
        let group = try Conversation(["Alice", "Bob"])
        let device = group[1].device
        try group.commit(CommitOptions([.remove(Remove(removed: group[1].leaf))]), by: group[0])
        try group.expectAgreement()
        let bob = try device.applies()
        try group.commit(CommitOptions([bob.add]), by: group[0], joiners: [bob])
        try group.expectAgreement()
        // In one Commit, too.
        let again = try device.applies()
        try group.commit(
            CommitOptions([.remove(Remove(removed: group[1].leaf)), again.add]), by: group[0], joiners: [again])
        #expect(group.members.count == 2)
        try group.expectAgreement()
    }

    @Test("who is in the group cannot be added once more (section 12.2)")
    func addedTwice() throws {
        let group = try Conversation(["Alice", "Bob"])
        let add = try group[1].device.applies().add
        expectRefusal(.existingClient) { try group[0].commit(CommitOptions([add])) }
        try group.expectAgreement()
    }

    @Test("a SelfRemove is committed by another member (draft-ietf-mls-extensions)", arguments: quickSuites)
    func selfRemove(suite: CipherSuite) throws {
        var configuration = Device.configuration
        configuration.handshakeFraming = .privateMessage
        let group = try Conversation(["Alice", "Bob", "Carol"], suite: suite, configuration: configuration)
        let bob = group[1]
        let (message, _) = try bob.group.propose(.selfRemove)
        // In public, however handshake messages are sent otherwise.
        guard case .publicMessage = try MLSMessage(decoding: message) else { throw GroupMember.UnexpectedMessage() }
        try group.deliver(proposal: message, except: bob)
        let staged = try group.commit(by: group[2])
        #expect(staged.removed == [LeafIndex(1)])
        #expect(!bob.isActive)
        #expect(group.members.count == 2)
        try group.expectAgreement()
    }

    @Test("nobody commits its own SelfRemove, and none by value (draft-ietf-mls-extensions)")
    func wrongSelfRemove() throws {
        let group = try Conversation(["Alice", "Bob"])
        expectRefusal(.selfRemoveReference) { try group[0].commit(CommitOptions([.selfRemove])) }
        let ref = try group.propose(.selfRemove, by: group[0])
        var options = CommitOptions()
        options.references = [ref]
        expectRefusal(.selfRemoveCommitter) { try group[0].commit(options) }
        // By itself it leaves such out.
        try group.commit(by: group[0])
        try group.expectAgreement()
    }
}
