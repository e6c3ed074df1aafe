import MLSCodec
import MLSCrypto
import MLSPublicGroup
import MLSTestSupport
import Testing

@Suite("External Commits are validated (RFC 9420 sections 12.2, 12.4.3.2)")
struct ExternalCommitTests {
    private var group: TestGroup
    private let joiner: TestClient

    init() throws {
        group = try TestGroup(["alice", "bob", "carol", "dave"])
        joiner = try TestClient("erin")
    }

    private let externalInit = ProposalOrRef.proposal(.externalInit(ExternalInit(kemOutput: [1, 2])))

    private func remove(_ leaf: UInt32) -> ProposalOrRef { .proposal(.remove(Remove(removed: LeafIndex(leaf)))) }

    private func expect(
        _ rule: ValidationRule, _ proposals: [ProposalOrRef], in group: TestGroup? = nil, by joiner: TestClient? = nil,
        _ changes: PathChanges = PathChanges(), sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let group = group ?? self.group
        let commit = try group.externalCommit(proposals, by: joiner ?? self.joiner, changes)
        expectRefusal(rule, sourceLocation: sourceLocation) { try group.group.stage(commit) }
    }

    @Test("one joins at the leftmost blank leaf, and may commit then")
    func join() throws {
        var group = group
        let psk = ProposalOrRef.proposal(ProposalTests.psk(.external(pskID: [1])))
        var staged = try group.merge(group.externalCommit([psk, externalInit], by: joiner), joiner: joiner)
        #expect(staged.committer == LeafIndex(4) && staged.isExternal && staged.hasPath && staged.psks.count == 1)
        #expect(group.group.roster.last?.credential == joiner.credential)
        group.group.tree.checkInvariants()
        try group.merge(group.commit([remove(1)], by: 4))
        let frank = try TestClient("frank")
        staged = try group.merge(group.externalCommit(by: frank), joiner: frank)
        #expect(staged.committer == LeafIndex(1))
        _ = try PublicGroup(groupInfo: group.groupInfo(signer: 1), policy: TestGroup.policy)
    }

    @Test("one replaces its earlier self, alone in the group too")
    func resync() throws {
        var group = group
        let fresh = try TestClient("bob")
        let staged = try group.merge(group.externalCommit([externalInit, remove(1)], by: fresh), joiner: fresh)
        #expect(staged.committer == LeafIndex(1) && staged.removed == [LeafIndex(1)])
        // With the same signature key as before.
        try group.merge(group.externalCommit([remove(2), externalInit], by: group[2]))
        var alone = try TestGroup(["alice"])
        try alone.merge(alone.externalCommit([externalInit, remove(0)], by: alone[0]))
        #expect(alone.group.roster.count == 1)
    }

    @Test("12.2-external-external-init: exactly one")
    func externalInitCount() throws {
        try expect(.externalCommitExternalInit, [])
        try expect(.externalCommitExternalInit, [externalInit, externalInit])
    }

    @Test("12.2-external-remove: at most one; 12.1.3-removed: of a member")
    func removeCount() throws {
        let bob = try TestClient("bob")
        try expect(.externalCommitRemove, [externalInit, remove(1), remove(2)], by: bob)
        try expect(.removedLeaf, [externalInit, remove(7)], by: bob)
    }

    @Test("12.2-external-identity: the removed one is the joiner; 7.3-update-key: with another key")
    func identity() throws {
        try expect(.externalCommitIdentity, [externalInit, remove(1)])
        let key = try #require(group.group.tree.encryptionKey(at: NodeIndex(LeafIndex(1))))
        try expect(
            .updateKey, [externalInit, remove(1)], by: TestClient("bob"), PathChanges(leaf: { $0.encryptionKey = key }))
    }

    @Test("12.4.3.2-resync: only where the policy lets it")
    func resyncPolicy() throws {
        var strict = group
        strict.group.policy.allowsResync = false
        try expect(.externalCommitResync, [externalInit, remove(1)], in: strict, by: TestClient("bob"))
        _ = try strict.group.stage(strict.externalCommit(by: joiner))
    }

    @Test("12.2-external-other: no Add, Update, ReInit or GroupContextExtensions")
    func otherProposals() throws {
        let reInit = ReInit(groupID: [1], version: .mls10, cipherSuite: CipherSuite(rawValue: 1))
        let others: [Proposal] = try [
            .add(Add(keyPackage: TestClient("frank").keyPackage())), .reInit(reInit),
            .groupContextExtensions(GroupContextExtensions(extensions: [])),
        ]
        for proposal in others { try expect(.externalCommitType, [externalInit, .proposal(proposal)]) }
        // An Update is nobody's here.
        try expect(.updateSender, [externalInit, .proposal(group.update(0))])
    }

