import MLSCodec
import MLSCrypto
import MLSPublicGroup
import MLSTestSupport
import TLSPresentation
import Testing

@Suite("A GroupInfo and its tree are validated (RFC 9420 sections 12.4.3, 12.4.3.1, 12.4.3.3)")
struct JoiningTests {
    private let group: TestGroup
    private var policy = TestGroup.policy

    /// Five members; carol joined after the last path, so that she is an unmerged leaf.
    init() throws {
        var group = try TestGroup(["alice", "bob", "dave", "erin"])
        try group.add([TestClient("carol")])
        try group.merge(group.commit([.proposal(.remove(Remove(removed: LeafIndex(4))))], by: 0))
        try group.merge(group.commit([], by: 2))
        try group.merge(group.commit([.proposal(.remove(Remove(removed: LeafIndex(1))))], by: 0))
        try group.merge(group.commit([], by: 3))
        try group.add([TestClient("bob")])
        self.group = group
    }

    private func expect(
        _ rule: ValidationRule, policy: ValidationPolicy? = nil, signer: UInt32 = 0,
        _ change: (inout GroupInfo) throws -> Void = { _ in }, tree: (inout RatchetTree) throws -> Void = { _ in },
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let groupInfo = try group.groupInfo(signer: signer, change, tree: tree)
        expectRefusal(rule, sourceLocation: sourceLocation) {
            try PublicGroup(groupInfo: groupInfo, policy: policy ?? self.policy)
        }
    }

    /// Changes a parent node of a tree.
    private func change(_ node: Int, _ tree: inout RatchetTree, _ change: (inout ParentNode) -> Void) throws {
        guard case .parent(var parentNode) = tree.nodes[node] else {
            Issue.record("a parent at \(node)")
            return
        }
        change(&parentNode)
        tree.nodes[node] = .parent(parentNode)
    }

    /// Changes a leaf node of a tree, which its client then signs.
    private func change(
        leaf: Int, _ tree: inout RatchetTree, _ change: (inout LeafNode) throws -> Void
    ) throws {
        guard case .leaf(var leafNode) = tree.nodes[leaf * 2] else {
            Issue.record("a leaf at \(leaf)")
            return
        }
        try change(&leafNode)
        let content = LeafNodeTBS(leafNode, groupID: group.groupID, leafIndex: LeafIndex(UInt32(leaf)))
        leafNode.signature = try group[UInt32(leaf)].sign(LeafNodeTBS.label, content)
        tree.nodes[leaf * 2] = .leaf(leafNode)
    }

    @Test("one that breaks no rule gives the group, with the tree inside or beside, on one thread or several")
    func valid() throws {
        var policy = policy
        for threadCount in [1, 2, 3, 64] {
            policy.verificationThreadCount = threadCount
            let joined = try PublicGroup(groupInfo: group.groupInfo(), policy: policy)
            #expect(joined.groupContext == group.group.groupContext)
            #expect(joined.roster == group.group.roster)
            #expect(joined.interimTranscriptHash == group.group.interimTranscriptHash)
        }
        let bare = try group.groupInfo { $0.extensions = [] }
        _ = try PublicGroup(groupInfo: bare, ratchetTree: group.group.ratchetTree, policy: policy)
        // Unknown extensions are ignored.
        let grease = try group.groupInfo {
            $0.extensions.append(Extension(extensionType: ExtensionType(rawValue: 0x0a0a), extensionData: [1]))
        }
        _ = try PublicGroup(groupInfo: grease, policy: policy)
        try expect(.ratchetTreeMissing) { $0.extensions = [] }
    }

    @Test("who joined follows the group as who was there")
    func follow() throws {
        var joined = group
        joined.group = try PublicGroup(groupInfo: group.groupInfo(), policy: policy)
        let commit = try group.commit([.proposal(.remove(Remove(removed: LeafIndex(2))))], by: 0)
        #expect(try joined.group.stage(commit).group.groupContext == group.group.stage(commit).group.groupContext)
    }

    @Test("12.4.3-signer, 12.4.3-signature")
    func signature() throws {
        try expect(.groupInfoSigner) { $0.signer = LeafIndex(.max) }
        try expect(.groupInfoSignature) { $0.signer = LeafIndex(2) }
        var groupInfo = try group.groupInfo()
        groupInfo.confirmationTag = [1]
        expectRefusal(.groupInfoSignature) { try PublicGroup(groupInfo: groupInfo, policy: policy) }
    }

    @Test("12.4.3.1-tree-hash")
    func treeHash() throws { try expect(.treeHash) { $0.groupContext.treeHash = [] } }

