import MLSCodec
import MLSCrypto
import MLSPublicGroup
import MLSTestSupport
import Testing

@Suite("Paths of Commits are validated (RFC 9420 sections 7.3, 7.5, 7.6, 12.4.2)")
struct PathTests {
    private let group: TestGroup

    init() throws { group = try TestGroup(["alice", "bob", "carol", "dave", "erin"]) }

    private func expect(
        _ rule: ValidationRule, _ changes: PathChanges, _ proposals: [ProposalOrRef] = [], by leaf: UInt32 = 1,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let commit = try group.commit(proposals, by: leaf, hasPath: true, changes)
        expectRefusal(rule, sourceLocation: sourceLocation) { try group.group.stage(commit) }
    }

    @Test("Commits of all members, in turn, give groups that can be joined")
    func valid() throws {
        var group = group
        for leaf in [0, 1, 2, 3, 4, 0] as [UInt32] {
            let before = group.group.groupContext
            let staged = try group.group.stage(group.commit([], by: leaf))
            #expect(group.group.groupContext == before)
            #expect(staged.committer == LeafIndex(leaf) && staged.hasPath)
            try group.merge(group.commit([], by: leaf))
            #expect(group.group.groupContext.epoch == before.epoch + 1)
            group.group.tree.checkInvariants()
            let joined = try PublicGroup(groupInfo: group.groupInfo(signer: leaf), policy: TestGroup.policy)
            #expect(joined.interimTranscriptHash == group.group.interimTranscriptHash)
            #expect(joined.encodedGroupContext == group.group.encodedGroupContext)
        }
    }

    @Test("7.6-node-count: as many nodes as the filtered direct path has")
    func nodeCount() throws {
        try expect(.pathNodeCount, PathChanges(path: { $0.nodes.removeLast() }))
        try expect(.pathNodeCount, PathChanges(path: { $0.nodes.append($0.nodes[0]) }))
    }

    @Test("7.6-ciphertext-count: as many as the resolution has, those left out who join")
    func ciphertextCount() throws {
        try expect(.pathCiphertextCount, PathChanges(path: { $0.nodes[1].encryptedPathSecret.removeLast() }))
        let ciphertext = HPKECiphertext(kemOutput: [1], ciphertext: [2])
        let more = PathChanges(path: { $0.nodes[0].encryptedPathSecret.append(ciphertext) })
        try expect(.pathCiphertextCount, more)
        // Beside erin: nothing is encrypted to who joins there.
        let add = ProposalOrRef.proposal(.add(Add(keyPackage: try TestClient("frank").keyPackage())))
        _ = try group.group.stage(group.commit([add], by: 4, hasPath: true))
        try expect(.pathCiphertextCount, more, [add], by: 4)
    }

    @Test("7.3-source-commit")
    func source() throws {
        try expect(.commitSource, PathChanges(leaf: { $0.source = .update }))
        try expect(.commitSource, PathChanges(leaf: { $0.source = .keyPackage(TestClient.lifetime) }))
    }

    @Test("7.9.2-path-parent-hash")
    func parentHash() throws {
        try expect(.pathParentHash, PathChanges(leaf: { $0.source = .commit(parentHash: []) }))
        try expect(.pathParentHash, PathChanges(leaf: { $0.source = .commit(parentHash: randomBytes(32)) }))
    }

    @Test("7.3-signature: over this leaf")
    func signature() throws {
        try expect(.leafSignature, PathChanges(path: { $0.leafNode.signature = [] }))
        try expect(.leafSignature, PathChanges(path: { $0.leafNode.extensions = [Extension(ApplicationID([1]))] }))
    }

    @Test("12.4.2-leaf-key: another than the committer's current one")
    func leafKey() throws {
        let key = try #require(group.group.tree.encryptionKey(at: NodeIndex(LeafIndex(1))))
        try expect(.pathLeafKey, PathChanges(leaf: { $0.encryptionKey = key }))
    }

    @Test("12.4.2-path-keys: none is anywhere in the tree, nor twice in the path")
    func pathKeys() throws {
        let leafKey = try #require(group.group.tree.encryptionKey(at: NodeIndex(LeafIndex(3))))
        let rootKey = try #require(group.group.tree.encryptionKey(at: group.group.tree.leafCount.root))
        let ownKey = try #require(group.group.tree.encryptionKey(at: NodeIndex(LeafIndex(1))))
        for key in [leafKey, rootKey, ownKey] {
            try expect(.pathKeys, PathChanges(keys: { $0[0] = key }))
        }
        for key in [leafKey, rootKey] { try expect(.pathKeys, PathChanges(leaf: { $0.encryptionKey = key })) }
        try expect(.pathKeys, PathChanges(keys: { $0[1] = $0[0] }))
        // One that comes with an Add of the same Commit is in the new tree.
        let keyPackage = try TestClient("frank").keyPackage()
        try expect(
            .pathKeys, PathChanges(keys: { $0[0] = keyPackage.leafNode.encryptionKey }),
            [.proposal(.add(Add(keyPackage: keyPackage)))])
    }

