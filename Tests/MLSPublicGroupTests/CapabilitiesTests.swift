import MLSCodec
import MLSCrypto
import MLSPublicGroup
import MLSTestSupport
import Testing

@Suite("Members and the group's extensions fit each other (RFC 9420 sections 7.3, 11.1, 12.1.7, 13.4)")
struct CapabilitiesTests {
    private let custom = ExtensionType(rawValue: 0xf001)
    private let unknown = ExtensionType(rawValue: 0xf002)
    private let otherCredential = CredentialType(rawValue: 0xf003)

    private func proposal(_ extensions: [Extension]) -> ProposalOrRef {
        .proposal(.groupContextExtensions(GroupContextExtensions(extensions: extensions)))
    }

    private func add(_ name: String, _ change: (inout LeafNode) throws -> Void = { _ in }) throws -> ProposalOrRef {
        .proposal(.add(Add(keyPackage: try TestClient(name).keyPackage(leaf: change))))
    }

    private func expect(
        _ rule: ValidationRule, _ proposals: [ProposalOrRef], in group: TestGroup,
        _ changes: PathChanges = PathChanges(), hasPath: Bool? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let commit = try group.commit(proposals, by: 0, hasPath: hasPath, changes)
        expectRefusal(rule, sourceLocation: sourceLocation) { try group.group.stage(commit) }
    }

    private static let requirements = [
        RequiredCapabilities(extensionTypes: [ExtensionType(rawValue: 0xf001)]),
        RequiredCapabilities(proposalTypes: [.selfRemove]), RequiredCapabilities(credentialTypes: [.x509]),
    ]

    @Test("7.3-required-capabilities: of who is added, updated, or commits", arguments: requirements)
    func requiredCapabilities(required: RequiredCapabilities) throws {
        var group = try TestGroup(["alice", "bob"], extensions: [Extension(required)])
        func weaken(_ leafNode: inout LeafNode) {
            leafNode.capabilities.extensions = []
            leafNode.capabilities.proposals = []
            leafNode.capabilities.credentials = [.basic]
        }
        try expect(.requiredCapabilities, [add("carol", weaken)], in: group)
        let update = try group.propose(group.update(1, weaken), from: 1)
        try expect(.requiredCapabilities, [update], in: group)
        try expect(.requiredCapabilities, [], in: group, PathChanges(leaf: weaken))
        let joining = try group.externalCommit(by: TestClient("carol"), PathChanges(leaf: weaken))
        expectRefusal(.requiredCapabilities) { try group.group.stage(joining) }
        _ = try group.group.stage(group.commit([add("carol")], by: 0))
        // What the Commit's own GroupContextExtensions ask for counts: less here, more below.
        _ = try group.group.stage(group.commit([proposal([]), add("carol", weaken)], by: 0))
        let free = try TestGroup(["alice", "bob"])
        try expect(.requiredCapabilities, [add("carol", weaken), proposal([Extension(required)])], in: free)
    }

    @Test("default types need not be listed to be required")
    func defaults() throws {
        let required = RequiredCapabilities(extensionTypes: [.externalSenders], proposalTypes: [.add])
        var group = try TestGroup(["alice", "bob"], extensions: [Extension(required)])
        try group.add([TestClient("carol")])
        #expect(group.group.requiredCapabilities == required)
    }

    @Test("12.1.7-required-capabilities: all who stay have them, those removed need not", arguments: requirements)
    func groupRequirements(required: RequiredCapabilities) throws {
        var group = try TestGroup(["alice", "bob"])
        let weak = try add("carol") {
            $0.capabilities.extensions = []
            $0.capabilities.proposals = []
            $0.capabilities.credentials = [.basic]
        }
        let staged = try group.merge(group.commit([weak], by: 0))
        let leaf = try #require(staged.added.first?.leafIndex)
        try expect(.groupRequiredCapabilities, [proposal([Extension(required)])], in: group)
        let remove = ProposalOrRef.proposal(.remove(Remove(removed: leaf)))
        _ = try group.group.stage(group.commit([proposal([Extension(required)]), remove], by: 0))
    }

    @Test("12.1.7-extensions: all who stay support them; the committer's new leaf node counts")
    func groupExtensions() throws {
        let group = try TestGroup(["alice", "bob"])
        let extensions = [Extension(extensionType: unknown, extensionData: [1])]
        try expect(.groupExtensionsSupported, [proposal(extensions)], in: group)
        let known = [Extension(extensionType: custom, extensionData: [1])]
        _ = try group.group.stage(group.commit([proposal(known)], by: 0))
        try expect(
            .memberSupportsExtensions, [proposal(known)], in: group,
            PathChanges(leaf: { $0.capabilities.extensions = [] }))
    }

    @Test("13.4-member: who is added, updated or commits supports the group's extensions")
    func memberExtensions() throws {
        var group = try TestGroup(["alice", "bob"], extensions: [Extension(extensionType: custom, extensionData: [])])
        func weaken(_ leafNode: inout LeafNode) { leafNode.capabilities.extensions = [] }
        try expect(.memberSupportsExtensions, [add("carol", weaken)], in: group)
        let update = try group.propose(group.update(1, weaken), from: 1)
        try expect(.memberSupportsExtensions, [update], in: group)
        try expect(.memberSupportsExtensions, [], in: group, PathChanges(leaf: weaken))
    }

    @Test("7.3-credential-type-supported: by all members")
    func credentialTypeSupported() throws {
        let other = otherCredential
        var policy = TestGroup.policy
        policy.authenticationService = TrustingAuthenticationService(credentialTypes: [.basic, other])
        var group = try TestGroup(["alice", "bob"], policy: policy)
        func useOther(_ leafNode: inout LeafNode) {
            leafNode.credential = .other(other, content: [1])
            leafNode.capabilities.credentials = [.basic, other]
        }
        try expect(.credentialTypeSupported, [add("carol", useOther)], in: group)
        let joining = try group.externalCommit(by: TestClient("carol"), PathChanges(leaf: useOther))
        expectRefusal(.credentialTypeSupported) { try group.group.stage(joining) }
        // Bob begins to list it, but alice does not.
        let update = try group.propose(group.update(1) { $0.capabilities.credentials = [.basic, other] }, from: 1)
        try expect(.credentialTypeSupported, [update, add("carol", useOther)], in: group)
    }

    @Test("7.3-credential-types-in-use: a group whose members all list a type may use it, and all go on to list it")
    func newCredentialType() throws {
        let other = otherCredential
        var policy = TestGroup.policy
        policy.authenticationService = TrustingAuthenticationService(credentialTypes: [.basic, other])
        var group = try TestGroup(["alice", "bob"], policy: policy)
        let listing = PathChanges(leaf: { $0.capabilities.credentials = [.basic, other] })
        try group.merge(group.commit([], by: 0, listing))
        try group.merge(group.commit([], by: 1, listing))
        let adder = try add("carol") {
            $0.credential = .other(other, content: [1])
            $0.capabilities.credentials = [.basic, other]
        }
        try group.merge(group.commit([adder], by: 0))
        // Nobody may stop to list it now, or come without.
        try expect(.credentialTypesInUse, [add("dave")], in: group)
        let update = try group.propose(group.update(1), from: 1)
        try expect(.credentialTypesInUse, [update], in: group)
        try expect(.credentialTypesInUse, [], in: group, PathChanges(leaf: { $0.capabilities.credentials = [.basic] }))
        _ = try PublicGroup(groupInfo: group.groupInfo(), policy: policy)
    }
}