    @Test("12.4.3.3-last-node, 12.4.3.3-node-kind, 12.4.3.3-size: the tree's shape")
    func shape() throws {
        try expect(.ratchetTreeLastNode, tree: { $0.nodes.append(nil) })
        try expect(.ratchetTreeLastNode, tree: { $0.nodes = [] })
        try expect(.ratchetTreeNodeKind, tree: { $0.nodes.swapAt(1, 2) })
        try expect(.ratchetTreeNodeKind, tree: { $0.nodes[1] = $0.nodes[0] })
    }

    @Test("7.9.2-parent-hash: of every parent")
    func parentHash() throws {
        try expect(.parentHash, tree: { try change(3, &$0) { $0.parentHash = [1] } })
        try expect(.parentHash, tree: { try change(3, &$0) { $0.encryptionKey[5] ^= 1 } })
        try expect(.parentHash, tree: { try change(leaf: 3, &$0) { $0.source = .commit(parentHash: []) } })
        // A parent that belongs to no path.
        try expect(
            .parentHash, tree: { $0.nodes[1] = .parent(ParentNode(encryptionKey: [1], unmergedLeaves: [LeafIndex(1)])) }
        )
    }

    @Test("7.1-unmerged-leaves-sorted")
    func unmergedSorted() throws {
        try expect(
            .unmergedLeavesSorted,
            tree: { try change(3, &$0) { $0.unmergedLeaves = [LeafIndex(1), LeafIndex(1)] } })
        try expect(
            .unmergedLeavesSorted,
            tree: { try change(3, &$0) { $0.unmergedLeaves = [LeafIndex(1), LeafIndex(0)] } })
    }

    @Test("12.4.3.1-unmerged-leaves: not blank, below the node, listed in between")
    func unmerged() throws {
        // Outside of the tree, even where its node would have no number.
        for leaf in [5, UInt32.max] {
            try expect(
                .unmergedLeaves,
                tree: { try change(3, &$0) { $0.unmergedLeaves = [LeafIndex(1), LeafIndex(leaf)] } })
        }
        // Blank.
        try expect(
            .unmergedLeaves,
            tree: {
                $0.nodes[2] = nil
                try change(3, &$0) { $0.unmergedLeaves = [LeafIndex(1)] }
            })
        // Not listed by the node in between, which has a parent hash of the one above.
        try expect(
            .unmergedLeaves, tree: { try change(3, &$0) { $0.unmergedLeaves = [LeafIndex(1), LeafIndex(2)] } })
    }

    @Test("7.3-unique-signature-key, 7.3-unique-encryption-key, 12.4.3.1-parent-key")
    func uniqueKeys() throws {
        guard case .leaf(let alice) = group.group.ratchetTree.nodes[0] else { return }
        // Bob came from a KeyPackage, and no parent hash covers him.
        let twin = try TestClient("bob", signingKey: group[0].signingKey)
        let sameSignatureKey = try twin.leafNode(.keyPackage(TestClient.lifetime))
        try expect(.uniqueSignatureKey, tree: { $0.nodes[2] = .leaf(sameSignatureKey) })
        try expect(
            .uniqueEncryptionKey, tree: { try change(leaf: 1, &$0) { $0.encryptionKey = alice.encryptionKey } })
        guard case .parent(let root) = group.group.ratchetTree.nodes[3] else { return }
        try expect(.uniqueParentKey, tree: { try change(leaf: 1, &$0) { $0.encryptionKey = root.encryptionKey } })
    }

    @Test("7.3: every leaf node, on one thread or several", arguments: [1, 2])
    func leafNodes(threadCount: Int) throws {
        var policy = policy
        policy.verificationThreadCount = threadCount
        try expect(
            .leafSignature, policy: policy,
            tree: {
                try change(leaf: 1, &$0) { _ in }
                guard case .leaf(var leafNode) = $0.nodes[2] else { return }
                leafNode.signature = []
                $0.nodes[2] = .leaf(leafNode)
            })
        try expect(
            .ownCredentialType, policy: policy,
            tree: { try change(leaf: 1, &$0) { $0.capabilities.credentials = [.x509] } })
        let unlisted = Extension(extensionType: ExtensionType(rawValue: 0xf002), extensionData: [])
        try expect(.leafExtensions, policy: policy, tree: { try change(leaf: 1, &$0) { $0.extensions = [unlisted] } })
        try expect(
            .credential, policy: policy,
            tree: {
                try change(leaf: 1, &$0) {
                    $0.credential = .other(CredentialType(rawValue: 7), content: [])
                    $0.capabilities.credentials.append(CredentialType(rawValue: 7))
                }
            })
        try expect(
            .totalLifetime, policy: policy,
            tree: { try change(leaf: 1, &$0) { $0.source = .keyPackage(Lifetime(notBefore: 0, notAfter: .max)) } })
    }