    @Test("5.1.1-encryption-key, 10-encryption-key: keys are of the suite")
    func keyFormats() throws {
        try expect(.encryptionKeyFormat, PathChanges(keys: { $0[0] = [1, 2, 3] }))
        try expect(.leafEncryptionKeyFormat, PathChanges(leaf: { $0.encryptionKey = [1, 2, 3] }))
    }

    @Test("7.3-unique-signature-key, 5.3.1-successor, 7.2-credential-type, 7.3-extensions: as for every leaf node")
    func leafNode() throws {
        try expect(.successor, PathChanges(leaf: { $0.credential = .basic(identity: [1]) }))
        try expect(.ownCredentialType, PathChanges(leaf: { $0.capabilities.credentials = [] }))
        let unlisted = Extension(extensionType: ExtensionType(rawValue: 0xf002), extensionData: [])
        try expect(.leafExtensions, PathChanges(leaf: { $0.extensions = [unlisted] }))
        try expect(
            .duplicateExtension,
            PathChanges(leaf: { $0.extensions = [Extension(ApplicationID([1])), Extension(ApplicationID([1]))] }))
        var thief = group
        thief.clients[LeafIndex(1)] = try TestClient("bob", signingKey: group[2].signingKey)
        // Carol's key signs the leaf node, bob's the message.
        let content = try thief.commit([], by: 1).content.content
        let commit = try group.message(content, from: .member(LeafIndex(1)), signer: group[1])
        expectRefusal(.uniqueSignatureKey) { try group.group.stage(commit) }
    }

    @Test("a member may change its signature key, and its credential where the service lets it")
    func newKey() throws {
        var policy = TestGroup.policy
        struct Anything: AuthenticationService {
            func isValid(_ credential: Credential, signatureKey: [UInt8], in place: CredentialPlace) -> Bool {
                credential != .basic(identity: [0])
            }
            func isValidSuccessor(_ credential: Credential, of replaced: Credential) -> Bool { true }
            func identity(of credential: Credential) -> [UInt8] { [] }
        }
        policy.authenticationService = Anything()
        var group = try TestGroup(["alice", "bob"], policy: policy)
        let fresh = try TestClient("bobby")
        var renewed = group
        renewed.clients[LeafIndex(1)] = fresh
        let content = try renewed.commit([], by: 1).content.content
        try group.merge(group.message(content, from: .member(LeafIndex(1)), signer: group[1]))
        #expect(group.group.member(at: LeafIndex(1))?.signatureKey == fresh.signingKey.publicKey.bytes)
        #expect(group.group.member(at: LeafIndex(1))?.credential == fresh.credential)
        group.clients[LeafIndex(1)] = fresh
        try group.merge(group.commit([], by: 1))
        let commit = try group.commit([], by: 1, PathChanges(leaf: { $0.credential = .basic(identity: [0]) }))
        expectRefusal(.credential) { try group.group.stage(commit) }
    }

    @Test("8.1-epoch: the last epoch has no next one")
    func epoch() throws {
        var last = group
        var groupContext = group.group.groupContext
        groupContext.epoch = .max
        last.group = try PublicGroup(
            unchecked: groupContext, tree: group.group.tree, confirmationTag: [1], policy: TestGroup.policy)
        let commit = try last.commit([], by: 0)
        expectRefusal(.epochExhausted) { try last.group.stage(commit) }
    }

    @Test("a refused path leaves a provisional group as it was")
    func unchanged() throws {
        var provisional = try group.group.applyProposals([], committer: .member(LeafIndex(1)))
        var tree = provisional.tree
        let good = try PathChanges().path(in: &tree, from: LeafIndex(1), group[1], groupID: group.groupID)
        var bad = good
        bad.leafNode.signature = []
        var treeBefore = provisional.tree
        expectRefusal(.leafSignature) { try provisional.mergePath(bad) }
        #expect(provisional.tree.treeHash() == treeBefore.treeHash())
        try provisional.mergePath(good)
        #expect(provisional.tree.treeHash() == tree.treeHash())
    }
}
