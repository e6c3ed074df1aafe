import MLSCodec
import MLSCrypto
import MLSPublicGroup
import MLSTestSupport
import TLSPresentation
import Testing

@Suite("Proposal lists of members' Commits are validated (RFC 9420 section 12.2)")
struct ProposalListTests {
    private var group: TestGroup

    init() throws { group = try TestGroup(["alice", "bob", "carol", "dave"]) }

    private func expect(
        _ rule: ValidationRule, _ proposals: [ProposalOrRef], in group: TestGroup? = nil, by leaf: UInt32 = 0,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let group = group ?? self.group
        let commit = try group.commit(proposals, by: leaf)
        expectRefusal(rule, sourceLocation: sourceLocation) { try group.group.stage(commit) }
    }

    private func remove(_ leaf: UInt32) -> ProposalOrRef { .proposal(.remove(Remove(removed: LeafIndex(leaf)))) }

    private func add(_ client: TestClient, _ change: (inout LeafNode) throws -> Void = { _ in }) throws -> ProposalOrRef
    {
        .proposal(.add(Add(keyPackage: try client.keyPackage(leaf: change))))
    }

    @Test("one of each kind that may be together is applied, in the RFC's order")
    func valid() throws {
        var group = group
        let update = try group.propose(group.update(1), from: 1)
        let staged = try group.merge(
            group.commit(
                [
                    add(TestClient("erin")), .proposal(ProposalTests.psk(.external(pskID: [1]))), remove(2), update,
                    .proposal(.groupContextExtensions(GroupContextExtensions(extensions: []))),
                    add(TestClient("frank")),
                ], by: 0))
        // The removed leaf is free again by the time of the Adds.
        #expect(staged.added.map(\.leafIndex) == [LeafIndex(2), LeafIndex(4)])
        #expect(staged.updated == [LeafIndex(1)] && staged.removed == [LeafIndex(2)] && staged.psks.count == 1)
        #expect(staged.committer == LeafIndex(0) && staged.hasPath && !staged.isExternal)
        #expect(group.group.roster.count == 5)
        group.group.tree.checkInvariants()
        // The result is a group that can be joined.
        _ = try PublicGroup(groupInfo: group.groupInfo(), policy: TestGroup.policy)
    }

    @Test("12.4-reference: of this epoch")
    func reference() throws {
        try expect(.proposalReference, [.reference([1, 2, 3])])
        var later = group
        let ref = try later.propose(.remove(Remove(removed: LeafIndex(2))), from: 1)
        try later.merge(later.commit([], by: 0))
        try expect(.proposalReference, [ref], in: later)
    }

    @Test("12.2-committer-update: by value and by reference")
    func committerUpdate() throws {
        var group = group
        try expect(.committerUpdated, [.proposal(group.update(0))])
        let ref = try group.propose(group.update(0), from: 0)
        try expect(.committerUpdated, [ref], in: group)
        // Another may commit it.
        _ = try group.group.stage(group.commit([ref], by: 1))
    }

    @Test("12.2-committer-remove")
    func committerRemove() throws { try expect(.committerRemoved, [remove(0)]) }

    @Test("12.2-same-leaf: two Removes, two Updates, or one of each")
    func sameLeaf() throws {
        var group = group
        try expect(.sameLeaf, [remove(1), remove(1)])
        let updates = try [group.propose(group.update(1), from: 1), group.propose(group.update(1), from: 1)]
        try expect(.sameLeaf, updates, in: group)
        try expect(.sameLeaf, [updates[0], remove(1)], in: group)
        let selfRemove = try group.propose(.selfRemove, from: 1)
        try expect(.sameLeaf, [selfRemove, remove(1)], in: group)
        try expect(.sameLeaf, [selfRemove, updates[0]], in: group)
    }

    @Test("12.2-same-client: by its signature key")
    func sameClient() throws {
        let erin = try TestClient("erin")
        try expect(.sameClient, [add(erin), add(erin)])
    }

    @Test("12.2-existing-client: by its signature key, unless it is removed")
    func existingClient() throws {
        let bob = try group[1]
        try expect(.existingClient, [add(bob)])
        _ = try group.group.stage(group.commit([add(bob), remove(1)], by: 0))
    }