    @Test("7.3-lifetime: of a tree's leaves only where the policy says so")
    func lifetimes() throws {
        var late = policy
        late.clock = { TestClient.now + 86_400 * 365 }
        _ = try PublicGroup(groupInfo: group.groupInfo(), policy: late)
        late.checksLifetimesInTree = true
        try expect(.lifetime, policy: late)
    }

    @Test("7.3-credential-types-in-use, 7.3-required-capabilities, 13.4-member: of a leaf in the tree")
    func capabilities() throws {
        // All but bob list it.
        let type = ExtensionType(rawValue: 0xf001)
        var policy = policy
        policy.clientSupport = nil
        try expect(
            .memberSupportsExtensions, policy: policy,
            { $0.groupContext.extensions = [Extension(extensionType: type, extensionData: [])] },
            tree: { try change(leaf: 1, &$0) { $0.capabilities.extensions = [] } })
        try expect(
            .requiredCapabilities, policy: policy,
            { $0.groupContext.extensions = [Extension(RequiredCapabilities(extensionTypes: [type]))] },
            tree: { try change(leaf: 1, &$0) { $0.capabilities.extensions = [] } })
        policy.authenticationService = TrustingAuthenticationService(credentialTypes: [.basic, otherCredential])
        // In a whole tree, what one has and others lack is what the first of those others lacks.
        try expect(
            .credentialTypesInUse, policy: policy,
            tree: {
                try change(leaf: 1, &$0) {
                    $0.credential = .other(otherCredential, content: [])
                    $0.capabilities.credentials = [.basic, otherCredential]
                }
            })
    }

    private let otherCredential = CredentialType(rawValue: 0xf003)

    @Test("12.2-existing-client: one client is not in a group twice, as the Authentication Service says")
    func clients() throws {
        var policy = policy
        policy.authenticationService = TrustingAuthenticationService(identitiesAreUnique: true)
        _ = try PublicGroup(groupInfo: group.groupInfo(), policy: policy)
        try expect(
            .existingClient, policy: policy,
            tree: { try change(leaf: 1, &$0) { $0.credential = .basic(identity: Array("alice".utf8)) } })
    }

    @Test("13.4-joiner, 7.3-required-capabilities: what the joining client supports itself")
    func joiner() throws {
        let type = ExtensionType(rawValue: 0xf001)
        let group = try TestGroup(["alice"], extensions: [Extension(extensionType: type, extensionData: [])])
        var policy = policy
        expectRefusal(.joinerSupportsExtensions) { try PublicGroup(groupInfo: group.groupInfo(), policy: policy) }
        policy.clientSupport = ClientSupport(extensionTypes: [type])
        _ = try PublicGroup(groupInfo: group.groupInfo(), policy: policy)
        // Whoever only follows needs not.
        policy.clientSupport = nil
        _ = try PublicGroup(groupInfo: group.groupInfo(), policy: policy)
        let demanding = try TestGroup(
            ["alice"], extensions: [Extension(RequiredCapabilities(proposalTypes: [.selfRemove]))])
        policy.clientSupport = ClientSupport(proposalTypes: [])
        expectRefusal(.requiredCapabilities) { try PublicGroup(groupInfo: demanding.groupInfo(), policy: policy) }
    }

    @Test("13.4-duplicate, 5.3.1-external-sender: of the GroupInfo and its GroupContext")
    func extensions() throws {
        try expect(.duplicateExtension) { $0.extensions.append($0.extensions[0]) }
        let sender = ExternalSender(signatureKey: [1], credential: .other(CredentialType(rawValue: 9), content: []))
        try expect(.duplicateExtension) {
            $0.groupContext.extensions = [Extension(ExternalSenders([])), Extension(ExternalSenders([]))]
        }
        try expect(.externalSenderCredential) { $0.groupContext.extensions = [Extension(ExternalSenders([sender]))] }
    }

    @Test("a tree that does not decode is malformed; a suite that is not known gives a CryptoError")
    func malformed() throws {
        let broken = try group.groupInfo {
            $0.extensions = [Extension(extensionType: .ratchetTree, extensionData: [1, 7])]
        }
        let error = #expect(throws: GroupError.self) { try PublicGroup(groupInfo: broken, policy: policy) }
        guard case .malformed = error else {
            Issue.record("malformed")
            return
        }
        let suite = CipherSuite(rawValue: 9)
        let unknown = try group.groupInfo { $0.groupContext.cipherSuite = suite }
        #expect(throws: GroupError.crypto(.unsupportedCipherSuite(suite))) {
            try PublicGroup(groupInfo: unknown, policy: policy)
        }
    }
}