    @Test("12.4.3.2-reference: by value only; 12.2-same-psk")
    func references() throws {
        var group = group
        let psk = try group.propose(ProposalTests.psk(.external(pskID: [1])), from: 0)
        try expect(.externalCommitReference, [externalInit, psk], in: group)
        let bob = try TestClient("bob")
        let removal = try group.propose(.remove(Remove(removed: LeafIndex(1))), from: 0)
        try expect(.externalCommitReference, [externalInit, removal], in: group, by: bob)
        let value = ProposalOrRef.proposal(ProposalTests.psk(.external(pskID: [1])))
        try expect(.samePSK, [externalInit, value, value])
    }

    @Test("7.3-unique-signature-key, 12.4.2-path-keys, 7.3-source-commit: the joiner's leaf node")
    func leafNode() throws {
        try expect(.uniqueSignatureKey, [externalInit], by: group[1])
        let key = try #require(group.group.tree.encryptionKey(at: NodeIndex(LeafIndex(1))))
        try expect(.pathKeys, [externalInit], PathChanges(leaf: { $0.encryptionKey = key }))
        try expect(.pathKeys, [externalInit], PathChanges(keys: { $0[0] = key }))
        try expect(.commitSource, [externalInit], PathChanges(leaf: { $0.source = .update }))
        try expect(.pathParentHash, [externalInit], PathChanges(leaf: { $0.source = .commit(parentHash: [1]) }))
        try expect(
            .credential, [externalInit],
            PathChanges(leaf: {
                $0.credential = .other(CredentialType(rawValue: 7), content: [])
                $0.capabilities.credentials.append(CredentialType(rawValue: 7))
            }))
    }

    @Test("12.2-existing-client: as the Authentication Service says")
    func existingClient() throws {
        var policy = TestGroup.policy
        policy.authenticationService = TrustingAuthenticationService(identitiesAreUnique: true)
        let group = try TestGroup(["alice", "bob"], policy: policy)
        let bob = try TestClient("bob")
        try expect(.existingClient, [externalInit], in: group, by: bob)
        _ = try group.group.stage(group.externalCommit([externalInit, remove(1)], by: bob))
    }

    @Test("SelfRemoves by reference go with it, those by value do not (draft-ietf-mls-extensions)")
    func selfRemove() throws {
        var group = group
        let bobs = try group.propose(.selfRemove, from: 1)
        let carols = try group.propose(.selfRemove, from: 2)
        try expect(.selfRemoveReference, [externalInit, .proposal(.selfRemove)], in: group)
        try expect(.sameLeaf, [externalInit, bobs, remove(1)], in: group, by: TestClient("bob"))
        let staged = try group.merge(group.externalCommit([bobs, externalInit, carols], by: joiner), joiner: joiner)
        #expect(staged.removed == [LeafIndex(1), LeafIndex(2)] && staged.committer == LeafIndex(1))
        #expect(group.group.roster.map(\.leafIndex) == [LeafIndex(0), LeafIndex(1), LeafIndex(3)])
    }

    @Test("whoever neither is a member nor joins does not commit")
    func committers() throws {
        let commit = [externalInit]
        expectRefusal(.externalContent) {
            try group.group.applyProposals(commit, committer: .external(senderIndex: 0))
        }
        expectRefusal(.newMemberProposalContent) {
            try group.group.applyProposals(commit, committer: .newMemberProposal)
        }
        expectRefusal(.externalCommitPath) { try group.group.applyProposals(commit, committer: .newMemberCommit) }
        expectRefusal(.memberSender) { try group.group.applyProposals([], committer: .member(LeafIndex(9))) }
    }
}

@Suite("SelfRemove (draft-ietf-mls-extensions)")
struct SelfRemoveTests {
    private var group: TestGroup

    init() throws { group = try TestGroup(["alice", "bob", "carol"]) }

    @Test("a member that asks for it is removed by another's Commit")
    func removal() throws {
        var group = group
        let ref = try group.propose(.selfRemove, from: 2)
        let staged = try group.merge(group.commit([ref], by: 0))
        #expect(staged.removed == [LeafIndex(2)] && group.group.roster.count == 2)
    }

    @Test("self_remove-public: sent as a PublicMessage")
    func publicMessage() throws {
        let message = try group.proposal(.selfRemove, from: 1, wireFormat: .mlsPrivateMessage)
        expectRefusal(.selfRemovePublic) { try group.group.verify(message) }
    }

    @Test("self_remove-reference: not by value")
    func reference() throws {
        let commit = try group.commit([.proposal(.selfRemove)], by: 0)
        expectRefusal(.selfRemoveReference) { try group.group.stage(commit) }
    }

    @Test("self_remove-committer: committed by another")
    func committer() throws {
        var group = group
        let ref = try group.propose(.selfRemove, from: 1)
        var builder = group
        builder.group.removeProposal(try #require(group.group.pendingProposals.first?.ref))
        let commit = try builder.commit([ref], by: 1)
        expectRefusal(.selfRemoveCommitter) { try group.group.stage(commit) }
    }
}
