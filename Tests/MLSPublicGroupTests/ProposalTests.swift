import MLSCodec
import MLSCrypto
import MLSPublicGroup
import MLSTestSupport
import Testing

@Suite("Proposals are validated (RFC 9420 section 12.1)")
struct ProposalTests {
    private var group: TestGroup

    init() throws { group = try TestGroup(["alice", "bob", "carol"]) }

    /// The proposal is refused by the rule where it is sent by itself and where it is in a Commit.
    private func expectRefusalBothWays(
        _ rule: ValidationRule, _ proposal: Proposal, from leaf: UInt32 = 0,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        var group = self.group
        let message = try group.proposal(proposal, from: leaf)
        expectRefusal(rule, sourceLocation: sourceLocation) { try group.receive(message) }
        #expect(group.group.pendingProposals.isEmpty, sourceLocation: sourceLocation)
        let commit = try group.commit([.proposal(proposal)], by: leaf)
        expectRefusal(rule, sourceLocation: sourceLocation) { try group.group.stage(commit) }
    }

    static func psk(_ key: PreSharedKeyID.Key, nonceByteCount: Int = 32) -> Proposal {
        .psk(PreSharedKey(psk: PreSharedKeyID(key, pskNonce: randomBytes(nonceByteCount))))
    }

    @Test("valid ones are cached once, in order, and forgotten with the epoch")
    func cache() throws {
        var group = group
        let remove = try group.proposal(.remove(Remove(removed: LeafIndex(2))), from: 0)
        let psk = try group.proposal(Self.psk(.external(pskID: [1])), from: 1)
        let refs = try [remove, psk, remove].map { try group.receive($0) }
        #expect(refs[0] == refs[2] && refs[0] != refs[1])
        #expect(
            group.group.pendingProposals.map(\.proposal)
                == [.remove(Remove(removed: LeafIndex(2)))]
                + [psk].map {
                    if case .proposal(let proposal) = $0.content.content { proposal } else { .selfRemove }
                })
        let staged = try group.merge(group.commit([refs[1], refs[0]], by: 1))
        #expect(staged.removed == [LeafIndex(2)] && staged.psks.count == 1 && staged.hasPath)
        #expect(group.group.pendingProposals.isEmpty)
        #expect(group.group.member(at: LeafIndex(2)) == nil)
    }

    @Test("12.1.1: the KeyPackage of an Add is valid, by the rules of KeyPackageValidationTests")
    func add() throws {
        let dave = try TestClient("dave")
        let keyPackage = try dave.keyPackage(package: { $0.initKey = $0.leafNode.encryptionKey })
        try expectRefusalBothWays(.initKeyDiffers, .add(Add(keyPackage: keyPackage)))
    }

    @Test("10.1-cipher-suite: the group's")
    func addOfOtherSuite() throws {
        let dave = try TestClient("dave", suite: .mls128DHKEMX25519AES128GCMSHA256Ed25519)
        try expectRefusalBothWays(.keyPackageSuite, .add(Add(keyPackage: dave.keyPackage())))
    }

    @Test("7.3-source-update, 7.3-update-key, 7.3-signature, 5.3.1-successor: an Update's leaf node")
    func update() throws {
        func expect(_ rule: ValidationRule, _ proposal: Proposal) throws {
            var group = group
            let message = try group.proposal(proposal, from: 1)
            expectRefusal(rule) { try group.receive(message) }
        }
        var group = group
        _ = try group.propose(group.update(1), from: 1)
        try expect(.updateSource, group.update(1) { $0.source = .commit(parentHash: []) })
        try expect(.updateSource, group.update(1) { $0.source = .keyPackage(TestClient.lifetime) })
        let current = try #require(group.group.tree.encryptionKey(at: NodeIndex(LeafIndex(1))))
        try expect(.updateKey, group.update(1) { $0.encryptionKey = current })
        // Signed for another leaf, and for another group.
        let bob = try group[1]
        try expect(
            .leafSignature,
            .update(Update(leafNode: bob.leafNode(.update, groupID: group.groupID, leaf: LeafIndex(2)))))
        try expect(.leafSignature, .update(Update(leafNode: bob.leafNode(.update, groupID: [9], leaf: LeafIndex(1)))))
        try expect(.successor, group.update(1) { $0.credential = .basic(identity: [1]) })
        try expect(
            .leafExtensions,
            group.update(1) {
                $0.extensions = [Extension(LastResort())]; $0.capabilities.extensions = []
            })
    }

    @Test("12.1.3-removed: a leaf that is not blank", arguments: [3, 4, UInt32.max])
    func remove(leaf: UInt32) throws {
        try expectRefusalBothWays(.removedLeaf, .remove(Remove(removed: LeafIndex(leaf))))
    }

    @Test("12.1.4-reinit, 12.1.4-branch, 12.1.4-nonce")
    func psk() throws {
        for (usage, rule) in [(ResumptionPSKUsage.reinit, ValidationRule.pskReInitUsage), (.branch, .pskBranchUsage)] {
            let proposal = Self.psk(.resumption(usage: usage, pskGroupID: [1], pskEpoch: 1))
            try expectRefusalBothWays(rule, proposal)
            // Where a group is made for it, its first Commit may have one.
            let provisional = try group.group.applyProposals(
                [.proposal(proposal)], committer: .member(LeafIndex(0)), resumption: usage)
            #expect(provisional.psks.count == 1 && !provisional.isPathRequired)
        }
        _ = try group.group.stage(
            group.commit(
                [.proposal(Self.psk(.resumption(usage: .application, pskGroupID: [1], pskEpoch: 1)))], by: 0))
        for count in [0, 31, 33] {
            try expectRefusalBothWays(.pskNonce, Self.psk(.external(pskID: [1]), nonceByteCount: count))
        }
    }

    @Test("12.1.5-version, 13.4-duplicate: of a ReInit")
    func reInit() throws {
        func reInit(version: UInt16 = 1, extensions: [Extension] = []) -> Proposal {
            .reInit(
                ReInit(
                    groupID: [1], version: ProtocolVersion(rawValue: version), cipherSuite: CipherSuite(rawValue: 1),
                    extensions: extensions))
        }
        try expectRefusalBothWays(.reInitVersion, reInit(version: 0))
        try expectRefusalBothWays(
            .duplicateExtension,
            reInit(extensions: [Extension(RequiredCapabilities()), Extension(RequiredCapabilities())]))
    }

    @Test("12.1.6-context: an ExternalInit is in an external Commit only")
    func externalInit() throws {
        var group = group
        let message = try group.proposal(.externalInit(ExternalInit(kemOutput: [1])), from: 0)
        expectRefusal(.externalInitContext) { try group.receive(message) }
    }

    @Test("13.4-duplicate, 5.3.1-external-sender, malformed data: of GroupContextExtensions")
    func groupContextExtensions() throws {
        func proposal(_ extensions: [Extension]) -> Proposal {
            .groupContextExtensions(GroupContextExtensions(extensions: extensions))
        }
        try expectRefusalBothWays(
            .duplicateExtension, proposal([Extension(ApplicationID([1])), Extension(ApplicationID([2]))]))
        let stranger = ExternalSender(signatureKey: [1], credential: .other(CredentialType(rawValue: 9), content: []))
        try expectRefusalBothWays(.externalSenderCredential, proposal([Extension(ExternalSenders([stranger]))]))
        let message = try group.proposal(
            proposal([Extension(extensionType: .requiredCapabilities, extensionData: [1])]), from: 0)
        var group = group
        let error = #expect(throws: GroupError.self) { try group.receive(message) }
        guard case .malformed = error else {
            Issue.record("malformed")
            return
        }
    }

    @Test("12.1.8-authorized: a new member may propose itself only where the policy lets it")
    func newMemberProposal() throws {
        let dave = try TestClient("dave")
        var group = group
        let message = try group.message(
            .proposal(.add(Add(keyPackage: dave.keyPackage()))), from: .newMemberProposal, signer: dave)
        var strict = group
        strict.group.policy.allowsNewMemberProposals = false
        expectRefusal(.newMemberProposalAuthorized) { try strict.receive(message) }
        let ref = try group.receive(message)
        #expect(try group.merge(group.commit([ref], by: 1)).added.map(\.leafIndex) == [LeafIndex(3)])
    }

    @Test("12.1-content, 12.1-count: only proposals are cached, and not without end")
    func limits() throws {
        var group = group
        let commit = try group.commit([], by: 0)
        expectRefusal(.proposalContent) { try group.group.addProposal(commit) }
        let proposal = try group.proposal(.selfRemove, from: 1)
        expectRefusal(.commitContent) { try group.group.stage(proposal) }
        group.group.policy.maxPendingProposalCount = 1
        try group.receive(proposal)
        let another = try group.proposal(.selfRemove, from: 2)
        expectRefusal(.pendingProposalCount) { try group.receive(another) }
        let ref = try #require(group.group.pendingProposals.first?.ref)
        group.group.removeProposal(ref)
        try group.receive(another)
    }
}
