import MLSCodec
import MLSCrypto
import MLSPublicGroup
import MLSTestSupport
import Testing

@Suite("Messages are verified (RFC 9420 sections 6, 6.1)")
struct MessageVerificationTests {
    private let group: TestGroup
    private let remove = FramedContent.Content.proposal(.remove(Remove(removed: LeafIndex(1))))

    init() throws {
        let sender = try TestClient("service")
        group = try TestGroup(
            ["alice", "bob", "carol"],
            extensions: [
                Extension(
                    ExternalSenders([
                        ExternalSender(
                            signatureKey: sender.signingKey.publicKey.bytes, credential: sender.credential)
                    ]))
            ])
        service = sender
    }

    private let service: TestClient

    @Test("what each kind of sender may send is accepted")
    func valid() throws {
        try group.group.verify(group.proposal(.remove(Remove(removed: LeafIndex(1))), from: 0))
        try group.group.verify(
            group.proposal(.remove(Remove(removed: LeafIndex(1))), from: 0, wireFormat: .mlsPrivateMessage))
        try group.group.verify(
            group.message(
                .application([1]), from: .member(LeafIndex(2)), signer: group[2], wireFormat: .mlsPrivateMessage))
        try group.group.verify(group.message(remove, from: .external(senderIndex: 0), signer: service))
        let joiner = try TestClient("dave")
        try group.group.verify(
            group.message(
                .proposal(.add(Add(keyPackage: joiner.keyPackage()))), from: .newMemberProposal, signer: joiner))
        try group.group.verify(group.externalCommit(by: joiner))
    }

    @Test("6-group-id, 6-epoch, 12.1-epoch, 12.4.2-epoch: of this group and epoch")
    func groupAndEpoch() throws {
        let alice = try group[0]
        func message(
            _ content: FramedContent.Content, _ wireFormat: WireFormat = .mlsPublicMessage,
            _ change: (inout FramedContent) -> Void
        ) throws -> AuthenticatedContent {
            try group.message(
                content, from: .member(LeafIndex(0)), signer: alice, wireFormat: wireFormat, change)
        }
        expectRefusal(.groupID) { try group.group.verify(message(remove) { $0.groupID = [1] }) }
        for change in [-1, 1] as [Int64] {
            let epoch = UInt64(Int64(group.group.groupContext.epoch) + change)
            expectRefusal(.proposalEpoch) { try group.group.verify(message(remove) { $0.epoch = epoch }) }
            let commit = FramedContent.Content.commit(Commit(proposals: []))
            expectRefusal(.commitEpoch) { try group.group.verify(message(commit) { $0.epoch = epoch }) }
            expectRefusal(.applicationEpoch) {
                try group.group.verify(message(.application([]), .mlsPrivateMessage) { $0.epoch = epoch })
            }
        }
    }

    @Test("6-application-public, 6-non-member-private, 6-wire-format")
    func wireFormats() throws {
        expectRefusal(.applicationInPublic) {
            try group.group.verify(
                group.message(.application([1]), from: .member(LeafIndex(0)), signer: group[0]))
        }
        expectRefusal(.nonMemberInPrivate) {
            try group.group.verify(
                group.message(
                    remove, from: .external(senderIndex: 0), signer: service, wireFormat: .mlsPrivateMessage))
        }
        expectRefusal(.wireFormat) {
            try group.group.verify(
                group.message(remove, from: .member(LeafIndex(0)), signer: group[0], wireFormat: .mlsWelcome))
        }
    }

    @Test("6.1-confirmation-tag-presence: for a Commit, and only for one")
    func confirmationTag() throws {
        var commit = try group.commit([], by: 0)
        commit.auth.confirmationTag = nil
        expectRefusal(.confirmationTagPresence) { try group.group.verify(commit) }
        var proposal = try group.proposal(.remove(Remove(removed: LeafIndex(1))), from: 0)
        proposal.auth.confirmationTag = [1]
        expectRefusal(.confirmationTagPresence) { try group.group.verify(proposal) }
    }

    @Test("6.1-member: the sender's leaf is not blank, and in the tree")
    func member() throws {
        for leaf in [3, 4, .max] as [UInt32] {
            expectRefusal(.memberSender) {
                try group.group.verify(group.message(remove, from: .member(LeafIndex(leaf)), signer: group[0]))
            }
        }
    }

    @Test("6.1-external, 6.1-external-content, 12.1.8-type")
    func external() throws {
        func message(_ content: FramedContent.Content, index: UInt32 = 0) throws -> AuthenticatedContent {
            try group.message(content, from: .external(senderIndex: index), signer: service)
        }
        for index in [1, .max] as [UInt32] {
            expectRefusal(.externalSender) { try group.group.verify(message(remove, index: index)) }
        }
        expectRefusal(.externalContent) { try group.group.verify(message(.commit(Commit(proposals: [])))) }
        let update = try group.update(0)
        for proposal in [update, .externalInit(ExternalInit(kemOutput: [1])), .selfRemove] {
            expectRefusal(.externalProposalType) { try group.group.verify(message(.proposal(proposal))) }
        }
        let without = try TestGroup(["alice"])
        expectRefusal(.externalSender) {
            try without.group.verify(without.message(remove, from: .external(senderIndex: 0), signer: service))
        }
    }

    @Test("6.1-new-member-commit-content, 6.1-new-member-proposal-content, 12.4.3.2-path")
    func newMember() throws {
        let joiner = try TestClient("dave")
        expectRefusal(.newMemberCommitContent) {
            try group.group.verify(group.message(remove, from: .newMemberCommit, signer: joiner))
        }
        for content in [remove, .commit(Commit(proposals: []))] {
            expectRefusal(.newMemberProposalContent) {
                try group.group.verify(group.message(content, from: .newMemberProposal, signer: joiner))
            }
        }
        expectRefusal(.externalCommitPath) {
            try group.group.verify(group.externalCommit(by: joiner, hasPath: false))
        }
    }

    @Test("6.1-signature: by the sender's key, over the message, its wire format and the group's state")
    func signature() throws {
        let bob = try group[1]
        let joiner = try TestClient("dave")
        let add = FramedContent.Content.proposal(.add(Add(keyPackage: try joiner.keyPackage())))
        for (content, sender) in [
            (remove, Sender.member(LeafIndex(0))), (remove, .external(senderIndex: 0)), (add, .newMemberProposal),
        ] {
            expectRefusal(.contentSignature) {
                try group.group.verify(group.message(content, from: sender, signer: bob))
            }
        }
        var commit = try group.externalCommit(by: joiner)
        commit.content.authenticatedData = [1]
        expectRefusal(.contentSignature) { try group.group.verify(commit) }

        var message = try group.proposal(.remove(Remove(removed: LeafIndex(1))), from: 0)
        message.wireFormat = .mlsPrivateMessage
        expectRefusal(.contentSignature) { try group.group.verify(message) }

        // Another group with the same group ID and epoch, and the same key.
        var other = group
        other.group = try PublicGroup(
            unchecked: GroupContext(
                cipherSuite: group.group.groupContext.cipherSuite, groupID: group.groupID,
                epoch: group.group.groupContext.epoch, treeHash: [], confirmedTranscriptHash: []),
            tree: group.group.tree, confirmationTag: [], policy: TestGroup.policy)
        expectRefusal(.contentSignature) {
            try group.group.verify(other.proposal(.remove(Remove(removed: LeafIndex(1))), from: 0))
        }
    }
}
