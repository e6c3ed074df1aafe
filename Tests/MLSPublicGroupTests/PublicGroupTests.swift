import MLSCodec
import MLSCrypto
import MLSPublicGroup
import MLSTestSupport
import TLSPresentation
import Testing

@Suite("A public group as a whole")
struct PublicGroupTests {
    @Test("a relay follows proposals and Commits, and takes no application message")
    func process() throws {
        let builder = try TestGroup(["alice", "bob", "carol"])
        var group = builder
        func publicMessage(_ message: AuthenticatedContent) -> PublicMessage {
            PublicMessage(content: message.content, auth: message.auth, membershipTag: randomBytes(32))
        }
        let proposal = try group.proposal(.remove(Remove(removed: LeafIndex(2))), from: 1)
        guard case .proposal(let ref) = try group.group.process(publicMessage(proposal)) else {
            Issue.record("a proposal")
            return
        }
        #expect(group.group.pendingProposals.map(\.ref) == [ref])
        let commit = try group.commit([.reference(ref)], by: 0)
        guard case .commit(let staged) = try group.group.process(publicMessage(commit)) else {
            Issue.record("a Commit")
            return
        }
        group.group.merge(staged)
        #expect(group.group.roster.map(\.leafIndex) == [LeafIndex(0), LeafIndex(1)])
        let text = try group.message(.application([1]), from: .member(LeafIndex(0)), signer: group[0])
        expectRefusal(.applicationInPublic) { try group.group.process(publicMessage(text)) }
    }

    @Test("the confirmed and interim transcript hashes cover the Commit and its tag")
    func transcript() throws {
        let group = try TestGroup(["alice", "bob"])
        let commit = try group.commit([], by: 1)
        let next = try group.group.stage(commit).group
        let confirmed = ConfirmedTranscriptHashInput(commit)
            .confirmedTranscriptHash(after: group.group.interimTranscriptHash, .sha256)
        #expect(next.groupContext.confirmedTranscriptHash == confirmed)
        #expect(next.confirmationTag == commit.auth.confirmationTag)
        let tag = try #require(commit.auth.confirmationTag)
        #expect(
            next.interimTranscriptHash
                == InterimTranscriptHashInput(confirmationTag: tag).interimTranscriptHash(after: confirmed, .sha256))
    }

    @Test("what is stored is what comes back, with any tree but its own refused")
    func storage() throws {
        var group = try TestGroup(["alice", "bob", "carol"])
        _ = try group.propose(.selfRemove, from: 1)
        let bytes = group.group.stored.encoded
        let stored = try StoredPublicGroup(decoding: bytes)
        #expect(stored == group.group.stored && stored.encoded == bytes)
        let tree = try GroupTree(group.group.ratchetTree, suite: group.group.groupContext.cipherSuite)
        var restored = group
        restored.group = try PublicGroup(stored, tree: tree, policy: TestGroup.policy)
        #expect(restored.group.pendingProposals == group.group.pendingProposals)
        let ref = try #require(group.group.pendingProposals.first?.ref)
        let commit = try group.commit([.reference(ref)], by: 0)
        #expect(
            try restored.group.stage(commit).group.encodedGroupContext
                == group.group.stage(commit).group.encodedGroupContext)
        let other = try TestGroup(["alice", "bob"])
        expectRefusal(.treeHash) { try PublicGroup(stored, tree: other.group.tree, policy: TestGroup.policy) }
        var future = bytes
        future[1] = 2
        #expect(throws: DecodingError.self) { try StoredPublicGroup(decoding: future) }
    }

    @Test("the creator's leaf node fits the group that it creates")
    func creation() throws {
        let alice = try TestClient("alice")
        let leafNode = try alice.leafNode(.keyPackage(TestClient.lifetime)) { $0.capabilities.extensions = [] }
        let custom = Extension(extensionType: ExtensionType(rawValue: 0xf001), extensionData: [])
        expectRefusal(.memberSupportsExtensions) {
            try PublicGroup.newGroup(
                groupID: [1], suite: alice.suite, extensions: [custom], creator: leafNode, policy: TestGroup.policy)
        }
        expectRefusal(.duplicateExtension) {
            try PublicGroup.newGroup(
                groupID: [1], suite: alice.suite, extensions: [custom, custom], creator: leafNode,
                policy: TestGroup.policy)
        }
    }

    @Test("the names of rules are stable: no two alike, each with its section")
    func rules() {
        let names = ValidationRule.allCases.map(\.rawValue)
        #expect(Set(names).count == names.count)
        for name in names {
            #expect(name.first?.isNumber == true || name.hasPrefix("self_remove-"), "\(name)")
            #expect(name.contains("-"), "\(name)")
        }
    }
}