    @Test("12.2-same-client, 12.2-existing-client: as the Authentication Service says")
    func clients() throws {
        var policy = TestGroup.policy
        policy.authenticationService = TrustingAuthenticationService(identitiesAreUnique: true)
        let group = try TestGroup(["alice", "bob", "carol"], policy: policy)
        let (erin, otherErin, otherBob) = (
            try TestClient("erin"), try TestClient("erin"), try TestClient("bob")
        )
        try expect(.sameClient, [add(erin), add(otherErin)], in: group)
        try expect(.existingClient, [add(otherBob)], in: group)
        _ = try group.group.stage(group.commit([add(otherBob), remove(1)], by: 0))
        // Without a service that tells, the three are others.
        _ = try self.group.group.stage(
            self.group.commit([add(erin), add(otherErin), add(otherBob)], by: 0))
    }

    @Test("12.2-same-psk: with the same nonce")
    func samePSK() throws {
        let psk = ProposalOrRef.proposal(ProposalTests.psk(.external(pskID: [1])))
        try expect(.samePSK, [psk, psk])
        let fresh = ProposalOrRef.proposal(ProposalTests.psk(.external(pskID: [1])))
        _ = try group.group.stage(group.commit([psk, fresh], by: 0))
    }

    @Test("12.2-group-context-extensions")
    func multipleExtensions() throws {
        let proposal = ProposalOrRef.proposal(.groupContextExtensions(GroupContextExtensions(extensions: [])))
        try expect(.multipleGroupContextExtensions, [proposal, proposal])
    }

    @Test("12.2-reinit: alone; 12.4.2-reinit: and nothing after it")
    func reInit() throws {
        let reInit = ReInit(groupID: [1], version: .mls10, cipherSuite: CipherSuite(rawValue: 1))
        try expect(.reInitAlone, [.proposal(.reInit(reInit)), remove(1)])
        try expect(.reInitAlone, [.proposal(.reInit(reInit)), .proposal(.reInit(reInit))])
        var group = group
        let staged = try group.merge(group.commit([.proposal(.reInit(reInit))], by: 1))
        #expect(staged.reInit == reInit && group.group.reInit == reInit && !staged.hasPath)
        let commit = try group.commit([], by: 0)
        expectRefusal(.reInitialized) { try group.group.stage(commit) }
    }

    @Test("12.2-external-init")
    func externalInit() throws {
        try expect(.externalInit, [.proposal(.externalInit(ExternalInit(kemOutput: [1])))])
    }

    @Test("12.2-proposal-type: members who stay support it, those who go need not")
    func proposalType() throws {
        var group = group
        let erin = try TestClient("erin")
        let staged = try group.merge(group.commit([add(erin) { $0.capabilities.proposals = [] }], by: 0))
        group.clients[try #require(staged.added.first?.leafIndex)] = erin
        let selfRemove = try group.propose(.selfRemove, from: 1)
        try expect(.proposalTypeSupported, [selfRemove], in: group)
        _ = try group.group.stage(group.commit([selfRemove, remove(4)], by: 0))
        // One who is only just added need not either.
        var capable = self.group
        let ref = try capable.propose(.selfRemove, from: 1)
        _ = try capable.group.stage(
            capable.commit([ref, add(TestClient("frank")) { $0.capabilities.proposals = [] }], by: 0))
    }

    @Test("12.4-path: for an empty list, and for what requires one")
    func path() throws {
        var group = group
        let gce = Proposal.groupContextExtensions(GroupContextExtensions(extensions: []))
        let lists = try [
            [], [remove(1)], [group.propose(group.update(1), from: 1)], [.proposal(gce)],
            [group.propose(.selfRemove, from: 2)],
        ]
        for list in lists {
            let commit = try group.commit(list, by: 0, hasPath: false)
            expectRefusal(.path) { try group.group.stage(commit) }
        }
    }

    @Test("7.3-unique-encryption-key: among those who are added and updated")
    func uniqueKeys() throws {
        let key = try #require(group.group.tree.encryptionKey(at: NodeIndex(LeafIndex(2))))
        try expect(.uniqueEncryptionKey, [add(TestClient("erin")) { $0.encryptionKey = key }])
        var group = group
        let update = try group.propose(group.update(1) { $0.encryptionKey = key }, from: 1)
        try expect(.uniqueEncryptionKey, [update], in: group)
        // Carol has another one then.
        let carols = try group.propose(group.update(2), from: 2)
        _ = try group.group.stage(group.commit([update, carols], by: 0))
    }

    @Test("7.3-unique-signature-key: an Update must not take another's")
    func uniqueSignatureKey() throws {
        var group = group
        let carol = try group[2]
        let thief = try TestClient("bob", signingKey: carol.signingKey)
        let leafNode = try thief.leafNode(.update, groupID: group.groupID, leaf: LeafIndex(1))
        let update = try group.propose(.update(Update(leafNode: leafNode)), from: 1)
        try expect(.uniqueSignatureKey, [update], in: group)
    }
}
